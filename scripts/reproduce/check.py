"""Whether RESULTS.md, the README's table and the configs' descriptions say the same."""

import json
import re

from claims import BLOCKS
from tables import blocks_in, cells_of, described, highlights, rows_of


def faults(root):
    readme, results = ((root / name).read_text() for name in ("README.md", "RESULTS.md"))
    inside = dict(blocks_in(results))
    found = []
    if dict(blocks_in(readme)) != {"highlights": highlights(results)}:
        found.append("README.md: its table is not made of the rows of RESULTS.md")
    found += [f"RESULTS.md: has no block {block.name}" for block in BLOCKS if block.name not in inside]
    rows = {**rows_of(inside.get("configs")), **rows_of(inside.get("restoration"))}
    for file in sorted((root / "configs").glob("*.json")):
        if file.name == "schema.json":
            continue
        row = rows.get((f"[`{file.name}`](configs/{file.name})",))
        if row is None or file.stem not in described():
            found.append(f"{file.name}: has no row")
            continue
        cells = cells_of(row)
        description = json.loads(file.read_text())["description"]
        words = numbers(description)
        wrong = [number for number in numbers(re.sub(r"\([^)]*\)", "", cells[3])) if number not in words]
        if f"about {cells[-1].removeprefix('about ')} on " not in description:
            wrong.append(cells[-1])
        found += [f"{file.name}: its description has no {number}" for number in wrong]
    return found


def numbers(text):
    """The words of a text that are numbers."""
    words = (word.strip(",;:.()") for word in text.split())
    return [word for word in words if re.fullmatch(r"[\d.,]+", word)]

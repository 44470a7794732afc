"""Whether README.md, RESULTS.md and the configs' descriptions say the same."""

import json
import re

from tables import blocks_in, cells_of, described, rows_of


def faults(root):
    readme, results = ((root / name).read_text() for name in ("README.md", "RESULTS.md"))
    inside = dict(blocks_in(results))
    found = [
        f"{name}: is not in RESULTS.md as it is in README.md"
        for name, text in blocks_in(readme)
        if inside.get(name) != text
    ]
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

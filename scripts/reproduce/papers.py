"""Trains and measures under the conditions of papers, on data that is not in this repository, and prints a table.

    scripts/reproduce.sh --papers DIR              every row whose data lies in DIR and whose run is not there yet
    scripts/reproduce.sh --papers DIR ROW...       these rows, for example denoise-grey

DIR holds `train400` and `bsd68` (grey, of the DnCNN code), `bsds500` with its folders `train`, `test`
and `val`, `set5` as PNG files, and `kodak`. Runs are kept in `runs/papers`; one that is finished is only measured.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from runs import read_json

RUNS = Path("runs/papers")

# The folders that are trained on, those that are measured on, options of the measurement, and what is published.
ROWS = {
    "denoise-grey": (["train400"], ["bsd68"], [], "BM3D 28.57, TNRD 28.92, DnCNN 29.23"),
    "denoise-grey-15": (["train400"], ["bsd68"], [], "BM3D 31.07, DnCNN 31.73"),
    "denoise-grey-50": (["train400"], ["bsd68"], [], "BM3D 25.62, DnCNN 26.23"),
    "super-resolution": (
        ["bsds500/train", "bsds500/test"],
        ["set5"],
        ["--metric", "y", "--crop", "2"],
        "bicubic 33.66, SRCNN 36.66, VDSR 37.53",
    ),
    "colorize": (["bsds500/train", "bsds500/test"], ["kodak", "bsds500/val"], [], "none"),
}

# Rows that start from the weights of another.
AFTER = {"denoise-grey-15": "denoise-grey", "denoise-grey-50": "denoise-grey"}


def together(data, folders):
    """One folder with the pictures of several, as links."""
    if len(folders) == 1:
        return data / folders[0]
    link = RUNS / "data" / "-".join(folder.replace("/", "-") for folder in folders)
    link.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for picture in sorted((data / folder).iterdir()):
            place = link / f"{folder.replace('/', '-')}-{picture.name}"
            if not place.is_symlink():
                place.symlink_to(picture.resolve())
    return link


def trained(program, data, name):
    """The finished run of a row."""
    run = RUNS / name
    state = read_json(run / "state.json")
    if state and state["status"] == "finished":
        return run
    if state:
        subprocess.run([program, "resume", str(run)], check=True)
        return run
    folder = together(data, ROWS[name][0])
    words = [program, f"configs/papers/{name}.json", "--runs", str(RUNS), "--name", name]
    words += ["--set", f"data.dir={json.dumps(str(folder.resolve()))}"]
    if name in AFTER:
        before = trained(program, data, AFTER[name])
        words += ["--set", f"init.from={json.dumps(str(before.resolve()))}"]
    subprocess.run(words, check=True)
    return run


def rows(program, data, name):
    """What the finished run of a row has on each folder, in words."""
    _, tests, options, published = ROWS[name]
    run = trained(program, data, name)
    for test in tests:
        out = RUNS / f"{name}-restored-{test.replace('/', '-')}"
        words = [program, "restore", str(run), str(data / test), "-o", str(out), "--from-clean", "--json", "--force"]
        told = subprocess.run(words + options, check=True, stdout=subprocess.PIPE)
        found = json.loads(told.stdout)["restoration"]
        shown = {"restored": found["output"], "damaged": found["input"], **found["baselines"]}
        parts = [f"{what} {figures(at)}" for what, at in shown.items() if "psnr" in at]
        yield f"{name} on {test}: {', '.join(parts)}; published: {published}"


def figures(at):
    """PSNR, and the distance in a* and b* where colours were lost."""
    colours = f" (ab {at['ab_error']:.2f})" if at.get("ab_error") is not None else ""
    return f"{at['psnr']:.2f} dB{colours}"


def main(words):
    if not words or words[0].startswith("-"):
        sys.exit(__doc__)
    program = os.environ.get("HOURGLASS", "hourglass")
    data, names = Path(words[0]), words[1:] or list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit(f"error: {unknown[0]}: no such row; allowed: {', '.join(ROWS)}")
    lines = []
    for name in names:
        folders = [*ROWS[name][0], *ROWS[name][1]]
        missing = [folder for folder in folders if not (data / folder).is_dir()]
        if missing:
            lines.append(f"{name}: left out, because {data / missing[0]} is not a folder")
            continue
        try:
            lines.extend(rows(program, data, name))
        except subprocess.CalledProcessError as error:
            # The program has said why.
            lines.append(f"{name}: stopped with exit code {error.returncode}")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])

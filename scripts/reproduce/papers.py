"""Trains and measures under the conditions of papers, on data that is not in this repository, and prints a table.

    scripts/reproduce.sh --papers DIR              every row whose data lies in DIR and whose run is not there yet
    scripts/reproduce.sh --papers DIR ROW...       these rows, for example denoise-grey
    scripts/reproduce.sh --papers DIR --bundled    the same networks, trained on the 48 photographs of the program alone

DIR holds `train400` and `bsd68` (grey, of the DnCNN code), `bsds500` with its folders `train`, `test`
and `val`, `set5` and `kodak`. Runs are kept in `runs/papers`; one that is finished is only measured.
"""

import json
import math
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

# Pictures of the folders that the configs are made for, and of the program's photographs without two for validation
# and two for test.
FOLDER, TRAINED_PHOTOS = 400, 44

# Rows that are compressed and not restored.
COMPRESSED = {
    "compress-photos": (["bsds500/train", "bsds500/test"], ["kodak"]),
    "compress-photos-fine": (["bsds500/train", "bsds500/test"], ["kodak"]),
    "compress-photos-finer": (["bsds500/train", "bsds500/test"], ["kodak"]),
}

# The bits per pixel that are shown.
SHOWN = (0.1, 1)

# Rows that start from the weights of another.
AFTER = {
    "denoise-grey-15": "denoise-grey",
    "denoise-grey-50": "denoise-grey",
    "compress-photos-fine": "compress-photos",
    "compress-photos-finer": "compress-photos-fine",
}


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


def bundled(config):
    """The data of a config, with the photographs of the program in place of a folder; as many crops in an epoch."""
    data = config["data"]
    kept = {key: data[key] for key in ("patch", "channels") if key in data}
    crops = data["crops"] * FOLDER // TRAINED_PHOTOS
    return {"dataset": "photos", "collection": "large", "crops": crops, "validation": 2, **kept}


def trained(program, data, name, alone):
    """The finished run of a row, trained on the photographs of the program `alone` if that is asked for."""
    run = RUNS / (f"{name}-bundled" if alone else name)
    state = read_json(run / "state.json")
    if state and state["status"] == "finished":
        return run
    if state:
        subprocess.run([program, "resume", str(run)], check=True)
        return run
    config = f"configs/papers/{name}.json"
    words = [program, config, "--runs", str(RUNS), "--name", run.name]
    if alone:
        words += ["--set", f"data={json.dumps(bundled(read_json(Path(config))))}"]
    else:
        folder = together(data, folders(name)[0])
        words += ["--set", f"data.dir={json.dumps(str(folder.resolve()))}"]
    if name in AFTER:
        before = trained(program, data, AFTER[name], alone)
        words += ["--set", f"init.from={json.dumps(str(before.resolve()))}"]
    subprocess.run(words, check=True)
    return run


def folders(name):
    """What a row is trained on, and what it is measured on."""
    return COMPRESSED[name] if name in COMPRESSED else ROWS[name][:2]


def rates(program, data, name, alone):
    """Bits per pixel and PSNR of the finished run of a row, and of JPEG and WebP at the same bits."""
    run = trained(program, data, name, alone)
    for test in folders(name)[1]:
        words = [program, "compress", str(run), str(data / test), "--json"]
        told = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
        bits = 8 / told["pixels_per_picture"]

        def curve(points):
            return sorted((point["bytes_per_picture"] * bits, point["psnr"]) for point in points)

        # The program's own JPEG has full colours and standard tables: `--baselines DIR formats` has a better one.
        others = {"plain JPEG": curve(told["baselines"]["jpeg"]), "WebP": curve(told["baselines"]["webp"])}
        for rate, psnr in (point for point in curve(told["points"]) if SHOWN[0] <= point[0] <= SHOWN[1]):
            known = {what: at(points, rate) for what, points in others.items()}
            beside = [f"{what} {found:.2f} dB" for what, found in known.items() if found is not None]
            rest = f"; at as many bits: {', '.join(beside)}" if beside else ""
            yield f"{run.name} on {test}: {rate:.3f} bits per pixel, {psnr:.2f} dB{rest}"


def at(curve, rate):
    """PSNR at a rate, interpolated linearly in the logarithm of the rate; None beyond the curve's ends."""
    for (low, first), (high, second) in zip(curve, curve[1:]):
        if low <= rate <= high:
            share = (math.log(rate) - math.log(low)) / (math.log(high) - math.log(low)) if high > low else 0
            return first + share * (second - first)
    return None


def rows(program, data, name, alone):
    """What the finished run of a row has on each folder, in words."""
    _, tests, options, published = ROWS[name]
    run = trained(program, data, name, alone)
    for test in tests:
        out = RUNS / f"{run.name}-restored-{test.replace('/', '-')}"
        words = [program, "restore", str(run), str(data / test), "-o", str(out), "--from-clean", "--json", "--force"]
        told = subprocess.run(words + options, check=True, stdout=subprocess.PIPE)
        found = json.loads(told.stdout)["restoration"]
        shown = {"restored": found["output"], "damaged": found["input"], **found["baselines"]}
        parts = [f"{what} {figures(at)}" for what, at in shown.items() if "psnr" in at]
        yield f"{run.name} on {test}: {', '.join(parts)}; published: {published}"


def figures(at):
    """PSNR, and the distance in a* and b* where colours were lost."""
    colours = f" (ab {at['ab_error']:.2f})" if at.get("ab_error") is not None else ""
    return f"{at['psnr']:.2f} dB{colours}"


def main(words):
    if not words or words[0].startswith("-"):
        sys.exit(__doc__)
    program = os.environ.get("HOURGLASS", "hourglass")
    known = [*ROWS, *COMPRESSED]
    alone = "--bundled" in words
    data, *names = (word for word in words if word != "--bundled")
    data, names = Path(data), names or known
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"error: {unknown[0]}: no such row; allowed: {', '.join(known)}")
    lines = []
    for name in names:
        learned, measured = folders(name)
        needed = measured if alone else [*learned, *measured]
        missing = [folder for folder in needed if not (data / folder).is_dir()]
        if missing:
            lines.append(f"{name}: left out, because {data / missing[0]} is not a folder")
            continue
        try:
            told = rates if name in COMPRESSED else rows
            lines.extend(told(program, data, name, alone))
        except subprocess.CalledProcessError as error:
            # The program has said why.
            lines.append(f"{name}: stopped with exit code {error.returncode}")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])

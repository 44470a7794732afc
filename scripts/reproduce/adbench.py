"""Trains on the normal rows of ADBench's tables, scores the others, and prints the AUROC of each.

    scripts/reproduce.sh --adbench DIR               every table in DIR, five seeds
    scripts/reproduce.sh --adbench DIR TABLE...      these tables, for example 45_wine
    scripts/reproduce.sh --adbench DIR --even        tables at even places of the list, by which settings were chosen
    scripts/reproduce.sh --adbench DIR --score NAME  another score than the usual one

DIR holds the `Classical` tables of https://github.com/Minqi824/ADBench as .npz files, each with `X` and `y` (1 is odd).
Half of the normal rows are trained on, the rest and all odd ones are tested, as in Livernoche et al. (arXiv 2305.18593),
whose figures stand beside ours. Runs are kept in `runs/adbench`; one that is finished is only measured.
"""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from statistics import mean, stdev

from runs import read_json

RUNS = Path("runs/adbench")
CONFIG = "configs/papers/adbench.json"
SEEDS = range(5)

# Rows that a training sees, about: each row of a small table often, each of a large one a few times.
SEEN = 200_000
MOST_EPOCHS = 400
# The config's data.limit.
LIMIT = 20_000

# AUROC, in percent, of the 5 nearest neighbours, PCA, a VAE and DTE-NP (the best), from the README of vicliv/DTE.
PUBLISHED = {
    "1_ALOI": (51.04, 54.04, 54.04, 51.19),
    "5_campaign": (78.48, 77.07, 77.07, 78.79),
    "7_Cardiotocography": (62.11, 78.89, 78.90, 63.76),
    "11_donors": (99.49, 88.12, 88.60, 99.26),
    "15_Hepatitis": (96.46, 84.48, 84.84, 93.22),
    "17_InternetAds": (68.08, 65.12, 65.12, 69.96),
    "19_landsat": (68.25, 43.90, 54.22, 68.20),
    "21_Lymphography": (99.93, 99.86, 99.88, 99.93),
    "23_mammography": (87.58, 89.93, 89.58, 87.62),
    "25_musk": (100.0, 100.0, 100.0, 100.0),
    "27_PageBlocks": (89.65, 86.12, 86.16, 89.32),
    "29_Pima": (76.94, 72.28, 73.18, 81.50),
    "31_satimage-2": (99.71, 98.17, 98.98, 99.67),
    "33_skin": (99.49, 59.73, 66.05, 98.86),
    "35_SpamBase": (83.36, 81.40, 81.40, 83.74),
    "37_Stamps": (95.89, 92.70, 93.28, 97.87),
    "39_vertebral": (57.67, 42.08, 42.63, 54.30),
    "41_Waveform": (75.21, 64.68, 64.84, 74.48),
    "43_WDBC": (99.05, 99.14, 99.14, 99.52),
    "45_wine": (99.19, 93.79, 94.25, 99.44),
    "47_yeast": (44.74, 43.24, 42.39, 44.58),
}
METHODS = ("kNN", "PCA", "VAE", "DTE-NP")


def rows(table):
    """The number of rows of a table, from its header alone."""
    with zipfile.ZipFile(table) as archive, archive.open("X.npy") as array:
        version = array.read(8)[6]
        length = int.from_bytes(array.read(2 if version == 1 else 4), "little")
        return ast.literal_eval(array.read(length).decode())["shape"][0]


def trained(program, table, seed, config, options):
    """The finished run of a table and a seed."""
    run = RUNS / f"{table.stem}-{seed}"
    state = read_json(run / "state.json")
    if state and state["status"] == "finished":
        return run
    if state:
        subprocess.run([program, "resume", str(run), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        return run
    epochs = max(1, min(MOST_EPOCHS, round(SEEN / min(rows(table) / 2, LIMIT))))
    sets = [f"data.file={json.dumps(str(table.resolve()))}", f"seed={seed}", f"train.epochs={epochs}", *options]
    words = [program, config, "--quiet", "--runs", str(RUNS), "--name", run.name]
    words += [word for each in sets for word in ("--set", each)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return run


def auroc(program, run, score):
    """The AUROC of a run's scores of its test rows, in percent."""
    words = [program, "score", str(run), "--json", "--quiet", *(["--score", score] if score else [])]
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return 100 * json.loads(told.stdout)["measured"]["auroc"]


def line(name, ours, spread, others):
    return f"{name:20} {ours:6.2f} {spread:6}" + "".join(f" {other:8.2f}" for other in others)


def main():
    words, options, score, even = sys.argv[1:], [], None, False
    names = []
    while words:
        word = words.pop(0)
        if word == "--score" and words:
            score = words.pop(0)
        elif word == "--set" and words:
            options.append(words.pop(0))
        elif word == "--even":
            even = True
        else:
            names.append(word)
    if not names:
        sys.exit(__doc__)
    folder, names = Path(names[0]), names[1:]
    tables = sorted(table for table in folder.glob("*.npz") if table.stem in PUBLISHED)
    if even:
        tables = tables[1::2]
    if names:
        tables = [table for table in tables if table.stem in names]
    if not tables:
        sys.exit(f"error: {folder}: found none of the tables; they are called 45_wine.npz and so on")
    program = os.environ["HOURGLASS"]
    print(f"{'AUROC in percent':20} {'ours':>6} {'sd':>6}" + "".join(f" {name:>8}" for name in METHODS), flush=True)
    all_of_it = []
    for table in tables:
        found = [auroc(program, trained(program, table, seed, CONFIG, options), score) for seed in SEEDS]
        all_of_it.append((mean(found), PUBLISHED[table.stem]))
        print(line(table.stem, mean(found), f"{stdev(found):.2f}", PUBLISHED[table.stem]), flush=True)
    ours = mean(found for found, _ in all_of_it)
    print(line(f"mean of {len(all_of_it)}", ours, "", map(mean, zip(*(others for _, others in all_of_it)))))


main()

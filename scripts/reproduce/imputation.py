"""Hides a fifth of the cells of tables at random, and measures how well they are filled in.

    scripts/reproduce.sh --imputation DIR                       the five tables that the figures are of
    scripts/reproduce.sh --imputation DIR TABLE...              others, for example 45_wine
    ... --set KEY=VALUE                                         another setting

DIR holds tables of https://github.com/Minqi824/ADBench as .npz files with an array `X`. Printed is the root of the mean
squared error of the hidden cells, in standard deviations of their columns: of the program, of the columns' means, and of
scikit-learn's IterativeImputer as it comes. Needs scikit-learn. Runs are made anew in `runs/imputation`.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

RUNS = Path("runs/imputation")
CONFIG = "configs/papers/imputation.json"
TABLES = ["7_Cardiotocography", "31_satimage-2", "37_Stamps", "41_Waveform", "47_yeast"]
HIDDEN = 0.2
# Rows that a training sees, about: each row of a small table often.
SEEN = 400_000
MOST_EPOCHS = 600


def filled(program, name, hidden, options):
    """The table with what the program puts into its missing cells."""
    folder = RUNS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table = folder / f"{name}.csv"
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(f"c{column}" for column in range(hidden.shape[1]))
        writer.writerows(["" if np.isnan(cell) else repr(float(cell)) for cell in row] for row in hidden)
    epochs = max(20, min(MOST_EPOCHS, SEEN // len(hidden)))
    words = [program, CONFIG, "--quiet", "--runs", str(folder), "--name", "run"]
    for each in [f"data.file={json.dumps(str(table.resolve()))}", f"train.epochs={epochs}", *options]:
        words += ["--set", each]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    words = [program, "restore", str(folder / "run"), str(table), "-o", str(folder / "filled")]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    with open(folder / "filled" / table.name, newline="") as file:
        return np.array([[float(cell) for cell in row] for row in list(csv.reader(file))[1:]])


def main():
    words, names, options = sys.argv[1:], [], []
    while words:
        word = words.pop(0)
        if word == "--set" and words:
            options.append(words.pop(0))
        else:
            names.append(word)
    if not names:
        sys.exit(__doc__)
    folder, names = Path(names[0]), names[1:] or TABLES
    program = os.environ["HOURGLASS"]
    warnings.simplefilter("ignore")
    print(f"{'error of hidden cells':24}" + "".join(f"{name:>18}" for name in ("ours", "column means", "IterativeImputer")))
    found = []
    for name in names:
        table = np.load(folder / f"{name}.npz", allow_pickle=True)["X"].astype(float)
        mask = np.random.RandomState(0).rand(*table.shape) < HIDDEN
        hidden = np.where(mask, np.nan, table)
        mean, deviation = np.nanmean(hidden, 0), np.nanstd(hidden, 0)
        deviation[deviation == 0] = 1

        def error(given):
            return float(np.sqrt((((given - table) / deviation)[mask] ** 2).mean()))

        standard = IterativeImputer(random_state=0).fit_transform((hidden - mean) / deviation) * deviation + mean
        row = [error(filled(program, name, hidden, options)), error(np.broadcast_to(mean, table.shape)), error(standard)]
        found.append(row)
        print(f"{name:24}" + "".join(f"{value:18.3f}" for value in row), flush=True)
    print(f"{f'mean of {len(found)}':24}" + "".join(f"{value:18.3f}" for value in np.mean(found, axis=0)))


main()

"""Trains on the first 15 % of each series of the Numenta Anomaly Benchmark, and scores the steps of the rest.

    scripts/reproduce.sh --nab DIR                every series below DIR
    scripts/reproduce.sh --nab DIR --even         those at even places of the list
    scripts/reproduce.sh --nab DIR --odd          the others, by which settings were chosen
    ... --score NAME, --set KEY=VALUE             another score, another setting

DIR holds folders of series as https://github.com/numenta/NAB has them in `data`, and their labelled windows as
`windows.json` (there `labels/combined_windows.json`). Printed are the AUROC over steps, and the share of the labelled
windows in which a step is above the threshold that one normal step in 1,000 exceeds. Beside ours: the distance from the
mean of the last 100 steps in their standard deviations, and the residual of PCA of the same windows with 8 components.
Needs NumPy. Runs are kept in `runs/nab`; one that is finished is only measured.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np

from runs import read_json

RUNS = Path("runs/nab")
CONFIG = "configs/papers/nab.json"
SHARE = 0.15
FALSE_ALARMS = 1 / 1000
LAST = 100
COMPONENTS = 8


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return [datetime.fromisoformat(row["timestamp"]) for row in rows], np.array([float(row["value"]) for row in rows])


def auroc(scores, odd):
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    positives = odd.sum()
    return (ranks[odd].sum() - positives * (positives + 1) / 2) / (positives * (len(odd) - positives))


def hit(scores, odd, windows):
    normal = np.sort(scores[~odd])[::-1]
    threshold = normal[min(int(len(normal) * FALSE_ALARMS), len(normal) - 1)]
    return np.mean([(scores[window] > threshold).any() for window in windows])


def moving(values):
    scores = np.zeros(len(values))
    for step in range(5, len(values)):
        last = values[max(0, step - LAST) : step]
        scores[step] = abs(values[step] - last.mean()) / (last.std() + 1e-9)
    return scores


def pca(values, first, window):
    """The mean residual of the windows that hold a step."""
    deviation = values[:first].std() or 1
    windows = np.lib.stride_tricks.sliding_window_view((values - values[:first].mean()) / deviation, window)
    trained = windows[: first - window + 1]
    center = trained.mean(0)
    _, _, axes = np.linalg.svd(trained - center, full_matrices=False)
    axes = axes[:COMPONENTS]
    rest = windows - center
    error = ((rest - rest @ axes.T @ axes) ** 2).mean(1)
    held = np.convolve(np.ones(len(error)), np.ones(window))
    return np.convolve(error, np.ones(window)) / held


def scored(program, path, name, score, options):
    """Scores of all steps by the program; NaN for those before the test part."""
    run = RUNS / name
    state = read_json(run / "state.json")
    if not (state and state["status"] == "finished"):
        shutil.rmtree(run, ignore_errors=True)
        words = [program, CONFIG, "--quiet", "--runs", str(RUNS), "--name", name]
        for each in [f"data.file={json.dumps(str(path.resolve()))}", f"data.test={1 - SHARE}", *options]:
            words += ["--set", each]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = run / "steps"
    words = [program, "score", str(run), "--steps", str(folder), "--force", "--quiet"]
    words += ["--score", score] if score else []
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    [table] = folder.glob("*-steps.csv")
    with open(table, newline="") as file:
        return np.array([float(row["score"] or "nan") for row in csv.DictReader(file)])


def main():
    words, names, options, score, which = sys.argv[1:], [], [], None, None
    while words:
        word = words.pop(0)
        if word == "--score" and words:
            score = words.pop(0)
        elif word == "--set" and words:
            options.append(words.pop(0))
        elif word in ("--even", "--odd"):
            which = word
        else:
            names.append(word)
    if len(names) != 1:
        sys.exit(__doc__)
    folder = Path(names[0])
    labelled = json.loads((folder / "windows.json").read_text())
    series = sorted(name for name in labelled if (folder / name).exists())
    series = {"--even": series[1::2], "--odd": series[0::2]}.get(which, series)
    # Some have nothing odd.
    series = [name for name in series if labelled[name]]
    if not series:
        sys.exit(f"error: {folder}: found none of the series that windows.json names")
    program = os.environ["HOURGLASS"]
    window = json.loads(Path(CONFIG).read_text())["data"]["window"]
    for option in options:
        if option.startswith("data.window="):
            window = int(option.split("=")[1])
    methods = ("ours", "moving", "PCA")
    print(f"{'':52}" + "".join(f"{method:>16}" for method in methods))
    print(f"{'AUROC over steps, share of windows hit':52}" + f"{'auroc  hit':>16}" * len(methods), flush=True)
    found = []
    for name in series:
        stamps, values = read(folder / name)
        spans = [[datetime.fromisoformat(end) for end in span] for span in labelled[name]]
        inside = [np.array([first <= stamp <= last for stamp in stamps]) for first, last in spans]
        first = len(values) - max(round(len(values) * (1 - SHARE)), window)
        ours = scored(program, folder / name, name.replace("/", "-").removesuffix(".csv"), score, options)
        known = ~np.isnan(ours)
        known[:first] = False
        odd = np.any(inside, axis=0)[known]
        inside = [span[known] for span in inside if span[known].any()]
        if not inside or odd.all():
            continue
        row = []
        for scores in (ours, moving(values), pca(values, first, window)):
            row.append((auroc(scores[known], odd), hit(scores[known], odd, inside)))
        found.append(row)
        print(f"{name:52}" + "".join(f"{area:10.3f} {share:5.2f}" for area, share in row), flush=True)
    means = np.mean(found, axis=0)
    print(f"{f'mean of {len(found)}':52}" + "".join(f"{area:10.3f} {share:5.2f}" for area, share in means))


main()

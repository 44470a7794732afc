"""Repeats every figure of RESULTS.md; started by scripts/reproduce.sh, which says how."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import check
import jobs
import tables
from catalogue import SEEDS, TRAININGS
from figures import duration
from jobs import say
from runs import ROOT, Runs


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/reproduce.sh", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="tries everything in minutes, in a temporary folder only"
    )
    parser.add_argument(
        "--only",
        metavar="NAME,...",
        help="these trainings and what is measured on them, as --list names them without the seed",
    )
    parser.add_argument("--seeds", metavar="N,...", help=f"the seeds (default: {','.join(map(str, SEEDS))})")
    parser.add_argument(
        "--runs",
        metavar="DIR",
        type=Path,
        help="the folder of the runs (default: runs/reproduce; a temporary folder for --quick)",
    )
    parser.add_argument("--list", action="store_true", help="lists what would be done, and how long it takes")
    parser.add_argument(
        "--tables", action="store_true", help="trains nothing: writes the tables from the runs that exist"
    )
    parser.add_argument("--no-tables", action="store_true", help="trains and measures, and writes no tables")
    parser.add_argument(
        "--check", action="store_true", help="whether README.md, RESULTS.md and the descriptions agree"
    )
    asked = parser.parse_args()
    names = asked.only.split(",") if asked.only else list(TRAININGS)
    for name in names:
        if name not in TRAININGS:
            parser.error(f"--only: found {name}; allowed: {', '.join(TRAININGS)}")
    asked.only = [TRAININGS[name] for name in names]
    try:
        asked.seeds = (
            [int(seed) for seed in asked.seeds.split(",")]
            if asked.seeds
            else list(SEEDS[:2] if asked.quick else SEEDS)
        )
    except ValueError:
        parser.error(f"--seeds: found {asked.seeds}; allowed: whole numbers joined by commas")
    return asked


def checked(root):
    faults = check.faults(root)
    for fault in faults:
        say(f"error: {fault}")
    return not faults


def written(runs, root):
    """Writes and checks the tables below `root`; whether they agree."""
    for name, rows in tables.write(runs, root).items():
        say(f"warning: {name}: left as they were, because these have no finished runs: {'; '.join(rows)}")
    say(f"wrote {root / 'README.md'}, {root / 'RESULTS.md'} and the configs' descriptions")
    return checked(root)


def copied(folder):
    """A copy of what the tables are written into."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "configs", folder / "configs")
    for name in ("README.md", "RESULTS.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    return folder


def main(asked, scratch):
    if asked.check:
        return 0 if checked(ROOT) else 1
    folder = asked.runs or (scratch if asked.quick else ROOT / "runs/reproduce")
    # The program is started at the root of the project.
    runs = Runs(folder.resolve(), asked.seeds, os.environ["HOURGLASS"], asked.quick)
    if asked.list:
        lines, left = jobs.listed(runs, asked.only)
        print(
            "\n".join(
                [
                    *lines,
                    f"left: about {duration(left)}; all of it, from nothing: {duration(runs.all_of_it())}",
                ]
            )
        )
        return 0
    failed = []
    if not asked.tables:
        try:
            failed = jobs.do(runs, asked.only, jobs.Worker(runs))
        except jobs.Stopped:
            say("stopped and saved; the same command continues")
            return jobs.INTERRUPTED
    for job in failed:
        say(f"error: {job}: failed")
    if asked.no_tables:
        return 1 if failed else 0
    # With the results as they are now.
    runs = Runs(runs.folder, asked.seeds, runs.program, asked.quick)
    agree = written(runs, copied(runs.folder / "tables") if asked.quick else ROOT)
    return 0 if agree and not failed else 1


with tempfile.TemporaryDirectory() as place:
    sys.exit(main(arguments(), Path(place)))

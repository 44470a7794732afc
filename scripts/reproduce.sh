#!/usr/bin/env bash
# Trains every config behind a figure at three seeds, measures the runs, and writes the tables of RESULTS.md and
# README.md. It may be stopped at any moment (Ctrl-C saves first); the same command continues.
#
#   scripts/reproduce.sh                      everything: hours on two cores; --list shows what is left and its time
#   scripts/reproduce.sh --quick              tries everything in minutes, on few images, in a temporary folder only
#   scripts/reproduce.sh --only conv,deep     these trainings, and what is measured on them
#   scripts/reproduce.sh --seeds 42           these seeds; 42 is that of the shipped configs
#   scripts/reproduce.sh --tables             trains nothing, only writes the tables from the runs that exist
#   scripts/reproduce.sh --no-tables          only trains and measures
#   scripts/reproduce.sh --papers DIR         trains and measures under the conditions of papers, on data in DIR
#   scripts/reproduce.sh --baselines DIR      measures common filters under the same conditions, on the same data
#   scripts/reproduce.sh --adbench DIR        trains on ADBench's tables in DIR, and measures how odd rows are found
#   scripts/reproduce.sh --nab DIR            trains on series of the Numenta benchmark in DIR, and scores their steps
#   scripts/reproduce.sh --imputation DIR     fills in missing cells of tables in DIR, beside scikit-learn
#   scripts/reproduce.sh --check              whether README.md, RESULTS.md and the configs' descriptions agree
#
# Needs Python 3.9 or newer and nothing from PyPI. Builds the program as the README does, unless HOURGLASS names one.
# --baselines needs no program, but packages of PyPI; it says which. --nab needs NumPy, --imputation scikit-learn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for word in "$@"; do
    # These need no program.
    case "$word" in --check | -h | --help) exec python3 -B scripts/reproduce "$@" ;; esac
done
if [[ ${1:-} == --baselines ]]; then
    exec python3 -B scripts/reproduce/baselines.py "${@:2}"
fi
if [[ -z ${HOURGLASS:-} ]]; then
    cargo build -p runner
    target="$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
    export HOURGLASS="$target/debug/hourglass"
fi
if [[ ${1:-} == --adbench ]]; then
    exec python3 -B scripts/reproduce/adbench.py "${@:2}"
fi
if [[ ${1:-} == --nab ]]; then
    exec python3 -B scripts/reproduce/nab.py "${@:2}"
fi
if [[ ${1:-} == --imputation ]]; then
    exec python3 -B scripts/reproduce/imputation.py "${@:2}"
fi
if [[ ${1:-} == --papers ]]; then
    exec python3 -B scripts/reproduce/papers.py "${@:2}"
fi
exec python3 -B scripts/reproduce "$@"

#!/usr/bin/env bash
# Trains every config behind a figure of the README at three seeds, measures what its tables say, and writes these tables
# and RESULTS.md. Stopped at any moment (Ctrl-C saves first), it goes on where it was when it is given again.
#
#   scripts/reproduce.sh                      all of it: hours on two cores; --list says what is left, and how long it takes
#   scripts/reproduce.sh --quick              proves all of it in minutes, on few images; writes to a temporary folder only
#   scripts/reproduce.sh --only conv,deep     these trainings, with what is measured on them
#   scripts/reproduce.sh --seeds 42           the seeds; 42 is the one that the configs come with
#   scripts/reproduce.sh --tables             trains nothing: writes the tables from the runs that there are
#   scripts/reproduce.sh --no-tables          the other way round
#   scripts/reproduce.sh --check              whether README.md, RESULTS.md and the configs' descriptions agree
#
# Needs Python 3.9 or newer and nothing from PyPI. The program is built as the README says, unless HOURGLASS names one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for word in "$@"; do
    # These need no program.
    case "$word" in --check | -h | --help) exec python3 -B scripts/reproduce "$@" ;; esac
done
if [[ -z ${HOURGLASS:-} ]]; then
    cargo build -p runner
    target="$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')"
    export HOURGLASS="$target/debug/hourglass"
fi
exec python3 -B scripts/reproduce "$@"

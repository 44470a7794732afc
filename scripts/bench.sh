#!/usr/bin/env bash
# Measures training, encoding, start and memory beside PyTorch in the same minutes, each operator beside
# Burn's own, and the backends beside each other; writes BENCHMARKS.md.
#
#   scripts/bench.sh               all of it, about 30 minutes on two idle cores once everything is built
#   scripts/bench.sh --rounds 1    PyTorch and ours once in turn instead of three times
#   scripts/bench.sh --only peers,operators,backends
#
# PyTorch comes from PyPI into a virtual environment of its own, target/peers unless PEERS names another.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

peers="${PEERS:-${CARGO_TARGET_DIR:-target}/peers}"
if [[ ! -x $peers/bin/python ]]; then
    python3 -m venv "$peers"
fi
"$peers/bin/python" -m pip install --quiet --disable-pip-version-check -r scripts/peers/requirements.txt
exec "$peers/bin/python" scripts/bench.py "$@"

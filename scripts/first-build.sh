#!/usr/bin/env bash
# Measures what a newcomer waits for: from an empty target folder to the first training step of configs/conv.json,
# and the size of the program. On 2 cores it takes minutes; run it with nothing beside it.
#
#   scripts/first-build.sh                also writes where the time went, as cargo's --timings page
#   scripts/first-build.sh --offline      what follows goes to cargo
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# Downloads are not measured.
cargo fetch --locked "$@"
export CARGO_TARGET_DIR="$folder/target"

begin=$(date +%s.%N)
cargo build -p runner --timings "$@"
built=$(date +%s.%N)
# One epoch on few images: only the time until the first step is read.
summary="$(cargo run -p runner "$@" -- configs/conv.json --quick --quiet --json --runs "$folder/runs")"

cp "$CARGO_TARGET_DIR/cargo-timings/cargo-timing.html" "${TMPDIR:-/tmp}/first-build.html"
program="$CARGO_TARGET_DIR/debug/hourglass"
size=$(stat -c %s "$program")
strip -o "$folder/stripped" "$program"
stripped=$(stat -c %s "$folder/stripped")
python3 - "$begin" "$built" "$summary" "$size" "$stripped" "${TMPDIR:-/tmp}/first-build.html" <<'PYTHON'
import json, sys
begin, built, summary, size, stripped, page = sys.argv[1:]
build = float(built) - float(begin)
first = json.loads(summary)["start_seconds"]
print(f"compiled in {build:.0f} s, first step after {build + first:.0f} s")
print(f"program of {int(size) / 1e6:.1f} MB, stripped {int(stripped) / 1e6:.1f} MB")
print(f"where the time went: {page}")
PYTHON

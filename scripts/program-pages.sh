#!/usr/bin/env bash
# Makes the manual pages and completions anew that the package for Python installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

share=crates/python/data/data/share
rm -rf "$share"
mkdir -p "$share"/bash-completion/completions "$share"/zsh/site-functions "$share"/fish/vendor_completions.d
cargo build -p runner
hourglass() {
    cargo run --quiet -p runner -- "$@"
}
hourglass man "$share/man/man1"
hourglass completions bash >"$share/bash-completion/completions/hourglass"
hourglass completions zsh >"$share/zsh/site-functions/_hourglass"
hourglass completions fish >"$share/fish/vendor_completions.d/hourglass.fish"

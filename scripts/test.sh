#!/usr/bin/env bash
# Runs every check and test of the project, installing what they need.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
cargo test --workspace

#!/bin/sh
# Fuzzes the parsers on one core: fuzz.sh [SECONDS [TARGET...]]
#
# Needs cargo-fuzz (cargo install cargo-fuzz). Finds go to artifacts/TARGET; inputs that reach new code stay in a
# scratch directory, which MINIMISE=1 folds into corpus/TARGET in the end.
set -eu
cd "$(dirname "$0")"

seconds=${1:-600}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- packet tcp_options quote

# cargo-fuzz passes -Z flags, which a stable compiler takes only so.
export RUSTC_BOOTSTRAP=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for target; do
    mkdir -p "$scratch/$target"
    nice -n 19 cargo fuzz run --fuzz-dir . "$target" "$scratch/$target" "corpus/$target" -- \
        -max_len=2048 -timeout=5 -max_total_time="$seconds" -print_final_stats=1
    if [ "${MINIMISE:-0}" = 1 ]; then
        cp -n "$scratch/$target"/* "corpus/$target/" 2>/dev/null || true
        nice -n 19 cargo fuzz cmin --fuzz-dir . "$target" "corpus/$target" -- -max_len=2048
    fi
done

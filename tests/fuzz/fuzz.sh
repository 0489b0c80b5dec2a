#!/bin/sh
# Fuzzes the parsers on one core: fuzz.sh [SECONDS [TARGET...]]
#
# Needs cargo-fuzz (cargo install cargo-fuzz). A find goes to artifacts/TARGET and ends the run. With KEEP=1, inputs
# that reach code which the corpus does not reach join corpus/TARGET, and nothing leaves it.
set -eu
cd "$(dirname "$0")"

seconds=${1:-600}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- packet tcp_options quote

# cargo-fuzz passes -Z flags, which a stable compiler takes only so.
export RUSTC_BOOTSTRAP=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fuzz() {
    nice -n 19 cargo fuzz run --fuzz-dir . "$@"
}

for target; do
    mkdir "$scratch/$target"
    fuzz "$target" "$scratch/$target" "corpus/$target" -- \
        -max_len=2048 -timeout=5 -max_total_time="$seconds" -print_final_stats=1
    if [ "${KEEP:-0}" = 1 ]; then
        # By edges alone, not by how often each is taken: fewer files that reach as far.
        fuzz "$target" "corpus/$target" "$scratch/$target" -- -set_cover_merge=1 -use_counters=0 -max_len=2048
    fi
done

#!/bin/sh
# Fuzzes the readers on one core, guided by what is covered: fuzz.sh [SECONDS [TARGET...]]
#
# Any stable compiler will do: libFuzzer wants the coverage that -Cpasses=sancov-module counts, and a C++ compiler for itself. With
# CARGO_FUZZ=1 cargo-fuzz builds and runs it instead, with AddressSanitizer, by a nightly compiler.
#
# A find goes to artifacts/TARGET and ends the run. With KEEP=1, inputs that reach code which the corpus does not reach join
# corpus/TARGET, and nothing leaves it. Each run adds a line to the file that COUNTS names: target, executions, seconds.
set -eu
cd "$(dirname "$0")"

seconds=${1:-600}
[ $# -gt 0 ] && shift
# Names and longest inputs, as targets/mod.rs has them.
all=$(sed -n 's/^ *target("\([a-z_]*\)", \([0-9]*\),.*/\1 \2/p' targets/mod.rs)
[ $# -gt 0 ] || set -- $(echo "$all" | cut -d ' ' -f 1)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ "${CARGO_FUZZ:-0}" = 1 ]; then
    fuzz() {
        PMTU_FUZZ_TARGET=$target nice -n 19 cargo +nightly fuzz run --fuzz-dir . readers "$@"
    }
else
    target_dir=${CARGO_TARGET_DIR:-$PWD/target}
    host=$(rustc -vV | sed -n 's/^host: //p')
    # With --target, build scripts and macros of the compiler are built without these.
    RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks" \
        nice -n 10 cargo build --quiet --release --target "$host" --target-dir "$target_dir"
    # What runs stays what it is while others build.
    cp "$target_dir/$host/release/readers" "$scratch/readers"
    fuzz() {
        mkdir -p "artifacts/$target"
        PMTU_FUZZ_TARGET=$target nice -n 19 "$scratch/readers" "$@" -artifact_prefix="artifacts/$target/"
    }
fi

for target; do
    longest=$(echo "$all" | sed -n "s/^$target //p")
    [ -n "$longest" ] || { echo "fuzz.sh: there is no target $target" >&2; exit 2; }
    mkdir "$scratch/$target"
    set +e
    if [ "${CARGO_FUZZ:-0}" = 1 ]; then set -- "$scratch/$target" "corpus/$target" --; else set -- "$scratch/$target" "corpus/$target"; fi
    fuzz "$@" -max_len="$longest" -timeout=10 -rss_limit_mb=1024 -max_total_time="$seconds" -print_final_stats=1 2>"$scratch/log"
    status=$?
    set -e
    tail -n 30 "$scratch/log" >&2
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log")
    [ -z "${COUNTS:-}" ] || echo "$target ${executions:-0} $seconds" >>"$COUNTS"
    [ "$status" = 0 ] || exit "$status"
    if [ "${KEEP:-0}" = 1 ]; then
        # By edges alone, not by how often each is taken: fewer files that reach as far.
        if [ "${CARGO_FUZZ:-0}" = 1 ]; then set -- "corpus/$target" "$scratch/$target" --; else set -- "corpus/$target" "$scratch/$target"; fi
        fuzz "$@" -set_cover_merge=1 -use_counters=0 -max_len="$longest" 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
    fi
done

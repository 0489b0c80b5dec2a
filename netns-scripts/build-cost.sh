#!/usr/bin/env bash
# What demo.sh takes in a fresh clone where nothing is built yet: processor time and time. Crates are downloaded before the clock runs.
#
#   build-cost.sh [REVISION...]     by default HEAD; several are measured one after the other
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"
require_cmd git
require_cargo

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset CARGO_TARGET_DIR PMTU_PROBE PMTU_LAB

# measure REVISION
measure() {
    local clone=$scratch/clone user system wall
    git clone --quiet "$LAB_REPOSITORY" "$clone"
    git -C "$clone" checkout --quiet --detach "$(git -C "$LAB_REPOSITORY" rev-parse --verify "$1^{commit}")"
    (cd "$clone" && cargo fetch --locked --quiet)
    local TIMEFORMAT='%U %S %R'
    { time "$clone/netns-scripts/demo.sh" >"$scratch/words" 2>&1 || touch "$scratch/failed"; } 2>"$scratch/times"
    if [[ -e $scratch/failed ]]; then
        tail -20 "$scratch/words" >&2
        die "demo.sh of $1 failed"
    fi
    read -r user system wall <"$scratch/times"
    awk -v r="$1" -v u="$user" -v s="$system" -v w="$wall" 'BEGIN { printf "%-12s %7.0f s %7.0f s\n", r, u + s, w }'
    rm -rf "$clone"
}

[[ $# -gt 0 ]] || set -- HEAD
printf '%-12s %9s %9s\n' revision processor time
for revision; do measure "$revision"; done

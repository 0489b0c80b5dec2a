#!/usr/bin/env bash
# How long each ring of tests takes: builds all of them, then runs one after the other. What test.sh leaves out here is left out too.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

# ring NAME ARGUMENTS OF cargo test...
ring() {
    local begin=${EPOCHREALTIME/[.,]/} result=ok tests
    "$here/test.sh" "${@:2}" >"$log" 2>&1 || { result=FAILED && status=1; }
    tests=$(awk '/^test result:/ { n += $4 + $6 } END { print n + 0 }' "$log")
    awk -v n="$1" -v c="$tests" -v t=$((${EPOCHREALTIME/[.,]/} - begin)) -v r="$result" \
        'BEGIN { printf "| %s | %d | %.1f s |%s\n", n, c, t / 1000000, r == "ok" ? "" : " " r }'
    [[ $result == ok ]] || tail -30 "$log" >&2
}

# The test programs of a package: files, and folders with a main.rs.
programs() { (cd "$1" && ls -d ./*.rs ./*/main.rs 2>/dev/null) | sed 's#^\./##; s#/main\.rs$##; s#\.rs$##' | sort; }

say "building all tests"
"$here/test.sh" --no-run >"$log" 2>&1 || { tail -30 "$log" >&2 && die "the build failed"; }
printf '| ring | tests | time |\n| --- | --- | --- |\n'
ring 'units' --lib --bins
for program in $(programs "$LAB_REPOSITORY/tests"); do ring "tests/$program" --test "$program"; done
ring 'the command line of pmtu-lab' --test pmtu_lab
exit $status

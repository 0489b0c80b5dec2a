#!/usr/bin/env bash
# Builds the program, makes a small network with a mail server behind a black hole, examines it, and leaves nothing behind.
#
#   demo.sh [SCENARIO [v4|v6 [ARGUMENTS OF pmtu-probe...]]]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

scenario=${1:-silent_router}
family=${2:-v4}

# Outside of any user namespace: the build belongs to the user.
build_programs demo
as_lab_root "$here/demo.sh" "$@"
require_labs

# A round trip of 20 ms, as to a mail server some hundred kilometres away.
id=demo-$$
"$here/path.sh" up "$scenario" "$family" --id "$id" --delay 10 --owner $$ >/dev/null
trap '"$here/path.sh" down "$id"' EXIT

say "The network: $("$PMTU_LAB" plan "$id" path)"
say "What is wrong: $("$PMTU_LAB" plan "$id" about)."
say ""
printf '$ sudo pmtu-probe %s\n' "${*:3}${3:+ }mx.example.com"
status=0
"$here/path.sh" exec "$id" c "$PMTU_PROBE" "${@:3}" mx.example.com || status=$?
say ""
say "exit code $status"
expected=$("$PMTU_LAB" plan "$id" exit-code)
[[ $status -eq $expected ]] || die "this path should give exit code $expected"

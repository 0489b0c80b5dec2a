#!/usr/bin/env bash
# Mail that is stuck for real: a Postfix in a namespace sends to four relays, one of them behind a black hole. Shows its log, and what
# pmtu-probe makes of it. Needs root.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

require_cargo
require_mail_servers
require_labs
require_cmd ss setpriv
cd "$LAB_REPOSITORY"
build_lab_for_tests
PMTU_MAIL_KEEP=$(mktemp -d)
export PMTU_MAIL_KEEP
trap 'rm -rf "$PMTU_MAIL_KEEP"' EXIT
cargo test --locked --quiet --test mail -- the_queue_and_the_log_lead >"$PMTU_MAIL_KEEP/test" 2>&1 || { cat "$PMTU_MAIL_KEEP/test" >&2 && die "it did not work"; }
printf '$ grep timed maillog\n'
grep timed "$PMTU_MAIL_KEEP/maillog"
printf '\n$ sudo pmtu-probe --from-log maillog\n'
cat "$PMTU_MAIL_KEEP/report"

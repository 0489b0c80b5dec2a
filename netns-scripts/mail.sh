#!/usr/bin/env bash
# The proof on real mail, over all scenarios, both ways: what a real Postfix delivers and what stalls, and every advised command at work.
# Without an argument, real servers with TLS are visited as well, and hosts that real systems configure send mail. Needs root.
# An argument limits the scenarios: a text that their names contain.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

require_cargo
require_mail_servers
require_systems
require_labs
require_cmd cc ss iptables openssl
cd "$LAB_REPOSITORY"
build_lab_for_tests
export PMTU_MAIL_FULL=1 PMTU_MAIL_ONLY=${1:-}
proofs=(mail_passes mail_comes_back)
[[ -n $PMTU_MAIL_ONLY ]] || proofs+=(real_servers what_lasts)
cargo test --locked --test mail -- --nocapture --test-threads 1 "${proofs[@]}"

#!/usr/bin/env bash
# The proof on real mail, over all scenarios: what a real Postfix delivers and what stalls, and every advised command at work. Needs root.
# Arguments limit the scenarios: one text that their names contain.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

command -v cargo >/dev/null || die "missing: cargo. Install Rust with: curl https://sh.rustup.rs -sSf | sh"
require_mail_servers
require_labs
require_cmd cc ss iptables openssl
cd "$LAB_REPOSITORY"
cargo build --locked --quiet --example pmtu-lab
PMTU_MAIL_FULL=1 PMTU_MAIL_ONLY=${1:-} cargo test --locked --test mail mail_passes -- --nocapture

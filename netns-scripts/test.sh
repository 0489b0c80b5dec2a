#!/usr/bin/env bash
# All tests, those on real kernel paths included. Arguments go to "cargo test". What is missing is installed or named.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

command -v cargo >/dev/null || die "missing: cargo. Install Rust with: curl https://sh.rustup.rs -sSf | sh"
require_cmd cc unshare
if is_root; then
    require_labs
    require_cmd iptables tc ping tcpdump
else
    # The tests enter a user namespace by themselves, each its own.
    require_user_namespaces
    require_cmd ip nft ethtool nsenter setpriv iptables tc ping tcpdump
fi
if [[ ${PMTU_PROBE_SKIP_POSTFIX:-} == 1 ]]; then
    trap 'say "SKIPPED: all tests with real mail servers, for PMTU_PROBE_SKIP_POSTFIX=1"' EXIT
else
    require_mail_servers
fi
cd "$LAB_REPOSITORY"
cargo test --locked "$@"

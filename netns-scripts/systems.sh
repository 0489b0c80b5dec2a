#!/usr/bin/env bash
# Unpacks the programs that configure hosts (firewalld, ufw, NetworkManager, netplan, ifupdown and others) for tests/report/lasting.rs.
# They are not installed. test.sh does the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

require_systems
systems_dir

#!/usr/bin/env bash
# Prints the nftables rules of a breakage: filters.sh NAME [ARGUMENTS]. "filters.sh --help" lists them.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
find_lab_program
exec "$PMTU_LAB" filters "$@"

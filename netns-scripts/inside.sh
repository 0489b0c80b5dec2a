#!/usr/bin/env bash
# Runs a command as root of a private world if this user is not root: the labs it makes there end with it.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
as_lab_root "$@"
require_labs
exec "$@"

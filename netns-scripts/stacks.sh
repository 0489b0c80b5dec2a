#!/usr/bin/env bash
# Makes the mail servers on foreign stacks, for peer.stack in scenario files. Debian's packages that are missing are installed for root.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

status=0
for stack in "${FOREIGN_STACKS[@]}"; do
    reason=$(build_stack "$stack")
    [[ -z $reason ]] || { say "no $stack: $reason"; status=1; }
done
exit $status

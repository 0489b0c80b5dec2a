#!/usr/bin/env bash
# Installs what tests/html looks at pages with: a browser without a window, a checker of accessibility and a validator. test.sh does the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

require_browser
has_browser || die 'there is no browser'
page_tools_dir

#!/usr/bin/env bash
# Fetches what reads the formats of the program (promtool, node_exporter and others) for tests/formats. test.sh does the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

require_readers
cat "$(readers_dir)/versions"

#!/usr/bin/env bash
# Fetches what the tests of fleets need: Slurm and GNU parallel (unpacked, not installed), DuckDB and kubernetes-validate (in a folder of
# their own). test.sh does the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

require_fleet
fleet_dir

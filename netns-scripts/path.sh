#!/usr/bin/env bash
# Brings a scenario up on real kernels, shows it, runs commands inside it, takes it down. pmtu-lab does the work.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

usage() {
    cat <<'END'
usage: path.sh list                                 the scenarios
       path.sh up SCENARIO [v4|v6] [OPTION...]      bring one up; the default family is v4
       path.sh show [ID]                            topology, MTUs, rules with their counters, the mail server's log
       path.sh exec ID NODE COMMAND...              run a command in c, r1, r2, r3 or s; mx.example.com is the mail server
       path.sh down ID | --all                      take it down

SCENARIO is a name of tests/scenarios or a .toml file. ID is the scenario's name unless --id says otherwise.
options of up:
  --id ID              another name, to have a scenario up twice
  --filter "NODE FILTER ARGUMENTS"   one more breakage (filters.sh --help); may be repeated
  --delay MS           milliseconds one way, on link 2 (r1 - r2)
  --wire "LINK OPTIONS"              what pmtu-lab wire does on a link, for example "2 --loss 0.1"; may be repeated
  --offloads           segments may be merged and cut late (GRO, TSO, GSO), as network cards do; not at the ends of a wire
  --seed N             seed of the wires
  --mx "OPTIONS"       options of the mail server (pmtu-lab mx --help), or "none"
  --owner PID          take the lab down when this process ends
END
}

main() {
    local command=${1:-}
    case $command in
        list) run_lab scenario list ;;
        up | down) [[ $# -ge 2 ]] || wrong_usage ;;&
        exec) [[ $# -ge 4 ]] || wrong_usage ;;&
        up | show | exec | down)
            enter "$@"
            run_lab "$@"
            ;;
        -h | --help) usage ;;
        *) wrong_usage ;;
    esac
}

wrong_usage() {
    usage >&2
    exit 3
}

run_lab() {
    find_lab_program
    exec "$PMTU_LAB" "$@"
}

# Without root, labs live in a user namespace that a holder process keeps until the last one is down.
enter() {
    require_cmd ip nft ethtool nsenter
    if is_root; then return; fi
    require_user_namespaces
    require_cmd pgrep
    local holder_file=${XDG_RUNTIME_DIR:-/tmp}/pmtu-lab-$UID.holder holder=''
    if [[ -O $holder_file ]]; then holder=$(<"$holder_file"); fi
    if ! grep -qs pmtu-lab-holder "/proc/${holder:-none}/cmdline"; then
        find_lab_program
        holder=$(start_holder)
        (umask 077 && echo "$holder" >"$holder_file")
    fi
    local status=0
    LAB_INSIDE=1 nsenter --target "$holder" --user --mount --net --pid --preserve-credentials -- "$here/path.sh" "$@" || status=$?
    if [[ $1 == down ]] && ! nsenter --target "$holder" --user --mount --preserve-credentials -- ls /run/pmtu-lab 2>/dev/null | grep -q .; then
        # The init of a process namespace heeds no other signal.
        kill -KILL "$holder" 2>/dev/null || true
        rm -f "$holder_file"
    fi
    exit "$status"
}

# Prints the process id of the init of a new user namespace.
start_holder() {
    setsid unshare "${UNSHARE_FLAGS[@]}" bash -c \
        'mount -t tmpfs tmpfs /run && ip link set lo up && mkdir /run/pmtu-lab && exec -a pmtu-lab-holder sleep infinity' \
        </dev/null >/dev/null 2>&1 &
    local unshare=$!
    wait_for 5 "a user namespace" pgrep -P "$unshare" -f pmtu-lab-holder
}

main "$@"

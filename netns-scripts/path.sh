#!/usr/bin/env bash
# Brings a scenario up on real kernels, shows it, runs commands inside it, takes it down.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"
# shellcheck source=filters.sh
source "$here/filters.sh"

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
  --filter "NODE FILTER ARGUMENTS"   one more breakage (see filters.sh); may be repeated
  --delay MS           milliseconds one way, on link 2 (r1 - r2)
  --wire "LINK OPTIONS"              what pmtu-lab wire does on a link, for example "2 --loss 0.1"; may be repeated
  --offloads           segments may be merged and cut late (GRO, TSO, GSO), as network cards do; not at the ends of a wire
  --seed N             seed of the wires
  --mx "OPTIONS"       options of the mail server (pmtu-lab mx --help), or "none"
  --owner PID          take the lab down when this process ends
END
}

NODES=(c r1 r2 r3 s)

namespace() { echo "pl-$LAB_ID-$1"; }

main() {
    local command=${1:-}
    shift || true
    case $command in
        list) find_lab_program && "$PMTU_LAB" scenario list ;;
        up) enter up "$@" && up "$@" ;;
        show) enter show "$@" && show "$@" ;;
        exec) enter exec "$@" && run_inside "$@" ;;
        down) enter down "$@" && down "$@" ;;
        -h | --help) usage ;;
        *) usage >&2 && exit 3 ;;
    esac
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

#### up

up() {
    [[ $# -gt 0 ]] || { usage >&2 && exit 3; }
    local scenario=$1 family=v4 id='' seed=1 mx='' owner='' offloads='' filters=() wires=() wire
    shift
    while [[ $# -gt 0 ]]; do
        case $1 in
            v4 | v6) family=$1 ;;
            --id) id=$2 && shift ;;
            --filter) filters+=("$2") && shift ;;
            --delay) wires+=("2 --delay-ms $2 --back-delay-ms $2") && shift ;;
            --wire) wires+=("$2") && shift ;;
            --offloads) offloads=yes ;;
            --seed) seed=$2 && shift ;;
            --mx) mx=$2 && shift ;;
            --owner) owner=$2 && shift ;;
            *) die "unknown option: $1" ;;
        esac
        shift
    done
    find_lab_program
    local plan
    plan=$("$PMTU_LAB" scenario env "$scenario" "$family")
    eval "$plan"
    LAB_FILTERS+=("${filters[@]}")
    for wire in "${wires[@]}"; do LAB_WIRES[${wire%% *} - 1]+=" ${wire#* }"; done
    if [[ -n $mx ]]; then LAB_MX=$mx; fi
    LAB_OFFLOADS=$offloads
    LAB_ID=${id:-$LAB_SCENARIO}
    LAB_DIR=$LAB_STATE/$LAB_ID
    [[ ! -e $LAB_DIR ]] || die "$LAB_ID is up already. Take it down with: $0 down $LAB_ID"
    mkdir -p "$LAB_DIR"
    trap 'take_down; exit 1' ERR INT TERM
    save_plan
    make_links
    configure_nodes
    start_wires "$seed"
    poison_cache
    start_mx
    guard "$owner"
    trap - ERR INT TERM
    echo "$LAB_ID"
}

# For "show", "exec" and "down".
save_plan() {
    declare -p LAB_SCENARIO LAB_FAMILY LAB_ABOUT LAB_MTUS LAB_FAR_MTUS LAB_BACK_MTUS LAB_PARALLEL LAB_WIRES LAB_FILTERS LAB_SYSCTLS LAB_MX LAB_CACHED_PMTU LAB_EXIT_CODE \
        LAB_PEER LAB_PORT LAB_OFFLOADS LAB_ID | sed 's/^declare /declare -g /' >"$LAB_DIR/plan"
    {
        printf '127.0.0.1 localhost\n::1 localhost\n'
        printf '%s mx.example.com\n' "$LAB_PEER"
    } >"$LAB_DIR/hosts"
    echo 'nameserver 127.0.0.1' >"$LAB_DIR/resolv.conf"
    echo 'hosts: files dns' >"$LAB_DIR/nsswitch.conf"
}

has_wires() { [[ -n ${LAB_WIRES[*]// /} ]]; }

# The MAC of an end of a link: neighbours are written down, so that no loss ever hits ARP.
mac() { printf '02:00:00:00:%02d:%02d\n' "$1" "$2"; }

# Links parallel to link 2 are 12, 22, ...; their interfaces are those of link 2 with a number behind.
member_link() { echo $(($1 + 10 * $2)); }
member_interface() { if (($2 == 0)); then echo "$1"; else echo "$1p$2"; fi; }

# How many links lie beside a link.
others_beside() { wc -w <<<"${LAB_PARALLEL[$1 - 1]}"; }

# Interfaces: e0 looks to c, e1 to s. A link with a wire goes through namespace w, where the wire reads both sides.
make_links() {
    local link near far ends
    {
        for node in "${NODES[@]}"; do echo "netns add $(namespace "$node")"; done
        if has_wires; then echo "netns add $(namespace w)"; fi
    } | ip -batch -
    {
        for link in 1 2 3 4; do
            near="netns $(namespace "${NODES[link - 1]}") address $(mac $link 1) mtu ${LAB_MTUS[link - 1]}"
            far="netns $(namespace "${NODES[link]}") address $(mac $link 2) mtu ${LAB_FAR_MTUS[link - 1]}"
            if [[ -z ${LAB_WIRES[link - 1]} ]]; then
                echo "link add e1 $near type veth peer name e0 $far"
            else
                ends="netns $(namespace w) mtu 65535"
                echo "link add e1 $near type veth peer name w${link}a $ends"
                echo "link add w${link}b $ends type veth peer name e0 $far"
            fi
            parallel_links "$link"
        done
    } | ip -batch -
}

# Links of equal cost beside a link.
parallel_links() {
    local link=$1 member=0 number mtu
    for mtu in ${LAB_PARALLEL[link - 1]}; do
        member=$((member + 1))
        number=$(member_link "$link" $member)
        echo "link add $(member_interface e1 $member) netns $(namespace "${NODES[link - 1]}") address $(mac "$number" 1) mtu $mtu" \
            "type veth peer name $(member_interface e0 $member) netns $(namespace "${NODES[link]}") address $(mac "$number" 2) mtu $mtu"
    done
}

# All nodes at the same time.
configure_nodes() {
    local index pids=() pid
    for index in 0 1 2 3 4; do
        configure_node "$index" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

inside() {
    local node=$1
    shift
    nsenter --net="/run/netns/$(namespace "$node")" -- "$@"
}

configure_node() {
    local index=$1 node=${NODES[$1]} rules
    {
        echo "set -euo pipefail"
        node_sysctls "$node"
        if ((index > 0)); then offloads e0 "$index"; fi
        if ((index < 4)); then offloads e1 $((index + 1)); fi
        printf 'ip -batch - <<END\n%s\nEND\n' "$(node_addresses "$index")"
        rules=$(node_rules "$node")
        if [[ -n $rules ]]; then printf 'nft -f - <<"END"\n%s\nEND\n' "$rules"; fi
    } | inside "$node" bash
}

# offloads NAME LINK: commands for the interfaces of a link and of those beside it. Packets in the lab have their true size and
# checksum, unless offloads are wanted: then those of a veth are on, and it merges what arrives.
offloads() {
    local member others set='tx off'
    others=$(others_beside "$2")
    if [[ -n $LAB_OFFLOADS && -z ${LAB_WIRES[$2 - 1]} ]]; then set='tx on tso on gso on gro on'; fi
    for ((member = 0; member <= others; member++)); do
        echo "ethtool -K $(member_interface "$1" $member) $set >/dev/null 2>&1"
    done
}

node_sysctls() {
    local setting
    local settings=(
        net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1
        net/ipv4/conf/all/rp_filter=0 net/ipv4/conf/default/rp_filter=0
        net/ipv6/conf/e0/accept_dad=0 net/ipv6/conf/e1/accept_dad=0 net/ipv6/conf/default/accept_dad=0
    )
    # Ends are hosts, not routers.
    if [[ $1 == c || $1 == s ]]; then settings=("${settings[@]:2}"); fi
    for setting in "${LAB_SYSCTLS[@]}"; do
        if [[ ${setting%% *} == "$1" ]]; then settings+=("${setting#* }"); fi
    done
    for setting in "${settings[@]}"; do
        echo "[[ ! -e /proc/sys/${setting%%=*} ]] || echo '${setting#*=}' >/proc/sys/${setting%%=*}"
    done
}

# IPv6 has no links below 1280 (RFC 8200, section 5).
has_ipv6() {
    local mtu
    for mtu in "${LAB_MTUS[@]}"; do
        if ((mtu < 1280)); then return 1; fi
    done
}

# Addresses, neighbours and routes of a node, as a batch for "ip".
node_addresses() {
    local index=$1 near=$1 far=$(($1 + 1)) n back=''
    # A route's MTU: forwarding honours it, and the interface takes all that comes the other way.
    if ((index > 0)); then back=${LAB_BACK_MTUS[index - 1]:+ mtu ${LAB_BACK_MTUS[index - 1]}}; fi
    echo 'link set lo up'
    if ((index > 0)); then interfaces e0 "$near" 2 1; fi
    if ((index < 4)); then interfaces e1 "$far" 1 2; fi
    for n in 1 2 3 4; do
        if ((n < near)); then routes "$n" "via 10.0.$near.1$back" "via fd00:0:0:$near::1$back"; fi
        if ((n > far)); then routes "$n" "$(ways 10.0. "$far" .2)" "$(ways fd00:0:0: "$far" ::2)"; fi
    done
    if [[ -n $back ]]; then small_neighbourhood "$near" "$back"; fi
    # Hosts have a default route, as hosts do.
    if [[ $index -eq 0 ]]; then default_route 10.0.1.2 fd00:0:0:1::2; fi
    if [[ $index -eq 4 ]]; then default_route 10.0.4.1 fd00:0:0:4::1; fi
}

# The way towards s over a link, or over it and those beside it: ways BEFORE LINK AFTER, around the link's number.
ways() {
    local member others
    others=$(others_beside "$2")
    if ((others == 0)); then
        echo "via $1$2$3"
        return
    fi
    for ((member = 0; member <= others; member++)); do
        printf 'nexthop via %s ' "$1$(member_link "$2" $member)$3"
    done
}

# interfaces NAME LINK OWN_END OTHER_END: of a link and of those beside it.
interfaces() {
    local member others
    others=$(others_beside "$2")
    for ((member = 0; member <= others; member++)); do
        interface "$(member_interface "$1" $member)" "$(member_link "$2" $member)" "$3" "$4"
    done
}

# interface NAME LINK OWN_END OTHER_END
interface() {
    echo "addr add 10.0.$2.$3/24 dev $1"
    if has_ipv6; then echo "addr add fd00:0:0:$2::$3/64 dev $1 nodad"; fi
    echo "link set $1 up"
    echo "neigh add 10.0.$2.$4 lladdr $(mac "$2" "$4") dev $1 nud permanent"
    if has_ipv6; then echo "neigh add fd00:0:0:$2::$4 lladdr $(mac "$2" "$4") dev $1 nud permanent"; fi
}

routes() {
    echo "route add 10.0.$1.0/24 $2"
    if has_ipv6; then echo "route add fd00:0:0:$1::/64 $3"; fi
}

# small_neighbourhood LINK OPTIONS: the same for the network that is just behind e0.
small_neighbourhood() {
    echo "route replace 10.0.$1.0/24 dev e0 proto kernel scope link src 10.0.$1.2$2"
    if has_ipv6; then echo "route replace fd00:0:0:$1::/64 dev e0 proto kernel metric 256$2"; fi
}

default_route() {
    echo "route add default via $1"
    if has_ipv6; then echo "route add default via $2"; fi
}

# in_background NODE LOG COMMAND... : a process of the lab, noted for "down".
in_background() {
    local node=$1 log=$LAB_DIR/$2
    shift 2
    setsid nsenter --net="/run/netns/$(namespace "$node")" -- "$@" </dev/null >"$log" 2>&1 &
    echo $! >>"$LAB_DIR/pids"
}

start_wires() {
    local link seed=$1 options started=()
    for link in 1 2 3 4; do
        [[ -n ${LAB_WIRES[link - 1]} ]] || continue
        read -ra options <<<"${LAB_WIRES[link - 1]}"
        [[ ${#started[@]} -gt 0 ]] || nodes_up w
        in_background w "wire$link.log" "$PMTU_LAB" wire --a "w${link}a" --b "w${link}b" --seed $((seed * 10 + link)) "${options[@]}"
        started+=("$link")
    done
    for link in "${started[@]}"; do
        wait_for 5 "wire $link" grep -qs ready "$LAB_DIR/wire$link.log"
    done
}

# The wire's own ends: up, silent, offloads off.
nodes_up() {
    {
        echo 'set -euo pipefail'
        echo '[[ ! -e /proc/sys/net/ipv6/conf/all/disable_ipv6 ]] || echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
        local link side
        for link in 1 2 3 4; do
            [[ -n ${LAB_WIRES[link - 1]} ]] || continue
            for side in a b; do
                echo "ethtool -K w$link$side tx off >/dev/null 2>&1; ip link set w$link$side up"
            done
        done
    } | inside "$1" bash
}

# Lets c's kernel learn a path MTU that the path then loses: the first link is small for a moment.
poison_cache() {
    [[ -n $LAB_CACHED_PMTU ]] || return 0
    local route=(10.0.4.0/24 via 10.0.2.2)
    [[ $LAB_FAMILY == v4 ]] || route=(fd00:0:0:4::/64 via fd00:0:0:2::2)
    inside r1 ip route replace "${route[@]}" mtu "$LAB_CACHED_PMTU"
    cache_is_poisoned() {
        inside c "$PMTU_LAB" poke --to "$LAB_PEER" --size "${LAB_MTUS[0]}"
        inside c ip route get "$LAB_PEER" | grep -q "mtu $LAB_CACHED_PMTU"
    }
    wait_for 3 "c to learn a path MTU of $LAB_CACHED_PMTU" cache_is_poisoned
    inside r1 ip route replace "${route[@]}"
}

start_mx() {
    local options
    [[ $LAB_MX != none ]] || return 0
    read -ra options <<<"$LAB_MX"
    in_background s mx.log "$PMTU_LAB" mx "${options[@]}"
    wait_for 5 "the mail server" grep -qs listening "$LAB_DIR/mx.log"
}

guard() {
    [[ -n $1 ]] || return 0
    setsid "$PMTU_LAB" guard --pid "$1" -- "$here/path.sh" down "$LAB_ID" </dev/null >/dev/null 2>&1 &
    echo $! >"$LAB_DIR/guard"
}

#### show, exec, down

# The ids of the labs that are up.
labs() {
    if [[ -d $LAB_STATE ]]; then find "$LAB_STATE" -mindepth 1 -maxdepth 1 -printf '%f\n'; fi
}

load_plan() {
    LAB_ID=$1
    LAB_DIR=$LAB_STATE/$1
    [[ -e $LAB_DIR/plan ]] || die "no lab $1. Up are: $(labs | tr '\n' ' ')"
    # shellcheck disable=SC1091
    source "$LAB_DIR/plan"
}

show() {
    if [[ $# -eq 0 ]]; then
        labs
        return
    fi
    load_plan "$1"
    echo "$LAB_ID: $LAB_SCENARIO, $LAB_FAMILY. $LAB_ABOUT"
    echo
    printf 'c --%s-- r1 --%s-- r2 --%s-- r3 --%s-- s    (MTUs)\n' "${LAB_MTUS[@]}"
    local link node
    for link in 1 2 3 4; do
        [[ -z ${LAB_BACK_MTUS[link - 1]} ]] || echo "link $link towards c: ${LAB_BACK_MTUS[link - 1]}"
        [[ -z ${LAB_WIRES[link - 1]} ]] || echo "link $link is a wire: ${LAB_WIRES[link - 1]}"
    done
    for node in "${NODES[@]}"; do
        echo
        echo "== $node"
        inside "$node" ip -brief addr | grep -v '^lo'
        inside "$node" nft list table inet lab 2>/dev/null | grep -E 'counter|limit' || true
    done
    echo
    echo "== what c's kernel believes"
    inside c ip route get "$LAB_PEER"
    echo
    echo "== the mail server (pmtu-lab mx $LAB_MX)"
    cat "$LAB_DIR/mx.log" 2>/dev/null || true
}

# The machine's /etc stays as it is: the lab's hosts file is mounted over it for this command only.
run_inside() {
    [[ $# -ge 3 ]] || { usage >&2 && exit 3; }
    load_plan "$1"
    local node=$2
    shift 2
    # shellcheck disable=SC2016
    exec nsenter --net="/run/netns/$(namespace "$node")" -- unshare --mount --propagation private -- bash -c '
        for file in hosts resolv.conf nsswitch.conf; do
            target=$(readlink -f "/etc/$file")
            [[ ! -e $target ]] || mount --bind "$0/$file" "$target"
        done
        exec "$@"' "$LAB_DIR" "$@"
}

down() {
    if [[ ${1:-} == --all ]]; then
        local id
        labs | while read -r id; do down "$id"; done
        return
    fi
    [[ $# -eq 1 ]] || { usage >&2 && exit 3; }
    LAB_ID=$1
    LAB_DIR=$LAB_STATE/$1
    [[ -e $LAB_DIR ]] || die "no lab $1"
    take_down
}

# Also works on a lab that came up only in part. Whatever still runs in it is killed: a program that hangs must not outlive its lab.
take_down() {
    trap '' INT TERM
    local node pid
    if [[ -e $LAB_DIR/guard ]]; then kill "$(cat "$LAB_DIR/guard")" 2>/dev/null || true; fi
    if [[ -e $LAB_DIR/pids ]]; then
        while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$LAB_DIR/pids"
    fi
    for node in "${NODES[@]}" w; do
        [[ -e /run/netns/$(namespace "$node") ]] || continue
        for pid in $(ip netns pids "$(namespace "$node")"); do kill -KILL "$pid" 2>/dev/null || true; done
        echo "netns delete $(namespace "$node")"
    done | ip -force -batch - || true
    rm -rf "$LAB_DIR"
}

main "$@"

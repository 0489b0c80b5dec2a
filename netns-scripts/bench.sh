#!/usr/bin/env bash
# Runs pmtu-probe and every peer it finds over the same paths, and prints how long each took, what it sent, what it concluded.
#
#   bench.sh [--install-peers] [--runs N] [--rtt "20 100"] [--cap SECONDS] [--family v4|v6]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

runs=5
rtts='20 100'
cap=120
family=v4
arguments=("$@")
while [[ $# -gt 0 ]]; do
    case $1 in
        --install-peers) install=1 ;;
        --runs) runs=$2 && shift ;;
        --rtt) rtts=$2 && shift ;;
        --cap) cap=$2 && shift ;;
        --family) family=$2 && shift ;;
        *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 3 ;;
    esac
    shift
done

if [[ -n ${install:-} ]]; then
    is_root || die "--install-peers needs root"
    install_packages iputils-ping iputils-tracepath traceroute nmap scamper
fi
build_programs
as_lab_root "$here/bench.sh" "${arguments[@]}"
require_labs

scratch=$(mktemp -d)
id=bench-$$
trap '"$here/path.sh" down "$id" 2>/dev/null || true; rm -rf "$scratch"' EXIT

# The paths: name, scenario, more options of "path.sh up".
PATHS=(
    'clear|clear|'
    'discoverable 1400|ptb_1400|'
    'black hole 1400|silent_router|'
    'black hole 1400, MX answers only port 25|silent_router|--filter|s only_smtp'
)
# Both directions take a server that encrypts.
BOTH_WAYS='both directions|clear|--mx|--tls starttls'

# Budgets of the design, section 7: round trips, milliseconds on top, probes; and a time below which no budget lies.
budget_of() {
    case $1 in
        clear) echo 3 20 40 ;;
        # "Less than 2 s at 20 ms", whatever the round trip; the probes of a clear path, and what draws the segments.
        both*) echo 0 2000 60 ;;
        discoverable*) echo 4 20 60 ;;
        # A hole is one only if no message about it comes late: 600 ms or 3 RTT after the size was lost first, which is 2.5 RTT
        # after the start, and 20 ms to say so.
        *) echo 8 50 120 "$((rtt * 5 / 2 + (3 * rtt > 600 ? 3 * rtt : 600) + 20))" ;;
    esac
}

in_c() { "$here/path.sh" exec "$id" c "$@"; }

# Every packet that leaves c, whoever sends it: a raw socket passes the output hook, an AF_PACKET socket only the egress one.
count_packets() {
    in_c nft "add table netdev count
        add chain netdev count out { type filter hook egress device e1 priority 0; }
        add rule netdev count out counter"
}
reset_count() { in_c nft reset rules table netdev count >/dev/null 2>&1 || in_c nft 'flush chain netdev count out; add rule netdev count out counter'; }
packets() { in_c nft list table netdev count | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }

# measure NAME COMMAND... : prints "TIME_MS PACKETS EXIT" and keeps the output in $scratch/NAME. The clock runs inside the lab,
# around the command alone.
measure() {
    local name=$1
    shift
    forget_path_mtu
    reset_count
    # shellcheck disable=SC2016
    in_c bash -c '
        status=0 start=${EPOCHREALTIME/[.,]/}
        timeout --signal INT --kill-after 5 "$0" "${@:2}" >"$1" 2>"$1.err" || status=$?
        echo $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) $status' "$cap" "$scratch/$name" "$@" >"$scratch/measured"
    local time status
    read -r time status <"$scratch/measured"
    echo "$time $(packets) $status"
}

forget_path_mtu() { in_c bash -c 'ip route flush cache; ip -6 route flush cache' 2>/dev/null || true; }

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# field NAME FILE : the value of a top-level number or word of the first address in the JSON document.
field() { "$PMTU_LAB" field "$1" <"$2" 2>/dev/null || echo '?'; }

row() { printf '%-26s %9s %8s %8s  %s\n' "$@"; }

# result NAME TIME_MS PACKETS EXIT CONCLUSION
result() {
    local time=$2
    [[ $4 -eq 124 ]] && time=">$2"
    row "$1" "$time ms" "$(awk -v t="$2" -v r="$rtt" 'BEGIN { printf "%.1f", t / r }')" "$3" "$5"
}

bench_pmtu_probe() {
    local path=$1 direction=$2 run line ours=() verdict sent budget limit met
    for ((run = 0; run < runs; run++)); do
        line=$(measure pmtu-probe "$PMTU_PROBE" --json --direction "$direction" "$peer")
        ours+=("$line $(field elapsed_ms "$scratch/pmtu-probe") $(field probes_sent "$scratch/pmtu-probe")")
    done
    verdict="$(field verdict "$scratch/pmtu-probe") $(field path_mtu "$scratch/pmtu-probe")"
    [[ $direction == forward ]] || verdict+=", back $(field reverse.verdict "$scratch/pmtu-probe") $(field reverse.path_mtu "$scratch/pmtu-probe")"
    local time whole packets status
    whole=$(printf '%s\n' "${ours[@]}" | awk '{ print $1 }' | median)
    packets=$(printf '%s\n' "${ours[@]}" | awk '{ print $2 }' | median)
    read -r _ _ status _ <<<"${ours[-1]}"
    time=$(printf '%s\n' "${ours[@]}" | awk '{ print $4 }' | median)
    # A median too: routers ration time exceeded, so of many runs in a row some have to look for the hop twice.
    sent=$(printf '%s\n' "${ours[@]}" | awk '{ print $5 }' | median)
    result pmtu-probe "$whole" "$packets" "$status" "$verdict (exit $status), by its own clock $time ms, $sent probes"
    read -r -a budget < <(budget_of "$path")
    limit=$((budget[0] * rtt + budget[1]))
    limit=$((limit > ${budget[3]:-0} ? limit : budget[3]))
    met=$(awk -v t="$time" -v l="$limit" -v s="$sent" -v p="${budget[2]}" \
        'BEGIN { print (t <= l ? "met" : "MISSED") ", " (s <= p ? "met" : "MISSED") }')
    row '  budget' "$limit ms" "$(awk -v t="$limit" -v r="$rtt" 'BEGIN { printf "%.1f", t / r }')" "${budget[2]}" "time, probes: $met"
}

# From exec to the first packet in the program's own capture file: sockets, privileges, routes, and a shell that waits.
bench_start() {
    local run first times=()
    command -v tcpdump >/dev/null || return 0
    for ((run = 0; run < 2 * runs; run++)); do
        # shellcheck disable=SC2016
        first=$(in_c bash -c '
            start=${EPOCHREALTIME/[.,]/}
            "$0" --quiet --direction forward --pcapng "$1" "$2" >/dev/null
            first=$(tcpdump -r "$1" -c 1 -tt -n 2>/dev/null | sed "s/ .*//; s/[.]//")
            echo $((${first:0:16} - start))' "$PMTU_PROBE" "$scratch/first.pcapng" "$peer")
        times+=("$first")
    done
    row '  to the first packet' "$(printf '%s\n' "${times[@]}" | median | awk '{ printf "%.1f", $1 / 1000 }') ms" '' '' 'budget 10 ms'
}

# bench_peer NAME PATTERN COMMAND... : one run; the conclusion is what the pattern (sed -nE) prints last.
bench_peer() {
    local name=$1 pattern=$2 line conclusion
    shift 2
    command -v "$1" >/dev/null || return 0
    line=$(measure "$name" "$@")
    conclusion=$(cat "$scratch/$name" "$scratch/$name.err" | sed -nE "$pattern" | tail -1)
    # shellcheck disable=SC2086
    result "$name" $line "${conclusion:-no conclusion}"
}

bench_peers() {
    local v=-${family#v} payload=1472
    [[ $family == v4 ]] || payload=1452
    bench_peer 'scamper trace -M' 's/.*(\[\*?mtu: [0-9]+\]).*/\1/p' scamper -I "trace -M $peer"
    bench_peer tracepath 's/ *(Resume: pmtu.*|Too many hops.*)/\1/p' tracepath "$v" -n "$peer"
    bench_peer 'traceroute --mtu' 's/.*(F=[0-9]+).*/\1/p' traceroute "$v" -n --mtu "$peer"
    if [[ $family == v4 ]]; then
        bench_peer 'nmap path-mtu' 's/.*(PMTU.*|.*PMTU [<=].*)/\1/p' nmap -Pn -n -p 25 --script path-mtu "$peer"
    fi
    bench_peer 'ping -M do, 1500 bytes' 's/(.*packet loss).*/\1/p' ping "$v" -n -M "do" -s "$payload" -c 3 "$peer"
}

# bench_path PATH DIRECTION
bench_path() {
    local path scenario options direction=$2
    IFS='|' read -r path scenario options <<<"$1"
    local extra=()
    [[ -z $options ]] || IFS='|' read -ra extra <<<"$options"
    "$here/path.sh" up "$scenario" "$family" --id "$id" --delay "$(awk -v r="$rtt" 'BEGIN { print r / 2 }')" --owner $$ "${extra[@]}" >/dev/null
    peer=$("$PMTU_LAB" plan "$id" peer)
    count_packets
    printf '\n%s, %s, RTT %s ms\n' "$path" "$family" "$rtt"
    row program time time/RTT packets conclusion
    bench_pmtu_probe "$path" "$direction"
    # No peer looks the other way.
    if [[ $direction == forward ]]; then
        bench_start
        bench_peers
    fi
    "$here/path.sh" down "$id"
}

for rtt in $rtts; do
    for path in "${PATHS[@]}"; do bench_path "$path" forward; done
    bench_path "$BOTH_WAYS" both
done

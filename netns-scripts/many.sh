#!/usr/bin/env bash
# Thousands of addresses behind one path: time, memory, verdicts, pace, and what survives a kill.
#
#   many.sh speed [--sizes "1000 10000"] [--rtt MS] [--rate N] [--scamper]   how long it takes; the verdicts are checked
#   many.sh cost [--targets N] [--rate N] [--way both] [--kinds clear] [-- --thorough]
#                                                                            packets and bytes of a clear address and of a hole, by the
#                                                                            counters of the interface, and the limit of the path
#   many.sh limit [--rtt MS]                                                 packets a second that a bare sender gets over the path
#   many.sh rate [--targets N] [--rate N]                                    packets in the busiest second on the wire
#   many.sh kill [--targets N] [--kills N]                                   SIGKILL at random moments, then --resume
#   many.sh million [--kills N]                                              a million targets, killed and resumed, and the summary of
#                                                                            their results; as a table: time and memory beside those of
#                                                                            a tenth and of a hundredth. PMTU_MANY=20000 for fewer
#
# c -- wire -- r == s: half of the addresses lie behind a link of 1400 bytes whose router is silent. s holds all of them. Of the million a
# quarter lie there, and another quarter behind a link of 1400 bytes whose router says so.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"
# shellcheck source=million.sh
source "$here/million.sh"

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 3; }

task=${1:-}
arguments=("$@")
shift || usage
sizes='1000 10000' rtt=20 rate='' targets='' kills='' scamper='' way=forward kinds='clear hole' more=()
while [[ $# -gt 0 ]]; do
    case $1 in
        --sizes) sizes=$2 && shift ;;
        --rtt) rtt=$2 && shift ;;
        --rate) rate=$2 && shift ;;
        --targets) targets=$2 && shift ;;
        --kills) kills=$2 && shift ;;
        --scamper) scamper=1 ;;
        --way) way=$2 && shift ;;
        --kinds) kinds=$2 && shift ;;
        --) shift && more=("$@") && break ;;
        *) usage ;;
    esac
    shift
done

if [[ -n $scamper ]] && is_root && ! command -v scamper >/dev/null; then install_packages scamper; fi
build_programs
as_lab_root "$here/many.sh" "${arguments[@]}"
require_labs
[[ $task != rate ]] || require_cmd tcpdump
[[ $task != million ]] || require_cmd python3

scratch=$(mktemp -d)
id=many-$$
pids=()
namespace() { echo "pl-$id-$1"; }
inside() { nsenter --net="/run/netns/$(namespace "$1")" -- "${@:2}"; }

tear_down() {
    local pid node
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for node in c w r s; do
        [[ ! -e /run/netns/$(namespace "$node") ]] || ip netns delete "$(namespace "$node")"
    done
    rm -rf "$scratch"
}
trap tear_down EXIT
trap 'exit 1' INT TERM

background() {
    local node=$1 log=$scratch/$2
    shift 2
    setsid nsenter --net="/run/netns/$(namespace "$node")" -- "$@" </dev/null >"$log" 2>&1 &
    pids+=($!)
}

bring_up() {
    local node
    for node in c w r s; do ip netns add "$(namespace "$node")"; done
    ip -batch - <<END
link add e1 netns $(namespace c) mtu 1500 type veth peer name wa netns $(namespace w) mtu 9000
link add wb netns $(namespace w) mtu 9000 type veth peer name e0 netns $(namespace r) mtu 1500
link add e1 netns $(namespace r) mtu 1500 type veth peer name e0 netns $(namespace s) mtu 1500
link add e2 netns $(namespace r) mtu 1400 type veth peer name e1 netns $(namespace s) mtu 1500
link add e3 netns $(namespace r) mtu 1400 type veth peer name e2 netns $(namespace s) mtu 1500
END
    configure c 'e1' 'addr add 10.0.1.1/24 dev e1
        route add default via 10.0.1.2'
    configure r 'e0 e1 e2 e3' 'addr add 10.0.1.2/24 dev e0
        addr add 10.0.2.1/24 dev e1
        addr add 10.0.3.1/24 dev e2
        addr add 10.0.4.1/24 dev e3
        route add 10.64.0.0/16 via 10.0.2.2
        route add 10.65.0.0/16 via 10.0.3.2
        route add 10.128.0.0/12 via 10.0.2.2
        route add 10.144.0.0/12 via 10.0.3.2
        route add 10.160.0.0/12 via 10.0.4.2'
    configure s 'e0 e1 e2' 'addr add 10.0.2.2/24 dev e0
        addr add 10.0.3.2/24 dev e1
        addr add 10.0.4.2/24 dev e2
        route add local 10.64.0.0/15 dev lo
        route add local 10.128.0.0/10 dev lo
        route add default via 10.0.2.1'
    configure w 'wa wb' ''
    # What is behind the ICMP header is the IP header of the packet that was too large. 10.160.0.0/12 is told.
    # shellcheck disable=SC2016
    inside r nft 'add table inet silent
        add chain inet silent out { type filter hook output priority 0; }
        add rule inet silent out icmp type destination-unreachable @th,200,8 & 0xf0 != 0xa0 drop'
    inside s sh -c 'echo 65535 >/proc/sys/net/core/somaxconn; echo 65535 >/proc/sys/net/ipv4/tcp_max_syn_backlog'
    local delay
    delay=$(awk -v r="$rtt" 'BEGIN { print r / 2 }')
    background w wire.log "$PMTU_LAB" wire --a wa --b wb --delay-ms "$delay" --back-delay-ms "$delay"
    local tls=none
    [[ $way == forward ]] || tls=starttls
    background s mx.log "$PMTU_LAB" mx --tls "$tls"
    wait_for 5 "the wire" grep -qs ready "$scratch/wire.log"
    wait_for 5 "the mail server" grep -qs listening "$scratch/mx.log"
}

# configure NODE INTERFACES BATCH
configure() {
    local interface
    {
        echo 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done; echo 1 >/proc/sys/net/ipv4/ip_forward'
        echo '[ ! -e /proc/sys/net/ipv6/conf/all/disable_ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
        for interface in $2; do echo "ethtool -K $interface tx off >/dev/null 2>&1"; done
        printf 'ip -batch - <<END\nlink set lo up\n'
        for interface in $2; do echo "link set $interface up"; done
        printf '%s\nEND\n' "$3"
    } | inside "$1" sh -e
}

# list_of COUNT : as many addresses, every other one behind the hole.
list_of() {
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) { j = int(i / 2); printf "10.%d.%d.%d\n", 64 + i % 2, int(j / 250), j % 250 + 1 } }'
}

# list_of_kind NETWORK COUNT : addresses of one network, 64 (clear) or 65 (behind the hole).
list_of_kind() {
    awk -v network="$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) printf "10.%d.%d.%d\n", network, int(i / 250), i % 250 + 1 }'
}

# probe_command LIST RESULTS : for "speed", which has results in a file and words nowhere.
probe() { inside c "$PMTU_LAB" measure --to "$scratch/measured" "${kill_options[@]}" -- "$PMTU_PROBE" --direction "$way" --targets "$@" "${more[@]}" </dev/null; }
kill_options=()

# check_verdicts RESULTS COUNT : each target once, and every verdict right.
check_verdicts() {
    local results=$1 count=$2 lines once right
    lines=$(wc -l <"$results")
    once=$(sed -E 's/.*"target":"([^"]*)".*/\1/' "$results" | sort -u | wc -l)
    right=$(grep -cE '"target":"10\.64\.[0-9.]+".*"verdict":"clear".*"path_mtu":1500,|"target":"10\.65\.[0-9.]+".*"verdict":"black_hole","cause":"no_ptb".*"path_mtu":1400,"first_lost_size":1401,' "$results" || true)
    if [[ $lines -eq $count && $once -eq $count && $right -eq $count ]]; then return; fi
    say "of $count targets: $lines lines, $once different, $right right. The first wrong ones:"
    grep -vE '"target":"10\.64\.[0-9.]+".*"verdict":"clear"|"target":"10\.65\.[0-9.]+".*"verdict":"black_hole"' "$results" | head -3 | cut -c -400 >&2 || true
    return 1
}

# The milliseconds of processor time that a process has taken.
processor_time() { awk '{ sub(/.*\) /, ""); print ($12 + $13) * 10 }' "/proc/$1/stat"; }

# packets NODE COLUMN : of /proc/net/dev, over all interfaces but lo; 2 is received, 10 is sent; bytes are 1 and 9.
packets() { inside "$1" awk -v column="$2" -F'[: ]+' 'NR > 2 && !/ lo:/ { sub(/^ +/, ""); sum += $(column + 1) } END { print sum + 0 }' /proc/net/dev; }

limit() {
    local size before after sent
    printf '%8s %12s %12s\n' size sent arrived
    for size in 60 800 1500; do
        before=$(packets s 2)
        sent=$(inside c "$PMTU_LAB" blast --to 10.64.0.1 --size "$size" --seconds 3)
        sleep 0.2
        after=$(packets s 2)
        printf '%8d %10d/s %10d/s\n' "$size" $((sent / 3)) $(((after - before) / 3))
    done
}

speed() {
    local size status=0
    printf '%8s %9s %9s %9s %9s %9s %10s %16s\n' targets time user system memory pace packets 'wire, server'
    for size in $sizes; do
        list_of "$size" >"$scratch/list"
        rm -f "$scratch/results"
        local before after
        before=("$(processor_time "${pids[0]}")" "$(processor_time "${pids[1]}")" "$(packets c 10)")
        probe "$scratch/list" --rate "${rate:-0}" --jsonl "$scratch/results" >"$scratch/words" 2>"$scratch/errors" || true
        after=("$(processor_time "${pids[0]}")" "$(processor_time "${pids[1]}")" "$(packets c 10)")
        local wall user system peak code
        read -r wall user system peak code <"$scratch/measured"
        printf '%8d %6d ms %6d ms %6d ms %5d KiB %7.0f/s %8.0f/s %6d ms, %d ms\n' "$size" "$wall" "$user" "$system" "$peak" "$(awk -v n="$size" -v t="$wall" 'BEGIN { print 1000 * n / t }')" \
            "$(awk -v n=$((after[2] - before[2])) -v t="$wall" 'BEGIN { print 1000 * n / t }')" \
            $((after[0] - before[0])) $((after[1] - before[1]))
        [[ $code -eq 2 ]] || { say "exit $code in place of 2" && status=1; }
        head -3 "$scratch/errors" >&2
        check_verdicts "$scratch/results" "$size" || status=1
    done
    if [[ -n $scamper ]]; then bench_scamper; fi
    return $status
}

# counters : packets and bytes sent, packets and bytes received at c. Its interface counts the link's header of 14 bytes, which no
# path MTU does.
counters() {
    local sent received
    sent=$(packets c 10) received=$(packets c 2)
    echo "$sent $(($(packets c 9) - 14 * sent)) $received $(($(packets c 1) - 14 * received))"
}

# What one address costs, of each kind, and how many a rate makes of it.
cost() {
    local count=${targets:-400} pace=${rate:-2000} kind network before after wall peak status=0
    printf 'rate %s, the way: %s\n' "$pace" "$way"
    printf '%6s %8s %20s %24s %12s %10s\n' kind targets 'sent per address' 'received per address' 'a second' memory
    for kind in $kinds; do
        network=64
        [[ $kind == clear ]] || network=65
        list_of_kind "$network" "$count" >"$scratch/list"
        rm -f "$scratch/results"
        read -ra before <<<"$(counters)"
        probe "$scratch/list" --rate "$pace" --jsonl "$scratch/results" >/dev/null 2>"$scratch/errors" || true
        read -ra after <<<"$(counters)"
        read -r wall _ _ peak _ <"$scratch/measured"
        awk -v kind="$kind" -v n="$count" -v wall="$wall" -v peak="$peak" -v before="${before[*]}" -v after="${after[*]}" 'BEGIN {
            split(before, b); split(after, a)
            for (i = 1; i <= 4; i++) each[i] = (a[i] - b[i]) / n
            printf "%6s %8d %6.1f packets %6.0f B %10.1f packets %6.0f B %10.0f/s %6d KiB\n", kind, n, each[1], each[2], each[3], each[4], 1000 * n / wall, peak
        }'
        head -3 "$scratch/errors" >&2
        check_verdicts "$scratch/results" "$count" || status=1
    done
    return $status
}

# The same addresses, as fast as scamper likes.
bench_scamper() {
    list_of 1000 >"$scratch/list"
    local begin=${EPOCHREALTIME/[.,]/}
    inside c timeout 1200 scamper -p 10000 -w 0 -c 'trace -M' -o "$scratch/scamper" -O text -f "$scratch/list" || say "scamper: exit $?"
    printf 'scamper trace -M, 1000 targets: %d ms, %d with an MTU below 1500\n' $(((${EPOCHREALTIME/[.,]/} - begin) / 1000)) "$(grep -c 'mtu: 1[0-4]' "$scratch/scamper" || true)"
}

rate_on_the_wire() {
    local count=${targets:-200} limit=${rate:-1000} busiest
    list_of "$count" >"$scratch/list"
    background c tcpdump.log tcpdump -i e1 -Q out -n -s 64 -B 8192 -w "$scratch/wire.pcap"
    local tcpdump=${pids[-1]}
    wait_for 5 tcpdump grep -qs listening "$scratch/tcpdump.log"
    probe "$scratch/list" --rate "$limit" --jsonl "$scratch/results" >/dev/null || true
    kill -INT "$tcpdump" && wait "$tcpdump" || true
    # Sliding: for each packet, how many left within the second that ends with it.
    busiest=$(tcpdump -r "$scratch/wire.pcap" -tt -n 2>/dev/null | awk '{ t[NR] = $1; while (t[NR] - t[first + 1] >= 1) first++; n = NR - first; if (n > most) most = n } END { print most + 0, NR }')
    read -r busiest sent <<<"$busiest"
    grep -q ' 0 packets dropped by kernel' <(tr '\n' ' ' <"$scratch/tcpdump.log") || { say "the capture lost packets" && return 1; }
    local most=$((limit + limit / 20)) fewest=$((limit * 8 / 10))
    printf 'rate %d: %d packets, at most %d in a second (allowed: %d)\n' "$limit" "$sent" "$busiest" "$most"
    [[ $busiest -le $most && $busiest -ge $fewest ]] || { say "the pace is wrong" && return 1; }
    check_verdicts "$scratch/results" "$count"
}

kill_and_resume() {
    local count=${targets:-2000} kill held=0 lines whole moment
    list_of "$count" >"$scratch/list"
    # How long a whole run takes tells where its random moments lie.
    probe "$scratch/list" --rate "${rate:-0}" --jsonl "$scratch/results" >/dev/null 2>&1 || true
    read -r whole _ <"$scratch/measured"
    rm -f "$scratch/results"
    for ((kill = 1; kill <= ${kills:=10}; kill++)); do
        moment=$((100 + RANDOM * RANDOM % (3 * whole / kills)))
        kill_options=(--kill-after-ms "$moment")
        probe "$scratch/list" --rate "${rate:-0}" --jsonl "$scratch/results" --resume "$scratch/results" >/dev/null || true
        lines=$(wc -l 2>/dev/null <"$scratch/results" || echo 0)
        printf 'kill %d after %d ms: %d of %d lines\n' "$kill" "$moment" "$lines" "$count"
        [[ $lines -ge $held ]] || { say "lines were lost" && return 1; }
        held=$lines
    done
    kill_options=()
    probe "$scratch/list" --rate "${rate:-0}" --jsonl "$scratch/results" --resume "$scratch/results" >/dev/null || true
    check_verdicts "$scratch/results" "$count" && echo "every target exactly once"
}

bring_up
case $task in
    speed) speed ;;
    cost) cost && if [[ $kinds == *\ * ]]; then limit; fi ;;
    limit) limit ;;
    rate) rate_on_the_wire ;;
    kill) kill_and_resume ;;
    million) million && if [[ -z ${PMTU_MANY:-} ]]; then limit; fi ;;
    *) usage ;;
esac

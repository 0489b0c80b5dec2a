# Breakages by name, as nftables rules of table "inet lab". To be sourced, not run.
# shellcheck shell=bash
#
# Each function prints the rules of one breakage for one node. A router's e0 looks to c, its e1 to s. The order of Linux is
# the order that the scenarios mean: arrival (prerouting), TTL, MTU of the next link, forward, own packets (output).

PTB4='icmp type destination-unreachable icmp code frag-needed'
PTB6='icmpv6 type packet-too-big'
NOT_NEIGHBOUR_DISCOVERY='icmpv6 type != { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect }'
ICMPV6_ERRORS='icmpv6 type < 128'
ICMP_ERRORS='icmp type { destination-unreachable, source-quench, redirect, time-exceeded, parameter-problem }'

rule() { printf 'add rule inet lab %s\n' "$*"; }

# The chains that all rules go to. "before_fragments" runs before connection tracking joins fragments (priority -400).
filter_table() {
    cat <<'END'
add table inet lab
add chain inet lab before_fragments { type filter hook prerouting priority -500; }
add chain inet lab arrival { type filter hook prerouting priority -300; }
add chain inet lab input { type filter hook input priority 0; }
add chain inet lab forward { type filter hook forward priority 0; }
add chain inet lab output { type filter hook output priority 0; }
END
}

# The router sends no PTB of its own ("no ip unreachables").
filter_ptb_silent() {
    rule output "$PTB4" counter drop
    rule output "$PTB6" counter drop
}

# filter_ptb_mtu N: its PTBs state N. nftables mends the checksum.
filter_ptb_mtu() {
    rule output "$PTB4" counter icmp mtu set "$1"
    rule output "$PTB6" counter icmpv6 mtu set "$1"
}

# filter_ptb_limit N: at most N PTBs a second, burst 1.
filter_ptb_limit() {
    rule output "$PTB4" limit rate over "$1/second" burst 1 packets counter drop
    rule output "$PTB6" limit rate over "$1/second" burst 1 packets counter drop
}

# Its PTBs carry a wrong checksum.
filter_ptb_bad_checksum() {
    rule output "$PTB4" counter icmp checksum set 0xbad
    rule output "$PTB6" counter icmpv6 checksum set 0xbad
}

# PTBs of others end here.
filter_ptb_filtered() {
    rule forward "$PTB4" counter drop
    rule forward "$PTB6" counter drop
}

# On c or s: the host's own firewall drops PTBs.
filter_host_drops_ptb() {
    rule input "$PTB4" counter drop
    rule input "$PTB6" counter drop
}

filter_drop_echo() {
    rule forward 'icmp type { echo-request, echo-reply }' counter drop
    rule forward 'icmpv6 type { echo-request, echo-reply }' counter drop
}

# filter_drop_large_echo N: echo in packets larger than N.
filter_drop_large_echo() {
    rule forward meta length gt "$1" 'icmp type { echo-request, echo-reply }' counter drop
    rule forward meta length gt "$1" 'icmpv6 type { echo-request, echo-reply }' counter drop
}

filter_drop_time_exceeded() {
    local chain
    for chain in forward output; do
        rule "$chain" icmp type time-exceeded counter drop
        rule "$chain" icmpv6 type time-exceeded counter drop
    done
}

# It says no time exceeded of its own.
filter_hidden() {
    rule output icmp type time-exceeded counter drop
    rule output icmpv6 type time-exceeded counter drop
}

# Every forwarded ICMP message and its own errors; neighbour discovery goes on.
filter_drop_all_icmp() {
    rule forward meta l4proto icmp counter drop
    rule forward meta l4proto ipv6-icmp "$NOT_NEIGHBOUR_DISCOVERY" counter drop
    rule output "$ICMP_ERRORS" counter drop
    rule output "$ICMPV6_ERRORS" counter drop
}

# filter_drop_larger N: forwarded packets larger than N, DF or not, with nobody to blame.
filter_drop_larger() {
    rule forward meta length gt "$1" counter drop
}

# DF of packets from c's side is cleared before the MTU of the next link counts.
filter_clear_df() {
    rule arrival iifname e0 'ip frag-off & 0x4000 != 0' counter ip frag-off set 0
}

# filter_drop_fragments MTU_E0 MTU_E1: IPv4 fragments that arrive, and packets that would have to be fragmented here.
filter_drop_fragments() {
    rule before_fragments 'ip frag-off & 0x3fff != 0' counter drop
    rule forward oifname e0 meta length gt "$1" 'ip frag-off & 0x4000 == 0' counter drop
    rule forward oifname e1 meta length gt "$2" 'ip frag-off & 0x4000 == 0' counter drop
}

# filter_clamp_mss V4 V6: lowers the MSS option; Linux never raises it.
filter_clamp_mss() {
    rule forward meta nfproto ipv4 tcp flags syn counter tcp option maxseg size set "$1"
    rule forward meta nfproto ipv6 tcp flags syn counter tcp option maxseg size set "$2"
}

# SYNs that carry data: longer than the IP header and what the data offset says.
filter_drop_syn_data() {
    local words
    for words in {5..15}; do
        rule forward meta nfproto ipv4 tcp flags syn tcp doff "$words" meta length gt $((20 + 4 * words)) counter drop
        rule forward meta nfproto ipv6 tcp flags syn tcp doff "$words" meta length gt $((40 + 4 * words)) counter drop
    done
}

# Only new SYNs to the server's port from c's side, and what belongs to those connections.
filter_stateful() {
    rule forward iifname e0 ct state established,related counter accept
    rule forward iifname e0 tcp dport "$LAB_PORT" 'tcp flags & (fin|syn|rst|ack) == syn' ct state new counter accept
    rule forward iifname e1 ct state established,related counter accept
    rule forward counter drop
}

# filter_drop_above TO_E0 TO_E1: segments without SYN in larger packets, by direction.
filter_drop_above() {
    rule forward oifname e0 'tcp flags & syn == 0' meta length gt "$1" counter drop
    rule forward oifname e1 'tcp flags & syn == 0' meta length gt "$2" counter drop
}

# Packets from c's side leave with the router's own address.
filter_nat() {
    echo 'add chain inet lab source_nat { type nat hook postrouting priority 100; }'
    rule source_nat oifname e1 counter masquerade
}

# filter_note_members N: in sets member_0, member_1, ... the client ports seen on each of N parallel links.
filter_note_members() {
    local member
    for ((member = 0; member < $1; member++)); do
        echo "add set inet lab member_$member { type inet_service; size 4096; flags dynamic; }"
        # A fragment has no ports to spread it by, not even the first.
        local packet
        for packet in 'ip frag-off & 0x3fff == 0' 'meta nfproto ipv6'; do
            rule forward oifname "$(member_interface e1 $member)" "$packet" tcp dport "$LAB_PORT" add "@member_$member { tcp sport }"
        done
    done
}

# On s: nobody there.
filter_dead() {
    rule arrival counter drop
    rule output counter drop
}

# On s: its port is silent.
filter_port_filtered() {
    rule input tcp dport "$LAB_PORT" counter drop
}

# On s: everything but the handshake states a window of 0.
filter_zero_window() {
    rule output tcp sport "$LAB_PORT" 'tcp flags & syn == 0' counter tcp window set 0
}

# filter_slow_to_answer MS: deaf until this long after the first packet of each visitor.
filter_slow_to_answer() {
    local family
    for family in ip ip6; do
        local type=ipv4_addr
        [[ $family == ip6 ]] && type=ipv6_addr
        echo "add set inet lab known_$family { type $type; size 64; flags dynamic; }"
        echo "add set inet lab deaf_$family { type $type; size 64; flags dynamic,timeout; timeout ${1}ms; }"
        rule arrival "$family saddr @known_$family $family saddr != @deaf_$family" counter accept
        rule arrival "$family saddr @known_$family" counter drop
        rule arrival "meta nfproto ${type%_addr} add @deaf_$family { $family saddr } add @known_$family { $family saddr }" counter drop
    done
}

# On s: an MX whose firewall admits its own port and nothing else.
filter_only_smtp() {
    rule input iifname lo accept
    rule input tcp dport "$LAB_PORT" accept
    rule input "$PTB4" accept
    rule input "$PTB6" accept
    rule input icmpv6 type '{ nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }' accept
    rule input counter drop
}

# node_rules NODE : what the plan's filters mean for this node, ready for "nft -f -". Nothing if there are none.
node_rules() {
    local filter name arguments
    for filter in "${LAB_FILTERS[@]}"; do
        [[ ${filter%% *} == "$1" ]] || continue
        read -ra arguments <<<"${filter#* }"
        name=filter_${arguments[0]}
        declare -F "$name" >/dev/null || die "unknown filter: ${arguments[0]}"
        "$name" "${arguments[@]:1}"
    done | sort_rules
}

# First the table and the chains, if there is any rule at all.
sort_rules() {
    local rules
    rules=$(cat)
    [[ -z $rules ]] && return
    filter_table
    printf '%s\n' "$rules"
}

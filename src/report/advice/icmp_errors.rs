//! Matches for exactly the ICMP errors that must not be dropped (RFC 4890, 4.3.1; the same kinds in IPv4).

use crate::model::Family;

/// For a rule of nft.
pub(super) fn nft_match(family: Family) -> &'static str {
    match family {
        Family::V4 => "icmp type { destination-unreachable, time-exceeded, parameter-problem }",
        Family::V6 => "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
    }
}

/// The program of this family.
pub(super) fn iptables(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

/// Rules for it, without their verb and their chain.
pub(super) fn iptables_rules(family: Family) -> Vec<String> {
    let (protocol, option) = match family {
        Family::V4 => ("icmp", "--icmp-type"),
        Family::V6 => ("ipv6-icmp", "--icmpv6-type"),
    };
    kinds(family).iter().map(|kind| format!("-p {protocol} {option} {kind} -j ACCEPT")).collect()
}

/// The names of iptables, which are those of firewalld.
pub(super) fn kinds(family: Family) -> &'static [&'static str] {
    match family {
        Family::V4 => &["destination-unreachable", "time-exceeded", "parameter-problem"],
        Family::V6 => &["packet-too-big", "destination-unreachable", "time-exceeded", "parameter-problem"],
    }
}

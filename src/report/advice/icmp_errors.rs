//! Matches for exactly the ICMP errors that must not be dropped.

use crate::model::{Family, needed_errors};

/// The protocol and its types, for a rule of nft.
pub(super) fn nft_match(family: Family) -> [String; 2] {
    let protocol = match family {
        Family::V4 => "icmp",
        Family::V6 => "icmpv6",
    };
    [protocol.to_owned(), format!("{{ {} }}", needed_errors(family).join(", "))]
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
    needed_errors(family).iter().map(|kind| iptables_rule(family, kind)).collect()
}

/// The same for one type.
pub(super) fn iptables_rule(family: Family, kind: &str) -> String {
    let (protocol, option) = match family {
        Family::V4 => ("icmp", "--icmp-type"),
        Family::V6 => ("ipv6-icmp", "--icmpv6-type"),
    };
    format!("-p {protocol} {option} {kind} -j ACCEPT")
}

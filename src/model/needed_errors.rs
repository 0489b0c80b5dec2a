//! The ICMP errors that no firewall may drop.

use super::size::Family;

/// Their names, in the order of their types; nft, iptables and firewalld have the same ones (RFC 4890, 4.3.1; the same kinds in IPv4).
pub const fn needed_errors(family: Family) -> &'static [&'static str] {
    match family {
        Family::V4 => &["destination-unreachable", "time-exceeded", "parameter-problem"],
        Family::V6 => &["destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem"],
    }
}

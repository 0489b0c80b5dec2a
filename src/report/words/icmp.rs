//! Words for ICMP errors.

use crate::model::Family;

/// What the code of a "destination unreachable" says, in words: RFC 792 and RFC 1812 for IPv4, RFC 4443 for IPv6.
pub(crate) fn unreachable(family: Family, code: u8) -> &'static str {
    match (family, code) {
        (Family::V4 | Family::V6, 0) => "no route to the network",
        (Family::V4, 1) | (Family::V6, 3) => "the host does not answer on its network",
        (Family::V4, 2) => "protocol unreachable",
        (Family::V4, 3) | (Family::V6, 4) => "port unreachable",
        (Family::V4, 9 | 10 | 13) | (Family::V6, 1) => "administratively prohibited",
        (Family::V6, 2) => "beyond the scope of the source address",
        (Family::V6, 5) => "the source address is refused",
        (Family::V6, 6) => "the route is refused",
        _ => "unreachable",
    }
}

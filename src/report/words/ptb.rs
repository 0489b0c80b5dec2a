//! What packet-too-big messages are called.

use crate::model::Family;

/// The name of the message in its RFC.
pub(crate) fn ptb_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "fragmentation needed",
        Family::V6 => "packet too big",
    }
}

/// Type and name, as firewall admins know it.
pub(crate) fn ptb_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "ICMP type 3 code 4 (\"fragmentation needed\")",
        Family::V6 => "ICMPv6 type 2 (\"packet too big\")",
    }
}

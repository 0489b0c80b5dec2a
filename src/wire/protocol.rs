//! Numbers of protocols and of message types that several readers and writers need.

use pnet::packet::icmp::IcmpTypes;
use pnet::packet::icmpv6::Icmpv6Types;
use pnet::packet::ip::IpNextHeaderProtocols;

use crate::model::Family;

/// The IP protocol number of TCP.
pub(super) const TCP: u8 = IpNextHeaderProtocols::Tcp.0;

/// Bytes of an ICMP or ICMPv6 message before its data.
pub(super) const ICMP_HEADER: usize = 8;

/// The IP protocol number of ICMP or ICMPv6.
pub(super) const fn icmp(family: Family) -> u8 {
    match family {
        Family::V4 => IpNextHeaderProtocols::Icmp.0,
        Family::V6 => IpNextHeaderProtocols::Icmpv6.0,
    }
}

/// The type of an echo request.
pub(super) const fn echo_request(family: Family) -> u8 {
    match family {
        Family::V4 => IcmpTypes::EchoRequest.0,
        Family::V6 => Icmpv6Types::EchoRequest.0,
    }
}

/// The type of an echo reply.
pub(super) const fn echo_reply(family: Family) -> u8 {
    match family {
        Family::V4 => IcmpTypes::EchoReply.0,
        Family::V6 => Icmpv6Types::EchoReply.0,
    }
}

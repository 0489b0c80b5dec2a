//! The message that was dropped, as a firewall rule sees it.

use std::net::IpAddr;

use crate::model::Family;

/// A PTB on its way into this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The router that sent it.
    pub from: IpAddr,
    /// The address of this host that it is for.
    pub to: IpAddr,
    /// The interface that it arrives at, if that is known.
    pub interface: Option<&'a str>,
    /// The MTU that it states.
    pub mtu: u32,
}

/// Its state in connection tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracking {
    /// The probe that it quotes belongs to a connection that is tracked.
    Related,
    /// The probe is not known.
    Invalid,
    /// A rule exempts it from tracking.
    Untracked,
}

impl Tracking {
    /// The word of nft; iptables writes it in capitals.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Related => "related",
            Self::Invalid => "invalid",
            Self::Untracked => "untracked",
        }
    }
}

/// The message under one assumption about connection tracking.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArrivingPtb<'a> {
    pub(super) message: Message<'a>,
    pub(super) tracking: Tracking,
}

impl ArrivingPtb<'_> {
    pub(super) fn family(&self) -> Family {
        Family::of(self.message.to)
    }

    pub(super) fn is_v4(&self) -> bool {
        self.family() == Family::V4
    }

    /// The IP protocol: ICMP, or ICMPv6.
    pub(super) fn protocol(&self) -> u64 {
        if self.is_v4() { 1 } else { 58 }
    }

    /// ICMP "destination unreachable" (RFC 792), or ICMPv6 "packet too big" (RFC 4443, section 3.2).
    pub(super) fn icmp_type(&self) -> u64 {
        if self.is_v4() { 3 } else { 2 }
    }

    /// "Fragmentation needed and DF set"; there is only one kind of "packet too big".
    pub(super) fn icmp_code(&self) -> u64 {
        if self.is_v4() { 4 } else { 0 }
    }
}

/// Whether an address lies in a network.
pub(super) fn is_in(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let top = |bits: u128, width: u32| bits.checked_shr(width.saturating_sub(length)).unwrap_or(0);
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => top(a.to_bits().into(), 32) == top(n.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => top(a.to_bits(), 128) == top(n.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        for (address, network, length, expected) in [
            ("10.1.2.3", "10.0.0.0", 8, true),
            ("11.1.2.3", "10.0.0.0", 8, false),
            ("11.1.2.3", "0.0.0.0", 0, true),
            ("10.1.2.3", "10.1.2.3", 32, true),
            ("10.1.2.2", "10.1.2.3", 32, false),
            ("2001:db8::1", "2001:db8::", 32, true),
            ("2001:db9::1", "2001:db8::", 32, false),
            ("2001:db9::1", "::", 0, true),
            ("2001:db9::1", "0.0.0.0", 0, false),
            ("10.1.2.3", "10.1.2.3", 4000, true),
        ] {
            let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(is_in(parse(address), parse(network), length), expected, "{address} in {network}/{length}");
        }
    }
}

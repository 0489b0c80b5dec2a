//! Where large packets end, as far as results of many targets and vantages can agree on it.

use std::net::IpAddr;

use super::what::There;
use crate::model::{Cause, Location, PtbFault, Ttl};

/// One point of the path. The point behind it differs from target to target, so it does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::report) enum Spot {
    /// The host that examined, or its first link.
    OwnHost,
    /// A router that says so itself.
    At(IpAddr),
    /// Behind the last router that large packets reach.
    Behind(IpAddr),
    /// Before the first router that they do not reach.
    Before(IpAddr),
    /// Nothing is known of it, or nothing is wrong.
    Unknown,
}

/// A spot, and whose it is where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::report) struct Place {
    pub(in crate::report) spot: Spot,
    /// The vantage, by number: its own host, and routers with addresses that mean something on one link only.
    pub(in crate::report) vantage: Option<u32>,
}

impl Place {
    pub(in crate::report) fn new(spot: Spot, vantage: u32) -> Self {
        let is_of_a_link = matches!(spot.router(), Some(IpAddr::V6(router)) if router.is_unicast_link_local());
        Self { spot, vantage: (spot == Spot::OwnHost || is_of_a_link).then_some(vantage) }
    }
}

impl Spot {
    /// Where the large packets to the target end, as a report or its line has it, with the routers that sent PTBs.
    pub(super) fn of(
        there: There,
        target: IpAddr,
        location: Option<&Location>,
        mut ptb: impl Iterator<Item = (IpAddr, Option<PtbFault>)>,
    ) -> Self {
        let Some(location) = location.filter(|_| there.has_place()) else { return Self::Unknown };
        if there.cause == Some(Cause::LocalFirewall) {
            return Self::OwnHost;
        }
        let mut says_so = |router| ptb.any(|(from, fault)| from == router && fault != Some(PtbFault::BadChecksum));
        match (&location.last_hop, &location.next_hop) {
            (Some(last), _) if last.ttl == Some(Ttl(0)) => Self::OwnHost,
            (Some(last), _) if last.address == target => Self::Unknown,
            (Some(last), _) if says_so(last.address) => Self::At(last.address),
            (Some(last), _) => Self::Behind(last.address),
            (None, Some(next)) if next.address != target => Self::Before(next.address),
            (None, _) => Self::Unknown,
        }
    }

    /// The router that it is known by.
    pub(in crate::report) fn router(self) -> Option<IpAddr> {
        match self {
            Self::At(router) | Self::Behind(router) | Self::Before(router) => Some(router),
            Self::OwnHost | Self::Unknown => None,
        }
    }

    /// As the JSON document has it.
    pub(in crate::report) fn word(self) -> Option<&'static str> {
        match self {
            Self::OwnHost => Some("own_host"),
            Self::At(_) => Some("at"),
            Self::Behind(_) => Some("behind"),
            Self::Before(_) => Some("before"),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_on_one_link_only_belongs_to_its_vantage() {
        let router = |text: &str| Spot::Behind(text.parse().expect("an address"));
        assert_eq!(Place::new(router("fe80::1"), 3).vantage, Some(3));
        assert_eq!(Place::new(Spot::OwnHost, 3).vantage, Some(3));
        assert_eq!(Place::new(router("10.0.2.2"), 3).vantage, None);
        assert_eq!(Place::new(Spot::Unknown, 3).vantage, None);
    }
}

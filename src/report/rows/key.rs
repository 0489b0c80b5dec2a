//! What makes results one row.

use std::net::IpAddr;

use super::place::{Place, Spot};
use super::what::{There, What};
use crate::model::{Network, ReverseVerdict, Verdict};

/// Results that agree in all of this are one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::report) struct RowKey {
    pub(in crate::report) what: What,
    pub(in crate::report) place: Place,
    /// Of the router that the place is known by; where there is none, of the target.
    pub(in crate::report) network: Option<Network>,
}

/// An address that stands for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct Named {
    pub(in crate::report) host: Box<str>,
    /// `None`: it has none.
    pub(in crate::report) address: Option<IpAddr>,
    pub(in crate::report) port: u16,
}

/// In the place of the address that a target does not have.
pub(in crate::report) const NO_ADDRESS: IpAddr = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);

impl RowKey {
    pub(in crate::report) fn of(what: What, spot: Spot, address: IpAddr, vantage: u32) -> Self {
        let place = Place::new(spot, vantage);
        let network = match (spot.router(), spot) {
            (Some(router), _) => Some(Network::of(router)),
            (None, Spot::Unknown) if is_of_a_network(what) => Some(Network::of(address)),
            (None, _) => None,
        };
        Self { what, place, network }
    }
}

/// Those for whom all is well need no rows by network, and of those who have no address there is none.
fn is_of_a_network(what: What) -> bool {
    match what {
        What::There(There { verdict: Verdict::Clear, port_state: None, .. }) | What::NotExamined(_) => false,
        What::There(_) => true,
        What::Back(verdict) => !matches!(verdict, ReverseVerdict::Clear | ReverseVerdict::Discoverable),
    }
}

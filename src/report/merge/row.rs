//! What makes results one row, and what a row knows while results still come.

use std::net::IpAddr;

use super::place::{Network, Place, Spot};
use super::what::{There, What};
use crate::model::{ReverseVerdict, Verdict};

/// Results that agree in all of this are one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RowKey {
    pub(super) what: What,
    pub(super) place: Place,
    /// Of the router that the place is known by; where there is none, of the target.
    pub(super) network: Option<Network>,
}

/// A row, and some of those that may be named in it.
#[derive(Debug)]
pub(super) struct RowDraft {
    pub(super) key: RowKey,
    pub(super) candidates: Vec<Candidate>,
}

/// Somebody who may be named as an example, unless a later result of theirs is another.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) host: Box<str>,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) target: u64,
}

/// An address that stands for others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) host: Box<str>,
    /// `None`: it has none.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

/// In the place of the address that a target does not have.
pub(super) const NO_ADDRESS: IpAddr = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);

impl RowKey {
    pub(super) fn of(what: What, spot: Spot, address: IpAddr, vantage: u32) -> Self {
        let place = Place::new(spot, vantage);
        let network = match (spot.router(), spot) {
            (Some(router), _) => Some(Network::of(router)),
            (None, Spot::Unknown) if is_of_a_network(what) => Some(Network::of(address)),
            (None, _) => None,
        };
        Self { what, place, network }
    }
}

impl RowDraft {
    pub(super) fn new(key: RowKey) -> Self {
        Self { key, candidates: Vec::new() }
    }

    pub(super) fn note(&mut self, candidate: impl FnOnce() -> Candidate) {
        /// More than are named, as some may be outdated by later results.
        const MOST: usize = 6;
        if self.candidates.len() < MOST {
            self.candidates.push(candidate());
        }
    }
}

impl Named {
    pub(super) fn of(candidate: &Candidate) -> Self {
        let address = Some(candidate.address).filter(|address| *address != NO_ADDRESS);
        Self { host: candidate.host.clone(), address, port: candidate.port }
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

//! An address that waits until it is known what its silence means.

use std::net::IpAddr;

use super::account::Likeness;
use crate::model::{Location, Network, Timestamp};

/// What is kept of it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) likeness: Likeness,
    pub(super) network: Network,
    /// Whether the smallest size that is lost is the next one.
    pub(super) is_exact: bool,
    /// Where large packets end, if its own examination knows exactly.
    pub(super) place: Option<Location>,
    /// When its examination began and ended.
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    /// Whether others asked the same hop meanwhile.
    pub(super) is_crowded: bool,
    /// How often it was silent although asked alone.
    pub(super) silences: u32,
    pub(super) turn: Turn,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Waits,
    /// It is examined again, and asks this hop.
    Asks(Option<IpAddr>),
}

impl Held {
    /// The hop that its own examination found.
    pub(super) fn own_hop(&self) -> Option<IpAddr> {
        self.place.as_ref()?.last_hop.as_ref().map(|hop| hop.address)
    }

    /// The first hop that it says large packets did not reach.
    pub(super) fn beyond(&self) -> Option<IpAddr> {
        self.place.as_ref()?.next_hop.as_ref().map(|hop| hop.address)
    }

    /// Whether its examination overlaps with a time.
    pub(super) fn overlaps(&self, began: Timestamp, ended: Timestamp) -> bool {
        began < self.ended && ended > self.began
    }
}

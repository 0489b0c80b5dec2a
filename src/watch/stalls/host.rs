//! A peer's address: the examinations that all its connections share.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::hanging::Hanging;
use crate::model::{Direction, Sighting, StalledConnection, Timestamp, Verdict};
use crate::watch::terms::{LEAST_PAUSE, Number};

/// An address with which connections hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    address: IpAddr,
    scope_id: u32,
}

impl Host {
    /// That of the other end.
    pub fn of(connection: &StalledConnection) -> Self {
        let scope_id = match connection.peer {
            SocketAddr::V6(peer) => peer.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Self { address: connection.peer.ip(), scope_id }
    }
}

/// What is known of one.
#[derive(Debug, Default)]
pub(super) struct HostRecord {
    /// Its connections that hang.
    pub(super) connections: BTreeSet<u64>,
    /// The examination that is under way or ordered.
    pub(super) running: Option<Number>,
    /// The last one that was ordered.
    pub(super) last: Option<LastExamination>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct LastExamination {
    pub(super) began: Timestamp,
    direction: Direction,
    port: u16,
    /// `None`: it is not over, or could not be made.
    pub(super) said: Option<Sighting>,
}

impl LastExamination {
    pub(super) fn ordered(direction: Direction, port: u16, now: Timestamp) -> Self {
        Self { began: now, direction, port, said: None }
    }

    /// Whether it was made for such a connection too. Ports share the way there, but each server sends its own packets.
    pub(super) fn covers(&self, connection: &StalledConnection) -> bool {
        match connection.direction() {
            Direction::Forward => self.direction.is_forward(),
            _ => self.direction.is_reverse() && self.port == connection.service_port(),
        }
    }

    /// Whether it answers for a connection: the stall is older, or has the same cause as others a moment ago.
    pub(super) fn answers_for(&self, hanging: &Hanging, now: Timestamp) -> bool {
        let is_recent = now.since(self.began) < LEAST_PAUSE;
        let is_down = self.said.is_some_and(|said| said.there == Some(Verdict::Unreachable));
        let is_reason = is_down || hanging.is_explained_by(self.said.as_ref());
        self.covers(hanging.connection()) && (self.began >= hanging.began() || is_recent && is_reason)
    }
}

impl HostRecord {
    /// From when on it may be examined; `None`: it is being examined.
    pub(super) fn opens(&self) -> Option<Timestamp> {
        match (self.running, &self.last) {
            (Some(_), _) => None,
            (None, None) => Some(Timestamp::ZERO),
            (None, Some(last)) => Some(last.began + LEAST_PAUSE),
        }
    }

    /// Nothing depends on it any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.connections.is_empty() && self.opens().is_some_and(|opens| opens <= now)
    }
}

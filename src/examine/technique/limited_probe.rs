//! A small probe whose TTL ends before the target, and what became of it.

use std::time::Duration;

use crate::model::{PacketSize, Probe, Purpose, Technique as Name, Timestamp, Ttl};

use super::super::rtt::RttEstimator;
use super::super::search::ProbeKey;

/// What carries a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vehicle {
    Syn,
    Segment,
    /// Old data, while nothing else is on the way over the connection.
    LoneSegment,
    Echo,
    /// All the way, once the path is warm: the first packets of a flow may wait for neighbours and radios.
    LateEcho,
}

/// A probe with a limited TTL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limited {
    pub(super) vehicle: Vehicle,
    pub(super) ttl: u8,
    pub(super) size: PacketSize,
    pub(super) key: ProbeKey,
    pub(super) sent: Timestamp,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Waiting,
    /// Nobody said anything.
    Silent,
    /// A router says that it ended there.
    Expired,
    /// Somebody answered as the target would, after this time.
    Answered(Duration),
}

impl Limited {
    /// One that leaves now.
    pub(super) fn new(vehicle: Vehicle, ttl: u8, size: PacketSize, key: ProbeKey, now: Timestamp) -> Self {
        Self { vehicle, ttl, size, key, sent: now, fate: Fate::Waiting }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.fate == Fate::Waiting
    }

    /// Whether nobody said anything in time.
    pub(super) fn is_silent(&self) -> bool {
        self.fate == Fate::Silent
    }

    /// Whether a router says that it ended there.
    pub(super) fn has_expired(&self) -> bool {
        self.fate == Fate::Expired
    }

    /// Nobody said anything in time.
    pub(super) fn give_up(&mut self) {
        self.fate = Fate::Silent;
    }

    /// A router says that it ended there, unless somebody answered.
    pub(super) fn expire(&mut self) {
        if !self.is_answered() {
            self.fate = Fate::Expired;
        }
    }

    /// Somebody answers as the target would. The first answer counts.
    pub(super) fn answer(&mut self, now: Timestamp) {
        if !self.is_answered() {
            self.fate = Fate::Answered(now.since(self.sent));
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self.fate, Fate::Answered(_))
    }

    pub(super) fn after(&self) -> Option<Duration> {
        match self.fate {
            Fate::Answered(after) => Some(after),
            _ => None,
        }
    }

    /// When its silence means that nobody answers.
    pub(super) fn due(&self, rtt: &RttEstimator) -> Timestamp {
        self.sent + rtt.or_guess() + rtt.margin()
    }

    pub(super) fn probe(&self) -> Probe {
        let technique = match self.vehicle {
            Vehicle::Syn => Name::SynData,
            Vehicle::Segment | Vehicle::LoneSegment => Name::OldData,
            Vehicle::Echo | Vehicle::LateEcho => Name::Echo,
        };
        let purpose = if self.vehicle == Vehicle::LateEcho { Purpose::Search } else { Purpose::Trace(Ttl(self.ttl)) };
        Probe { technique, size: self.size, purpose }
    }
}

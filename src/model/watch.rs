//! What a watch sees of an address, and what it tells about it.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::finding::Finding;
use super::port_state::PortState;
use super::report::{Examined, ReverseVerdict, Verdict};
use super::size::{PacketSize, Ttl};

/// An address under watch. What leads to the same address and port is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WatchedAddress {
    /// The address.
    pub address: IpAddr,
    /// Interface index of a link-local address, else 0.
    pub scope_id: u32,
    /// The TCP port.
    pub port: u16,
}

/// What one examination says of an address, as far as a watch compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The way there; `None`: it was not asked for.
    pub there: Option<Verdict>,
    /// Largest packet proven to pass.
    pub size: Option<PacketSize>,
    /// Whether large packets vanish on one of several parallel paths.
    pub on_some_flows: bool,
    /// The last hop that large packets reach.
    pub hop: Option<Ttl>,
    /// The way back.
    pub back: ReverseVerdict,
    /// Largest packet seen from there.
    pub back_size: Option<PacketSize>,
    /// Whether the port takes connections; `None`: not known.
    pub port: Option<PortState>,
    /// The round-trip time.
    pub rtt: Option<Duration>,
    /// The exit code that it gives.
    pub code: u8,
    /// When the examination began.
    pub began: SystemTime,
    /// When its verdict stood.
    pub ended: SystemTime,
}

#[cfg(test)]
impl Sighting {
    /// For tests: an open port, a way back that is clear, at the beginning of time.
    pub(crate) fn example(there: Verdict, size: u32) -> Self {
        Self {
            there: Some(there),
            size: Some(PacketSize::new(size)),
            on_some_flows: false,
            hop: None,
            back: ReverseVerdict::Clear,
            back_size: None,
            port: Some(PortState::Open),
            rtt: None,
            code: 0,
            began: SystemTime::UNIX_EPOCH,
            ended: SystemTime::UNIX_EPOCH,
        }
    }
}

/// Something that a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchNews {
    /// An address is not as it was.
    Changed(WatchedChange),
    /// No target leads to an address any more that was not fine.
    Gone {
        /// What to call it.
        label: String,
        /// How it stood last.
        was: Sighting,
    },
    /// A target leads nowhere.
    Lost {
        /// The target.
        target: String,
        /// Why.
        why: String,
    },
    /// It leads somewhere again.
    FoundAgain {
        /// The target.
        target: String,
    },
}

/// An address that is not as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchedChange {
    /// What to call it.
    pub label: String,
    /// Which parts of it are told.
    pub parts: ChangedParts,
    /// How it stood; `None`: it was never seen before.
    pub was: Option<Sighting>,
    /// How it stands.
    pub now: Sighting,
    /// Between which moments it changed; `None`: it was never seen otherwise.
    pub since: Option<(SystemTime, SystemTime)>,
}

/// Parts of a sighting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangedParts {
    /// The way there.
    pub there: bool,
    /// The way back.
    pub back: bool,
    /// The port.
    pub port: bool,
}

/// What one round says of an address, in a strip of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundMark {
    /// Large packets pass both ways, and the port takes connections.
    Fine,
    /// Mail passes although something is wrong.
    Impaired,
    /// Large packets vanish one way or both.
    Holed,
    /// Nothing is answered, or no connection is taken.
    Dead,
    /// Nobody can tell.
    Doubtful,
}

impl Sighting {
    /// What an examination says.
    pub fn of(examined: &Examined, code: u8, began: SystemTime, ended: SystemTime) -> Self {
        let is_forward = examined.direction.is_forward();
        let last_hop = examined.location.as_ref().and_then(|location| location.last_hop.as_ref());
        Self {
            there: is_forward.then_some(examined.verdict),
            size: examined.path_mtu.filter(|_| is_forward),
            on_some_flows: is_forward && examined.findings.contains(&Finding::HoleOnSomeFlows),
            hop: last_hop.and_then(|hop| hop.ttl),
            back: examined.reverse.verdict,
            back_size: examined.reverse.path_mtu,
            port: examined.port_state,
            rtt: examined.rtt,
            code,
            began,
            ended,
        }
    }

    /// Whether large mail passes both ways, as far as is known.
    pub fn is_fine(&self) -> bool {
        self.mark() == RoundMark::Fine
    }

    /// All of it in one word.
    pub fn mark(&self) -> RoundMark {
        let is_closed = self.port.is_some_and(|port| !port.takes_connections());
        match (self.there, self.back) {
            (Some(Verdict::BlackHole), _) | (_, ReverseVerdict::BlackHole) => RoundMark::Holed,
            _ if is_closed => RoundMark::Dead,
            (Some(Verdict::Unreachable), _) => RoundMark::Dead,
            (Some(Verdict::Recovers | Verdict::Masked), _) | (_, ReverseVerdict::Recovers) => RoundMark::Impaired,
            (Some(Verdict::Inconclusive), _) => RoundMark::Doubtful,
            (Some(Verdict::Clear | Verdict::Discoverable) | None, _) => RoundMark::Fine,
        }
    }
}

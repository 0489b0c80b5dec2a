//! What an examination says of the messages of a hop.

use std::net::IpAddr;

use crate::model::{Cause, Examined, Family, Location, LocationPoint, Network, PacketSize, PtbReport, Verdict};

/// What examinations have in common that end at the same link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Likeness {
    family: Family,
    local_mtu: PacketSize,
    passes: PacketSize,
}

impl Likeness {
    pub(super) fn family(self) -> Family {
        self.family
    }

    pub(super) fn local_mtu(self) -> PacketSize {
        self.local_mtu
    }

    pub(super) fn passes(self) -> PacketSize {
        self.passes
    }
}

/// What one examination found, as far as it can be compared.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) likeness: Likeness,
    /// That of the address examined.
    pub(super) network: Network,
    pub(super) answer: Answer,
    /// Where large packets end, if it is known exactly.
    pub(super) place: Option<Location>,
}

/// What came of the large packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This hop told how large they may be, and its message can be used.
    Told(IpAddr),
    /// Nothing came, and that is the evidence. `is_exact`: the smallest size that is lost is the next one.
    Silence { is_exact: bool },
}

impl Account {
    /// `None`: no message was due, or the verdict rests on one that came.
    pub(super) fn of(examined: &Examined, destination: IpAddr) -> Option<Self> {
        let passes = examined.path_mtu.filter(|_| examined.direction.is_forward())?;
        let answer = match examined.verdict {
            Verdict::Discoverable => Answer::Told(teller(examined, passes)?),
            Verdict::BlackHole | Verdict::Masked | Verdict::Recovers if examined.cause == Some(Cause::NoPtb) => {
                let next = PacketSize::new(passes.bytes() + 1);
                Answer::Silence { is_exact: examined.first_lost_size == Some(next) }
            }
            _ => return None,
        };
        let likeness = Likeness { family: Family::of(destination), local_mtu: examined.local_mtu, passes };
        // What lies behind the hop is not the same for all, and nobody shares the target.
        let place = examined
            .location
            .clone()
            .filter(is_exact)
            .map(|place| Location { next_hop: place.next_hop.filter(|next| next.address != destination), ..place });
        Some(Self { likeness, network: Network::of(destination), answer, place })
    }

    /// The first hop that large packets did not reach, as far as it could hear.
    pub(super) fn beyond(&self) -> Option<IpAddr> {
        match self.answer {
            Answer::Told(_) => None,
            Answer::Silence { .. } => self.place.as_ref()?.next_hop.as_ref().map(|hop| hop.address),
        }
    }

    /// The hop where large packets end.
    pub(super) fn hop(&self) -> Option<IpAddr> {
        match self.answer {
            Answer::Told(hop) => Some(hop),
            Answer::Silence { .. } => self.place.as_ref()?.last_hop.as_ref().map(|hop| hop.address),
        }
    }
}

/// Who tells this size, and is heard by this host's kernel.
fn teller(examined: &Examined, passes: PacketSize) -> Option<IpAddr> {
    let is_it = |ptb: &&PtbReport| ptb.reached_kernel && ptb.fault.is_none() && ptb.mtu == passes.bytes();
    examined.ptb.iter().find(is_it).map(|ptb| ptb.from)
}

/// Whether nothing lies between the last hop that large packets reach and the first that they do not.
pub(super) fn is_exact(location: &Location) -> bool {
    let ttl = |point: &Option<LocationPoint>| point.as_ref().and_then(|point| point.ttl).map(|ttl| ttl.0);
    match (ttl(&location.last_hop), ttl(&location.next_hop)) {
        (Some(last), Some(next)) => last + 1 == next,
        _ => false,
    }
}

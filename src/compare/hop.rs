//! What a hop told, whom, and how often it was silent.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Location, Network, Timestamp};

/// So many addresses have to be told when asked alone, and none left without a word, before their neighbours behind the hop count as told.
const TOLD_ALONE: u32 = 8;
/// The same for addresses from whose network nobody has been told.
const TOLD_ALONE_ELSEWHERE: u32 = 32;
/// A hop that was silent to so many, asked alone, and told nobody, is silent.
pub(super) const SILENT_ALONE: u32 = 3;
/// A hop that told so many in a crowd, and nobody of their networks heard nothing, rations nothing. Of so many one may differ by loss.
const TOLD_IN_A_CROWD: u32 = 32;
const DIFFERING_ONE_OF: u32 = 32;
/// So many, asked alone, have to hear nothing before whole networks are taken for hidden in which nobody was told.
const HIDDEN_ALONE: u32 = 8;
/// And so many of such a network have heard nothing.
const SILENT_IN_A_CROWD: u32 = 8;
/// After the verdict on one who heard nothing: the last 600 ms of its examination were a silence already.
const REST_AFTER_SILENCE: Duration = Duration::from_millis(500);
/// After the verdict on one who was told. Routers that ration give one message a second.
const REST_AFTER_WORD: Duration = Duration::from_millis(1100);

/// What is known of a hop, as the end of packets of one size.
#[derive(Debug, Default)]
pub(super) struct HopRecord {
    /// Examinations that it told, whoever else was asking.
    pub(super) told: u32,
    /// Of those, the ones that asked alone.
    pub(super) told_alone: u32,
    /// Addresses that heard nothing though they asked alone.
    pub(super) silent_alone: u32,
    /// Results that differ from another of the same network, where some were told and some not: so it looks where messages are rationed.
    pub(super) differing: u32,
    /// Examinations that were begun to ask it alone.
    pub(super) asked: u32,
    /// Whether one of them runs.
    pub(super) is_asked: bool,
    /// From when on it has rested from large packets.
    pub(super) rested: Timestamp,
    /// Where it is, and how many examinations found it there.
    pub(super) place: Option<Location>,
    pub(super) found: u32,
}

impl HopRecord {
    /// Nobody behind it is told.
    pub(super) fn is_silent(&self) -> bool {
        self.told == 0 && self.silent_alone >= SILENT_ALONE
    }

    /// Everybody behind it is told who asks alone, as far as anybody knows. `is_near`: the hop is known from the address itself or from its
    /// network.
    pub(super) fn tells_all(&self, is_near: bool) -> bool {
        let enough = if is_near { TOLD_ALONE } else { TOLD_ALONE_ELSEWHERE };
        self.told_alone >= enough && self.silent_alone == 0
    }

    /// Of the networks behind it, all of each are told or none of it, however many ask at once: it tells some, and rations nothing.
    pub(super) fn rations_nothing(&self) -> bool {
        self.told >= TOLD_IN_A_CROWD && self.told_alone == 0 && self.differing * DIFFERING_ONE_OF <= self.told
    }

    /// It has no word for some networks: those who were asked alone, spread over the list, hear as little as in a crowd.
    pub(super) fn hides_networks(&self) -> bool {
        self.rations_nothing() && self.silent_alone >= HIDDEN_ALONE
    }

    /// An examination sent large packets to it until now.
    pub(super) fn rest_from(&mut self, now: Timestamp, was_told: bool) {
        self.rested = self.rested.max(now + if was_told { REST_AFTER_WORD } else { REST_AFTER_SILENCE });
    }

    /// An examination found it to be the place. The fuller of two descriptions counts.
    pub(super) fn found_at(&mut self, place: Option<&Location>) {
        self.found += 1;
        let is_full = |place: &Location| place.next_hop.is_some();
        if place.is_some_and(|new| self.place.is_none() || is_full(new)) && !self.place.as_ref().is_some_and(is_full) {
            self.place = place.cloned();
        }
    }
}

/// What is known of a network, as far as packets of one size end on the way to it.
#[derive(Debug, Default)]
pub(super) struct NetworkRecord {
    pub(super) hops: Hops,
    /// Addresses that were told, whoever else was asking.
    pub(super) told: u32,
    /// Addresses that heard nothing when they were examined first, whoever else was asking.
    pub(super) silent: u32,
    /// Of those that were told, the ones that asked alone.
    pub(super) told_alone: u32,
    /// Addresses that heard nothing though they asked alone.
    pub(super) silent_alone: u32,
}

/// Where the hop tells others, so many addresses of a network that heard nothing, each asked several times, speak for it.
const SILENT_NETWORK: u32 = 4;

impl NetworkRecord {
    /// Nobody in it is told.
    pub(super) fn is_silent(&self) -> bool {
        self.told == 0 && self.silent_alone >= SILENT_NETWORK
    }

    /// Many in it heard nothing, and nobody was told.
    pub(super) fn is_dark(&self) -> bool {
        self.told == 0 && self.silent >= SILENT_IN_A_CROWD
    }

    /// Everybody in it is told who asks alone, whatever becomes of others.
    pub(super) fn is_told(&self) -> bool {
        self.told_alone >= TOLD_ALONE && self.silent_alone == 0
    }
}

/// Which hops examinations that are alike end at: one, or several.
#[derive(Debug, Default)]
pub(super) struct Hops {
    /// Each, and how many found it. Of many the first are enough.
    found: Vec<(IpAddr, u32)>,
    /// The first networks that they were found from.
    networks: Vec<Network>,
}

const MOST_HOPS: usize = 8;
/// Examinations from so many networks have to agree on a hop before all that are alike share it.
const ENOUGH_NETWORKS: usize = 3;
/// One is the only one although others were found, if those are so few: where a hop is sparing its words, a trace may end too soon.
const ONE_OF: u32 = 16;

impl Hops {
    /// An examination found a hop. `beyond`: the first that large packets did not reach, as far as it could hear.
    pub(super) fn note(&mut self, hop: IpAddr, beyond: Option<IpAddr>, network: Network) {
        // Others know that they do: an answer is certain, and a silence is not.
        if beyond.is_some_and(|beyond| self.found.iter().any(|(known, _)| *known == beyond)) {
            return;
        }
        if let Some((_, count)) = self.found.iter_mut().find(|(known, _)| *known == hop) {
            *count += 1;
        } else if self.found.len() < MOST_HOPS {
            self.found.push((hop, 1));
        }
        if self.networks.len() < ENOUGH_NETWORKS && !self.networks.contains(&network) {
            self.networks.push(network);
        }
    }

    pub(super) fn are_none(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn are_several(&self) -> bool {
        !self.are_none() && self.only().is_none()
    }

    /// The only hop.
    pub(super) fn only(&self) -> Option<IpAddr> {
        let (hop, count) = self.found.iter().copied().max_by_key(|(_, count)| *count)?;
        let in_all: u32 = self.found.iter().map(|(_, count)| count).sum();
        ((in_all - count) * ONE_OF <= count).then_some(hop)
    }

    /// The only hop, if examinations from many networks found it.
    pub(super) fn only_from_many_networks(&self) -> Option<IpAddr> {
        self.only().filter(|_| self.networks.len() >= ENOUGH_NETWORKS)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::ip;
    use super::*;

    #[test]
    fn a_trace_that_ends_too_soon_is_no_second_hop() {
        let network = Network::of(ip("192.0.2.0"));
        let (near, hop, far) = (ip("203.0.113.1"), ip("203.0.113.2"), ip("203.0.113.3"));
        let mut hops = Hops::default();
        hops.note(hop, Some(far), network);
        hops.note(near, Some(hop), network);
        assert_eq!(hops.only(), Some(hop));
        // One that nothing explains.
        hops.note(ip("198.51.100.1"), None, network);
        assert!(hops.only().is_none() && hops.are_several());
        for _ in 0..20 {
            hops.note(hop, Some(far), network);
        }
        assert_eq!(hops.only(), Some(hop));
    }
}

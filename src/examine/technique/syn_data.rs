//! SYNs that carry data, each from a port of its own: the SYN-ACK acknowledges the SYN, or the data as well.

use std::time::Duration;

use crate::model::{
    Meaning, MethodChoice, MethodReason, Outgoing, PacketSize, Plan, Probe, Segment, SeqNumber, Technique as Name,
    Timestamp,
};

use super::super::half_open::acknowledges_syn;
use super::super::outbox::Outbox;
use super::super::rtt::RttEstimator;
use super::super::search::{Outcome, ProbeKey, Search, SentProbe};
use super::super::session::Arrival;
use super::interface::{Heard, Technique, Turn};
use super::standing::Standing;
use super::uses::Uses;

/// The technique.
#[derive(Clone, Debug)]
pub(crate) struct SynData {
    standing: Standing,
    ports: Vec<u16>,
}

/// SYN probes in one round: few, since firewalls count half-open connections.
const MOST_AT_ONCE: usize = 12;
/// A SYN-ACK is sent again after this at the earliest: RFC 6298, 2.1 wants a second, smoltcp takes 0.7.
const SENT_AGAIN: Duration = Duration::from_millis(500);

impl SynData {
    pub(crate) fn new(plan: &Plan) -> Self {
        // The first carries the connection, the last two SYNs with a limited TTL.
        let last = plan.local_ports.len().saturating_sub(2);
        let ports = plan.local_ports.get(1..last).unwrap_or_default().to_vec();
        let unusable = match (ports.is_empty(), plan.method) {
            (true, _) => Some(MethodReason::NoSparePorts),
            (false, MethodChoice::Icmp) => Some(MethodReason::NotAskedFor),
            (false, MethodChoice::Auto | MethodChoice::Tcp) => None,
        };
        let search = Search::narrow(plan, ports.len().clamp(1, MOST_AT_ONCE));
        Self { standing: Standing::new(Name::SynData, Uses::Syns, search, unusable), ports }
    }

    /// Whether the answer to the newest probe that `matches` may be one that the server sent again.
    fn may_be_repeated(&self, heard: &Heard<'_>, matches: impl Fn(&SentProbe) -> bool) -> bool {
        let probe = self.search().log().probes().iter().rev().find(|probe| matches(probe));
        let least = SENT_AGAIN + heard.rtt.or_guess();
        let is_given_up = |probe: &&SentProbe| matches!(probe.outcome, Outcome::Lost(_));
        probe.filter(is_given_up).is_some_and(|probe| heard.now.since(probe.sent) >= least)
    }

    /// Whether the server may have half a connection left from this probe, of a size that passes, so that a SYN from the same port means
    /// nothing to it: some stacks take no reset that acknowledges nothing.
    fn may_have_left_half(&self, probe: &SentProbe) -> bool {
        matches!(probe.outcome, Outcome::Lost(_)) && Some(probe.size) <= self.search().log().largest_answered()
    }

    /// The last probe from a port.
    fn last_from(&self, port: u16) -> Option<&SentProbe> {
        let is_it = |probe: &&SentProbe| matches!(probe.key, ProbeKey::Syn { port: own, .. } if own == port);
        self.search().log().probes().iter().rev().find(is_it)
    }

    /// A port that no SYN is on the way from, if one is of use: one that was never used, or was used last the longest time ago.
    fn free_port(&self) -> Option<u16> {
        let is_doubtful = |port: &&u16| self.last_from(**port).is_some_and(|probe| self.may_have_left_half(probe));
        let (doubtful, clean): (Vec<&u16>, Vec<&u16>) = self.ports.iter().partition(is_doubtful);
        let ports = if clean.is_empty() { doubtful } else { clean };
        let is_free = |port: &u16| self.last_from(*port).is_none_or(|probe| probe.outcome != Outcome::Waiting);
        let free = ports.into_iter().copied().filter(is_free);
        free.min_by_key(|&port| self.last_from(port).map(|probe| probe.sent))
    }

    /// Resets what the last SYN from a port may have left, in case only the answer was lost. Returns whether it had to.
    fn clear(&self, port: u16, turn: &mut Turn<'_>) -> bool {
        match self.last_from(port).map(|probe| probe.key) {
            Some(ProbeKey::Syn { port, isn }) => turn.outbox.half_open().reset(port, isn),
            _ => false,
        }
    }
}

impl Technique for SynData {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn standing_mut(&mut self) -> &mut Standing {
        &mut self.standing
    }

    fn due(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        self.search().next_queued().filter(|queued| queued.not_before <= turn.now)?;
        let port = self.free_port()?;
        if self.clear(port, turn) {
            // The reset goes first; the SYN follows at the next call.
            return None;
        }
        let queued = self.search_mut().take_due(turn.now)?;
        let isn = SeqNumber(turn.outbox.random() as u32);
        self.search_mut().launched(queued, ProbeKey::Syn { port, isn }, turn.now);
        let segment = turn.outbox.syn_with_data(turn.plan, port, isn, queued.size);
        Some(queued.dress(turn.outbox.tcp(segment, Meaning::Probe(queued.probe(Name::SynData)))))
    }

    fn next_timeout(&self, rtt: &RttEstimator, _in_order: Option<PacketSize>, _now: Timestamp) -> Option<Timestamp> {
        if self.free_port().is_some() { self.search().next_timeout(rtt) } else { self.search().log().next_timeout(rtt) }
    }

    fn on_segment(
        &mut self,
        segment: &Segment,
        arrival: Option<Arrival>,
        _ip_id: u16,
        heard: &mut Heard<'_>,
    ) -> Option<Probe> {
        if arrival.is_some() || !segment.flags.ack {
            return None;
        }
        let headers = heard.plan.family().tcp_headers();
        let is_it = |probe: &SentProbe| match probe.key {
            ProbeKey::Syn { port, isn } if port == segment.destination_port => {
                acknowledges_syn(segment, isn, probe.size, headers)
            }
            _ => false,
        };
        // A server whose SYN-ACK was lost sends it again, and nothing tells that one from the first (Karn).
        let mut apart = heard.rtt.clone();
        let rtt = if self.may_be_repeated(heard, is_it) { &mut apart } else { &mut *heard.rtt };
        let probe = self.search_mut().log_mut().answered(heard.now, rtt, is_it)?;
        if let (true, ProbeKey::Syn { isn, .. }) = (segment.flags.syn, probe.key) {
            heard.outbox.half_open().refuse(isn, segment);
        }
        Some(probe.probe(Name::SynData))
    }

    fn clean_up(&self, outbox: &mut Outbox) {
        for probe in self.search().log().probes() {
            if let (false, ProbeKey::Syn { port, isn }) = (matches!(probe.outcome, Outcome::Answered(_)), probe.key) {
                outbox.half_open().reset(port, isn);
            }
        }
    }

    fn on_nothing(&mut self, _turn: &mut Turn<'_>, _may_wait_for_greeting: bool) {
        self.rule_out(MethodReason::SynDataUnanswered);
    }
}

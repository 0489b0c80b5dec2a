//! Where something lowers the MSS of our SYNs: a SYN to each hop, from one port, so that all take the same path.
//!
//! A router whose TTL it was quotes the SYN as it arrived there. Linux quotes up to 576 bytes, and so the MSS; a router that quotes
//! no more than eight bytes of TCP (RFC 792) proves nothing. A clamp acts on what a router forwards, so the next hop shows it.

use crate::model::{
    Body, Meaning, Outgoing, Plan, Probe, Purpose, Quote, QuotedTransport, SeqNumber, Technique as Name, Timestamp, Ttl,
};

use super::super::rtt::RttEstimator;
use super::interface::Turn;

/// The SYNs, once they were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClampTrace {
    horizon: u8,
    round: u32,
    next: u8,
    syns: Vec<LimitedSyn>,
    /// Somebody answered as the target would: further SYNs would open connections there.
    has_arrived: bool,
}

#[derive(Clone, Copy, Debug)]
struct LimitedSyn {
    ttl: u8,
    isn: SeqNumber,
    sent: Timestamp,
    answer: Option<RouterQuote>,
}

/// What a router quoted of a SYN.
#[derive(Clone, Copy, Debug)]
struct RouterQuote {
    /// `None`: the quote is too short for it.
    mss: Option<u16>,
}

/// How often a hop that stays silent is asked.
const ROUNDS: u32 = 2;
/// A path has hardly more hops than this.
const MOST_HOPS: u8 = 30;

impl ClampTrace {
    /// Asks every router on the way, if that was not done before. `routers`: how many there are, by the target's answers.
    pub(crate) fn begin(&mut self, plan: &Plan, routers: u8) {
        if self.round == 0 && port(plan).is_some() {
            self.horizon = routers.min(MOST_HOPS);
            self.begin_round();
        }
    }

    fn begin_round(&mut self) {
        self.round += 1;
        self.next = 1;
    }

    /// Begins the next round once the last one's answers are in or overdue.
    pub(crate) fn advance(&mut self, now: Timestamp, rtt: &RttEstimator) {
        let is_over = self.next > self.horizon && self.due(rtt).is_none_or(|due| now >= due);
        if self.round > 0 && self.round < ROUNDS && is_over && !self.has_arrived && self.first_silent().is_some() {
            self.begin_round();
        }
    }

    /// Whether nothing more is to be learnt.
    pub(crate) fn is_over(&self, now: Timestamp, rtt: &RttEstimator) -> bool {
        self.round == 0
            || self.next_ttl().is_none()
                && (self.first_silent().is_none() || self.due(rtt).is_none_or(|due| now >= due) && self.round >= ROUNDS)
            || self.has_arrived
    }

    fn next_ttl(&self) -> Option<u8> {
        (self.next.max(1)..=self.horizon).find(|&ttl| !self.is_quoted(ttl)).filter(|_| !self.has_arrived)
    }

    fn first_silent(&self) -> Option<u8> {
        (1..=self.horizon).find(|&ttl| !self.is_quoted(ttl))
    }

    fn is_quoted(&self, ttl: u8) -> bool {
        self.syns.iter().any(|syn| syn.ttl == ttl && syn.answer.is_some())
    }

    fn due(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        self.syns.last().map(|syn| syn.sent + rtt.or_guess() + rtt.margin())
    }

    /// The next SYN.
    pub(crate) fn due_syn(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let ttl = self.next_ttl().filter(|_| self.round > 0)?;
        self.next = ttl + 1;
        let isn = SeqNumber(turn.outbox.random() as u32);
        let body = Body::Tcp(turn.outbox.syn(turn.plan, port(turn.plan)?, isn));
        let size = body.size(turn.plan.family()).unwrap_or(turn.plan.min_size);
        self.syns.push(LimitedSyn { ttl, isn, sent: turn.now, answer: None });
        let purpose = Purpose::Trace(Ttl(ttl));
        Some(turn.outbox.limited(body, Ttl(ttl), Meaning::Probe(Probe { technique: Name::SynData, size, purpose })))
    }

    /// When to send, or to move on.
    pub(crate) fn next_timeout(&self, now: Timestamp, rtt: &RttEstimator) -> Option<Timestamp> {
        if self.is_over(now, rtt) {
            return None;
        }
        if self.next_ttl().is_some() { Some(Timestamp::ZERO) } else { self.due(rtt) }
    }

    /// Takes a router's word about one of the SYNs.
    pub(crate) fn expired(&mut self, quote: &Quote, plan: &Plan) -> Option<Probe> {
        let QuotedTransport::Tcp { source_port, destination_port, seq } = quote.transport else { return None };
        if Some(source_port) != port(plan) || destination_port != plan.port {
            return None;
        }
        let syn = self.syns.iter_mut().find(|syn| syn.isn == seq)?;
        syn.answer = Some(RouterQuote { mss: quote.mss });
        Some(Probe { technique: Name::SynData, size: quote.size, purpose: Purpose::Trace(Ttl(syn.ttl)) })
    }

    /// Takes note of an answer of the target to one of the SYNs.
    pub(crate) fn answered(&mut self, port_answered: u16, plan: &Plan, acknowledges: impl Fn(SeqNumber) -> bool) {
        let is_ours = Some(port_answered) == port(plan);
        self.has_arrived |= is_ours && self.syns.iter().any(|syn| acknowledges(syn.isn));
    }

    /// The first hop at which the MSS was lower than this, and what it was there.
    pub(crate) fn lowered(&self, own: u16) -> Option<(Ttl, u16)> {
        let quoted = self.syns.iter().filter_map(|syn| Some((Ttl(syn.ttl), syn.answer?.mss?)));
        quoted.filter(|(_, mss)| *mss < own).min_by_key(|(hop, _)| hop.0)
    }
}

/// The port that its SYNs leave from: no other kind of probe has it.
fn port(plan: &Plan) -> Option<u16> {
    let (_, others) = plan.local_ports.split_last()?;
    let (port, others) = others.split_last()?;
    (!others.is_empty()).then_some(*port)
}

//! The way back: whether the server's large packets reach this host.
//!
//! The connection that examined the way there goes on, until the server sends its certificates in segments as large as both
//! ends announced. If they arrive, all is well, and the server has seen one connection. If they stay away while the server's
//! own acknowledgments prove that it sent them, the same bytes are fetched over a connection that allows only small segments,
//! side by side, and sizes in between on at most two more. The first one is watched all the while: it may still recover.
//!
//! * `fetch`: one connection; `conversation`, `exchange`: what is said on it, and when; `arrivals`, `stall`, `ack_probes`: what
//!   came, what is missing, and what shows that it was sent; `leave`: how it ends; `fetch_list`: opens, judges and leaves all;
//! * `size_search`, `trial`, `echo_search`: which sizes to try; `small_segments`: the control;
//! * `recovery`: how long the first connection is watched; `chance`: whether chance explains what stays away; `timers`: every
//!   deadline by name;
//! * `ptb_test`, `ptb_sender`, `own_ptb`: whether the server obeys a PTB;
//! * `inquiry`: what to do next while the verdict is open; `evidence`, `judge`: evidence in, verdict out.

mod ack_probes;
mod arrivals;
mod chance;
mod conversation;
mod echo_search;
mod evidence;
mod exchange;
mod fetch;
mod fetch_list;
mod inquiry;
mod judge;
mod leave;
mod own_ptb;
mod ptb_sender;
mod ptb_test;
mod recovery;
mod sent_range;
mod setup;
mod size_search;
mod small_segments;
mod stall;
mod timers;
mod trial;

use crate::model::{
    Body, Echo, Finding, Meaning, Packet, PacketSize, Plan, Probe, Purpose, Reception, Reverse, ReverseReason, Segment,
    Service, Technique, Timestamp,
};

use super::random::Random;
use super::rtt::RttEstimator;
use super::session::{Connection, Dialogue};

pub(super) use chance::RoundTrips;
use conversation::Conversation;
use evidence::WatchEnd;
use fetch::Fetch;
use fetch_list::FetchList;
use inquiry::{Inquiry, InquiryTurn};
use judge::{ReverseJudgement, judge};
use own_ptb::OwnPtb;
use setup::Setup;
pub(super) use setup::WayThere;
use size_search::SizeSearch;
use timers::ReverseTimers;

/// The examination of the way back.
#[derive(Debug)]
pub(super) struct ReverseExamination {
    setup: Setup,
    random: Random,
    fetches: FetchList,
    phase: ReversePhase,
}

#[derive(Debug)]
enum ReversePhase {
    /// The verdict is open.
    Open(Box<Inquiry>),
    /// The verdict stands; what remains is to leave the connections, and to know late echo replies.
    Judged(ReverseJudgement, Box<SizeSearch>),
}

/// A packet to send.
pub(super) enum ReversePacket {
    Segment(Segment, Meaning),
    Echo(Echo, Meaning),
    Whole(Packet, Meaning),
}

impl ReverseExamination {
    /// Goes on with an open connection.
    pub(super) fn begin(
        plan: &Plan,
        (connection, dialogue): (Connection, Dialogue),
        there: WayThere,
        rtt: &RttEstimator,
        seed: u64,
        now: Timestamp,
    ) -> Self {
        let setup = Setup::new(plan, there, rtt);
        let conversation = Conversation::new(&setup, dialogue);
        let first = Fetch::adopt(&setup, plan.announced_mss(), connection, conversation, now);
        let phase = ReversePhase::Open(Box::new(Inquiry::new(&setup, now)));
        Self { setup, random: Random::new(seed), fetches: FetchList::new(first), phase }
    }

    /// The verdict, once it stands.
    pub(super) fn found(&self) -> Option<(&Reverse, &[Finding])> {
        match &self.phase {
            ReversePhase::Open(_) => None,
            ReversePhase::Judged(judgement, _) => Some((judgement.found(), judgement.findings())),
        }
    }

    /// How the server received us on the first connection.
    pub(super) fn reception(&self) -> Reception {
        self.fetches.first().reception()
    }

    /// Whether every connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.fetches.is_over()
    }

    /// Moves everything as far as it goes without new events.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.fetches.advance(now);
        let ReversePhase::Open(inquiry) = &mut self.phase else { return };
        if let Some(end) = inquiry.advance(&mut InquiryTurn::new(&self.setup, &mut self.random, &mut self.fetches, now))
        {
            self.conclude(end, now);
        }
    }

    fn conclude(&mut self, end: WatchEnd, now: Timestamp) {
        if let ReversePhase::Open(inquiry) = &self.phase {
            let judgement = judge(&inquiry.evidence(&self.setup, &self.fetches, end, now));
            self.phase = ReversePhase::Judged(judgement, Box::new(inquiry.sizes().clone()));
            self.fetches.leave(now);
        }
    }

    /// Concludes from what is known so far, and ends everything at once.
    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.conclude(Inquiry::interrupted(&self.fetches, now), now);
        self.fetches.hurry(now);
    }

    /// The next packet that is due.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<ReversePacket> {
        if let ReversePhase::Open(inquiry) = &mut self.phase
            && let Some(ptb) = inquiry.poll_ptb(&mut self.fetches, now)
        {
            return Some(self.own_ptb(&ptb));
        }
        if let Some((segment, meaning)) = self.fetches.poll(now) {
            return Some(ReversePacket::Segment(segment, meaning));
        }
        let ReversePhase::Open(inquiry) = &mut self.phase else { return None };
        let (seq, size) = inquiry.sizes_mut().poll(now, self.setup.rtt())?;
        let payload_len = size.bytes().saturating_sub(self.setup.family().echo_headers());
        let echo = Echo { ident: self.setup.plan().echo_ident, seq, payload_len };
        Some(ReversePacket::Echo(echo, Meaning::Probe(echo_probe(size))))
    }

    fn own_ptb(&mut self, ptb: &OwnPtb) -> ReversePacket {
        let id = self.random.next() as u16;
        ReversePacket::Whole(ptb.packet(self.setup.plan(), id), ptb.meaning())
    }

    /// When to poll again without an event.
    pub(super) fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        let mut timers = ReverseTimers::new(now);
        self.fetches.enter_timers(&mut timers);
        if let ReversePhase::Open(inquiry) = &self.phase {
            inquiry.enter_timers(&self.fetches, &mut timers);
        }
        timers.next().map(|(at, _)| at)
    }

    /// Takes in a packet of the server. `fragment`: it came in fragments, the largest of this size. `None`: it does not belong
    /// to the way back.
    pub(super) fn receive(&mut self, packet: &Packet, fragment: Option<PacketSize>, now: Timestamp) -> Option<Meaning> {
        match &packet.body {
            Body::Tcp(segment) if segment.source_port == self.setup.plan().port => {
                self.fetches.receive(&packet.ip, segment, fragment, now)
            }
            Body::EchoReply(echo) if echo.ident == self.setup.plan().echo_ident => {
                let size = packet.size()?;
                let sizes = match &mut self.phase {
                    ReversePhase::Open(inquiry) => inquiry.sizes_mut(),
                    ReversePhase::Judged(_, sizes) => sizes,
                };
                let is_ours = sizes.answered(echo.seq, size, fragment);
                is_ours.then(|| Meaning::Answer(echo_probe(size)))
            }
            Body::Tcp(_) | Body::EchoReply(_) | Body::EchoRequest(_) | Body::Error(_) => None,
        }
    }
}

fn echo_probe(size: PacketSize) -> Probe {
    Probe { technique: Technique::Echo, size, purpose: Purpose::Search }
}

/// Why the way back cannot be examined at all.
pub(super) fn impossible(plan: &Plan) -> Option<ReverseReason> {
    (plan.service == Service::Unknown).then_some(ReverseReason::ServiceUnknown)
}

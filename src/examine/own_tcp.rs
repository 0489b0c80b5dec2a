//! The one question to this host's own TCP: when it is asked, and what came of it.

use std::time::Duration;

use crate::model::{Body, Event, Meaning, OwnTcp, Packet, Plan, Timestamp};

use super::judge::{Announced, OwnTcpFacts};
use super::session::default_mss;

/// Asks this host's own TCP, at most once.
#[derive(Debug, Default)]
pub(super) struct OwnTcpInquiry {
    stage: Stage,
    answer: Option<OwnTcp>,
    /// The SYN-ACK of its connection, as the interface saw it.
    announced: Option<Announced>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    NotNeeded,
    Wanted,
    /// An answer is awaited until then.
    Asked(Timestamp),
    Over,
    /// The run ended before it could answer.
    CutShort,
}

/// Longer than the driver takes. A SYN that is lost comes again after 1 s and after 3 s.
const PATIENCE: Duration = Duration::from_secs(6);

impl OwnTcpInquiry {
    /// Has it asked with the next poll.
    pub(super) fn want(&mut self) {
        if self.stage == Stage::NotNeeded {
            self.stage = Stage::Wanted;
        }
    }

    /// Whether it is to be asked now.
    pub(super) fn is_due(&mut self, now: Timestamp) -> bool {
        let is_due = self.stage == Stage::Wanted;
        if is_due {
            self.stage = Stage::Asked(now + PATIENCE);
        }
        is_due
    }

    /// Takes in its answer, and what the interface sees of the connection. `None`: the event is about something else.
    pub(super) fn receive(&mut self, plan: &Plan, event: &Event) -> Option<Meaning> {
        match event {
            Event::OwnTcp(told) => self.told(*told),
            Event::Received(packet) if is_about(plan, packet) => self.saw(plan, packet),
            _ => return None,
        }
        Some(Meaning::OwnTcp)
    }

    fn told(&mut self, told: Option<OwnTcp>) {
        self.answer = told;
        self.stage = Stage::Over;
    }

    /// What the server announces to it, before this host's firewall.
    fn saw(&mut self, plan: &Plan, packet: &Packet) {
        if let Body::Tcp(segment) = &packet.body
            && segment.flags.syn
        {
            let mss = segment.mss.unwrap_or(default_mss(plan.family()));
            self.announced = Some(Announced { mss, window: segment.window });
        }
    }

    /// Whether nothing more is to come.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        match self.stage {
            Stage::NotNeeded | Stage::Over | Stage::CutShort => true,
            Stage::Wanted => false,
            Stage::Asked(until) => now >= until,
        }
    }

    /// No answer is awaited any more.
    pub(super) fn cut_short(&mut self) {
        if self.stage != Stage::Over {
            self.stage = Stage::CutShort;
        }
    }

    /// What came of it.
    pub(super) fn facts(&self) -> OwnTcpFacts {
        let is_cut_short = self.stage == Stage::CutShort;
        OwnTcpFacts { told: self.answer, announced: self.announced, is_cut_short }
    }

    /// When to poll again without an event.
    pub(super) fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        match self.stage {
            Stage::Wanted => Some(now),
            Stage::Asked(until) => Some(until).filter(|until| *until > now),
            Stage::NotNeeded | Stage::Over | Stage::CutShort => None,
        }
    }
}

/// Whether a packet belongs to the connection by which it is asked.
fn is_about(plan: &Plan, packet: &Packet) -> bool {
    let Body::Tcp(segment) = &packet.body else { return false };
    packet.ip.source == plan.destination
        && segment.source_port == plan.port
        && plan.own_tcp.port == Some(segment.destination_port)
}

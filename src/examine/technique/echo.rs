//! ICMP echo requests. The reply is as large as the request, so on its own it cannot tell the directions apart.

use std::time::Duration;

use crate::model::{
    Echo as EchoMessage, FirstFlight, Meaning, MethodChoice, MethodReason, Outgoing, PacketSize, Plan, Probe,
    Technique as Name, Timestamp,
};

use super::super::random::first_echo;
use super::super::rtt::RttEstimator;
use super::super::search::{ProbeKey, ProbeKind, Search, SentProbe};
use super::super::session::Session;
use super::interface::{Heard, Technique, Turn};
use super::standing::Standing;
use super::uses::Uses;

/// The technique.
#[derive(Clone, Debug)]
pub(crate) struct Echo {
    standing: Standing,
    /// The number of the first request.
    first: u16,
    started: Timestamp,
    /// When the next small request may leave, while none was answered.
    again: Timestamp,
    /// Packets are saved: a reply that is a little late is waited for.
    is_sparing: bool,
}

/// How often a small request leaves while none was answered: a lossy path may swallow many.
const INTERVAL: Duration = Duration::from_millis(300);
/// And how many at most once the TCP port has answered.
const MOST_BESIDE_TCP: u32 = 4;

impl Echo {
    pub(crate) fn new(plan: &Plan, now: Timestamp) -> Self {
        let unusable = (plan.method == MethodChoice::Tcp).then_some(MethodReason::NotAskedFor);
        let standing = Standing::new(Name::Echo, Uses::Icmp, Search::new(plan), unusable);
        Self {
            standing,
            first: first_echo(plan),
            started: now,
            again: now,
            is_sparing: plan.first_flight == FirstFlight::TwoSizes,
        }
    }

    /// When the next small request is due after `sent` others. The second one comes early if the TCP port answers and the first
    /// one was not answered as soon: where the target stands is told by its replies alone.
    fn next_small(&self, sent: u32, session: &Session) -> Timestamp {
        let usual = self.started + INTERVAL * sent;
        let part = if self.is_sparing { 4 } else { 8 };
        let early = session.opened().filter(|_| sent == 1).map(|opened| opened + opened.since(self.started) / part);
        early.map_or(usual, |early| early.min(usual))
    }
}

impl Technique for Echo {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn standing_mut(&mut self) -> &mut Standing {
        &mut self.standing
    }

    /// Small requests, and one of full size, as a second witness from the first moment on.
    fn prepare(&mut self, plan: &Plan, session: &Session, now: Timestamp) {
        let small = self.search().log().count(plan.min_size);
        self.again = self.next_small(small.sent, session);
        if self.unusable().is_some() || self.search().has_started() {
            return;
        }
        let is_enough = session.opened().is_some() && small.sent >= MOST_BESIDE_TCP;
        // Beside SYNs that stay unanswered small requests go on: only so can loss be told from a firewall.
        let is_known = small.answered > 0 && !session.repeats_its_syn();
        if self.search().next_queued().is_some() || is_known || is_enough {
            return;
        }
        if now >= self.again {
            if small.sent == 0 && plan.first_flight == FirstFlight::Ladder {
                self.search_mut().queue(plan.max_size, ProbeKind::Sized, now);
            }
            self.search_mut().queue(plan.min_size, ProbeKind::Sized, now);
        }
    }

    fn due(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let queued = self.search_mut().take_due(turn.now)?;
        let seq = self.first.wrapping_add(self.search().log().sent() as u16);
        self.search_mut().launched(queued, ProbeKey::Echo(seq), turn.now);
        self.again = self.next_small(self.search().log().count(turn.plan.min_size).sent, turn.session);
        let payload_len = queued.size.bytes().saturating_sub(turn.plan.family().echo_headers());
        let echo = EchoMessage { ident: turn.plan.echo_ident, seq, payload_len };
        Some(queued.dress(turn.outbox.echo(echo, Meaning::Probe(queued.probe(Name::Echo)))))
    }

    fn next_timeout(&self, rtt: &RttEstimator, _in_order: Option<PacketSize>, now: Timestamp) -> Option<Timestamp> {
        self.search().next_timeout(rtt).into_iter().chain(Some(self.again).filter(|&again| again > now)).min()
    }

    fn on_echo(&mut self, echo: EchoMessage, size: Option<PacketSize>, heard: &mut Heard<'_>) -> Option<Probe> {
        let is_it = |probe: &SentProbe| probe.key == ProbeKey::Echo(echo.seq) && Some(probe.size) == size;
        let probe = self.search_mut().log_mut().answered(heard.now, heard.rtt, is_it)?;
        Some(probe.probe(Name::Echo))
    }

    fn on_nothing(&mut self, _turn: &mut Turn<'_>, _may_wait_for_greeting: bool) {
        self.rule_out(MethodReason::EchoUnanswered);
    }
}

//! The examination of one flow, on the way there.
//!
//! * `parts`: who owns what; `scheduler`: whose turn it is; `confirmation`: what runs beside the search;
//! * `guide`: where answers name no probe, SYNs find the size; `pace`: how fast probes leave; `other_flows`: whether other flows
//!   fare alike; `receive`: which probe an answer belongs to.

mod confirmation;
mod guide;
mod other_flows;
mod pace;
mod parts;
mod receive;
mod scheduler;

use std::sync::Arc;

use crate::model::{
    Event, Meaning, Outgoing, PacketSize, Plan, Probe, Purpose, SeqNumber, Step, Technique as Name, Timestamp,
};

use super::judge::Record;
use super::outbox::Outbox;
use super::rtt::RttEstimator;
use super::session::{Session, TcpState};
use super::technique::{Turn, Uses};
use super::timers::Deadline;

use parts::Parts;
pub(super) use parts::Visits;
pub(super) use scheduler::Decision;

/// One flow under examination.
#[derive(Debug)]
pub(super) struct Forward {
    parts: Parts,
    /// Probing has ended: answers are still told apart, but nothing is asked.
    has_ended: bool,
}

impl Forward {
    pub(super) fn new(plan: Arc<Plan>, iss: SeqNumber, now: Timestamp) -> Self {
        Self { parts: Parts::new(plan, iss, now), has_ended: false }
    }

    /// Moves everything as far as it goes without new events.
    pub(super) fn advance(&mut self, visits: Visits<'_>, outbox: &mut Outbox, now: Timestamp) -> Decision {
        self.listen(now);
        scheduler::advance_all(&mut self.parts, visits, outbox, now)
    }

    /// Settles silences and reads what the server said.
    fn listen(&mut self, now: Timestamp) {
        let Parts { techniques, session, rtt, real_bytes, .. } = &mut self.parts;
        techniques.settle(now, rtt);
        session.listen(now);
        if real_bytes.is_running() && real_bytes.observe(session) {
            // Answers to their copies may still be on the way, and name nothing.
            techniques.hush(now + rtt.or_guess() + rtt.margin());
        }
    }

    /// Ends probing. The record has everything that the verdict rests on.
    pub(super) fn conclude(&mut self, outbox: &mut Outbox, now: Timestamp) -> Record {
        let carrier = scheduler::carrier(&mut self.parts, now);
        let record = self.parts.record(carrier, now);
        other_flows::reset(&self.parts, outbox);
        self.parts.techniques.clean_up(outbox);
        self.parts.session.release();
        self.has_ended = true;
        record
    }

    /// The next packet that is due. Once probing has ended, only the conversation goes on.
    pub(super) fn poll(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        let segment = self.poll_connection(outbox, now);
        if segment.is_some() || self.has_ended {
            return segment;
        }
        self.poll_who(outbox, now)
            .or_else(|| self.poll_real_bytes(outbox, now))
            .or_else(|| self.poll_techniques(Uses::Connection, outbox, now))
            .or_else(|| self.poll_techniques(Uses::Conversation, outbox, now))
            .or_else(|| self.poll_trace(outbox, now))
            .or_else(|| self.poll_clamp(outbox, now))
            .or_else(|| self.poll_techniques(Uses::Syns, outbox, now))
            .or_else(|| self.poll_flows(outbox, now))
            .or_else(|| self.poll_techniques(Uses::Icmp, outbox, now))
    }

    fn poll_connection(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        if !self.parts.is_tcp_asked_for() {
            return None;
        }
        let segment = self.parts.session.poll(now, &self.parts.rtt)?;
        let step = Step::of(&segment);
        if step == Step::Open {
            self.parts.port.syn_sent(now);
        }
        Some(outbox.tcp(segment, Meaning::Connection(step)))
    }

    fn poll_who(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        let Parts { plan, rtt, session, who, .. } = &mut self.parts;
        who.due(&mut Turn { plan, rtt, session, outbox, in_order: None, now })
    }

    fn poll_real_bytes(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        let Parts { plan, rtt, session, techniques, real_bytes, .. } = &mut self.parts;
        let mut turn = Turn { plan, rtt, session, outbox, in_order: None, now };
        let (segment, control) = real_bytes.due(&mut turn, techniques.using(Uses::Connection).search());
        if let (Some(control), Some(technique)) = (control, techniques.using_mut(Uses::Connection).next()) {
            control.queue_in(technique.search_mut(), now);
        }
        segment
    }

    fn poll_techniques(&mut self, uses: Uses, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        let (techniques, mut turn) = self.parts.split(outbox, now);
        techniques.due(uses, &mut turn)
    }

    fn poll_trace(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        let over = self.parts.traces_over();
        let Parts { plan, rtt, session, trace, .. } = &mut self.parts;
        trace.due(over, &mut Turn { plan, rtt, session, outbox, in_order: None, now })
    }

    fn poll_clamp(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        let Parts { plan, rtt, session, clamp, .. } = &mut self.parts;
        clamp.due_syn(&mut Turn { plan, rtt, session, outbox, in_order: None, now })
    }

    /// A SYN of another flow.
    fn poll_flows(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        if other_flows::are_compared(&self.parts) {
            return None;
        }
        let elsewhere = self.parts.controls();
        let Parts { plan, rtt, flows, .. } = &mut self.parts;
        let flows = flows.as_mut()?;
        let probe = flows.next_probe(now, rtt, elsewhere)?;
        let isn = SeqNumber(outbox.random() as u32);
        flows.launched(probe, isn, now);
        let segment = outbox.syn_with_data(plan, probe.port, isn, probe.size);
        let purpose = Purpose::Flow { port: probe.port };
        let probe = Probe { technique: Name::SynData, size: probe.size, purpose };
        Some(outbox.tcp(segment, Meaning::Probe(probe)))
    }

    /// When something may be due without an event.
    pub(super) fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        let Parts { rtt, session, techniques, real_bytes, trace, who, clamp, flows, .. } = &self.parts;
        let connection = self.parts.is_tcp_asked_for().then(|| session.next_timeout()).flatten();
        if self.has_ended {
            return connection;
        }
        let search = techniques.using(Uses::Connection).search();
        let flows = flows.as_ref().filter(|flows| !flows.is_over());
        let flows = flows.and_then(|flows| flows.next_timeout(now, rtt, self.parts.controls()));
        [
            connection,
            techniques.next_timeout(rtt, self.parts.in_order(), now),
            real_bytes.next_timeout(search, rtt),
            trace.next_timeout(rtt),
            who.next_timeout(rtt),
            clamp.next_timeout(now, rtt),
            flows,
            self.parts.timers().next(now),
            self.parts.port.next_timeout(rtt.smoothed(), now).filter(|_| session.state() == TcpState::Connecting),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Takes in what the driver saw. Returns what it means.
    pub(super) fn receive(&mut self, event: &Event, outbox: &mut Outbox, now: Timestamp) -> Meaning {
        receive::receive(&mut self.parts, event, outbox, now)
    }

    pub(super) fn session(&self) -> &Session {
        &self.parts.session
    }

    pub(super) fn rtt(&self) -> &RttEstimator {
        &self.parts.rtt
    }

    /// Gives up the conversation, for the way back to go on with.
    pub(super) fn into_session(self) -> Session {
        self.parts.session
    }

    /// Ends the conversation in order: QUIT once the server has greeted, then FIN. `is_greeting_awaited`: a greeting that is still
    /// to come is waited for. `is_late`: a reset ends it at once. Returns whether it is over.
    pub(super) fn leave(
        &mut self,
        is_greeting_awaited: bool,
        is_late: bool,
        outbox: &mut Outbox,
        now: Timestamp,
    ) -> bool {
        self.listen(now);
        let session = &mut self.parts.session;
        match session.state() {
            TcpState::Connecting | TcpState::Closed | TcpState::Refused | TcpState::Reset => !session.owes_ack(),
            TcpState::Open | TcpState::Closing if is_late => {
                let reset = session.abort();
                outbox.half_open().abort(reset);
                !session.owes_ack()
            }
            TcpState::Open => {
                session.leave(is_greeting_awaited);
                false
            }
            TcpState::Closing => false,
        }
    }

    /// A pair of sizes has been under confirmation for so long that the run may be cut short: whether this host's own TCP meets the
    /// hole should be known by then.
    pub(super) fn asks_own_tcp_early(&self, now: Timestamp) -> bool {
        let Parts { plan, session, techniques, .. } = &self.parts;
        let may_ask = plan.direction.is_forward() && plan.own_tcp.port.is_some() && session.opened().is_some();
        let is_in_question = || techniques.iter().any(|technique| technique.search().confirming().is_some());
        may_ask && self.parts.timers().is_over(Deadline::OwnTcpAsked, now) && is_in_question()
    }

    /// The largest size known to pass and the smallest known to be lost, as far as the search has come.
    pub(super) fn bracket(&self) -> Option<(PacketSize, PacketSize)> {
        let log = self.parts.techniques.over_connection().search().log();
        let passes = log.largest_answered()?;
        Some((passes, log.smallest_lost_above(passes)?))
    }
}

//! One address's examination as a state machine: deterministic, no sockets, no tokio, no clock.
//!
//! [`Examination`] is driven from outside: `poll` says what to send or how long to wait, `handle` takes in what arrived,
//! and `now` is an argument of both. The same inputs give the same probes.
//!
//! * `outbox`: the only exit; `session`: the conversation with the server; `search`: one technique's sizes and probe log;
//! * `technique`: ways to draw an answer, one file each; `forward`: the examination of one flow, which gives them turns;
//! * `second_flow`: the same on other flows; `closing`: the orderly end;
//! * `own_tcp`: the one question to this host's own TCP;
//! * `judge`: the record in, the findings out; `reverse`: whether the server's large packets reach this host.

mod closing;
mod filler;
mod fisher;
mod forward;
#[doc(hidden)]
pub mod fuzz;
mod half_open;
mod judge;
mod outbox;
mod own_tcp;
mod packet_kind;
mod port_watch;
mod ptb_log;
mod quoted;
mod random;
mod reach;
mod rejection_log;
mod reverse;
mod rtt;
mod search;
mod second_flow;
mod session;
mod technique;
mod timers;
mod way_back;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Action, Event, Examined, Finding, Meaning, Outgoing, PacketSize, Plan, PortState, Reverse, ReverseReason,
    SeqNumber, Timestamp,
};

use closing::Closing;
use forward::{Decision, Forward};
use judge::{Record, WayBack, is_asked_for, judge, judge_path};
pub use judge::{clamped_here, may_be_clamped_here};
use outbox::Outbox;
use own_tcp::OwnTcpInquiry;
use random::Random;
use reverse::{ReverseExamination, RoundTrips, WayThere};
use second_flow::SecondFlows;
use session::TcpState;

/// The examination of one address.
#[derive(Debug)]
pub struct Examination {
    plan: Arc<Plan>,
    phase: Phase,
    outbox: Outbox,
    second_flows: SecondFlows,
    own_tcp: OwnTcpInquiry,
    /// This host dropped packets that had arrived before the verdict stood.
    is_overrun: bool,
    /// What the verdict rests on, once probing has ended.
    record: Option<Box<Record>>,
    /// The way there, as long as the way back is examined.
    way_there: Option<Box<Examined>>,
    examined: Option<Examined>,
    /// A late PTB has changed the findings since they were asked for.
    is_revised: bool,
}

#[derive(Debug)]
enum Phase {
    /// The way there is examined.
    Forward(Box<Forward>),
    /// The way back is, on the same connection, until all connections are closed.
    Reverse(Box<ReverseExamination>),
    /// The verdict stands, the connection is being closed.
    Closing(Closing),
    Done,
}

/// The longest a driver sleeps.
const IDLE: Duration = Duration::from_secs(1);

impl Examination {
    /// Starts an examination.
    pub fn new(plan: Plan, now: Timestamp) -> Self {
        let mut random = Random::new(plan.seed);
        let iss = SeqNumber(random.next() as u32);
        let plan = Arc::new(plan);
        Self {
            phase: Phase::Forward(Box::new(Forward::new(Arc::clone(&plan), iss, now))),
            outbox: Outbox::new(&plan, random),
            second_flows: SecondFlows::default(),
            own_tcp: OwnTcpInquiry::default(),
            is_overrun: false,
            record: None,
            way_there: None,
            examined: None,
            is_revised: false,
            plan,
        }
    }

    /// What to do now. Call again after every `Send`, at the instant of `WaitUntil`, and after every event.
    pub fn poll(&mut self, now: Timestamp) -> Action {
        self.advance(now);
        self.second_flows.advance(&mut self.outbox, now);
        if self.own_tcp.is_due(now) {
            return Action::AskOwnTcp;
        }
        if let (Phase::Done, true, true) = (&self.phase, self.second_flows.is_over(), self.examined.is_some()) {
            return Action::Done;
        }
        let outbox = &mut self.outbox;
        let due = match &mut self.phase {
            _ if !outbox.may_send(now) => None,
            phase => {
                outbox.poll_reset().or_else(|| self.second_flows.poll(outbox, now)).or_else(|| phase.poll(outbox, now))
            }
        };
        match due {
            Some(outgoing) => Action::Send(self.outbox.launch(outgoing, now)),
            None => Action::WaitUntil(self.next_timeout(now)),
        }
    }

    fn next_timeout(&self, now: Timestamp) -> Timestamp {
        let resets = self.outbox.has_resets().then_some(now);
        let timeouts =
            [self.phase.next_timeout(now), self.second_flows.next_timeout(now), self.own_tcp.next_timeout(now), resets];
        let next = timeouts.into_iter().flatten().min().unwrap_or(now + IDLE);
        next.max(self.outbox.earliest(now)).min(now + IDLE)
    }

    /// Takes in what the driver saw. Returns what it means, for a transcript.
    pub fn handle(&mut self, event: &Event, now: Timestamp) -> Meaning {
        if *event == Event::CaptureOverrun {
            self.is_overrun |= self.examined.is_none();
            return Meaning::Stray;
        }
        if let Some(meaning) = self.own_tcp.receive(&self.plan, event) {
            return meaning;
        }
        self.hear_late_ptb(event);
        let beside = self.second_flows.receive(event, &mut self.outbox, now);
        match self.phase.receive(&self.plan, event, &mut self.outbox, now) {
            Meaning::Stray => beside,
            meaning => meaning,
        }
    }

    /// A PTB that comes after probing has ended still counts: the verdict is revised.
    fn hear_late_ptb(&mut self, event: &Event) {
        let Some(record) = self.record.as_deref_mut() else { return };
        if !record.hear(event) {
            return;
        }
        // It is judged again.
        self.way_there = None;
        if self.examined.is_some() {
            let revised = Some(judge(record));
            self.is_revised |= self.examined != revised;
            self.examined = revised;
        }
    }

    /// Ends the probing: concludes from what is known and closes the connection, in a hurry.
    pub fn interrupt(&mut self, now: Timestamp) {
        self.second_flows.interrupt(&mut self.outbox, now);
        self.own_tcp.cut_short();
        if let Phase::Forward(_) = self.phase {
            self.conclude(Some(WayBack::NoTime), now);
        }
        match &mut self.phase {
            Phase::Closing(closing) => closing.hurry(now),
            Phase::Reverse(reverse) => reverse.interrupt(now),
            Phase::Forward(_) | Phase::Done => {}
        }
        self.settle(now);
    }

    /// The findings, as soon as the verdict stands. Closing the connection may go on until `poll` says `Done`, and a late PTB may
    /// still revise them.
    pub fn examined(&self) -> Option<&Examined> {
        self.examined.as_ref()
    }

    /// The findings on the way there, as soon as they stand, while the way back is examined. They may change until all stands.
    pub fn way_there(&self) -> Option<&Examined> {
        self.way_there.as_deref().filter(|_| self.examined.is_none())
    }

    /// Whether the way back is examined, and has no verdict yet.
    pub fn is_on_the_way_back(&self) -> bool {
        matches!(self.phase, Phase::Reverse(_)) && self.examined.is_none()
    }

    /// All findings, if a late PTB has changed them since the last call.
    pub fn take_revision(&mut self) -> Option<&Examined> {
        self.examined.as_ref().filter(|_| std::mem::take(&mut self.is_revised))
    }

    /// The same, judged once more from the record alone.
    pub fn judged_again(&self) -> Option<Examined> {
        self.examined.as_ref()?;
        self.record.as_deref().map(judge)
    }

    /// Whether the verdict is in doubt because this host dropped packets that had arrived. A second try may find more.
    pub fn is_spoilt_by_overrun(&self) -> bool {
        self.examined.is_some() && self.record.as_deref().is_some_and(judge::is_spoilt_by_overrun)
    }

    /// The largest size known to pass and the smallest known to be lost, as far as the search has come.
    pub fn bracket(&self) -> Option<(PacketSize, PacketSize)> {
        match &self.phase {
            Phase::Forward(forward) => forward.bracket(),
            Phase::Reverse(_) | Phase::Closing(_) | Phase::Done => self.record.as_ref()?.bracket(),
        }
    }

    /// Probes sent so far.
    pub fn probes_sent(&self) -> u32 {
        self.outbox.probes_sent()
    }

    /// Moves the phase on as far as it goes without new events.
    fn advance(&mut self, now: Timestamp) {
        if let Phase::Forward(forward) = &mut self.phase {
            match forward.advance(self.second_flows.visits(), &mut self.outbox, now) {
                Decision::GoOn if forward.asks_own_tcp_early(now) => self.own_tcp.want(),
                Decision::GoOn => {}
                Decision::Visit(port) => self.second_flows.begin(&self.plan, port, &mut self.outbox, now),
                Decision::Conclude => self.conclude(None, now),
            }
        }
        let is_over = match &mut self.phase {
            Phase::Forward(_) | Phase::Done => false,
            Phase::Reverse(reverse) => {
                reverse.advance(now);
                reverse.is_over()
            }
            Phase::Closing(closing) => closing.advance(&mut self.outbox, now),
        };
        self.judge_the_way_there(now);
        self.settle(now);
        // The way back has to be there when it is judged.
        let is_held = matches!(self.phase, Phase::Reverse(_)) && self.examined.is_none();
        if is_over && !is_held && !self.outbox.has_resets() {
            self.phase = Phase::Done;
        }
    }

    /// The way there has been examined: goes on with the way back, if it was asked for and can be examined, else closes.
    /// `no_way_back`: why it is not to be examined any more.
    fn conclude(&mut self, no_way_back: Option<WayBack>, now: Timestamp) {
        let Phase::Forward(mut forward) = std::mem::replace(&mut self.phase, Phase::Done) else { return };
        let mut record = forward.conclude(&mut self.outbox, now);
        let (visited, worse) = self.second_flows.found();
        record.add_other_flows(visited, worse);
        record.update(now, self.outbox.sent(), self.is_overrun);
        let path = judge_path(&record);
        if no_way_back.is_none() && self.plan.direction.is_forward() && is_asked_for(&record, &path) {
            self.own_tcp.want();
        }
        let is_forbidden = record.port == Some(PortState::ForbiddenHere);
        let impossible = || {
            let ends_nearer = record.tcp_ends_at().map(|hop| ReverseReason::TcpEndsAtHop { hop });
            self.why_not_back(forward.session().state(), is_forbidden).or(ends_nearer).map(WayBack::Impossible)
        };
        match no_way_back.or_else(impossible) {
            _ if !self.plan.direction.is_reverse() => {}
            Some(why) => record.add_way_back(why),
            None => return self.turn_back(*forward, record, &path, now),
        }
        self.record = Some(Box::new(record));
        self.phase = Phase::Closing(Closing::new(forward, now));
        self.settle(now);
    }

    fn why_not_back(&self, state: TcpState, is_forbidden: bool) -> Option<ReverseReason> {
        if let Some(why) = reverse::impossible(&self.plan) {
            return Some(why);
        }
        match state {
            TcpState::Open => None,
            TcpState::Connecting => Some(ReverseReason::NoConnection),
            // A RST that this host's own firewall makes up says nothing about the server.
            TcpState::Refused if is_forbidden => Some(ReverseReason::NoConnection),
            TcpState::Refused => Some(ReverseReason::PortClosed),
            TcpState::Reset | TcpState::Closing | TcpState::Closed => Some(ReverseReason::ConnectionEnded),
        }
    }

    fn turn_back(&mut self, forward: Forward, record: Record, found: &Examined, now: Timestamp) {
        let is_smaller = |path: &PacketSize| found.first_lost_size.is_some() && *path < self.plan.local_mtu;
        let is_lossy = found.findings.contains(&Finding::PacketLoss) || record.loses_small_packets();
        let (answered, lost) = record.fate_of_small_packets();
        let there = WayThere::new(found.path_mtu.filter(is_smaller), is_lossy, RoundTrips::new(answered, lost));
        let rtt = forward.rtt().clone();
        let seed = self.outbox.random();
        let conversation = forward.into_session().into_parts();
        let reverse = ReverseExamination::begin(&self.plan, conversation, there, &rtt, seed, now);
        self.record = Some(Box::new(record));
        self.phase = Phase::Reverse(Box::new(reverse));
    }

    /// Judges the way there while the way back is examined, once this host's TCP has answered.
    fn judge_the_way_there(&mut self, now: Timestamp) {
        let (Phase::Reverse(_), Some(record), None) = (&self.phase, &mut self.record, &self.way_there) else { return };
        if !self.plan.direction.is_forward() || !self.own_tcp.is_over(now) || judge::is_spoilt_by_overrun(record) {
            return;
        }
        record.add_own_tcp(self.own_tcp.facts());
        let mut found = judge(record);
        // The way back may turn out to be what took the replies.
        found.findings.retain(|finding| *finding != Finding::LargeEchoFiltered);
        self.way_there = Some(Box::new(found));
    }

    /// Judges once nothing more is to come that a verdict rests on: the way back has its own, and this host's TCP has answered.
    fn settle(&mut self, now: Timestamp) {
        let (Some(record), None) = (&mut self.record, &self.examined) else { return };
        if !self.own_tcp.is_over(now) {
            return;
        }
        record.add_own_tcp(self.own_tcp.facts());
        if let Phase::Reverse(reverse) = &self.phase {
            let Some((found, findings)) = reverse.found() else { return };
            let elapsed = now.since(record.started).saturating_sub(record.forward_elapsed);
            let found = Reverse { elapsed: Some(elapsed), ..found.clone() };
            record.add_way_back(WayBack::Examined(found, findings.to_vec()));
            record.note_reception(reverse.reception());
        }
        record.update(now, self.outbox.sent(), self.is_overrun);
        self.examined = Some(judge(record));
    }
}

impl Phase {
    fn poll(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        match self {
            Self::Forward(forward) => forward.poll(outbox, now),
            Self::Reverse(reverse) => way_back::poll(reverse, outbox, now),
            Self::Closing(closing) => closing.poll(outbox, now),
            Self::Done => None,
        }
    }

    fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forward(forward) => forward.next_timeout(now),
            Self::Reverse(reverse) => reverse.next_timeout(now),
            Self::Closing(closing) => closing.next_timeout(now),
            Self::Done => None,
        }
    }

    fn receive(&mut self, plan: &Plan, event: &Event, outbox: &mut Outbox, now: Timestamp) -> Meaning {
        match self {
            Self::Forward(forward) => forward.receive(event, outbox, now),
            Self::Reverse(reverse) => way_back::receive(reverse, plan, event, outbox, now),
            Self::Closing(closing) => closing.receive(event, outbox, now),
            Self::Done => Meaning::Stray,
        }
    }
}

//! The parts of the examination of one flow. Each owns its state and changes it alone.

use std::sync::Arc;

use crate::model::{FlowOutcome, MethodReason, PacketSize, Plan, SeqNumber, Technique as Name, Timestamp};

use super::super::fisher::Trials;
use super::super::judge::{EchoReplies, Record, SessionFacts, WayBack};
use super::super::outbox::Outbox;
use super::super::ptb_log::PtbLog;
use super::super::reach::Reach;
use super::super::rtt::RttEstimator;
use super::super::search::Testimony;
use super::super::session::{Session, TcpState};
use super::super::technique::{
    ClampTrace, FlowComparison, NoDfCopy, RealBytes, Techniques, TtlTrace, Turn, Uses, WhoAnswers, silences_needed,
};
use super::super::timers::{Deadline, Timers};

/// The parts.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(super) plan: Arc<Plan>,
    pub(super) started: Timestamp,
    pub(super) rtt: RttEstimator,
    pub(super) session: Session,
    pub(super) techniques: Techniques,
    pub(super) real_bytes: RealBytes,
    pub(super) no_df: NoDfCopy,
    pub(super) trace: TtlTrace,
    pub(super) who: WhoAnswers,
    pub(super) clamp: ClampTrace,
    pub(super) flows: Option<FlowComparison>,
    pub(super) ptbs: PtbLog,
    pub(super) reach: Reach,
    pub(super) notes: Notes,
}

/// What was noticed once and stays true.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    /// A quoted header of a probe lacks the DF that it was sent with.
    is_df_cleared: bool,
    /// The port stays silent while the host answers.
    is_port_filtered: bool,
    /// A router that may be sparing its messages was asked once more.
    asked_slowly: bool,
    echo: EchoReplies,
}

impl Notes {
    pub(super) fn df_cleared(&mut self) {
        self.is_df_cleared = true;
    }

    pub(super) fn port_filtered(&mut self) {
        self.is_port_filtered = true;
    }

    /// An echo reply of this size came whole, or in fragments.
    pub(super) fn echo_replied(&mut self, size: Option<PacketSize>, is_fragmented: bool) {
        if is_fragmented {
            self.echo.is_fragmented = true;
        } else {
            self.echo.largest_whole = self.echo.largest_whole.max(size);
        }
    }

    /// Returns whether that is news.
    pub(super) fn asks_slowly(&mut self) -> bool {
        !std::mem::replace(&mut self.asked_slowly, true)
    }
}

/// Other flows that were examined like the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visits<'a> {
    pub(crate) visited: &'a [(u16, FlowOutcome)],
    /// One is being examined, and its verdict does not stand yet.
    pub(crate) is_waiting: bool,
    /// One more may be begun.
    pub(crate) may_begin: bool,
}

impl Parts {
    pub(super) fn new(plan: Arc<Plan>, iss: SeqNumber, now: Timestamp) -> Self {
        Self {
            started: now,
            rtt: RttEstimator::default(),
            session: Session::new(&plan, iss, now),
            techniques: Techniques::new(&plan, now),
            real_bytes: RealBytes::default(),
            no_df: NoDfCopy::default(),
            trace: TtlTrace::default(),
            who: WhoAnswers::new(&plan),
            clamp: ClampTrace::default(),
            flows: None,
            ptbs: PtbLog::default(),
            reach: Reach::default(),
            notes: Notes::default(),
            plan,
        }
    }

    /// Splits off what a technique works with when it is its turn.
    pub(super) fn split<'a>(&'a mut self, outbox: &'a mut Outbox, now: Timestamp) -> (&'a mut Techniques, Turn<'a>) {
        let in_order = self.real_bytes.pair().filter(|_| self.real_bytes.is_running()).map(|(passes, _)| passes);
        let turn = Turn { plan: &self.plan, rtt: &self.rtt, session: &mut self.session, outbox, in_order, now };
        (&mut self.techniques, turn)
    }

    pub(super) fn timers(&self) -> Timers {
        Timers::new(self.started, &self.session, &self.rtt)
    }

    /// Begins to compare other flows, in place of any comparison before.
    pub(super) fn compare_flows(&mut self, comparison: FlowComparison) {
        self.flows = Some(comparison);
    }

    /// Largest packet TCP would send to this peer.
    pub(super) fn tcp_limit(&self) -> Option<PacketSize> {
        self.session.tcp_limit(&self.plan)
    }

    /// Whether TCP may be used at all.
    pub(super) fn is_tcp_asked_for(&self) -> bool {
        self.techniques.using(Uses::Connection).unusable() != Some(MethodReason::NotAskedFor)
    }

    /// The old bytes that probes with a limited TTL can carry, while there is a connection. With answers that name no probe, those
    /// that get through would be taken for others.
    pub(super) fn traces_over(&self) -> Option<Name> {
        let tcp = self.techniques.using(Uses::Connection);
        let can = self.session.state() == TcpState::Open && !tcp.search().is_one_at_a_time();
        can.then(|| tcp.name())
    }

    /// How often a size must stay silent before loss no longer explains it.
    pub(super) fn silences_needed(&self) -> u32 {
        let log = self.techniques.using(Uses::Connection).search().log();
        silences_needed(log.largest_answered().map_or(Trials::default(), |passes| log.controls(passes)))
    }

    pub(super) fn nothing_answered(&self) -> bool {
        self.techniques.nothing_answered(&self.session)
    }

    /// What real bytes and the other techniques add to the statistics of one.
    pub(super) fn testimonies(&self, name: Name) -> Vec<Testimony> {
        let over_connection = is_over_connection(name);
        let real_bytes = over_connection.then(|| self.real_bytes.testimony()).flatten();
        let others = self.techniques.iter().filter(|other| other.name() != name && other.uses() != Uses::Connection);
        others.filter_map(|other| other.search().testimony()).chain(real_bytes).collect()
    }

    /// Whether an address that stayed silent until now will not answer any more.
    pub(super) fn is_hopeless(&self, now: Timestamp) -> bool {
        let timers = self.timers();
        let all_unusable = self.techniques.iter().all(|technique| technique.unusable().is_some());
        all_unusable
            || timers.is_over(Deadline::Unreachable, now)
            || (self.reach.is_explained() && timers.is_over(Deadline::ExplainedSilence, now))
    }

    /// The record as it stands.
    pub(super) fn record(&self, carrier: Option<Name>, now: Timestamp) -> Record {
        Record {
            plan: Arc::clone(&self.plan),
            started: self.started,
            elapsed: now.since(self.started),
            rtt: self.rtt.smoothed(),
            session: SessionFacts {
                state: self.session.state(),
                peer: self.session.peer(),
                local_port: self.session.local_port(),
                opened: self.session.opened(),
                is_greeted: self.session.dialogue().greeted(),
                tcp_limit: self.tcp_limit(),
            },
            techniques: self.techniques.records(),
            carrier,
            ptbs: self.ptbs.clone(),
            reach: self.reach.clone(),
            is_hopeless: self.is_hopeless(now),
            real_bytes: self.real_bytes.clone(),
            no_df: self.no_df,
            trace: self.trace.clone(),
            nearer: self.who.nearer(),
            handshake: self.rtt.first(),
            clamp: self.clamp.clone(),
            echo: self.notes.echo,
            asked_slowly: self.notes.asked_slowly,
            is_df_cleared: self.notes.is_df_cleared,
            is_port_filtered: self.notes.is_port_filtered,
            flows: self.flows.clone(),
            visited: Vec::new(),
            worse_flow: None,
            probes_sent: 0,
            bytes_sent: 0,
            way_back: WayBack::NotAskedFor,
            is_overrun: false,
        }
    }
}

/// Whether a technique's probes are segments of the connection.
pub(super) fn is_over_connection(name: Name) -> bool {
    matches!(name, Name::OldData | Name::SmtpData)
}

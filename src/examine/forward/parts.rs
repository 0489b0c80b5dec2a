//! The parts of the examination of one flow. Each owns its state and changes it alone.

use std::sync::Arc;

use crate::model::{
    Filter, FirstFlight, MethodChoice, MethodReason, PacketSize, Plan, PortState, PtbFault, SeqNumber,
    Technique as Name, Timestamp,
};

use super::super::fisher::Trials;
use super::super::judge::{EchoReplies, OwnTcpFacts, Record, SessionFacts, VisitedFlow, WayBack};
use super::super::outbox::Outbox;
use super::super::packet_kind::PacketKind;
use super::super::port_watch::{EchoControls, PortWatch};
use super::super::ptb_log::{Kernel, KernelPmtu, PtbLog};
use super::super::reach::Reach;
use super::super::rejection_log::RejectionLog;
use super::super::rtt::RttEstimator;
use super::super::search::{Pair, ProbeKind, Progress, Situation, Testimony};
use super::super::session::{Session, TcpState};
use super::super::technique::{
    ClampTrace, FlowComparison, FragmentedCopy, NoDfCopy, RealBytes, Technique, Techniques, TtlTrace, Turn, Uses,
    WhoAnswers, silences_needed,
};
use super::super::timers::{Deadline, Since, Timers};
use super::pace::Pace;

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
    pub(super) fragmented: FragmentedCopy,
    pub(super) trace: TtlTrace,
    pub(super) who: WhoAnswers,
    pub(super) clamp: ClampTrace,
    pub(super) flows: Option<FlowComparison>,
    pub(super) ptbs: PtbLog,
    pub(super) rejections: RejectionLog,
    pub(super) reach: Reach,
    pub(super) port: PortWatch,
    pub(super) pace: Pace,
    pub(super) notes: Notes,
}

/// How often a router that may be sparing its messages is asked at most.
const MOST_SLOW_ASKS: u32 = 12;

/// What was noticed once and stays true.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    /// A quoted header of a probe lacks the DF that it was sent with.
    is_df_cleared: bool,
    /// How often a router that may be sparing its messages was asked once more.
    slow_asks: u32,
    since: Since,
    echo: EchoReplies,
}

impl Notes {
    pub(super) fn df_cleared(&mut self) {
        self.is_df_cleared = true;
    }

    /// How echo replies came.
    pub(super) fn echo_replies(&mut self) -> &mut EchoReplies {
        &mut self.echo
    }

    /// A PTB is due about a packet that was sent first then.
    pub(super) fn await_ptb(&mut self, since: Timestamp) {
        self.since = self.since.with_ptb_due(since);
    }

    /// SYNs begin to look for the size that the connection would take long for.
    pub(super) fn look_with_syns(&mut self, now: Timestamp) {
        self.since = self.since.with_syns_look(now);
    }

    /// A router that may be sparing its messages is asked once more. Returns for which time.
    pub(super) fn ask_slowly(&mut self) -> u32 {
        self.slow_asks += 1;
        self.slow_asks
    }
}

/// Other flows that were examined like the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visits<'a> {
    pub(crate) visited: &'a [VisitedFlow],
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
            fragmented: FragmentedCopy::default(),
            trace: TtlTrace::default(),
            who: WhoAnswers::new(&plan),
            clamp: ClampTrace::default(),
            flows: None,
            ptbs: PtbLog::default(),
            rejections: RejectionLog::default(),
            reach: Reach::default(),
            port: PortWatch::default(),
            pace: Pace::default(),
            notes: Notes::default(),
            plan,
        }
    }

    /// The size that passes, while real bytes are tried on the connection.
    pub(super) fn in_order(&self) -> Option<PacketSize> {
        self.real_bytes.pair().filter(|_| self.real_bytes.is_running()).map(|(passes, _)| passes)
    }

    /// Splits off what a technique works with when it is its turn.
    pub(super) fn split<'a>(&'a mut self, outbox: &'a mut Outbox, now: Timestamp) -> (&'a mut Techniques, Turn<'a>) {
        let in_order = self.in_order();
        let turn = Turn { plan: &self.plan, rtt: &self.rtt, session: &mut self.session, outbox, in_order, now };
        (&mut self.techniques, turn)
    }

    pub(super) fn timers(&self) -> Timers {
        Timers::new(self.started, &self.session, self.notes.since, &self.rtt)
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
        self.plan.method != MethodChoice::Icmp
    }

    /// The old bytes that probes with a limited TTL can carry, while there is a connection. With answers that name no probe, those
    /// that get through would be taken for others. Where old bytes are not answered and echo is, echo tells what got through.
    pub(super) fn traces_over(&self) -> Option<Name> {
        let tcp = self.techniques.using(Uses::Connection);
        let can = self.session.state() == TcpState::Open && !tcp.search().is_one_at_a_time();
        let is_better_by_echo =
            tcp.unusable().is_some() && self.techniques.using(Uses::Icmp).search().log().total_answered() > 0;
        (can && !is_better_by_echo).then(|| tcp.name())
    }

    /// How often a size must stay silent before loss no longer explains it.
    pub(super) fn silences_needed(&self) -> u32 {
        silences_needed(self.controls())
    }

    /// How packets of sizes that pass fared over the connection.
    pub(super) fn controls(&self) -> Trials {
        self.techniques.over_connection().search().log().all_controls()
    }

    /// Whether packets of sizes that pass over the connection were lost.
    pub(super) fn loses_controls(&self) -> bool {
        self.techniques.over_connection().search().log().loses_controls()
    }

    /// Whether packets are to be saved.
    pub(super) fn is_cheap(&self) -> bool {
        self.plan.first_flight == FirstFlight::TwoSizes
    }

    /// Whether packets are to be saved and none of full size was lost over the connection: all may be well.
    pub(super) fn is_nothing_lost(&self) -> bool {
        let log = self.techniques.using(Uses::Connection).search().log();
        self.is_cheap() && log.count(self.plan.max_size).lost == 0
    }

    /// Whether no packet of ours was ever answered by the target. What this host's own firewall makes up is no answer of it.
    pub(super) fn nothing_answered(&self) -> bool {
        let is_mute = self.session.state() == TcpState::Connecting || self.port.is_forbidden(&self.session);
        is_mute && self.techniques.nothing_answered()
    }

    /// Why TCP is of no use, where the port takes no connections although no RST says so.
    pub(super) fn why_no_connection(&mut self, now: Timestamp) -> Option<MethodReason> {
        if self.port.is_forbidden(&self.session) {
            return Some(MethodReason::PortForbidden);
        }
        if self.session.state() != TcpState::Connecting {
            return None;
        }
        let small = self.techniques.using(Uses::Icmp).search().log().trials(self.plan.min_size, ProbeKind::Sized);
        let controls = EchoControls { small, rtt: self.rtt.smoothed() };
        Some(match self.port.look_for_filter(controls, now)? {
            Filter::Silent => MethodReason::PortSilent,
            Filter::Icmp { .. } => MethodReason::PortFiltered,
        })
    }

    /// Whether the port takes connections.
    pub(super) fn port_state(&self) -> Option<PortState> {
        self.port.state(&self.session, self.plan.family()).filter(|_| self.is_tcp_asked_for())
    }

    /// What the probes of a technique are.
    pub(super) fn packets_of(&self, name: Name) -> Option<PacketKind> {
        self.techniques.get(name).map(|technique| technique.uses().packets())
    }

    /// When a packet left first about which a PTB is due that would lead further than a kernel gets now.
    pub(super) fn ptb_due_since(&self, carrier: Name) -> Option<Timestamp> {
        let technique = self.techniques.get(carrier)?;
        let (about, tcp_limit) = (technique.uses().packets(), self.tcp_limit());
        let situation = Situation { plan: &self.plan, ptbs: &self.ptbs, about, tcp_limit, elsewhere: &[] };
        technique.search().ptb_due_since(&situation)
    }

    /// Whether one may still come, late or from a router that is asked once more.
    fn awaits_ptb(&self, carrier: Name, now: Timestamp) -> bool {
        let Some(technique) = self.techniques.get(carrier) else { return false };
        let search = technique.search();
        let may_ration = self.pair_in_question(technique).is_some_and(|pair| self.may_ration(carrier, pair));
        let owes_question = may_ration && (self.may_ask_again() || !search.is_idle());
        let is_too_late = |ptb_due| {
            let since = self.notes.since.with_ptb_due(ptb_due);
            let timers = Timers::new(self.started, &self.session, since, &self.rtt);
            timers.is_over(Deadline::LatePtb, now)
        };
        owes_question || self.ptb_due_since(carrier).is_some_and(|since| !is_too_late(since))
    }

    /// The sizes that the verdict would be about, if it fell now. The pair under confirmation may be another: a true PTB about its lost
    /// size says that a larger one has to be proven as well.
    fn pair_in_question(&self, technique: &dyn Technique) -> Option<Pair> {
        let elsewhere = self.testimonies(technique.name());
        let (about, tcp_limit) = (technique.uses().packets(), self.tcp_limit());
        let situation = Situation { plan: &self.plan, ptbs: &self.ptbs, about, tcp_limit, elsewhere: &elsewhere };
        match technique.search().progress(&situation) {
            Progress::Proven(proof) => Some(Pair { passes: proof.pair.passes, lost: proof.suspect }),
            _ => technique.search().confirming().map(|(passes, lost)| Pair { passes, lost }),
        }
    }

    /// Whether loss may have taken what a router said each time that it was asked slowly.
    pub(super) fn may_ask_again(&self) -> bool {
        self.notes.slow_asks < self.silences_needed().min(MOST_SLOW_ASKS)
    }

    /// Whether the router that refuses the lost size may be sparing its messages: this host's kernel had one before the first probe, or
    /// got one about packets of other kinds or sizes alone; or the server seems to remember the path, as mail or a run has just been
    /// here. Or its one message was damaged, or the size was never sent.
    pub(super) fn may_ration(&self, carrier: Name, pair: Pair) -> bool {
        let Pair { passes, lost } = pair;
        let Some(technique) = self.techniques.get(carrier) else { return false };
        let about = technique.uses().packets();
        let remembers = self.plan.kernel_path_mtu.is_some_and(|kernel| kernel < self.plan.local_mtu);
        let speaks_of_others = || self.ptbs.has_word_for_others_only(about, lost, passes);
        let is_spared = |at| self.ptbs.may_have_spared(about, at, passes) || !technique.search().log().knows(at);
        remembers
            || self.server_may_remember(passes)
            || speaks_of_others()
            || self.ptbs.may_be_damaged(about, lost, passes)
            || match self.kernels_end(about, passes) {
                Some(KernelPmtu::Silent { at }) => is_spared(at),
                Some(KernelPmtu::Misled { at, fault: PtbFault::BadChecksum }) => {
                    self.ptbs.may_be_damaged(about, at, passes)
                }
                _ => false,
            }
    }

    /// The size about which a router is asked again: where a kernel ends now.
    pub(super) fn size_in_question(&self, about: PacketKind, pair: Pair) -> PacketSize {
        let end = self.kernels_end(about, pair.passes).and_then(KernelPmtu::stuck_at);
        end.unwrap_or(self.plan.max_size).max(pair.lost)
    }

    /// Where a kernel ends before a size that passes: from the size of TCP, or from that of the interface.
    fn kernels_end(&self, about: PacketKind, passes: PacketSize) -> Option<KernelPmtu> {
        let max = self.plan.max_size;
        let starts = self.tcp_limit().into_iter().map(|limit| limit.min(max)).chain([max]);
        let mut ends = starts.map(|start| self.ptbs.kernel_pmtu(about, start, passes, Kernel::of(&self.plan)));
        ends.find(|end| end.stuck_at().is_some())
    }

    /// Whether the server's MSS ends at the very size that passes.
    pub(super) fn server_may_remember(&self, passes: PacketSize) -> bool {
        self.tcp_limit().is_some_and(|limit| limit < self.plan.local_mtu && limit == passes)
    }

    /// What real bytes and the other techniques add to the statistics of one.
    pub(super) fn testimonies(&self, name: Name) -> Vec<Testimony> {
        let real_bytes = self.uses(name, Uses::Connection).then(|| self.real_bytes.testimony()).flatten();
        let others = self.techniques.iter().filter(|other| other.name() != name && other.uses() != Uses::Connection);
        others.filter_map(|other| other.search().testimony()).chain(real_bytes).collect()
    }

    /// Whether an address that stayed silent until now will not answer any more.
    pub(super) fn is_hopeless(&self, now: Timestamp) -> bool {
        let timers = self.timers();
        let all_unusable = self.techniques.iter().all(|technique| technique.unusable().is_some());
        all_unusable
            || timers.is_over(Deadline::Unreachable, now)
            || (self.reach.is_explained() && timers.is_over(self.explained_silence(), now))
    }

    /// When an error explains the silence of the address. One about the port says little about echo.
    fn explained_silence(&self) -> Deadline {
        let has_echo = self.techniques.using(Uses::Icmp).unusable().is_none();
        if has_echo && self.port.is_prohibited(self.plan.family()) {
            Deadline::PortExplained
        } else {
            Deadline::ExplainedSilence
        }
    }

    /// Whether the address was silent for so long that the silence is an answer, even if the run is cut short.
    fn is_silence_telling(&self, now: Timestamp) -> bool {
        self.is_hopeless(now) || self.timers().is_over(Deadline::SilenceTells, now)
    }

    /// Whether this carries the probes of a technique.
    pub(super) fn uses(&self, name: Name, uses: Uses) -> bool {
        self.techniques.get(name).is_some_and(|technique| technique.uses() == uses)
    }

    /// The record as it stands.
    pub(super) fn record(&self, carrier: Option<Name>, now: Timestamp) -> Record {
        Record {
            plan: Arc::clone(&self.plan),
            started: self.started,
            elapsed: now.since(self.started),
            forward_elapsed: now.since(self.started),
            rtt: self.rtt.smoothed(),
            session: SessionFacts {
                state: self.session.state(),
                peer: self.session.peer(),
                local_port: self.session.local_port(),
                sent: self.session.sent().clone(),
                opened: self.session.opened(),
                is_greeted: self.session.dialogue().greeted(),
                reception: self.session.reception(),
                tcp_limit: self.tcp_limit(),
            },
            techniques: self.techniques.records(),
            carrier,
            ptbs: self.ptbs.clone(),
            rejections: self.rejections.clone(),
            reach: self.reach.clone(),
            is_silence_telling: self.is_silence_telling(now),
            awaits_ptb: carrier.is_some_and(|name| self.awaits_ptb(name, now)),
            real_bytes: self.real_bytes.clone(),
            no_df: self.no_df,
            fragmented: self.fragmented,
            trace: self.trace.clone(),
            nearer: self.who.nearer(),
            first_hop_mss: self.who.first_hop_mss(),
            acks_come_too_soon: self.who.acks_come_too_soon(),
            clamp: self.clamp.clone(),
            echo: self.notes.echo,
            is_df_cleared: self.notes.is_df_cleared,
            port: self.port_state(),
            flows: self.flows.clone(),
            visited: Vec::new(),
            worse_flow: None,
            probes_sent: 0,
            bytes_sent: 0,
            way_back: WayBack::NotAskedFor,
            own_tcp: OwnTcpFacts::default(),
            is_overrun: false,
        }
    }
}

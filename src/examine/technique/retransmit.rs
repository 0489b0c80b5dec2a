//! Segments whose bytes the peer has already: it answers with an ACK whose D-SACK block names their range (RFC 2883), so all
//! sizes may be on the way at once. A peer whose answers name nothing gets one probe at a time.
//!
//! The bytes lie below the initial sequence number, where no peer has an objection, or are SMTP bytes that it really took.

use crate::model::{
    Meaning, Method, MethodChoice, MethodReason, MethodReport, MethodStatus, Outgoing, PacketSize, Plan, Probe,
    Segment, Technique as Name, Timestamp,
};

use super::super::rtt::RttEstimator;
use super::super::search::{Outcome, ProbeKey, ProbeKind, Search, SentProbe};
use super::super::session::{Arrival, RangeUser, Session, TcpState, most_material};
use super::copies::Copies;
use super::idle_ack::IdleAck;
use super::interface::{Heard, Technique, Turn};
use super::standing::Standing;
use super::uses::Uses;

/// The technique.
#[derive(Clone, Debug)]
pub(crate) struct Retransmit {
    /// Its name tells which bytes are repeated: old data at first, SMTP data if that draws no answer.
    standing: Standing,
    history: Vec<MethodReport>,
    /// Answers that name no probe, since the search began.
    bare_acks: u32,
    /// The same in an earlier search, until the server greets: it does answer old data, and may wait for the last ACK of the handshake.
    bare_acks_before: u32,
    /// The network may deliver an answer twice.
    copies: Copies,
    /// One probe at a time: an answer tells something only if the peer answers nothing else.
    idle_ack: IdleAck,
    /// One probe at a time: the next one leaves after this instant.
    quiet_until: Timestamp,
    /// The last ACK of the handshake was sent again, for a peer that may not have it.
    repeated_handshake: bool,
    /// All sizes were tried at once again, since an answer named its probe after all.
    was_named_after_all: bool,
    /// One probe at a time: too many controls in a row were lost, and something else has to take their place.
    is_in_vain: bool,
}

/// One probe at a time: so many unanswered controls in a row are no chance, before the first answer and after it.
const MOST_CONTROLS: [usize; 2] = [5, 16];
/// So many answers that name no probe show that a peer which has not greeted yet answers old data. Then only loss explains silence, and it
/// takes more of it.
const PLENTY: u32 = 4;

/// All at once: so many in a row, and how unlikely that is by chance, before nothing is expected any more.
const LEAST_SILENT: u32 = 8;
const CHANCE: f64 = 1e-6;
/// One probe at a time: where packets are lost as well, so many unanswered ones may be chance, but seldom. The same where the peer answers
/// old data.
const FEWEST_IN_VAIN: [u32; 2] = [3, 10];

impl Retransmit {
    pub(crate) fn new(plan: &Plan, now: Timestamp) -> Self {
        let unusable = (plan.method == MethodChoice::Icmp).then_some(MethodReason::NotAskedFor);
        Self {
            standing: Standing::new(Name::OldData, Uses::Connection, Search::new(plan), unusable),
            history: Vec::new(),
            bare_acks: 0,
            bare_acks_before: 0,
            copies: Copies::default(),
            idle_ack: IdleAck::NotAsked,
            quiet_until: now,
            repeated_handshake: false,
            was_named_after_all: false,
            is_in_vain: false,
        }
    }

    /// With answers that name no probe, the next one leaves when the outcome of the last is known and a quiet moment has passed,
    /// or when its silence has lasted too long.
    fn turn_at(&self, rtt: &RttEstimator) -> Timestamp {
        let open = self.search().log().probes().iter().filter(|probe| probe.outcome == Outcome::Waiting);
        match open.map(|probe| probe.sent).collect::<Vec<_>>()[..] {
            [] => self.idle_ack.due_at().map_or(self.quiet_until, |due| due.max(self.quiet_until)),
            [sent] => sent + rtt.patience_alone(),
            [..] => Timestamp::MAX,
        }
    }

    /// Whether real bytes are on their way, of which this size passes, and the next probe is larger: it leaves when they have ended.
    fn must_yield(&self, in_order: Option<PacketSize>) -> bool {
        let next = self.search().next_queued();
        in_order.zip(next).is_some_and(|(passes, next)| next.size > passes)
    }

    /// Only a control may follow a probe whose outcome is open: its answer settles the silence.
    fn break_silence(&mut self, plan: &Plan, now: Timestamp) {
        if !self.search().is_one_at_a_time() || !self.search().log().is_waiting() {
            return;
        }
        let control = self.control(plan);
        let is_next =
            self.search().next_queued().is_some_and(|next| next.size == control && next.kind == ProbeKind::Sized);
        if !is_next && self.unanswered_controls(plan).count() < self.most_controls() {
            self.search_mut().queue_first(control, ProbeKind::Sized, now);
        }
    }

    /// When what was sent last should have been answered, with time to spare.
    fn overdue_from(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let last = self.search().log().probes().last()?;
        Some(last.sent + rtt.or_guess() * 2 + rtt.margin())
    }

    /// The size that should pass.
    fn control(&self, plan: &Plan) -> PacketSize {
        self.search().log().largest_answered().unwrap_or(plan.min_size)
    }

    /// The controls that were sent since anything else was sent or one was answered.
    fn unanswered_controls(&self, plan: &Plan) -> impl Iterator<Item = &SentProbe> {
        let control = self.control(plan);
        let is_unanswered = move |probe: &&SentProbe| {
            probe.size == control && probe.kind == ProbeKind::Sized && !matches!(probe.outcome, Outcome::Answered(_))
        };
        self.search().log().probes().iter().rev().take_while(is_unanswered)
    }

    fn most_controls(&self) -> usize {
        let is_answered = self.search().log().largest_answered().is_some() || self.answered_before();
        MOST_CONTROLS[usize::from(is_answered)]
    }

    fn answered_before(&self) -> bool {
        self.bare_acks_before >= PLENTY
    }

    /// Whether so many controls in a row were lost that repeated segments are not answered any more.
    fn lost_all_controls(&self, plan: &Plan) -> bool {
        self.search().is_one_at_a_time()
            && self.unanswered_controls(plan).filter(|probe| probe.outcome != Outcome::Waiting).count()
                >= self.most_controls()
    }

    /// All sizes at once: whether so many sizes that pass were lost in a row that chance would hardly ever do it. A server that has closed
    /// the connection may answer what comes from then on without names, or not at all.
    fn fell_silent(&self) -> bool {
        let log = self.search().log();
        let Some(passes) = log.largest_answered().filter(|_| !self.search().is_one_at_a_time()) else { return false };
        let controls = log.probes().iter().rev().filter(|probe| probe.size <= passes);
        let in_a_row = controls.take_while(|probe| !matches!(probe.outcome, Outcome::Answered(_)));
        let lost = in_a_row.filter(|probe| matches!(probe.outcome, Outcome::Lost(_))).count() as u32;
        let all = log.all_controls();
        let before = all.total.saturating_sub(lost);
        let rate = f64::from(before.saturating_sub(all.answered) + 1) / f64::from(before + 2);
        lost >= LEAST_SILENT && rate.powf(f64::from(lost)) <= CHANCE
    }

    /// An ACK that names no probe: it answers the one probe on the way, if probes go one at a time.
    fn on_bare_ack(&mut self, ip_id: u16, heard: &mut Heard<'_>) -> Option<Probe> {
        if self.copies.is_copy(ip_id, heard.plan.family()) {
            return None;
        }
        self.bare_acks += 1;
        if !self.search().is_one_at_a_time() {
            return None;
        }
        if !self.idle_ack.is_settled() {
            self.idle_ack.heard();
            return None;
        }
        // With a control behind an overdue probe the ACK is taken for the control's: a late answer to the probe would have
        // to be very late, and calling a loss too early only costs another probe.
        let probe =
            self.search_mut().log_mut().answered(heard.now, heard.rtt, |probe| probe.outcome == Outcome::Waiting);
        self.quiet_until = heard.now + heard.rtt.margin();
        probe.map(|probe| probe.probe(self.name()))
    }

    /// One probe at a time: whether an answer that names nothing may be taken for that of the probe. Asks, if that is not known.
    fn is_trusted(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.idle_ack.advance(turn.now, turn.rtt) {
            turn.session.acknowledge();
        }
        if self.idle_ack == IdleAck::Answered {
            self.rule_out(MethodReason::IdleAcksAnswered);
        }
        self.idle_ack == IdleAck::Unanswered
    }

    fn has_no_names(&self) -> bool {
        self.search().log().total_answered() == 0 && !self.search().is_one_at_a_time()
    }

    /// Bare ACKs before the greeting: perhaps our last ACK of the handshake was lost, and the peer still waits for it. It is sent
    /// again, and so is the ladder, once.
    fn repeat_handshake(&mut self, turn: &mut Turn<'_>) -> bool {
        if !self.has_no_names() || self.bare_acks == 0 || self.repeated_handshake {
            return false;
        }
        self.repeated_handshake = true;
        self.bare_acks = 0;
        turn.session.acknowledge();
        self.begin_anew(Search::new(turn.plan), turn.session);
        self.search_mut().begin(&[], turn.rtt.or_guess() + turn.rtt.margin(), turn.now);
        self.idle_ack == IdleAck::Unanswered
    }

    /// The next way needs bytes that the server really took.
    fn turn_to_smtp_data(&mut self, turn: &mut Turn<'_>) {
        let wanted = most_material(0).bytes() as usize;
        if !turn.session.gather(wanted) {
            return;
        }
        self.retire(MethodReason::OldSegmentsUnanswered);
        let has_names = turn.session.peer().sack;
        let search = if has_names { Search::new(turn.plan) } else { Search::nameless(turn.plan) };
        self.begin_as(Name::SmtpData, search, turn.session);
        let most = turn.session.acknowledged_len() + turn.plan.family().tcp_headers();
        self.search_mut().limit_to(PacketSize::new(most));
    }

    fn begin_anew(&mut self, search: Search, session: &mut Session) {
        self.begin_as(self.name(), search, session);
    }

    fn begin_as(&mut self, bytes: Name, search: Search, session: &mut Session) {
        session.forget_ranges(RangeUser::Search);
        self.standing.begin_anew(bytes, search);
        self.is_in_vain = false;
    }

    fn retire(&mut self, why: MethodReason) {
        let log = self.standing.search().log();
        self.history.push(MethodReport {
            method: Method::Tcp,
            technique: self.standing.name(),
            status: MethodStatus::Unusable(why),
            sent: log.sent(),
            answered: log.total_answered(),
            path_mtu: None,
        });
        self.bare_acks_before = self.bare_acks_before.max(self.bare_acks);
        self.bare_acks = 0;
    }
}

impl Technique for Retransmit {
    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn standing_mut(&mut self) -> &mut Standing {
        &mut self.standing
    }

    fn due(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        if turn.session.state() != TcpState::Open || self.unusable().is_some() {
            return None;
        }
        if self.fell_silent() && !turn.session.dialogue().is_viable() {
            self.rule_out(MethodReason::RepeatsUnanswered);
            return None;
        }
        self.is_in_vain |= self.lost_all_controls(turn.plan);
        if self.is_in_vain {
            let greeted = turn.session.dialogue().greeted();
            self.on_nothing(turn, greeted);
            return None;
        }
        if self.search().is_one_at_a_time() {
            let has_to_wait = self.turn_at(turn.rtt) > turn.now || self.must_yield(turn.in_order);
            if has_to_wait || !self.is_trusted(turn) {
                return None;
            }
        }
        self.break_silence(turn.plan, turn.now);
        let queued = self.search_mut().take_due(turn.now)?;
        if self.search().is_one_at_a_time() && !turn.session.dialogue().greeted() {
            // Whoever waits for the last ACK of the handshake says nothing, and names no probe.
            turn.session.acknowledge();
        }
        let (start, end, segment) =
            turn.session.old_segment(queued.size.tcp_payload(turn.plan.family()), self.name(), RangeUser::Search)?;
        self.search_mut().launched(queued, ProbeKey::Range { start, end }, turn.now);
        Some(queued.dress(turn.outbox.tcp(segment, Meaning::Probe(queued.probe(self.name())))))
    }

    fn next_timeout(&self, rtt: &RttEstimator, in_order: Option<PacketSize>, now: Timestamp) -> Option<Timestamp> {
        let overdue = self.overdue_from(rtt).filter(|&at| at > now && self.search().log().total_answered() == 0);
        let next = match self.search().next_queued() {
            _ if self.is_in_vain || self.unusable().is_some() => self.search().log().next_timeout(rtt),
            Some(queued) if self.search().is_one_at_a_time() => {
                let settled = self.search().log().next_timeout(rtt);
                // Behind a probe whose outcome is open a control may leave, whatever else is queued.
                let is_free = settled.is_none() && self.idle_ack.is_settled();
                let turn = if is_free { self.turn_at(rtt).max(queued.not_before) } else { self.turn_at(rtt) };
                let turn = Some(turn).filter(|_| !self.must_yield(in_order));
                [turn, settled].into_iter().flatten().min()
            }
            _ => self.search().next_timeout(rtt),
        };
        next.into_iter().chain(overdue).min()
    }

    fn on_connection(&mut self, plan: &Plan, session: &mut Session) {
        match session.state() {
            TcpState::Refused => self.rule_out(self.unusable().unwrap_or(MethodReason::PortClosed)),
            TcpState::Reset => self.rule_out(self.unusable().unwrap_or(MethodReason::ConnectionReset)),
            TcpState::Open if !session.peer().sack && !self.search().is_one_at_a_time() => {
                self.begin_anew(Search::nameless(plan), session);
            }
            _ => {}
        }
    }

    fn on_segment(
        &mut self,
        segment: &Segment,
        arrival: Option<Arrival>,
        ip_id: u16,
        heard: &mut Heard<'_>,
    ) -> Option<Probe> {
        let arrival = arrival?;
        self.copies.note(segment, ip_id);
        let Some((start, end)) = segment.sack.iter().next() else {
            return arrival.is_bare.then(|| self.on_bare_ack(ip_id, heard)).flatten();
        };
        let key = ProbeKey::Range { start, end };
        let probe = self.search_mut().log_mut().answered(heard.now, heard.rtt, |probe| probe.key == key)?;
        Some(probe.probe(self.name()))
    }

    /// A peer that permits SACK but answers old data with bare ACKs: starts again with one probe at a time.
    fn reconsider(&mut self, turn: &mut Turn<'_>) -> bool {
        if turn.session.dialogue().greeted() {
            self.bare_acks_before = 0;
        } else if self.repeat_handshake(turn) {
            return true;
        }
        let is_unnamed = self.has_no_names() && self.bare_acks >= 2;
        if is_unnamed && self.overdue_from(turn.rtt).is_some_and(|at| turn.now >= at) {
            self.retire(MethodReason::AnswersNameNoProbe);
            self.begin_anew(Search::nameless(turn.plan), turn.session);
            self.quiet_until = turn.now + turn.rtt.margin();
            return true;
        }
        false
    }

    fn on_nothing(&mut self, turn: &mut Turn<'_>, may_wait_for_greeting: bool) {
        if self.name() == Name::OldData {
            if self.bare_acks >= 2 && !self.search().is_one_at_a_time() {
                self.retire(MethodReason::AnswersNameNoProbe);
                self.begin_anew(Search::nameless(turn.plan), turn.session);
                return;
            }
            if turn.session.dialogue().is_viable() && may_wait_for_greeting {
                return self.turn_to_smtp_data(turn);
            }
        }
        self.rule_out(MethodReason::RepeatsUnanswered);
    }

    fn mute_from(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let log = self.search().log();
        if log.total_answered() > 0 || self.search().next_queued().is_some() {
            return None;
        }
        let is_slow = self.search().is_one_at_a_time();
        let fewest = FEWEST_IN_VAIN[usize::from(self.answered_before())];
        let is_enough = if is_slow { log.sent() > fewest } else { self.bare_acks < 2 };
        self.overdue_from(rtt).filter(|_| is_enough)
    }

    /// Copies of in-order bytes that did arrive draw bare ACKs.
    fn hush(&mut self, until: Timestamp) {
        self.quiet_until = until;
    }

    /// An answer names its probe although earlier ones did not: the peer had waited for the last ACK of the handshake. One probe
    /// at a time, loss is hard to tell from silence, so all sizes are tried at once, once more.
    fn on_name(&mut self, session: &mut Session, has_in_order: bool, plan: &Plan, now: Timestamp) {
        let is_slow = self.search().is_one_at_a_time() && session.peer().sack && self.unusable().is_none();
        if !is_slow || self.was_named_after_all || has_in_order {
            return;
        }
        self.was_named_after_all = true;
        self.history.retain(|method| method.technique != self.standing.name());
        self.begin_anew(Search::new(plan), session);
        self.search_mut().start(&[], now);
    }

    fn history(&self) -> &[MethodReport] {
        &self.history
    }
}

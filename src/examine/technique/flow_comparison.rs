//! Other flows: load balancers spread them over parallel paths, of which one may have a hole.
//!
//! Each flow is a source port, and in IPv6 a flow label of its own. It gets SYNs with data, which need no connection: one of
//! the size in question, twice at first, and right behind it one that is known to pass, whose answer makes their silence mean
//! something. What is seen here only says how widespread a hole is; no verdict rests on it.

use crate::model::{Flow, FlowOutcome, Flows, PacketSize, SeqNumber, Timestamp};

use super::super::fisher::Trials;
use super::super::rtt::RttEstimator;
use super::hop_search::silences_against;

/// Two SYNs of one flow, sent back to back.
#[derive(Clone, Copy, Debug)]
struct Round {
    suspect: SentSyn,
    control: Option<SentSyn>,
}

#[derive(Clone, Copy, Debug)]
struct SentSyn {
    isn: SeqNumber,
    sent: Timestamp,
    answered: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct FlowTrial {
    port: u16,
    /// A SYN of the size in question before the first round, so that mere loss of one makes no flow look hit.
    first: Option<SentSyn>,
    rounds: Vec<Round>,
    refused: bool,
}

/// What to send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowProbe {
    pub(crate) port: u16,
    pub(crate) size: PacketSize,
}

/// The comparison of flows.
#[derive(Clone, Debug)]
pub(crate) struct FlowComparison {
    passes: PacketSize,
    suspect: PacketSize,
    trials: Vec<FlowTrial>,
    /// Flows kept back until it is known that all of the first ones pass.
    reserve: Vec<u16>,
    /// How often the size had to stay silent when the comparison ended; `None`: it goes on.
    ended_at: Option<u32>,
    /// One SYN to each flow, and nothing more as long as none is answered. What stays silent then has no fate.
    is_feeling: bool,
}

/// Silences in all that make up for few on each flow while all flows agree, and how few at least: where nearly all flows are hit, loss
/// makes the last one look so, too.
const SILENCES_AGREED: u32 = 7;
const SILENCES_LEAST: u32 = 2;
/// How often a size has to stay silent on a flow when they do not.
const SILENCES_MIXED: u32 = 4;
/// The same where small packets are lost too.
const SILENCES_LOSSY: u32 = 6;
/// At most; a flow that would need more stays unknown.
const SILENCES_MOST: u32 = 12;
/// How likely mere loss may take so many on any flow, since each of many flows must be told right.
const CHANCE: f64 = 1e-5;
/// Rounds at most, those included that tell nothing since the small packet was not answered either.
const ROUNDS_MOST: usize = 16;
/// Rounds without any answer that a flow is given where no other is answered, and where others are.
const MUTE_ROUNDS: usize = 2;
const MUTE_ROUNDS_AMONG_OTHERS: usize = 4;

impl FlowComparison {
    /// `reserve` holds further ports, used only if the size passes on every one of the first.
    pub(crate) fn new(passes: PacketSize, suspect: PacketSize, ports: &[u16], reserve: &[u16]) -> Self {
        let trials = ports.iter().copied().map(FlowTrial::new).collect();
        let ended_at = ports.is_empty().then_some(0);
        Self { passes, suspect, trials, reserve: reserve.to_vec(), ended_at, is_feeling: false }
    }

    /// The same, which costs little where all flows are alike: only where the size passes on one of them all are compared.
    pub(crate) fn by_feeling(self) -> Self {
        Self { is_feeling: true, ..self }
    }

    /// Whether it says how flows fare.
    pub(crate) fn tells(&self) -> bool {
        self.is_over() && !self.has_felt_nothing()
    }

    /// Whether one SYN went to each flow and none is answered.
    pub(crate) fn has_felt_nothing(&self) -> bool {
        self.is_feeling && !self.is_mixed()
    }

    /// The sizes compared: the one that passes and the one in question.
    pub(crate) fn sizes(&self) -> (PacketSize, PacketSize) {
        (self.passes, self.suspect)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended_at.is_some()
    }

    /// The next SYN, if one is due. `elsewhere`: how packets that pass fared on the connection.
    pub(crate) fn next_probe(&self, now: Timestamp, rtt: &RttEstimator, elsewhere: Trials) -> Option<FlowProbe> {
        if let Some(trial) = self.trials.iter().find(|trial| trial.first.is_none()) {
            return Some(FlowProbe { port: trial.port, size: self.suspect });
        }
        if self.is_feeling {
            return None;
        }
        let owes_control = self.trials.iter().find(|trial| trial.rounds.last().is_some_and(|r| r.control.is_none()));
        if let Some(trial) = owes_control {
            return Some(FlowProbe { port: trial.port, size: self.passes });
        }
        let enough = self.silences_wanted(now, rtt, elsewhere).min(SILENCES_MOST);
        let patience = if self.speaks() { MUTE_ROUNDS_AMONG_OTHERS } else { MUTE_ROUNDS };
        let trial = self.trials.iter().find(|trial| trial.wants_round(now, rtt, enough, patience))?;
        Some(FlowProbe { port: trial.port, size: self.suspect })
    }

    /// Notes that the SYN was sent.
    pub(crate) fn launched(&mut self, syn: FlowProbe, isn: SeqNumber, now: Timestamp) {
        let Some(trial) = self.trials.iter_mut().find(|trial| trial.port == syn.port) else { return };
        let sent = SentSyn { isn, sent: now, answered: None };
        match trial.rounds.last_mut() {
            _ if trial.first.is_none() => trial.first = Some(sent),
            Some(round) if round.control.is_none() => round.control = Some(sent),
            _ => trial.rounds.push(Round { suspect: sent, control: None }),
        }
    }

    /// Takes an answer that acknowledges a SYN with or without its data. Returns the size that it answers.
    pub(crate) fn answered(
        &mut self,
        port: u16,
        is_acked: impl Fn(SeqNumber, PacketSize) -> bool,
        now: Timestamp,
    ) -> Option<(PacketSize, SeqNumber)> {
        let (passes, suspect) = (self.passes, self.suspect);
        let trial = self.trials.iter_mut().find(|trial| trial.port == port)?;
        let rounds = trial.rounds.iter_mut().rev().flat_map(|round| {
            let control = round.control.as_mut().map(|syn| (syn, passes));
            control.into_iter().chain([(&mut round.suspect, suspect)])
        });
        let mut syns = rounds.chain(trial.first.as_mut().map(|syn| (syn, suspect)));
        let (syn, size) = syns.find(|(syn, size)| is_acked(syn.isn, *size))?;
        syn.answered = syn.answered.or(Some(now));
        Some((size, syn.isn))
    }

    /// Takes a PTB that quotes a SYN. Returns the size of that SYN.
    pub(crate) fn refused(&mut self, port: u16, isn: SeqNumber) -> Option<PacketSize> {
        let trial = self.trials.iter_mut().find(|trial| trial.port == port)?;
        let quoted = trial.suspects().any(|syn| syn.isn == isn);
        trial.refused |= quoted;
        quoted.then_some(self.suspect)
    }

    /// Ends when the outcome of every flow is known. If all pass, more flows are tried, as far as there are any.
    pub(crate) fn advance(&mut self, now: Timestamp, rtt: &RttEstimator, elsewhere: Trials) {
        self.is_feeling &= !self.is_mixed();
        if self.next_probe(now, rtt, elsewhere).is_some() || self.due(now, rtt).is_some() {
            return;
        }
        if self.trials.iter().all(FlowTrial::passes) && !self.reserve.is_empty() {
            self.trials.extend(self.reserve.drain(..).map(FlowTrial::new));
            return;
        }
        self.ended_at = Some(self.silences_wanted(now, rtt, elsewhere));
    }

    /// When to send, or to move on.
    pub(crate) fn next_timeout(&self, now: Timestamp, rtt: &RttEstimator, elsewhere: Trials) -> Option<Timestamp> {
        if self.next_probe(now, rtt, elsewhere).is_some() { Some(now) } else { self.due(now, rtt).or(Some(now)) }
    }

    /// When silence of a flow becomes meaningful, if one is still awaited.
    fn due(&self, now: Timestamp, rtt: &RttEstimator) -> Option<Timestamp> {
        let felt = self.trials.iter().filter(|_| self.is_feeling).filter_map(|trial| trial.first);
        let felt = felt.map(|syn| syn.sent + rtt.patience());
        let silences = self.trials.iter().filter_map(|trial| trial.silent_at(rtt));
        silences.chain(felt).filter(|&at| at > now).min()
    }

    /// How often the size has to stay silent on a flow before it counts as lost there.
    fn silences_wanted(&self, now: Timestamp, rtt: &RttEstimator, elsewhere: Trials) -> u32 {
        let flows = self.trials.len().max(1) as u32;
        let seen = elsewhere.plus(self.seen(now, rtt));
        match () {
            () if seen.answered < seen.total => silences_against(seen, CHANCE / f64::from(flows)).max(SILENCES_LOSSY),
            () if self.is_mixed() => SILENCES_MIXED,
            () => SILENCES_AGREED.div_ceil(flows).clamp(SILENCES_LEAST, SILENCES_MIXED),
        }
    }

    /// How packets fared here whose size passes. Nothing where no SYN with data is answered.
    fn seen(&self, now: Timestamp, rtt: &RttEstimator) -> Trials {
        let syns = self.trials.iter().filter(|_| self.speaks()).flat_map(FlowTrial::telling);
        let settled = syns.filter(|syn| syn.answered.is_some() || now >= syn.sent + rtt.patience());
        settled.fold(Trials::default(), |trials, syn| trials.with(syn.answered.is_some()))
    }

    /// Whether SYNs with data are answered at all.
    fn speaks(&self) -> bool {
        self.trials.iter().any(|trial| trial.controls_answered() > 0)
    }

    /// Whether the size is known not to be lost on some flow.
    fn is_mixed(&self) -> bool {
        self.trials.iter().any(|trial| trial.passes() || trial.refused)
    }

    /// The flows on which the size is lost.
    pub(crate) fn hit(&self) -> impl Iterator<Item = u16> {
        let enough = self.enough();
        self.trials.iter().filter(move |trial| trial.outcome(enough) == FlowOutcome::Lost).map(|trial| trial.port)
    }

    /// How often the size had to stay silent. An answer that came late may have shown that not all flows agree.
    fn enough(&self) -> u32 {
        let ended_at = self.ended_at.unwrap_or(SILENCES_MOST);
        if self.is_mixed() { ended_at.max(SILENCES_MIXED) } else { ended_at }
    }

    /// The SYNs that may have left half-open connections behind.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = (u16, SeqNumber)> {
        self.trials.iter().flat_map(|trial| {
            let controls = trial.rounds.iter().filter_map(|round| round.control.as_ref());
            let unanswered = trial.suspects().chain(controls).filter(|syn| syn.answered.is_none());
            unanswered.map(|syn| (trial.port, syn.isn))
        })
    }

    /// The flows and how they fared, that of the verdict first.
    ///
    /// `needed`: how many silences on this path are more than loss, for all that is known now.
    pub(crate) fn flows(&self, own: Flow, needed: Option<u32>) -> Flows {
        let enough = self.enough().max(needed.unwrap_or(0));
        let others = self.trials.iter().map(|trial| Flow { port: trial.port, outcome: trial.outcome(enough) });
        Flows { sizes: self.sizes(), flows: [own].into_iter().chain(others).collect() }
    }
}

impl Round {
    fn is_control_answered(&self) -> bool {
        self.control.is_some_and(|syn| syn.answered.is_some())
    }
}

impl FlowTrial {
    fn new(port: u16) -> Self {
        Self { port, first: None, rounds: Vec::new(), refused: false }
    }

    fn suspects(&self) -> impl Iterator<Item = &SentSyn> {
        self.first.iter().chain(self.rounds.iter().map(|round| &round.suspect))
    }

    /// The SYNs of a size that passes on this flow, as they left. Not those behind a large one that was answered: they meet half a
    /// connection.
    fn telling(&self) -> impl Iterator<Item = &SentSyn> {
        let passes = self.passes();
        let rounds = self.rounds.iter().flat_map(|round| {
            let control = round.control.as_ref().map(|syn| (syn, false));
            [(&round.suspect, true)].into_iter().chain(control)
        });
        let all = self.first.iter().map(|syn| (syn, true)).chain(rounds);
        let mut has_arrived = false;
        let before = all.take_while(move |(syn, is_suspect)| {
            let is_behind = has_arrived;
            has_arrived |= *is_suspect && syn.answered.is_some();
            !is_behind
        });
        before.filter(move |(_, is_suspect)| passes || !is_suspect).map(|(syn, _)| syn)
    }

    fn passes(&self) -> bool {
        self.suspects().any(|syn| syn.answered.is_some())
    }

    /// How often the size stayed silent, where it passes in no round. A round without any answer tells nothing: the server may have half
    /// a connection left from the one before, and answer no SYN from this port for a while.
    fn silences(&self) -> u32 {
        let has_first = self.rounds.first().is_some_and(Round::is_control_answered);
        self.controls_answered() + u32::from(has_first)
    }

    fn controls_answered(&self) -> u32 {
        self.rounds.iter().filter(|round| round.is_control_answered()).count() as u32
    }

    /// Whether the size has to be tried once more.
    fn wants_round(&self, now: Timestamp, rtt: &RttEstimator, enough: u32, patience: usize) -> bool {
        let is_mute = self.rounds.len() >= patience && self.controls_answered() == 0;
        let is_open = !self.passes() && !self.refused && !is_mute && self.rounds.len() < ROUNDS_MOST;
        is_open && self.silences() < enough && self.silent_at(rtt).is_none_or(|at| now >= at)
    }

    /// When the silence of the last round is decided: soon after its control was answered.
    fn silent_at(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let last = self.rounds.last().filter(|_| !self.passes() && !self.refused)?;
        let control = last.control?;
        Some(control.answered.map_or(control.sent + rtt.patience(), |at| at + rtt.margin()))
    }

    /// How the size fared, where it has to stay silent so often.
    fn outcome(&self, enough: u32) -> FlowOutcome {
        match () {
            () if self.passes() => FlowOutcome::Passes,
            () if self.refused => FlowOutcome::Refused,
            () if self.silences() < enough.max(1) => FlowOutcome::Unknown,
            () => FlowOutcome::Lost,
        }
    }
}

#[cfg(test)]
#[path = "flow_comparison_tests.rs"]
mod tests;

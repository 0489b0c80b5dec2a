//! Other flows: load balancers spread them over parallel paths, of which one may have a hole.
//!
//! Each flow is a source port, and in IPv6 a flow label of its own. It gets SYNs with data, which need no connection: one of
//! the size in question, and right behind it one that is known to pass, whose answer makes the first one's silence mean
//! something. What is seen here only says how widespread a hole is; no verdict rests on it.

use std::time::Duration;

use crate::model::{Flow, FlowOutcome, Flows, PacketSize, SeqNumber, Timestamp};

use super::super::rtt::RttEstimator;
use super::hop_search::SILENCES;

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
    over: bool,
}

/// Silences in all that make up for few rounds while all flows agree.
const SILENCES_AGREED: u32 = 7;
/// Rounds in which a size has to stay silent when they do not.
const ROUNDS_MIXED: u32 = 4;
/// At most; a flow that would need more stays unknown.
const ROUNDS_MOST: u32 = 12;
/// Added where small packets are lost too, since each of many flows must be told right.
const ROUNDS_MORE: u32 = 2;

impl FlowComparison {
    /// `reserve` holds further ports, used only if the size passes on every one of the first.
    pub(crate) fn new(passes: PacketSize, suspect: PacketSize, ports: &[u16], reserve: &[u16]) -> Self {
        let trials = ports.iter().map(|&port| FlowTrial { port, rounds: Vec::new(), refused: false }).collect();
        Self { passes, suspect, trials, reserve: reserve.to_vec(), over: ports.is_empty() }
    }

    /// The sizes compared: the one that passes and the one in question.
    pub(crate) fn sizes(&self) -> (PacketSize, PacketSize) {
        (self.passes, self.suspect)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// The next SYN, if one is due. `needed`: how many silences on this path are more than loss.
    pub(crate) fn next_probe(&self, now: Timestamp, rtt: &RttEstimator, needed: u32) -> Option<FlowProbe> {
        let owes_control = self.trials.iter().find(|trial| trial.rounds.last().is_some_and(|r| r.control.is_none()));
        if let Some(trial) = owes_control {
            return Some(FlowProbe { port: trial.port, size: self.passes });
        }
        let rounds = self.rounds(now, rtt, needed);
        let trial = self.trials.iter().find(|trial| trial.wants_round(now, rtt, rounds))?;
        Some(FlowProbe { port: trial.port, size: self.suspect })
    }

    /// Notes that the SYN was sent.
    pub(crate) fn launched(&mut self, syn: FlowProbe, isn: SeqNumber, now: Timestamp) {
        let Some(trial) = self.trials.iter_mut().find(|trial| trial.port == syn.port) else { return };
        let sent = SentSyn { isn, sent: now, answered: None };
        match trial.rounds.last_mut() {
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
        for round in trial.rounds.iter_mut().rev() {
            let control = round.control.as_mut().map(|syn| (syn, passes));
            for (syn, size) in control.into_iter().chain([(&mut round.suspect, suspect)]) {
                if is_acked(syn.isn, size) {
                    syn.answered = syn.answered.or(Some(now));
                    return Some((size, syn.isn));
                }
            }
        }
        None
    }

    /// Takes a PTB that quotes a SYN. Returns the size of that SYN.
    pub(crate) fn refused(&mut self, port: u16, isn: SeqNumber) -> Option<PacketSize> {
        let trial = self.trials.iter_mut().find(|trial| trial.port == port)?;
        let quoted = trial.rounds.iter().any(|round| round.suspect.isn == isn);
        trial.refused |= quoted;
        quoted.then_some(self.suspect)
    }

    /// Ends when the outcome of every flow is known. If all pass, more flows are tried, as far as there are any.
    pub(crate) fn advance(&mut self, now: Timestamp, rtt: &RttEstimator, needed: u32) {
        if self.next_probe(now, rtt, needed).is_some() || self.due(now, rtt).is_some() {
            return;
        }
        let all_pass = self.trials.iter().all(|trial| trial.outcome() == FlowOutcome::Passes);
        if all_pass && !self.reserve.is_empty() {
            let more = self.reserve.drain(..).map(|port| FlowTrial { port, rounds: Vec::new(), refused: false });
            self.trials.extend(more);
            return;
        }
        self.over = true;
    }

    /// When to send, or to move on.
    pub(crate) fn next_timeout(&self, now: Timestamp, rtt: &RttEstimator, needed: u32) -> Option<Timestamp> {
        if self.next_probe(now, rtt, needed).is_some() { Some(now) } else { self.due(now, rtt).or(Some(now)) }
    }

    /// When silence of a flow becomes meaningful, if one is still awaited.
    fn due(&self, now: Timestamp, rtt: &RttEstimator) -> Option<Timestamp> {
        self.trials.iter().filter_map(|trial| trial.silent_at(rtt)).filter(|&at| at > now).min()
    }

    fn rounds(&self, now: Timestamp, rtt: &RttEstimator, needed: u32) -> u32 {
        let passing = self.trials.iter().any(|trial| trial.passes() || trial.refused);
        let lossless = *SILENCES.start();
        match () {
            () if needed > lossless || self.loses_controls(now, rtt) => {
                (needed.max(ROUNDS_MIXED) + ROUNDS_MORE).min(ROUNDS_MOST)
            }
            () if passing => ROUNDS_MIXED,
            () => SILENCES_AGREED.div_ceil(self.trials.len().max(1) as u32).min(ROUNDS_MIXED),
        }
    }

    fn loses_controls(&self, now: Timestamp, rtt: &RttEstimator) -> bool {
        let speaks = self.trials.iter().any(|trial| trial.controls_answered() > 0);
        speaks && self.trials.iter().any(|trial| trial.lost_control(now, rtt))
    }

    /// The flows on which the size is lost.
    pub(crate) fn hit(&self) -> impl Iterator<Item = u16> {
        self.trials.iter().filter(|trial| trial.outcome() == FlowOutcome::Lost).map(|trial| trial.port)
    }

    /// The SYNs that may have left half-open connections behind.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = (u16, SeqNumber)> {
        self.trials.iter().flat_map(|trial| {
            let syns = trial.rounds.iter().flat_map(Round::syns).filter(|syn| syn.answered.is_none());
            syns.map(|syn| (trial.port, syn.isn))
        })
    }

    /// The flows and how they fared, that of the verdict first.
    ///
    /// `needed`: how many silences on this path are more than loss.
    pub(crate) fn flows(&self, own: Flow, needed: u32) -> Flows {
        let outcome_of = |trial: &FlowTrial| match trial.outcome() {
            FlowOutcome::Lost if needed > *SILENCES.start() && (trial.rounds.len() as u32) < needed => {
                FlowOutcome::Unknown
            }
            outcome => outcome,
        };
        let others = self.trials.iter().map(|trial| Flow { port: trial.port, outcome: outcome_of(trial) });
        Flows { sizes: self.sizes(), flows: [own].into_iter().chain(others).collect() }
    }
}

impl Round {
    fn syns(&self) -> impl Iterator<Item = &SentSyn> {
        [Some(&self.suspect), self.control.as_ref()].into_iter().flatten()
    }
}

impl FlowTrial {
    fn passes(&self) -> bool {
        self.rounds.iter().any(|round| round.suspect.answered.is_some())
    }

    fn controls_answered(&self) -> usize {
        self.rounds.iter().filter(|round| round.control.is_some_and(|syn| syn.answered.is_some())).count()
    }

    fn lost_control(&self, now: Timestamp, rtt: &RttEstimator) -> bool {
        self.rounds
            .iter()
            .filter_map(|round| round.control)
            .any(|syn| syn.answered.is_none() && now >= syn.sent + patience(rtt))
    }

    /// Whether the size has to be tried once more.
    fn wants_round(&self, now: Timestamp, rtt: &RttEstimator, rounds: u32) -> bool {
        let mute = self.rounds.len() >= 2 && self.controls_answered() == 0;
        !self.passes()
            && !self.refused
            && !mute
            && (self.rounds.len() as u32) < rounds
            && self.silent_at(rtt).is_none_or(|at| now >= at)
    }

    /// When the silence of the last round is decided: soon after its control was answered.
    fn silent_at(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let last = self.rounds.last().filter(|_| !self.passes() && !self.refused)?;
        let control = last.control?;
        Some(control.answered.map_or(control.sent + patience(rtt), |at| at + rtt.margin()))
    }

    fn outcome(&self) -> FlowOutcome {
        let controls = self.controls_answered();
        match () {
            () if self.passes() => FlowOutcome::Passes,
            () if self.refused => FlowOutcome::Refused,
            // Where packets are lost anyway, a few silences mean nothing beside as many lost controls.
            () if controls == 0 || controls * 2 < self.rounds.len() => FlowOutcome::Unknown,
            () => FlowOutcome::Lost,
        }
    }
}

fn patience(rtt: &RttEstimator) -> Duration {
    rtt.or_guess() + rtt.or_guess() / 4 + rtt.margin() * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: PacketSize = PacketSize::new(1400);
    const LOST: PacketSize = PacketSize::new(1401);

    /// Drives a comparison over a path that answers `passes(port, size, attempt)`.
    fn drive(ports: &[u16], reserve: &[u16], answers: impl Fn(u16, PacketSize, u32) -> bool) -> (Flows, u32) {
        let rtt = RttEstimator::default();
        let mut comparison = FlowComparison::new(OK, LOST, ports, reserve);
        let (mut now, mut sent) = (Timestamp::ZERO, 0);
        while !comparison.is_over() {
            while let Some(syn) = comparison.next_probe(now, &rtt, 2) {
                let isn = SeqNumber(sent * 10_000);
                sent += 1;
                assert!(sent < 500, "no end");
                comparison.launched(syn, isn, now);
                if answers(syn.port, syn.size, sent) {
                    comparison.answered(syn.port, |own, _| own == isn, now);
                }
            }
            now = now + Duration::from_millis(500);
            comparison.advance(now, &rtt, 2);
        }
        (comparison.flows(Flow { port: 1, outcome: FlowOutcome::Lost }, 2), sent)
    }

    #[test]
    fn counts_the_flows_that_are_hit() {
        let (flows, _) = drive(&[2, 3, 4], &[5], |port, size, _| size == OK || port == 3);
        assert_eq!((flows.hit(), flows.known()), (3, 4));
        assert_eq!(flows.flows.iter().find(|flow| flow.port == 3).map(|flow| flow.outcome), Some(FlowOutcome::Passes));
    }

    /// The budget of a black hole has room for no more.
    #[test]
    fn a_hole_on_every_flow_costs_two_probes_each() {
        let (flows, sent) = drive(&[2, 3, 4, 5, 6, 7, 8], &[9], |_, size, _| size == OK);
        assert_eq!((flows.hit(), flows.known(), sent), (8, 8, 14));
    }

    /// One lost SYN of few flows is no sign of a hole: the first answers of a path do not show how much it loses.
    #[test]
    fn a_single_silence_of_a_single_flow_is_not_believed() {
        let (flows, _) = drive(&[2], &[], |_, size, attempt| size == OK || attempt > 1);
        assert_eq!((flows.hit(), flows.known()), (1, 2));
    }

    #[test]
    fn more_flows_are_tried_when_all_of_the_first_pass() {
        let (flows, _) = drive(&[2, 3], &[4, 5], |port, size, _| size == OK || port != 5);
        assert_eq!((flows.hit(), flows.known()), (2, 5));
    }

    #[test]
    fn where_no_syn_with_data_is_answered_nothing_is_known() {
        let (flows, sent) = drive(&[2, 3], &[4], |_, _, _| false);
        assert_eq!((flows.hit(), flows.known()), (1, 1));
        assert_eq!(sent, 8, "two rounds without any answer");
    }

    /// One lost control makes the rest be tried more often.
    #[test]
    fn chance_is_given_more_rounds() {
        let (flows, _) = drive(&[2, 3], &[], |port, size, attempt| match attempt {
            1..=4 => size == OK && port == 2,
            5..=8 => size == OK,
            _ => true,
        });
        assert_eq!(flows.hit(), 1, "only the flow of the verdict itself");
    }
}

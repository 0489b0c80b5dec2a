//! Other flows: load balancers spread them over parallel paths, of which one may have a hole.
//!
//! Each flow is a source port, and in IPv6 a flow label of its own. It gets SYNs with data, which need no connection: one of
//! the size in question, and right behind it one that is known to pass, whose answer makes the first one's silence mean
//! something. What is seen here only says how widespread a hole is; no verdict rests on it.

use std::time::Duration;

use crate::model::{Flow, FlowOutcome, Flows, PacketSize, SeqNumber, Timestamp};

use super::rtt::RttEstimator;
use super::trace::SILENCES;

/// Two SYNs of one flow, sent back to back.
#[derive(Clone, Copy, Debug)]
struct Round {
    suspect: Shot,
    control: Option<Shot>,
}

#[derive(Clone, Copy, Debug)]
struct Shot {
    isn: SeqNumber,
    sent: Timestamp,
    answered: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Track {
    port: u16,
    rounds: Vec<Round>,
    refused: bool,
}

/// What to send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowShot {
    pub(super) port: u16,
    pub(super) size: PacketSize,
}

/// The comparison of flows.
#[derive(Clone, Debug)]
pub(super) struct Scout {
    passes: PacketSize,
    suspect: PacketSize,
    tracks: Vec<Track>,
    /// Flows kept back until it is known that all of the first ones pass.
    reserve: Vec<u16>,
    over: bool,
}

/// Rounds in which a size has to stay silent: while all flows agree, and when they do not.
const ROUNDS_AGREED: u32 = 1;
const ROUNDS_MIXED: u32 = 4;
/// At most; a flow that would need more stays unknown.
const ROUNDS_MOST: u32 = 12;
/// Added where small packets are lost too, since each of many flows must be told right.
const ROUNDS_MORE: u32 = 2;

impl Scout {
    /// `reserve` holds further ports, used only if the size passes on every one of the first.
    pub(super) fn new(passes: PacketSize, suspect: PacketSize, ports: &[u16], reserve: &[u16]) -> Self {
        let tracks = ports.iter().map(|&port| Track { port, rounds: Vec::new(), refused: false }).collect();
        Self { passes, suspect, tracks, reserve: reserve.to_vec(), over: ports.is_empty() }
    }

    /// The sizes compared: the one that passes and the one in question.
    pub(super) fn sizes(&self) -> (PacketSize, PacketSize) {
        (self.passes, self.suspect)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The next SYN, if one is due. `needed`: how many silences on this path are more than loss.
    pub(super) fn next_shot(&self, now: Timestamp, rtt: &RttEstimator, needed: u32) -> Option<FlowShot> {
        let owes_control = self.tracks.iter().find(|track| track.rounds.last().is_some_and(|r| r.control.is_none()));
        if let Some(track) = owes_control {
            return Some(FlowShot { port: track.port, size: self.passes });
        }
        let rounds = self.rounds(now, rtt, needed);
        let track = self.tracks.iter().find(|track| track.wants_round(now, rtt, rounds))?;
        Some(FlowShot { port: track.port, size: self.suspect })
    }

    /// Notes that the shot was sent.
    pub(super) fn launched(&mut self, shot: FlowShot, isn: SeqNumber, now: Timestamp) {
        let Some(track) = self.tracks.iter_mut().find(|track| track.port == shot.port) else { return };
        let sent = Shot { isn, sent: now, answered: None };
        match track.rounds.last_mut() {
            Some(round) if round.control.is_none() => round.control = Some(sent),
            _ => track.rounds.push(Round { suspect: sent, control: None }),
        }
    }

    /// Takes an answer that acknowledges a SYN with or without its data. Returns the size that it answers.
    pub(super) fn answered(
        &mut self,
        port: u16,
        is_acked: impl Fn(SeqNumber, PacketSize) -> bool,
        now: Timestamp,
    ) -> Option<(PacketSize, SeqNumber)> {
        let (passes, suspect) = (self.passes, self.suspect);
        let track = self.tracks.iter_mut().find(|track| track.port == port)?;
        for round in track.rounds.iter_mut().rev() {
            let control = round.control.as_mut().map(|shot| (shot, passes));
            for (shot, size) in control.into_iter().chain([(&mut round.suspect, suspect)]) {
                if is_acked(shot.isn, size) {
                    shot.answered = shot.answered.or(Some(now));
                    return Some((size, shot.isn));
                }
            }
        }
        None
    }

    /// Takes a PTB that quotes a SYN. Returns the size of that SYN.
    pub(super) fn refused(&mut self, port: u16, isn: SeqNumber) -> Option<PacketSize> {
        let track = self.tracks.iter_mut().find(|track| track.port == port)?;
        let quoted = track.rounds.iter().any(|round| round.suspect.isn == isn);
        track.refused |= quoted;
        quoted.then_some(self.suspect)
    }

    /// Ends when every flow has its fate. If all pass, more flows are tried, as far as there are any.
    pub(super) fn advance(&mut self, now: Timestamp, rtt: &RttEstimator, needed: u32) {
        if self.over || self.next_shot(now, rtt, needed).is_some() || self.due(now, rtt).is_some() {
            return;
        }
        let all_pass = self.tracks.iter().all(|track| track.fate() == FlowOutcome::Passes);
        if all_pass && !self.reserve.is_empty() {
            let more = self.reserve.drain(..).map(|port| Track { port, rounds: Vec::new(), refused: false });
            self.tracks.extend(more);
            return;
        }
        self.over = true;
    }

    /// When to send, or to move on.
    pub(super) fn wake(&self, now: Timestamp, rtt: &RttEstimator, needed: u32) -> Option<Timestamp> {
        if self.over {
            return None;
        }
        if self.next_shot(now, rtt, needed).is_some() { Some(now) } else { self.due(now, rtt).or(Some(now)) }
    }

    /// When silence of a flow becomes meaningful, if one is still awaited.
    fn due(&self, now: Timestamp, rtt: &RttEstimator) -> Option<Timestamp> {
        self.tracks.iter().filter_map(|track| track.silent_at(rtt)).filter(|&at| at > now).min()
    }

    fn rounds(&self, now: Timestamp, rtt: &RttEstimator, needed: u32) -> u32 {
        let passing = self.tracks.iter().any(|track| track.passes() || track.refused);
        let lossless = *SILENCES.start();
        match () {
            () if needed > lossless || self.loses_controls(now, rtt) => {
                (needed.max(ROUNDS_MIXED) + ROUNDS_MORE).min(ROUNDS_MOST)
            }
            () if passing => ROUNDS_MIXED,
            () => ROUNDS_AGREED,
        }
    }

    fn loses_controls(&self, now: Timestamp, rtt: &RttEstimator) -> bool {
        let speaks = self.tracks.iter().any(|track| track.controls_answered() > 0);
        speaks && self.tracks.iter().any(|track| track.lost_control(now, rtt))
    }

    /// The flows on which the size is lost.
    pub(super) fn hit(&self) -> impl Iterator<Item = u16> {
        self.tracks.iter().filter(|track| track.fate() == FlowOutcome::Lost).map(|track| track.port)
    }

    /// The SYNs that may have left half-open connections behind.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = (u16, SeqNumber)> {
        self.tracks.iter().flat_map(|track| {
            let shots = track.rounds.iter().flat_map(Round::shots).filter(|shot| shot.answered.is_none());
            shots.map(|shot| (track.port, shot.isn))
        })
    }

    /// The flows and their fates, that of the verdict first.
    ///
    /// `needed`: how many silences on this path are more than loss.
    pub(super) fn flows(&self, own: Flow, needed: u32) -> Flows {
        let fate = |track: &Track| match track.fate() {
            FlowOutcome::Lost if needed > *SILENCES.start() && (track.rounds.len() as u32) < needed => {
                FlowOutcome::Unknown
            }
            fate => fate,
        };
        let others = self.tracks.iter().map(|track| Flow { port: track.port, outcome: fate(track) });
        Flows { sizes: self.sizes(), flows: [own].into_iter().chain(others).collect() }
    }
}

impl Round {
    fn shots(&self) -> impl Iterator<Item = &Shot> {
        [Some(&self.suspect), self.control.as_ref()].into_iter().flatten()
    }
}

impl Track {
    fn passes(&self) -> bool {
        self.rounds.iter().any(|round| round.suspect.answered.is_some())
    }

    fn controls_answered(&self) -> usize {
        self.rounds.iter().filter(|round| round.control.is_some_and(|shot| shot.answered.is_some())).count()
    }

    fn lost_control(&self, now: Timestamp, rtt: &RttEstimator) -> bool {
        self.rounds
            .iter()
            .filter_map(|round| round.control)
            .any(|shot| shot.answered.is_none() && now >= shot.sent + patience(rtt))
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

    fn fate(&self) -> FlowOutcome {
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
        let mut scout = Scout::new(OK, LOST, ports, reserve);
        let (mut now, mut sent) = (Timestamp::ZERO, 0);
        while !scout.is_over() {
            while let Some(shot) = scout.next_shot(now, &rtt, 2) {
                let isn = SeqNumber(sent * 10_000);
                sent += 1;
                assert!(sent < 500, "no end");
                scout.launched(shot, isn, now);
                if answers(shot.port, shot.size, sent) {
                    scout.answered(shot.port, |own, _| own == isn, now);
                }
            }
            now = now + Duration::from_millis(500);
            scout.advance(now, &rtt, 2);
        }
        (scout.flows(Flow { port: 1, outcome: FlowOutcome::Lost }, 2), sent)
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
        let (flows, sent) = drive(&[2, 3, 4], &[5], |_, size, _| size == OK);
        assert_eq!((flows.hit(), flows.known(), sent), (4, 4, 6));
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
        assert_eq!(sent, 4);
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

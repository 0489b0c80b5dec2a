//! The probe log of one technique: what was sent and what became of it. Probes are added and get their outcome here alone.

use crate::model::{PacketSize, Timestamp};

use super::super::fisher::Trials;
use super::super::rtt::RttEstimator;
use super::probe::{Outcome, ProbeKey, ProbeKind, QueuedProbe, SentProbe};

/// How often a size was sent and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) sent: u32,
    pub(crate) answered: u32,
    /// Settled without an answer, PTBs included.
    pub(crate) lost: u32,
    /// Of the lost, those that a PTB quoted.
    pub(crate) refused: u32,
}

/// The probes of one technique, in the order they were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProbeLog {
    probes: Vec<SentProbe>,
    /// Answers do not name their probe, so one alone does not prove that a size passes.
    answers_are_nameless: bool,
}

impl ProbeLog {
    /// The log of a technique whose answers do not name their probe.
    pub(crate) fn nameless() -> Self {
        Self { probes: Vec::new(), answers_are_nameless: true }
    }

    /// Notes that a probe was sent.
    pub(crate) fn launched(&mut self, probe: QueuedProbe, key: ProbeKey, now: Timestamp) {
        self.probes.push(SentProbe { key, size: probe.size, kind: probe.kind, sent: now, outcome: Outcome::Waiting });
    }

    /// Whether a probe of this size was sent.
    pub(crate) fn knows(&self, size: PacketSize) -> bool {
        self.sized().any(|probe| probe.size == size)
    }

    /// Whether the outcome of a probe is still open.
    pub(crate) fn is_waiting(&self) -> bool {
        self.probes.iter().any(|probe| probe.outcome == Outcome::Waiting)
    }

    pub(crate) fn probes(&self) -> &[SentProbe] {
        &self.probes
    }

    /// Marks the probe that `matches` as answered and returns its round-trip time. Late answers count.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
        rtt: &mut RttEstimator,
        matches: impl Fn(&SentProbe) -> bool,
    ) -> Option<SentProbe> {
        let probe = self.probes.iter_mut().rev().find(|probe| matches(probe))?;
        match probe.outcome {
            Outcome::Answered(_) => {}
            Outcome::Lost(given_up) => {
                rtt.came_late(now.since(given_up));
                probe.outcome = Outcome::Answered(now);
            }
            Outcome::Waiting | Outcome::Refused => {
                rtt.sample(now.since(probe.sent));
                probe.outcome = Outcome::Answered(now);
            }
        }
        Some(*probe)
    }

    /// Marks the probe that `matches` as refused by a PTB, unless it was answered, and returns it.
    pub(crate) fn refused(&mut self, matches: impl Fn(&SentProbe) -> bool) -> Option<SentProbe> {
        let probe = self.probes.iter_mut().rev().find(|probe| matches(probe))?;
        if matches!(probe.outcome, Outcome::Waiting | Outcome::Lost(_)) {
            probe.outcome = Outcome::Refused;
        }
        Some(*probe)
    }

    /// Gives up the probes whose silence has become meaningful.
    pub(crate) fn settle(&mut self, now: Timestamp, rtt: &RttEstimator) {
        let mut later_answer: Option<Timestamp> = None;
        for probe in self.probes.iter_mut().rev() {
            if let Some(at) = probe.answered_at() {
                later_answer = Some(later_answer.map_or(at, |earlier| earlier.min(at)));
            } else if probe.outcome == Outcome::Waiting && deadline(probe, later_answer, rtt) <= now {
                probe.outcome = Outcome::Lost(now);
            }
        }
    }

    /// When the next outcome will be settled by silence.
    pub(crate) fn next_timeout(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let mut later_answer: Option<Timestamp> = None;
        let mut wake: Option<Timestamp> = None;
        for probe in self.probes.iter().rev() {
            if let Some(at) = probe.answered_at() {
                later_answer = Some(later_answer.map_or(at, |earlier| earlier.min(at)));
            } else if probe.outcome == Outcome::Waiting {
                let deadline = deadline(probe, later_answer, rtt);
                wake = Some(wake.map_or(deadline, |w| w.min(deadline)));
            }
        }
        wake
    }

    /// The fates of one size.
    pub(crate) fn count(&self, size: PacketSize) -> Count {
        let mut count = Count::default();
        for probe in self.probes.iter().filter(|probe| probe.is_sized() && probe.size == size) {
            count.sent += 1;
            match probe.outcome {
                Outcome::Waiting => {}
                Outcome::Answered(_) => count.answered += 1,
                Outcome::Lost(_) => count.lost += 1,
                Outcome::Refused => {
                    count.lost += 1;
                    count.refused += 1;
                }
            }
        }
        count
    }

    /// The largest size that was answered, twice if answers are nameless.
    pub(crate) fn largest_answered(&self) -> Option<PacketSize> {
        let answered = self.sized().filter(|probe| probe.answered_at().is_some()).map(|probe| probe.size);
        if self.answers_are_nameless {
            answered.filter(|&size| self.count(size).answered >= 2).max()
        } else {
            answered.max()
        }
    }

    /// The largest size answered beyond what this host sends.
    pub(crate) fn largest_beyond(&self) -> Option<PacketSize> {
        let beyond =
            self.probes.iter().filter(|probe| probe.kind == ProbeKind::Beyond && probe.answered_at().is_some());
        beyond.map(|probe| probe.size).max()
    }

    /// The smallest size above `passes` with a settled loss.
    pub(crate) fn smallest_lost_above(&self, passes: PacketSize) -> Option<PacketSize> {
        self.sized()
            .filter(|probe| probe.size > passes && matches!(probe.outcome, Outcome::Lost(_) | Outcome::Refused))
            .map(|probe| probe.size)
            .min()
    }

    /// How packets of sizes that pass fared.
    pub(crate) fn controls(&self, passes: PacketSize) -> Trials {
        self.trials_of(|probe| probe.is_sized() && probe.size <= passes)
    }

    /// The settled probes of one size and kind.
    pub(crate) fn trials(&self, size: PacketSize, kind: ProbeKind) -> Trials {
        self.trials_of(|probe| probe.kind == kind && probe.size == size)
    }

    /// Settled probes of one kind, whatever their size.
    pub(crate) fn trials_of_kind(&self, kind: ProbeKind) -> Trials {
        self.trials_of(|probe| probe.kind == kind)
    }

    fn trials_of(&self, wanted: impl Fn(&SentProbe) -> bool) -> Trials {
        let settled = self.probes.iter().filter(|probe| wanted(probe) && probe.outcome != Outcome::Waiting);
        settled.fold(Trials::default(), |trials, probe| Trials {
            total: trials.total + 1,
            answered: trials.answered + u32::from(probe.answered_at().is_some()),
        })
    }

    pub(crate) fn sent(&self) -> u32 {
        self.probes.len() as u32
    }

    pub(crate) fn total_answered(&self) -> u32 {
        self.probes.iter().filter(|probe| probe.answered_at().is_some()).count() as u32
    }

    /// Whether a probe sent after `instant` was answered, and when first.
    pub(crate) fn answer_to_probe_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.probes.iter().filter(|probe| probe.sent > instant).filter_map(SentProbe::answered_at).min()
    }

    /// Whether a size that passes was lost at least once: the path loses packets of any size.
    pub(crate) fn lost_below(&self, passes: PacketSize) -> bool {
        self.sized().any(|probe| probe.size <= passes && matches!(probe.outcome, Outcome::Lost(_)))
    }

    fn sized(&self) -> impl Iterator<Item = &SentProbe> {
        self.probes.iter().filter(|probe| probe.is_sized())
    }
}

/// When an open probe counts as lost: a margin after the answer to a later one, or after a whole timeout.
fn deadline(probe: &SentProbe, later_answer: Option<Timestamp>, rtt: &RttEstimator) -> Timestamp {
    let alone = probe.sent + rtt.timeout();
    later_answer.map_or(alone, |at| (at + rtt.margin()).min(alone))
}

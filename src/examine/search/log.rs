//! The probe log of one technique: what was sent and what became of it. Probes are added and get their outcome here alone.

use std::borrow::Borrow;
use std::time::Duration;

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
    /// How many of them have no outcome yet.
    waiting: usize,
    /// The largest size that is known to pass. It is asked for far more often than an answer comes.
    largest_answered: Option<PacketSize>,
    /// The shortest time after which a probe was answered.
    fastest_answer: Option<Duration>,
    /// Answers do not name their probe, so one alone does not prove that a size passes.
    answers_are_nameless: bool,
    /// What was sent before and lost was lost to the burst that it was sent in, and tells nothing of its size.
    losses_count_from: Timestamp,
}

impl ProbeLog {
    /// The log of a technique whose answers do not name their probe.
    pub(crate) fn nameless() -> Self {
        Self { answers_are_nameless: true, ..Self::default() }
    }

    /// Whether answers do not name their probe.
    pub(crate) fn is_nameless(&self) -> bool {
        self.answers_are_nameless
    }

    /// Forgets all losses so far.
    pub(crate) fn forgive_losses(&mut self, now: Timestamp) {
        self.losses_count_from = now;
    }

    /// Takes that back.
    pub(crate) fn count_all_losses(&mut self) {
        self.losses_count_from = Timestamp::ZERO;
    }

    /// Whether a probe is lost, for all that its silence tells.
    fn is_lost(&self, probe: &SentProbe) -> bool {
        matches!(probe.outcome, Outcome::Lost(_)) && probe.sent >= self.losses_count_from
    }

    /// Notes that a probe was sent.
    pub(crate) fn launched(&mut self, probe: QueuedProbe, key: ProbeKey, now: Timestamp) {
        self.waiting += 1;
        self.probes.push(SentProbe { key, size: probe.size, kind: probe.kind, sent: now, outcome: Outcome::Waiting });
    }

    /// Whether a probe of this size was sent.
    pub(crate) fn knows(&self, size: PacketSize) -> bool {
        self.sized().any(|probe| probe.size == size)
    }

    /// When a size was sent first.
    pub(crate) fn first_sent(&self, size: PacketSize) -> Option<Timestamp> {
        self.sized().find(|probe| probe.size == size).map(|probe| probe.sent)
    }

    /// Whether the outcome of a probe is still open.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting > 0
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
        self.waiting -= usize::from(probe.outcome == Outcome::Waiting);
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
        let probe = *probe;
        if let Some(at) = probe.answered_at() {
            let after = at.since(probe.sent);
            self.fastest_answer = Some(self.fastest_answer.map_or(after, |fastest| fastest.min(after)));
        }
        self.note_size(&probe);
        Some(probe)
    }

    /// Takes note of a size that passes. Answers without a name prove one only together.
    fn note_size(&mut self, probe: &SentProbe) {
        let is_larger = probe.is_sized() && self.largest_answered.is_none_or(|largest| probe.size > largest);
        if is_larger && (!self.answers_are_nameless || self.count(probe.size).answered >= 2) {
            self.largest_answered = Some(probe.size);
        }
    }

    /// Marks the probe that `matches` as refused by a PTB, unless it was answered, and returns it.
    pub(crate) fn refused(&mut self, matches: impl Fn(&SentProbe) -> bool) -> Option<SentProbe> {
        let probe = self.probes.iter_mut().rev().find(|probe| matches(probe))?;
        self.waiting -= usize::from(probe.outcome == Outcome::Waiting);
        if matches!(probe.outcome, Outcome::Waiting | Outcome::Lost(_)) {
            probe.outcome = Outcome::Refused;
        }
        Some(*probe)
    }

    /// Gives up the probes whose silence has become meaningful.
    pub(crate) fn settle(&mut self, now: Timestamp, rtt: &RttEstimator) {
        if !self.is_waiting() {
            return;
        }
        let waiting = self.waiting;
        let mut silence = Silence::new(rtt);
        for probe in self.probes.iter_mut().rev().scan(waiting, until_none_waits) {
            if silence.deadline(probe).is_some_and(|deadline| deadline <= now) {
                probe.outcome = Outcome::Lost(now);
                self.waiting -= 1;
            }
        }
    }

    /// When the next outcome will be settled by silence.
    pub(crate) fn next_timeout(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        if !self.is_waiting() {
            return None;
        }
        let mut silence = Silence::new(rtt);
        let newest_first = self.probes.iter().rev().scan(self.waiting, until_none_waits);
        newest_first.filter_map(|probe| silence.deadline(probe)).min()
    }

    /// The outcomes of one size.
    pub(crate) fn count(&self, size: PacketSize) -> Count {
        let mut count = Count::default();
        for probe in self.probes.iter().filter(|probe| probe.is_sized() && probe.size == size) {
            count.sent += 1;
            match probe.outcome {
                Outcome::Waiting => {}
                Outcome::Answered(_) => count.answered += 1,
                Outcome::Lost(_) => count.lost += u32::from(self.is_lost(probe)),
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
        self.largest_answered
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
            .filter(|probe| probe.size > passes && (probe.outcome == Outcome::Refused || self.is_lost(probe)))
            .map(|probe| probe.size)
            .min()
    }

    /// Whether a router refused a packet that is no larger than one that passed at another time.
    pub(crate) fn is_refused(&self, passes: PacketSize) -> bool {
        self.sized().any(|probe| probe.size <= passes && probe.outcome == Outcome::Refused)
    }

    /// How packets of sizes that pass fared.
    pub(crate) fn controls(&self, passes: PacketSize) -> Trials {
        self.trials_of(|probe| probe.is_sized() && probe.size <= passes)
    }

    /// The same for those sent since then that are not much smaller than the largest.
    pub(crate) fn large_controls_since(&self, since: Timestamp) -> Trials {
        let Some(passes) = self.largest_answered else { return Trials::default() };
        self.trials_of(|probe| probe.is_sized() && is_large_control(probe.size, passes) && probe.sent >= since)
    }

    /// The same for all sizes known to pass so far.
    pub(crate) fn all_controls(&self) -> Trials {
        self.largest_answered.map_or(Trials::default(), |passes| self.controls(passes))
    }

    /// The same, with what was lost to a burst.
    pub(crate) fn controls_as_sent(&self) -> Trials {
        self.sized_as_sent(|size, passes| size <= passes)
    }

    /// The same for those that are not much smaller than the largest.
    pub(crate) fn large_controls_as_sent(&self) -> Trials {
        self.sized_as_sent(is_large_control)
    }

    fn sized_as_sent(&self, wanted: impl Fn(PacketSize, PacketSize) -> bool) -> Trials {
        let Some(passes) = self.largest_answered else { return Trials::default() };
        let settled = self.sized().filter(|probe| wanted(probe.size, passes) && probe.outcome != Outcome::Waiting);
        settled.fold(Trials::default(), |trials, probe| trials.with(probe.answered_at().is_some()))
    }

    /// How packets of sizes that pass fared since losses count. Of a burst before that, the answered ones alone would be left, and it
    /// would seem that hardly any are lost.
    pub(crate) fn fate_of_controls(&self) -> Trials {
        let Some(passes) = self.largest_answered else { return Trials::default() };
        let counts = |probe: &SentProbe| probe.sent >= self.losses_count_from;
        self.trials_of(|probe| probe.is_sized() && probe.size <= passes && counts(probe))
    }

    /// Whether a packet of a size known to pass was lost.
    pub(crate) fn loses_controls(&self) -> bool {
        self.largest_answered.is_some_and(|passes| self.lost_below(passes))
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
        let is_forgiven = |probe: &SentProbe| matches!(probe.outcome, Outcome::Lost(_)) && !self.is_lost(probe);
        let is_settled = |probe: &SentProbe| probe.outcome != Outcome::Waiting && !is_forgiven(probe);
        let settled = self.probes.iter().filter(|probe| wanted(probe) && is_settled(probe));
        settled.fold(Trials::default(), |trials, probe| trials.with(probe.answered_at().is_some()))
    }

    pub(crate) fn sent(&self) -> u32 {
        self.probes.len() as u32
    }

    pub(crate) fn total_answered(&self) -> u32 {
        self.probes.iter().filter(|probe| probe.answered_at().is_some()).count() as u32
    }

    /// The shortest time after which a probe was answered.
    pub(crate) fn fastest_answer(&self) -> Option<Duration> {
        self.fastest_answer
    }

    /// Whether a probe sent after `instant` was answered, and when first.
    pub(crate) fn answer_to_probe_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.probes.iter().filter(|probe| probe.sent > instant).filter_map(SentProbe::answered_at).min()
    }

    /// Whether a size that passes was lost at least once: the path loses packets of any size.
    pub(crate) fn lost_below(&self, passes: PacketSize) -> bool {
        self.sized().any(|probe| probe.size <= passes && self.is_lost(probe))
    }

    fn sized(&self) -> impl Iterator<Item = &SentProbe> {
        self.probes.iter().filter(|probe| probe.is_sized())
    }
}

fn is_large_control(size: PacketSize, passes: PacketSize) -> bool {
    size <= passes && size.bytes() * 2 >= passes.bytes()
}

/// How long silence must last, over probes from the newest to the oldest.
struct Silence {
    timeout: Duration,
    margin: Duration,
    later_answer: Option<Timestamp>,
}

impl Silence {
    fn new(rtt: &RttEstimator) -> Self {
        Self { timeout: rtt.timeout(), margin: rtt.margin(), later_answer: None }
    }

    /// When a probe without an outcome counts as lost: a margin after the answer to a later one, or after a whole timeout.
    fn deadline(&mut self, probe: &SentProbe) -> Option<Timestamp> {
        if let Some(at) = probe.answered_at() {
            self.later_answer = Some(self.later_answer.map_or(at, |earlier| earlier.min(at)));
        }
        if probe.outcome != Outcome::Waiting {
            return None;
        }
        let alone = probe.sent + self.timeout;
        Some(self.later_answer.map_or(alone, |at| (at + self.margin).min(alone)))
    }
}

/// Ends a walk over probes once `waiting` of them, which have no outcome, were seen.
fn until_none_waits<P: Borrow<SentProbe>>(waiting: &mut usize, probe: P) -> Option<P> {
    if *waiting == 0 {
        return None;
    }
    *waiting -= usize::from(probe.borrow().outcome == Outcome::Waiting);
    Some(probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: PacketSize = PacketSize::new(1400);

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    /// Six probes leave, and this many of the first are answered.
    fn burst(log: &mut ProbeLog, rtt: &mut RttEstimator, first: u16, answered: u16, now: Timestamp) {
        for seq in first..first + 6 {
            let probe = QueuedProbe { size: SIZE, kind: ProbeKind::Sized, not_before: now };
            log.launched(probe, ProbeKey::Echo(seq), now);
        }
        for seq in first..first + answered {
            log.answered(now + Duration::from_millis(20), rtt, |probe| probe.key == ProbeKey::Echo(seq));
        }
        log.settle(now + Duration::from_secs(5), rtt);
    }

    /// Those of the burst that were answered would make the loss look rarer than it is.
    #[test]
    fn how_packets_fare_is_told_by_what_was_sent_since_losses_count() {
        let (mut log, mut rtt) = (ProbeLog::default(), RttEstimator::default());
        burst(&mut log, &mut rtt, 0, 3, at(0));
        assert_eq!((log.fate_of_controls().answered, log.fate_of_controls().total), (3, 6));
        log.forgive_losses(at(6000));
        burst(&mut log, &mut rtt, 6, 3, at(6000));
        assert_eq!((log.fate_of_controls().answered, log.fate_of_controls().total), (3, 6));
        assert_eq!((log.all_controls().answered, log.all_controls().total), (6, 9));
        log.count_all_losses();
        assert_eq!((log.fate_of_controls().answered, log.fate_of_controls().total), (6, 12));
    }
}

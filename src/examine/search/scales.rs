//! What a pair of sizes is worth: the log of a search in, the next step out. Nothing is changed here.

use crate::model::{PacketSize, Timestamp};

use super::super::fisher::{SIGNIFICANCE, Trials, p_value};
use super::super::ptb_log::{Kernel, KernelPmtu};
use super::log::ProbeLog;
use super::probe::ProbeKind;
use super::progress::{Progress, Proof, Situation, Testimony};
use super::sizes::Pair;

/// What comes next once every outcome is known.
pub(super) enum NextStep {
    Round(Vec<PacketSize>),
    /// Repeat `passes` and `suspect`, so many times.
    Confirm {
        passes: PacketSize,
        suspect: PacketSize,
        batch: u32,
    },
    Stand(Progress),
}

/// How many probes may be on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batches {
    /// All at once.
    Whole,
    /// The line is thin.
    Thrifty,
    /// One probe at a time.
    OneByOne,
}

/// What is weighed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales<'a> {
    log: &'a ProbeLog,
    /// The largest size in question.
    max: PacketSize,
    /// The pair under confirmation and how many probes of each size were queued for it.
    confirming: Option<(PacketSize, PacketSize, u32)>,
    batches: Batches,
}

/// Probes of each size in the first confirmation (design, section 3).
const CONFIRM_FIRST: u32 = 6;
/// The same on a thin line, where each has two controls.
const CONFIRM_FIRST_THRIFTY: u32 = 5;
/// Added when controls were lost.
const CONFIRM_MORE: u32 = 3;
/// Probes of each size at most.
const CONFIRM_MOST: u32 = 12;
/// The same, and the p to reach, where small packets are lost too.
const CONFIRM_MOST_LOSSY: u32 = 24;
/// Where two of five packets of the size that passes are lost.
const CONFIRM_MOST_HEAVY: u32 = 60;
const LOSSY_SIGNIFICANCE: f64 = 1e-6;

impl<'a> Scales<'a> {
    pub(super) fn new(
        log: &'a ProbeLog,
        max: PacketSize,
        confirming: Option<(PacketSize, PacketSize, u32)>,
        batches: Batches,
    ) -> Self {
        Self { log, max, confirming, batches }
    }

    /// What follows for a pair.
    pub(super) fn weigh(&self, pair: Pair, situation: &Situation<'_>) -> NextStep {
        let Situation { ptbs, about, elsewhere, .. } = *situation;
        let stuck = self.ends(pair, situation).find(|end| end.stuck_at().is_some());
        // A true PTB settles the matter, but the size above the path MTU must be proven lost too: by a PTB about that very
        // size, or by statistics when the router rations its messages.
        if stuck.is_none() && self.log.count(pair.lost).refused > 0 {
            return NextStep::Stand(Progress::Discoverable(pair));
        }
        let suspect = match stuck {
            Some(KernelPmtu::Silent { at }) if ptbs.may_speak_of(about, pair.lost, pair.passes) => at,
            _ => pair.lost,
        };
        // The size itself first; then, if a PTB speaks of that one, the size at which the kernel's sizes end: what becomes of it is the
        // cause, and it may not have been sent yet.
        let proven_by_ptb = self.log.count(pair.lost).refused > 0;
        if !proven_by_ptb || suspect == pair.lost {
            match self.confirm(pair, pair.lost, elsewhere) {
                NextStep::Stand(Progress::Proven(_)) if stuck.is_none() => {
                    return NextStep::Stand(Progress::Discoverable(pair));
                }
                NextStep::Stand(Progress::Proven(_)) if suspect != pair.lost => {}
                step => return step,
            }
        }
        self.confirm(pair, suspect, elsewhere)
    }

    /// Where a kernel ends. What TCP sends matters first; what other protocols would send, only if TCP finds its way.
    fn ends(&self, pair: Pair, situation: &Situation<'_>) -> impl Iterator<Item = KernelPmtu> {
        let Situation { plan, ptbs, about, tcp_limit, .. } = *situation;
        let starts = [tcp_limit, Some(self.max)].into_iter().flatten();
        let starts = starts.map(move |start| start.min(self.max));
        starts.map(move |start| ptbs.kernel_pmtu(about, start, pair.passes, Kernel::of(plan)))
    }

    /// When a packet left first about which a PTB is due that would lead further than a kernel gets now.
    pub(super) fn ptb_due_since(&self, pair: Pair, situation: &Situation<'_>) -> Option<Timestamp> {
        let stuck = self.ends(pair, situation).filter_map(KernelPmtu::awaits_word_about);
        stuck.filter_map(|at| self.log.first_sent(at).or(self.log.first_sent(pair.lost))).max()
    }

    /// The p to reach and the probes of each size that may be spent on it. On a path that loses packets of any size the
    /// search may stumble over many pairs that chance made, so each has to be proven far better.
    fn demands(&self, passes: PacketSize) -> (f64, u32) {
        let controls = self.log.trials(passes, ProbeKind::Confirming);
        match self.log.lost_below(passes) {
            true if controls.answered * 5 < controls.total * 3 => (LOSSY_SIGNIFICANCE, CONFIRM_MOST_HEAVY),
            true => (LOSSY_SIGNIFICANCE, CONFIRM_MOST_LOSSY),
            false => (SIGNIFICANCE, CONFIRM_MOST),
        }
    }

    /// Whether the path loses packets of any size and the first dozen of each size did not settle the matter.
    pub(super) fn is_struggling(&self) -> bool {
        self.confirming.is_some_and(|(passes, _, queued)| queued >= CONFIRM_MOST && self.log.lost_below(passes))
    }

    /// Repeats the passing and the suspected size until chance is ruled out or the probes are used up.
    fn confirm(&self, pair: Pair, suspect: PacketSize, elsewhere: &[Testimony]) -> NextStep {
        let trials = self.confirmed(pair.passes, suspect, elsewhere);
        let proof = Proof { pair, suspect, p: p_value(trials.0, trials.1) };
        let (significance, most) = self.demands(pair.passes);
        let queued = self.queued_for(pair.passes, suspect);
        // What others tell counts only beside the technique's own first batch. Where packets are lost, few of its own may have been lost by
        // chance while echo, which cannot tell the directions apart, loses all of its own on the way back.
        let is_lossy = self.log.lost_below(pair.passes);
        let own = self.confirmed(pair.passes, suspect, &[]);
        let stands_alone = !is_lossy || elsewhere.is_empty() || p_value(own.0, own.1) <= SIGNIFICANCE;
        if queued > 0 && proof.p <= significance && stands_alone {
            return NextStep::Stand(Progress::Proven(proof));
        }
        if queued >= most {
            return NextStep::Stand(Progress::Noisy(proof));
        }
        let batch = match queued {
            0 if self.batches == Batches::Thrifty => CONFIRM_FIRST_THRIFTY,
            // Each takes a second or so. Others have told what they know by the time that a few are settled. Where packets of any size
            // are lost, a few are too few: echo, which cannot tell the directions apart, would outweigh them.
            0 if self.batches == Batches::OneByOne && !is_lossy => CONFIRM_MORE,
            0 => CONFIRM_FIRST,
            _ => CONFIRM_MORE,
        };
        NextStep::Confirm { passes: pair.passes, suspect, batch }
    }

    /// How many probes of each size were queued for a pair. Two pairs may take turns, where a PTB about one says that the other has to
    /// be proven as well: what was sent for a pair still counts when its turn comes again.
    pub(super) fn queued_for(&self, passes: PacketSize, suspect: PacketSize) -> u32 {
        match self.confirming {
            Some((p, s, queued)) if (p, s) == (passes, suspect) => queued,
            _ => {
                let sent = |size| self.log.trials(size, ProbeKind::Confirming).total;
                sent(passes).min(sent(suspect))
            }
        }
    }

    /// Whether all probes of the confirmation were queued.
    pub(super) fn is_exhausted(&self) -> bool {
        self.confirming.is_some_and(|(passes, _, queued)| queued >= self.demands(passes).1)
    }

    /// The pair with its p, once one is under confirmation.
    pub(super) fn proof(&self, pair: Pair) -> Option<Proof> {
        let (passes, suspect, _) = self.confirming?;
        let trials = self.confirmed(passes, suspect, &[]);
        Some(Proof { pair, suspect, p: p_value(trials.0, trials.1) })
    }

    /// Statistics of the confirmation: control, suspect.
    fn confirmed(&self, passes: PacketSize, suspect: PacketSize, elsewhere: &[Testimony]) -> (Trials, Trials) {
        let own = (self.log.trials(passes, ProbeKind::Confirming), self.log.trials(suspect, ProbeKind::Confirming));
        let same = elsewhere.iter().filter(|other| (other.passes, other.suspect) == (passes, suspect));
        same.fold(own, |(control, suspected), other| (control.plus(other.control), suspected.plus(other.suspected)))
    }

    /// What this technique alone tells about the pair under confirmation, for others to count in: only if it passes the
    /// one size and has never passed the other.
    pub(super) fn testimony(&self) -> Option<Testimony> {
        let (passes, suspect, _) = self.confirming?;
        let control = self.log.trials(passes, ProbeKind::Confirming);
        let suspected = self.log.trials(suspect, ProbeKind::Confirming);
        (self.log.largest_answered() == Some(passes) && control.answered > 0).then_some(Testimony {
            passes,
            suspect,
            control,
            suspected,
        })
    }
}

//! One technique's way from the first probe to a proven pair: ladder, bracket, exact pair, confirmation.

use std::time::Duration;

use crate::model::{PacketSize, Plan, Timestamp};

use super::fisher::{SIGNIFICANCE, Trials, p_value};
use super::lane::{Kind, Lane};
use super::ptb::{PtbLedger, Walk};
use super::rtt::RttEstimator;
use super::search::{Bounds, Pair, Step, WIDE};

/// How far a campaign has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progress {
    /// Probes are queued or in flight.
    Busy,
    /// The largest size passes.
    Full,
    /// The path is smaller, and the PTBs that reach the kernel lead to a size that passes.
    Discoverable(Pair),
    /// Larger sizes vanish: proven.
    Proven(Proof),
    /// Larger sizes seem to vanish, but small ones are lost too often to prove it.
    Noisy(Proof),
    /// Nothing is answered.
    Nothing,
}

/// A pair and the statistics about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Proof {
    pub(super) pair: Pair,
    /// The lost size that was confirmed: `pair.lost`, unless a PTB speaks truly of that one.
    pub(super) suspect: PacketSize,
    pub(super) p: f64,
}

/// The probes of one technique and the search that they serve.
#[derive(Clone, Debug)]
pub(super) struct Campaign {
    pub(super) lane: Lane,
    pub(super) bounds: Bounds,
    started: bool,
    /// Largest packet TCP would send, once the peer has told its MSS.
    pub(super) tcp_limit: Option<PacketSize>,
    /// How the same two sizes fared with other techniques: passes, suspect, control, suspected.
    pub(super) elsewhere: Vec<(PacketSize, PacketSize, Trials, Trials)>,
    /// The pair under confirmation and how many probes of each size were queued for it.
    confirming: Option<(PacketSize, PacketSize, u32)>,
    rounds: u32,
    /// Answers do not name their probe: one probe at a time.
    pub(super) serial: bool,
}

/// Probes of each size in the first confirmation (design, section 3).
const CONFIRM_FIRST: u32 = 6;
/// Added when controls were lost.
const CONFIRM_MORE: u32 = 3;
/// Probes of each size at most.
const CONFIRM_MOST: u32 = 12;
/// The same, and the p to reach, where small packets are lost too.
const CONFIRM_MOST_LOSSY: u32 = 24;
const LOSSY_SIGNIFICANCE: f64 = 1e-6;
/// A search that has not ended after so many rounds meets a path that changes under it.
const MOST_ROUNDS: u32 = 60;

impl Campaign {
    pub(super) fn new(plan: &Plan) -> Self {
        let bounds = Bounds { min: plan.min_size, max: plan.max_size, width: WIDE };
        Self {
            lane: Lane::default(),
            bounds,
            started: false,
            tcp_limit: None,
            elsewhere: Vec::new(),
            confirming: None,
            rounds: 0,
            serial: false,
        }
    }

    /// The same for a technique that has room for few probes at a time.
    pub(super) fn narrow(plan: &Plan, width: usize) -> Self {
        let mut campaign = Self::new(plan);
        campaign.bounds.width = width;
        campaign
    }

    /// A fresh start with one probe at a time.
    pub(super) fn serial(plan: &Plan) -> Self {
        let mut campaign = Self::narrow(plan, 1);
        campaign.serial = true;
        campaign.lane.answers_are_nameless = true;
        campaign
    }

    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// Queues the ladder.
    pub(super) fn start(&mut self, also: &[PacketSize], now: Timestamp) {
        self.started = true;
        let ladder = self.bounds.ladder(also);
        self.queue_round(&ladder, now);
    }

    /// Queues a check of what another technique found, in place of a ladder.
    pub(super) fn start_at(&mut self, pair: Pair, now: Timestamp) {
        self.started = true;
        self.queue_round(&[self.bounds.max, pair.lost, pair.passes, pair.passes], now);
    }

    /// Queues the sizes that a PTB suggests, if they are news.
    pub(super) fn take_hint(&mut self, mtu: u32, now: Timestamp) {
        let hinted = [PacketSize::new(mtu.saturating_add(1)), PacketSize::new(mtu)];
        for size in hinted {
            if size >= self.bounds.min && size < self.bounds.max && !self.lane.knows(size) {
                self.lane.queue(size, Kind::Sized, now);
            }
        }
    }

    /// Takes the next step if every fate is settled.
    pub(super) fn advance(&mut self, now: Timestamp, rtt: &RttEstimator, ptb: &PtbLedger, plan: &Plan) -> Progress {
        if !self.started || !self.lane.is_idle() {
            return Progress::Busy;
        }
        match self.bounds.step(&self.lane) {
            Step::Full => Progress::Full,
            Step::Nothing => Progress::Nothing,
            Step::Round(_) if self.rounds > MOST_ROUNDS => Progress::Nothing,
            Step::Round(sizes) => {
                self.rounds += 1;
                self.queue_round(&sizes, now);
                Progress::Busy
            }
            Step::Pair(pair) => self.examine_pair(pair, now, rtt, ptb, plan),
        }
    }

    fn examine_pair(
        &mut self,
        pair: Pair,
        now: Timestamp,
        rtt: &RttEstimator,
        ptb: &PtbLedger,
        plan: &Plan,
    ) -> Progress {
        // What TCP sends matters first; what other protocols would send, only if TCP finds its way.
        let starts = [self.tcp_limit, Some(self.bounds.max)].into_iter().flatten();
        let walks = starts
            .map(|start| start.min(self.bounds.max))
            .map(|start| ptb.walk(start, pair.passes, plan.family(), plan.kernel_min_pmtu));
        let stuck = walks.into_iter().find(|walk| walk.stuck_at().is_some());
        // A true PTB settles the matter, but the size above the path MTU must be proven lost too: by a PTB about that very
        // size, or by statistics when the router rations its messages.
        if stuck.is_none() && self.lane.count(pair.lost).refused > 0 {
            return Progress::Discoverable(pair);
        }
        let suspect = match stuck {
            Some(Walk::Silent { at }) if ptb.has_true_word_about(pair.lost) => at,
            _ => pair.lost,
        };
        // The size itself first; then, if a PTB speaks truly of that one, the size at which the kernel's walk ends.
        let proven_by_ptb = self.lane.count(pair.lost).refused > 0;
        if !proven_by_ptb || suspect == pair.lost {
            match self.confirm(pair, pair.lost, now, rtt) {
                Progress::Proven(_) if stuck.is_none() => return Progress::Discoverable(pair),
                Progress::Proven(_) if suspect != pair.lost => {}
                progress => return progress,
            }
        }
        self.confirm(pair, suspect, now, rtt)
    }

    /// The p to reach and the probes of each size that may be spent on it. On a path that loses packets of any size the
    /// search may stumble over many pairs that chance made, so each has to be proven far better.
    fn demands(&self, passes: PacketSize) -> (f64, u32) {
        if self.lane.lost_below(passes) {
            (LOSSY_SIGNIFICANCE, CONFIRM_MOST_LOSSY)
        } else {
            (SIGNIFICANCE, CONFIRM_MOST)
        }
    }

    /// Whether the path loses packets of any size and the first dozen of each size did not settle the matter.
    pub(super) fn is_struggling(&self) -> bool {
        self.confirming.is_some_and(|(passes, _, queued)| queued >= CONFIRM_MOST && self.lane.lost_below(passes))
    }

    /// Repeats the passing and the suspected size until chance is ruled out or the probes are used up.
    fn confirm(&mut self, pair: Pair, suspect: PacketSize, now: Timestamp, rtt: &RttEstimator) -> Progress {
        let trials = self.confirmed(pair.passes, suspect);
        let proof = Proof { pair, suspect, p: p_value(trials.0, trials.1) };
        let (significance, most) = self.demands(pair.passes);
        let queued = match self.confirming {
            Some((passes, lost, queued)) if (passes, lost) == (pair.passes, suspect) => queued,
            _ => 0,
        };
        // What others tell counts only beside the technique's own first batch.
        if queued > 0 && proof.p <= significance {
            return Progress::Proven(proof);
        }
        if queued >= most {
            return Progress::Noisy(proof);
        }
        let batch = if queued == 0 { CONFIRM_FIRST } else { CONFIRM_MORE };
        self.confirming = Some((pair.passes, suspect, queued + batch));
        self.queue_confirmation(pair.passes, suspect, batch, now, rtt);
        Progress::Busy
    }

    /// The largest size that passes and the smallest lost above it, once a round has shown both.
    pub(super) fn bracket(&self) -> Option<(PacketSize, PacketSize)> {
        let passes = self.lane.largest_answered().filter(|_| self.rounds > 0)?;
        Some((passes, self.lane.smallest_lost_above(passes)?))
    }

    /// The pair under confirmation, once there is one: passes, suspect.
    pub(super) fn confirming(&self) -> Option<(PacketSize, PacketSize)> {
        self.confirming.map(|(passes, suspect, _)| (passes, suspect))
    }

    /// Whether the confirmation has used all its probes.
    pub(super) fn is_exhausted(&self) -> bool {
        self.confirming.is_some_and(|(passes, _, queued)| queued >= self.demands(passes).1) && self.lane.is_idle()
    }

    /// The pair as it stands, with its p, once there is one.
    pub(super) fn proof(&self) -> Option<Proof> {
        let (passes, suspect) = self.confirming()?;
        let Step::Pair(pair) = self.bounds.step(&self.lane) else { return None };
        let trials = self.confirmed(passes, suspect);
        Some(Proof { pair, suspect, p: p_value(trials.0, trials.1) })
    }

    /// Statistics of the confirmation: control, suspect.
    fn confirmed(&self, passes: PacketSize, suspect: PacketSize) -> (Trials, Trials) {
        let own = (self.lane.trials(passes, Kind::Confirming), self.lane.trials(suspect, Kind::Confirming));
        let same = self.elsewhere.iter().filter(|(p, s, ..)| (*p, *s) == (passes, suspect));
        same.fold(own, |(control, suspected), (.., more_control, more_suspected)| {
            (control.plus(*more_control), suspected.plus(*more_suspected))
        })
    }

    /// What this technique alone tells about the pair under confirmation, for others to count in: only if it passes the
    /// one size and has never passed the other.
    pub(super) fn testimony(&self) -> Option<(PacketSize, PacketSize, Trials, Trials)> {
        let (passes, suspect) = self.confirming()?;
        let control = self.lane.trials(passes, Kind::Confirming);
        let suspected = self.lane.trials(suspect, Kind::Confirming);
        (self.lane.largest_answered() == Some(passes) && control.answered > 0)
            .then_some((passes, suspect, control, suspected))
    }

    fn queue_confirmation(
        &mut self,
        passes: PacketSize,
        suspect: PacketSize,
        batch: u32,
        now: Timestamp,
        rtt: &RttEstimator,
    ) {
        // Spread over half a round trip, so that one burst of loss does not take them all.
        let gap = (rtt.or_guess() / 24).clamp(Duration::from_millis(1), Duration::from_millis(50));
        let mut at = now;
        for _ in 0..batch {
            self.lane.queue(suspect, Kind::Confirming, at);
            self.lane.queue(passes, Kind::Confirming, at + gap);
            at = at + gap * 2;
        }
        // The last suspect's silence is judged by this one's answer.
        self.lane.queue(passes, Kind::Sized, at);
    }

    fn queue_round(&mut self, sizes: &[PacketSize], now: Timestamp) {
        // Answers that name no probe allow only one at a time: the largest first, then the search asks again.
        let sizes = if self.serial { sizes.get(..1).unwrap_or_default() } else { sizes };
        for &size in sizes {
            self.lane.queue(size, Kind::Sized, now);
        }
    }
}

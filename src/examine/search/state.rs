//! One technique's way from the first probe to a proven pair: ladder, bracket, exact pair, confirmation.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{PacketSize, Plan, Timestamp};

use super::super::fisher::{SIGNIFICANCE, Trials, p_value};
use super::super::packet_kind::PacketKind;
use super::super::ptb_log::{Kernel, KernelPmtu, PtbLog};
use super::super::rtt::RttEstimator;
use super::log::ProbeLog;
use super::probe::{ProbeKey, ProbeKind, QueuedProbe};
use super::sizes::{Bounds, NextSizes, Pair, WIDE};

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Probes are queued, or their outcome is open.
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
pub(crate) struct Proof {
    pub(crate) pair: Pair,
    /// The lost size that was confirmed: `pair.lost`, unless a PTB speaks of that one.
    pub(crate) suspect: PacketSize,
    pub(crate) p: f64,
}

/// How a pair of sizes fared with one technique, for another to count in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Testimony {
    pub(crate) passes: PacketSize,
    pub(crate) suspect: PacketSize,
    pub(crate) control: Trials,
    pub(crate) suspected: Trials,
}

/// What a search needs to know of the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) ptbs: &'a PtbLog,
    /// The packets that the verdict rests on: only PTBs about such ones lead a kernel further.
    pub(crate) about: PacketKind,
    /// Largest packet TCP would send, once the peer has told its MSS.
    pub(crate) tcp_limit: Option<PacketSize>,
    /// How the same two sizes fared with other techniques.
    pub(crate) elsewhere: &'a [Testimony],
}

/// The probes of one technique and the sizes that it looks for.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    log: ProbeLog,
    /// Probes leave in the order of queueing.
    queue: VecDeque<QueuedProbe>,
    bounds: Bounds,
    started: bool,
    /// The pair under confirmation and how many probes of each size were queued for it.
    confirming: Option<(PacketSize, PacketSize, u32)>,
    rounds: u32,
    /// One probe at a time.
    one_at_a_time: bool,
    /// The MTU that the last PTB states, where one probe goes at a time.
    hint: Option<PacketSize>,
    /// The line is thin and takes so many bytes a second: one size at a time, and behind each a size that passes.
    thin: Option<u32>,
}

/// What comes next once every outcome is known.
enum NextStep {
    Round(Vec<PacketSize>),
    /// Repeat `passes` and `suspect`, so many times.
    Confirm {
        passes: PacketSize,
        suspect: PacketSize,
        batch: u32,
    },
    Stand(Progress),
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
/// A search that has not ended after so many rounds meets a path that changes under it.
const MOST_ROUNDS: u32 = 60;

impl Search {
    pub(crate) fn new(plan: &Plan) -> Self {
        let bounds = Bounds { min: plan.min_size, max: plan.max_size, width: WIDE };
        Self {
            log: ProbeLog::default(),
            queue: VecDeque::new(),
            bounds,
            started: false,
            confirming: None,
            rounds: 0,
            one_at_a_time: false,
            hint: None,
            thin: None,
        }
    }

    /// Begins anew with one size at a time: what was lost in bursts is forgiven. So many probes of a size that passes go first.
    pub(crate) fn save(&mut self, bytes_per_second: u32, first: u32, now: Timestamp) {
        self.thin = Some(bytes_per_second);
        self.log.forgive_losses(now);
        self.queue.clear();
        self.confirming = None;
        if let Some(passes) = self.log.largest_answered() {
            (0..first).for_each(|_| self.queue(passes, ProbeKind::Sized, now));
        }
    }

    /// So many probes of one size at once, before anything else.
    pub(crate) fn burst(&mut self, size: PacketSize, packets: u32, now: Timestamp) {
        self.queue.clear();
        self.confirming = None;
        (0..packets).for_each(|_| self.queue(size, ProbeKind::Sized, now));
    }

    /// All sizes at once again: the line was not to blame for any loss.
    pub(crate) fn spend(&mut self) {
        self.thin = None;
        self.log.count_all_losses();
    }

    /// The bounds of the next round.
    fn round_bounds(&self) -> Bounds {
        if self.thin.is_some() { Bounds { width: 1, ..self.bounds } } else { self.bounds }
    }

    /// The same for a technique that has room for few probes at a time.
    pub(crate) fn narrow(plan: &Plan, width: usize) -> Self {
        Self { bounds: Bounds { min: plan.min_size, max: plan.max_size, width }, ..Self::new(plan) }
    }

    /// The same with one probe at a time.
    pub(crate) fn one_at_a_time(plan: &Plan) -> Self {
        Self { one_at_a_time: true, ..Self::narrow(plan, 1) }
    }

    /// The same for answers that do not name their probe.
    pub(crate) fn nameless(plan: &Plan) -> Self {
        Self { log: ProbeLog::nameless(), ..Self::one_at_a_time(plan) }
    }

    pub(crate) fn log(&self) -> &ProbeLog {
        &self.log
    }

    pub(crate) fn log_mut(&mut self) -> &mut ProbeLog {
        &mut self.log
    }

    /// The smallest size in question.
    pub(crate) fn min(&self) -> PacketSize {
        self.bounds.min
    }

    /// The largest size in question.
    pub(crate) fn max(&self) -> PacketSize {
        self.bounds.max
    }

    /// Asks about no size above `most`.
    pub(crate) fn limit_to(&mut self, most: PacketSize) {
        self.bounds.limit_to(most);
    }

    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    pub(crate) fn is_one_at_a_time(&self) -> bool {
        self.one_at_a_time
    }

    /// Whether nothing is queued and every outcome is known.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.log.is_waiting()
    }

    pub(crate) fn next_queued(&self) -> Option<QueuedProbe> {
        self.queue.front().copied()
    }

    /// Takes the next probe off the queue if its time has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<QueuedProbe> {
        self.next_queued().filter(|probe| probe.not_before <= now)?;
        self.queue.pop_front()
    }

    /// Notes that a probe leaves.
    pub(crate) fn launched(&mut self, probe: QueuedProbe, key: ProbeKey, now: Timestamp) {
        self.log.launched(probe, key, now);
    }

    pub(crate) fn queue(&mut self, size: PacketSize, kind: ProbeKind, not_before: Timestamp) {
        self.queue.push_back(QueuedProbe { size, kind, not_before });
    }

    pub(crate) fn queue_first(&mut self, size: PacketSize, kind: ProbeKind, not_before: Timestamp) {
        self.queue.push_front(QueuedProbe { size, kind, not_before });
    }

    /// When the next probe may leave, or the next outcome is settled by silence.
    pub(crate) fn next_timeout(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let queued = self.next_queued().map(|probe| probe.not_before);
        queued.into_iter().chain(self.log.next_timeout(rtt)).min()
    }

    /// Queues the ladder.
    pub(crate) fn start(&mut self, also: &[PacketSize], now: Timestamp) {
        self.started = true;
        let ladder = self.bounds.ladder(also);
        self.queue_round(&ladder, now);
    }

    /// Queues a check of what another technique found, in place of a ladder.
    pub(crate) fn start_at(&mut self, pair: Pair, now: Timestamp) {
        self.started = true;
        self.queue_round(&[self.bounds.max, pair.lost, pair.passes, pair.passes], now);
    }

    /// Queues these sizes, in place of those that it would look at next.
    pub(crate) fn look_at(&mut self, sizes: &[PacketSize], now: Timestamp) {
        self.rounds += 1;
        for &size in sizes {
            self.queue(size, ProbeKind::Sized, now);
        }
    }

    /// Queues one probe of each plateau above the largest size, up to `most`.
    pub(crate) fn look_beyond(&mut self, most: PacketSize, now: Timestamp) {
        for size in self.bounds.beyond(most) {
            self.queue(size, ProbeKind::Beyond, now);
        }
    }

    /// Queues the sizes that a PTB suggests, if they are news. Where one probe goes at a time they have to wait for their turn.
    pub(crate) fn take_hint(&mut self, mtu: u32, now: Timestamp) {
        if self.one_at_a_time {
            self.hint = Some(PacketSize::new(mtu));
            return;
        }
        let hinted = [PacketSize::new(mtu.saturating_add(1)), PacketSize::new(mtu)];
        for size in hinted {
            let is_known = self.log.knows(size) || self.queue.iter().any(|probe| probe.size == size);
            if size >= self.bounds.min && size < self.bounds.max && !is_known {
                self.queue(size, ProbeKind::Sized, now);
            }
        }
    }

    /// Takes the next step if every outcome is known.
    pub(crate) fn advance(&mut self, situation: &Situation<'_>, now: Timestamp, rtt: &RttEstimator) -> Progress {
        if !self.started || !self.is_idle() {
            return Progress::Busy;
        }
        match self.next_step(situation) {
            NextStep::Stand(progress) => {
                self.note_pair(progress);
                progress
            }
            NextStep::Round(sizes) => {
                self.rounds += 1;
                self.queue_round(&sizes, now);
                Progress::Busy
            }
            NextStep::Confirm { passes, suspect, batch } => {
                let before = self.queued_for(passes, suspect);
                self.confirming = Some((passes, suspect, before + batch));
                self.queue_confirmation(passes, suspect, batch, now, rtt);
                Progress::Busy
            }
        }
    }

    /// A pair that stands is the one under confirmation, even if probes of it were sent before a burst that tried the line: whoever
    /// confirms it in another way asks for it here.
    fn note_pair(&mut self, progress: Progress) {
        if let (Progress::Proven(proof) | Progress::Noisy(proof), None) = (progress, self.confirming) {
            let (passes, suspect) = (proof.pair.passes, proof.suspect);
            self.confirming = Some((passes, suspect, self.queued_for(passes, suspect)));
        }
    }

    /// How far it has come, by the log alone: what is queued and not sent does not count.
    pub(crate) fn progress(&self, situation: &Situation<'_>) -> Progress {
        if !self.started || self.log.is_waiting() {
            return Progress::Busy;
        }
        match self.next_step(situation) {
            NextStep::Stand(progress) => progress,
            NextStep::Round(_) | NextStep::Confirm { .. } => Progress::Busy,
        }
    }

    fn next_step(&self, situation: &Situation<'_>) -> NextStep {
        match self.round_bounds().step(&self.log) {
            NextSizes::Full => NextStep::Stand(Progress::Full),
            NextSizes::Nothing => NextStep::Stand(Progress::Nothing),
            NextSizes::Round(_) if self.rounds > MOST_ROUNDS => NextStep::Stand(Progress::Nothing),
            NextSizes::Round(sizes) => NextStep::Round(self.hinted().map_or(sizes, |size| vec![size])),
            NextSizes::Pair(pair) => self.weigh(pair, situation),
        }
    }

    /// Whether a PTB suggests the next size.
    pub(crate) fn is_hinted(&self) -> bool {
        self.hinted().is_some()
    }

    /// The size that a PTB states, or one byte more, if it may still be the one above which packets are lost.
    fn hinted(&self) -> Option<PacketSize> {
        let hint = self.hint?;
        let passes = self.log.largest_answered()?;
        let lost = self.log.smallest_lost_above(passes)?;
        [hint, hint.next()].into_iter().find(|&size| passes < size && size < lost)
    }

    fn weigh(&self, pair: Pair, situation: &Situation<'_>) -> NextStep {
        let Situation { ptbs, about, elsewhere, .. } = *situation;
        let stuck = self.ends(pair, situation).find(|end| end.stuck_at().is_some());
        // A true PTB settles the matter, but the size above the path MTU must be proven lost too: by a PTB about that very
        // size, or by statistics when the router rations its messages.
        if stuck.is_none() && self.log.count(pair.lost).refused > 0 {
            return NextStep::Stand(Progress::Discoverable(pair));
        }
        let suspect = match stuck {
            Some(KernelPmtu::Silent { at }) if ptbs.speaks_of(about, pair.lost, pair.passes) => at,
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
        let starts = [tcp_limit, Some(self.bounds.max)].into_iter().flatten();
        let starts = starts.map(move |start| start.min(self.bounds.max));
        starts.map(move |start| ptbs.kernel_pmtu(about, start, pair.passes, Kernel::of(plan)))
    }

    /// When a packet left first about which a PTB is due that would lead further than a kernel gets now, if there is a pair.
    pub(crate) fn ptb_due_since(&self, situation: &Situation<'_>) -> Option<Timestamp> {
        let NextSizes::Pair(pair) = self.round_bounds().step(&self.log) else { return None };
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
    pub(crate) fn is_struggling(&self) -> bool {
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
            0 if self.thin.is_some() => CONFIRM_FIRST_THRIFTY,
            // Each takes a second or so. Others have told what they know by the time that a few are settled. Where packets of any size
            // are lost, a few are too few: echo, which cannot tell the directions apart, would outweigh them.
            0 if self.one_at_a_time && !self.log.lost_below(pair.passes) => CONFIRM_MORE,
            0 => CONFIRM_FIRST,
            _ => CONFIRM_MORE,
        };
        NextStep::Confirm { passes: pair.passes, suspect, batch }
    }

    /// How many probes of each size were queued for a pair. Two pairs may take turns, where a PTB about one says that the other has to
    /// be proven as well: what was sent for a pair still counts when its turn comes again.
    fn queued_for(&self, passes: PacketSize, suspect: PacketSize) -> u32 {
        match self.confirming {
            Some((p, s, queued)) if (p, s) == (passes, suspect) => queued,
            _ => {
                let sent = |size| self.log.trials(size, ProbeKind::Confirming).total;
                sent(passes).min(sent(suspect))
            }
        }
    }

    /// The largest size that passes and the smallest lost above it, once a round has shown both.
    pub(crate) fn bracket(&self) -> Option<(PacketSize, PacketSize)> {
        let passes = self.log.largest_answered().filter(|_| self.rounds > 0)?;
        Some((passes, self.log.smallest_lost_above(passes)?))
    }

    /// Two sizes that are no neighbours, of which one passes and the other is lost, while nothing is on the way.
    pub(crate) fn gap(&self) -> Option<(PacketSize, PacketSize)> {
        let passes = self.log.largest_answered().filter(|_| self.is_idle())?;
        let lost = self.log.smallest_lost_above(passes)?;
        (lost > passes.next()).then_some((passes, lost))
    }

    /// Two neighbouring sizes of which one passes and the other is lost, as far as it is known.
    pub(crate) fn pair(&self) -> Option<(PacketSize, PacketSize)> {
        let NextSizes::Pair(pair) = self.round_bounds().step(&self.log) else { return None };
        Some((pair.passes, pair.lost))
    }

    /// The pair under confirmation, once there is one: passes, suspect.
    pub(crate) fn confirming(&self) -> Option<(PacketSize, PacketSize)> {
        self.confirming.map(|(passes, suspect, _)| (passes, suspect))
    }

    /// Whether the confirmation has used all its probes.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.confirming.is_some_and(|(passes, _, queued)| queued >= self.demands(passes).1) && self.is_idle()
    }

    /// The pair as it stands, with its p, once there is one. `elsewhere` as in [`Situation`].
    pub(crate) fn proof(&self) -> Option<Proof> {
        let (passes, suspect) = self.confirming()?;
        let NextSizes::Pair(pair) = self.round_bounds().step(&self.log) else { return None };
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
    pub(crate) fn testimony(&self) -> Option<Testimony> {
        let (passes, suspect) = self.confirming()?;
        let control = self.log.trials(passes, ProbeKind::Confirming);
        let suspected = self.log.trials(suspect, ProbeKind::Confirming);
        (self.log.largest_answered() == Some(passes) && control.answered > 0).then_some(Testimony {
            passes,
            suspect,
            control,
            suspected,
        })
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
        if let Some(rate) = self.thin {
            return self.queue_thin_confirmation(passes, suspect, batch, now, rate);
        }
        let gap = (rtt.or_guess() / 24).clamp(Duration::from_millis(1), Duration::from_millis(50));
        let mut at = now;
        for _ in 0..batch {
            self.queue(suspect, ProbeKind::Confirming, at);
            self.queue(passes, ProbeKind::Confirming, at + gap);
            at = at + gap * 2;
        }
        // The last suspect's silence is judged by this one's answer.
        self.queue(passes, ProbeKind::Sized, at);
    }

    /// A policer that drops what comes too early may drop every suspect and spare every control, if both keep time with it. So the
    /// pause before a suspect is longer than those before its two controls: where the controls pass, the suspect had enough.
    fn queue_thin_confirmation(
        &mut self,
        passes: PacketSize,
        suspect: PacketSize,
        batch: u32,
        now: Timestamp,
        bytes_per_second: u32,
    ) {
        let gap = time_on_line(suspect, bytes_per_second);
        let mut at = now;
        for _ in 0..batch {
            at = at + gap * 3;
            self.queue(suspect, ProbeKind::Confirming, at);
            self.queue(passes, ProbeKind::Confirming, at + gap);
            at = at + gap * 2;
            self.queue(passes, ProbeKind::Confirming, at);
        }
    }

    fn queue_round(&mut self, sizes: &[PacketSize], now: Timestamp) {
        if let (Some(rate), Some(&size)) = (self.thin, sizes.first()) {
            let at = now + time_on_line(size, rate) * 2;
            self.queue(size, ProbeKind::Sized, at);
            if let Some(passes) = self.log.largest_answered() {
                self.queue(passes, ProbeKind::Sized, at);
            }
            return;
        }
        // One at a time, the largest goes first, then the search asks again.
        let sizes = if self.one_at_a_time { sizes.get(..1).unwrap_or_default() } else { sizes };
        for &size in sizes {
            self.queue(size, ProbeKind::Sized, now);
        }
    }
}

/// How long a line of so many bytes a second takes for a packet.
fn time_on_line(size: PacketSize, bytes_per_second: u32) -> Duration {
    Duration::from_secs(1) * size.bytes() / bytes_per_second
}

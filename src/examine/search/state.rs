//! One technique's way from the first probe to a proven pair: ladder, bracket, exact pair, confirmation.

use std::time::Duration;

use crate::model::{FirstFlight, PacketSize, Plan, Timestamp};

use super::super::rtt::RttEstimator;
use super::log::ProbeLog;
use super::probe::{ProbeKey, ProbeKind, QueuedProbe};
use super::progress::{Progress, Proof, Situation, Testimony};
use super::queue::ProbeQueue;
use super::scales::{Batches, NextStep, Scales};
use super::sizes::{Bounds, NextSizes, Pair, WIDE};
use super::two_sizes::TwoSizes;

/// The probes of one technique and the sizes that it looks for.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    log: ProbeLog,
    queue: ProbeQueue,
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
    /// The first flight, where it is one of two sizes.
    two_sizes: TwoSizes,
}

/// A search that has not ended after so many rounds meets a path that changes under it.
const MOST_ROUNDS: u32 = 60;

impl Search {
    pub(crate) fn new(plan: &Plan) -> Self {
        let bounds = Bounds { min: plan.min_size, max: plan.max_size, width: WIDE, flight: plan.first_flight };
        Self {
            log: ProbeLog::default(),
            queue: ProbeQueue::default(),
            bounds,
            started: false,
            confirming: None,
            rounds: 0,
            one_at_a_time: false,
            hint: None,
            thin: None,
            two_sizes: TwoSizes::default(),
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
        let all = Self::new(plan);
        Self { bounds: Bounds { width, ..all.bounds }, ..all }
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
        self.queue.next().or_else(|| self.two_sizes.control(self.bounds.min, &self.log))
    }

    /// Takes the next probe off the queue if its time has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<QueuedProbe> {
        let control = self.two_sizes.control(self.bounds.min, &self.log).filter(|probe| probe.not_before <= now);
        if let Some(control) = control.filter(|_| self.queue.is_empty()) {
            // Twice, as at the end of a ladder: one answer without a name tells too little.
            self.queue.push(control);
            return Some(control);
        }
        self.queue.take_due(now)
    }

    /// Notes that a probe leaves.
    pub(crate) fn launched(&mut self, probe: QueuedProbe, key: ProbeKey, now: Timestamp) {
        self.two_sizes.launched(probe.size == self.bounds.min, now);
        self.log.launched(probe, key, now);
    }

    pub(crate) fn queue(&mut self, size: PacketSize, kind: ProbeKind, not_before: Timestamp) {
        self.queue.push(QueuedProbe { size, kind, not_before });
    }

    pub(crate) fn queue_first(&mut self, size: PacketSize, kind: ProbeKind, not_before: Timestamp) {
        self.queue.push_first(QueuedProbe { size, kind, not_before });
    }

    /// Lets no probe leave before an instant.
    pub(crate) fn rest_until(&mut self, instant: Timestamp) {
        self.queue.rest_until(instant);
    }

    /// When the next probe may leave, or the next outcome is settled by silence.
    pub(crate) fn next_timeout(&self, rtt: &RttEstimator) -> Option<Timestamp> {
        let queued = self.next_queued().map(|probe| probe.not_before);
        queued.into_iter().chain(self.log.next_timeout(rtt)).min()
    }

    /// Queues the ladder. Wide rounds follow it.
    pub(crate) fn start(&mut self, also: &[PacketSize], now: Timestamp) {
        self.started = true;
        self.bounds.go_wide();
        let ladder = self.bounds.ladder(also);
        self.queue_round(&ladder, now);
    }

    /// Begins as the plan wants it. `patience`: how long a packet may take to be answered.
    pub(crate) fn begin(&mut self, also: &[PacketSize], patience: Duration, now: Timestamp) {
        if self.bounds.flight == FirstFlight::Ladder || self.one_at_a_time || self.thin.is_some() {
            return self.start(also, now);
        }
        self.started = true;
        self.two_sizes = TwoSizes::new(patience, self.bounds.sparse_ladder(also));
        self.queue(self.bounds.max, ProbeKind::Sized, now);
    }

    /// Queues a check of what another technique found, in place of a ladder.
    pub(crate) fn start_at(&mut self, pair: Pair, now: Timestamp) {
        self.started = true;
        self.bounds.go_wide();
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
            let is_known = self.log.knows(size) || self.queue.has(size);
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
                let sizes = self.second_flight_in_place_of(sizes);
                self.queue_round(&sizes, now);
                Progress::Busy
            }
            NextStep::Confirm { passes, suspect, batch } => {
                let before = self.scales().queued_for(passes, suspect);
                self.confirming = Some((passes, suspect, before + batch));
                self.queue_confirmation(passes, suspect, batch, now, rtt);
                Progress::Busy
            }
        }
    }

    /// The first round between a small size that passes and a large one that is lost asks about the sizes that links are known to have.
    fn second_flight_in_place_of(&mut self, round: Vec<PacketSize>) -> Vec<PacketSize> {
        let Some(passes) = self.log.largest_answered().filter(|_| self.thin.is_none()) else { return round };
        let lost = self.log.smallest_lost_above(passes).unwrap_or(self.bounds.max);
        self.two_sizes.take_second_flight(passes, lost).unwrap_or(round)
    }

    /// A pair that stands is the one under confirmation, even if probes of it were sent before a burst that tried the line: whoever
    /// confirms it in another way asks for it here.
    fn note_pair(&mut self, progress: Progress) {
        if let (Progress::Proven(proof) | Progress::Noisy(proof), None) = (progress, self.confirming) {
            let (passes, suspect) = (proof.pair.passes, proof.suspect);
            self.confirming = Some((passes, suspect, self.scales().queued_for(passes, suspect)));
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
            NextSizes::Pair(pair) => self.scales().weigh(pair, situation),
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
        self.exact_pair().map(|pair| (pair.passes, pair.lost))
    }

    /// The pair under confirmation, once there is one: passes, suspect.
    pub(crate) fn confirming(&self) -> Option<(PacketSize, PacketSize)> {
        self.confirming.map(|(passes, suspect, _)| (passes, suspect))
    }

    /// What the log is weighed with.
    fn scales(&self) -> Scales<'_> {
        let batches = match self.thin {
            Some(_) => Batches::Thrifty,
            None if self.one_at_a_time => Batches::OneByOne,
            None => Batches::Whole,
        };
        Scales::new(&self.log, self.bounds.max, self.confirming, batches)
    }

    fn exact_pair(&self) -> Option<Pair> {
        match self.round_bounds().step(&self.log) {
            NextSizes::Pair(pair) => Some(pair),
            _ => None,
        }
    }

    /// When a packet left first about which a PTB is due that would lead further than a kernel gets now, if there is a pair.
    pub(crate) fn ptb_due_since(&self, situation: &Situation<'_>) -> Option<Timestamp> {
        self.scales().ptb_due_since(self.exact_pair()?, situation)
    }

    /// Whether the path loses packets of any size and the first dozen of each size did not settle the matter.
    pub(crate) fn is_struggling(&self) -> bool {
        self.scales().is_struggling()
    }

    /// Whether the confirmation has used all its probes.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.scales().is_exhausted() && self.is_idle()
    }

    /// The pair as it stands, with its p, once there is one.
    pub(crate) fn proof(&self) -> Option<Proof> {
        self.scales().proof(self.exact_pair()?)
    }

    /// What this technique alone tells about the pair under confirmation, for others to count in: only if it passes the
    /// one size and has never passed the other.
    pub(crate) fn testimony(&self) -> Option<Testimony> {
        self.scales().testimony()
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
        // The last suspect's silence is judged by this one's answer. Its own control will do where packets are saved.
        if self.bounds.flight == FirstFlight::Ladder {
            self.queue(passes, ProbeKind::Sized, at);
        }
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

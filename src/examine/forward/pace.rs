//! How fast probes leave. A burst of all sizes is the fastest way to the verdict, but a policed or thin line drops most of it: then
//! probes leave one size at a time, spaced by what the line takes.
//!
//! Loss alone does not tell a thin line from a bad one. So a burst that loses much is followed by an experiment: a size that passes is
//! sent some times in a row, spaced, and then as often as makes another burst. Only where the burst fares worse, by more than chance,
//! the line is thin. Else all leave at once again.

use crate::model::Timestamp;

use super::super::fisher::{SIGNIFICANCE, Trials, p_value};
use super::super::outbox::Outbox;
use super::super::search::Search;

/// The pace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace(Phase);

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    /// All sizes at once.
    #[default]
    Bursts,
    /// The experiment: spaced, until enough is known of a size that passes.
    Spaced { since: Timestamp, earlier: Fates },
    /// The experiment: the same size in a burst.
    BurstAgain { since: Timestamp, earlier: Fates },
    /// So many bytes a second.
    Slow {
        bytes_per_second: u32,
        since: Timestamp,
        /// The share of sizes that pass and were lost all the same, at the pace before.
        lost_before: f64,
    },
    /// Packets are lost as often when they are spaced.
    BurstsForGood,
}

/// How large packets of sizes that pass fared in the experiment.
#[derive(Clone, Copy, Debug, Default)]
struct Fates {
    /// The share that was lost before it.
    lost_before: f64,
    spaced: Trials,
    in_bursts: Trials,
}

/// About 100 kbit/s, then half of it, down to about 25.
const FIRST_RATE: u32 = 12_000;
const LEAST_RATE: u32 = 3_000;
/// The pace of the experiment: nearly all lines take 60 kbit/s.
const EXPERIMENT_RATE: u32 = 7_500;
/// Spaced probes on which the outcome of the experiment rests.
const EXPERIMENT: u32 = 8;
/// A p above which nothing speaks for a thin line. Between this and proof, the experiment is repeated, so often at most.
const NO_HINT: f64 = 0.1;
const REPEATED: u32 = 2;
/// Sizes below this make no burst.
const LARGE: u32 = 400;
/// Bytes of a burst, about those of the first one, and its packets at most.
const BURST: u32 = 36_000;
const BURST_PACKETS: u32 = 26;
/// Losses of sizes that pass, and their share, before a burst is suspected: chance seldom makes so many.
const LEAST_LOST: u32 = 4;
const SUSPICIOUS: f64 = 1.0 / 3.0;
/// Losses of spaced probes, and their share, before they are spaced further.
const LEAST_LOST_SPACED: u32 = 3;
const TOO_MANY: f64 = 0.25;
/// Where even the small probes at the end of the first burst were lost, and later ones were not.
const FEWEST_OF_A_BURST: u32 = 10;
/// Spaced probes fare better if they lose less than this part of what was lost before.
const BETTER: f64 = 0.7;

impl Pace {
    /// Watches the search that carries the verdict, whenever all its outcomes are known.
    pub(super) fn watch(&mut self, search: &mut Search, outbox: &mut Outbox, now: Timestamp) {
        let log = search.log();
        if !search.has_started() || log.is_nameless() || log.is_waiting() {
            return;
        }
        match self.0 {
            Phase::Bursts => {
                if let Some(lost_before) = lost_to_a_burst(search) {
                    self.experiment(Fates { lost_before, ..Fates::default() }, search, outbox, now);
                }
            }
            Phase::Spaced { since, earlier } => {
                let spaced = search.log().large_controls_since(since);
                if spaced.total >= EXPERIMENT {
                    let earlier = Fates { spaced: earlier.spaced.plus(spaced), ..earlier };
                    self.burst_again(earlier, search, outbox, now);
                }
            }
            Phase::BurstAgain { since, earlier } if search.is_idle() => {
                let in_bursts = earlier.in_bursts.plus(search.log().large_controls_since(since));
                let fates = Fates { in_bursts, ..earlier };
                match p_value(fates.spaced, fates.in_bursts) {
                    p if p <= SIGNIFICANCE => {
                        self.slow_down(FIRST_RATE, fates.lost_before, outbox, now);
                        search.save(FIRST_RATE, 1, now);
                    }
                    p if p <= NO_HINT && fates.spaced.total < REPEATED * EXPERIMENT => {
                        self.experiment(fates, search, outbox, now);
                    }
                    _ => {
                        self.0 = Phase::BurstsForGood;
                        search.spend();
                    }
                }
            }
            Phase::Slow { bytes_per_second, since, lost_before } => {
                let controls = log.large_controls_since(since);
                let lost = share_lost(controls);
                let is_known = controls.total - controls.answered >= LEAST_LOST_SPACED;
                if lost >= TOO_MANY && is_known && lost < lost_before * BETTER && bytes_per_second > LEAST_RATE {
                    self.slow_down(bytes_per_second / 2, lost, outbox, now);
                    search.save(bytes_per_second / 2, LEAST_LOST_SPACED, now);
                }
            }
            Phase::BurstAgain { .. } | Phase::BurstsForGood => {}
        }
    }

    fn experiment(&mut self, earlier: Fates, search: &mut Search, outbox: &mut Outbox, now: Timestamp) {
        self.0 = Phase::Spaced { since: now, earlier };
        outbox.space_for(Some(EXPERIMENT_RATE));
        search.save(EXPERIMENT_RATE, EXPERIMENT, now);
    }

    fn burst_again(&mut self, earlier: Fates, search: &mut Search, outbox: &mut Outbox, now: Timestamp) {
        let large = search.log().largest_answered().filter(|size| size.bytes() >= LARGE);
        if let Some(size) = large {
            self.0 = Phase::BurstAgain { since: now, earlier };
            outbox.space_for(None);
            search.burst(size, (BURST / size.bytes()).clamp(EXPERIMENT, BURST_PACKETS), now);
        }
    }

    fn slow_down(&mut self, bytes_per_second: u32, lost_before: f64, outbox: &mut Outbox, now: Timestamp) {
        self.0 = Phase::Slow { bytes_per_second, since: now, lost_before };
        outbox.space_for(Some(bytes_per_second));
    }
}

/// The share of proven sizes that were lost, if it is too large for chance.
fn lost_to_a_burst(search: &Search) -> Option<f64> {
    let log = search.log();
    let controls = log.all_controls();
    let lost = controls.total - controls.answered;
    // All of the first burst, the small ones at its end included.
    let nothing_but_small = log.largest_answered() == Some(search.min()) && log.sent() >= FEWEST_OF_A_BURST;
    if nothing_but_small && lost >= 2 {
        return Some(1.0);
    }
    let share = share_lost(controls);
    (lost >= LEAST_LOST && share >= SUSPICIOUS).then_some(share)
}

fn share_lost(controls: Trials) -> f64 {
    f64::from(controls.total - controls.answered) / f64::from(controls.total.max(1))
}

//! How fast probes leave. A burst of all sizes is the fastest way to the verdict, but a policed or thin line drops most of it: then
//! probes leave one size at a time, spaced by what the line takes.
//!
//! Loss alone does not tell a thin line from a bad one. So slow probes are an experiment: where they are lost less often than those of
//! the burst, the line is thin; where they fare no better, all leave at once again.

use crate::model::Timestamp;

use super::super::fisher::Trials;
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
    /// So many bytes a second.
    Slow {
        bytes_per_second: u32,
        /// The share of sizes that pass and were lost all the same, at the pace before.
        lost_before: f64,
    },
    /// Packets are lost as often when they are spaced.
    BurstsForGood,
}

/// About 100 kbit/s, then half of it, down to about 25.
const FIRST_RATE: u32 = 12_000;
const LEAST_RATE: u32 = 3_000;
/// Losses of sizes that pass, and their share, before a burst is suspected: chance seldom makes so many.
const LEAST_LOST: u32 = 4;
const SUSPICIOUS: f64 = 1.0 / 3.0;
/// Losses of spaced probes, and their share, before they are spaced further.
const LEAST_LOST_SPACED: u32 = 3;
const TOO_MANY: f64 = 0.25;
/// Where even the small probes at the end of the first burst were lost, and later ones were not.
const FEWEST_OF_A_BURST: u32 = 10;
/// Spaced probes on which the outcome of the experiment rests.
const EXPERIMENT: u32 = 8;
/// Spaced probes fare better if they lose less than this part of what the burst lost.
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
                    self.slow_down(FIRST_RATE, lost_before, outbox);
                    search.save(FIRST_RATE, EXPERIMENT, now);
                }
            }
            Phase::Slow { bytes_per_second, lost_before } => {
                let controls = log.large_controls();
                let lost = share_lost(controls);
                let is_better = lost < lost_before * BETTER;
                let is_known = controls.total >= EXPERIMENT
                    || is_better && controls.total - controls.answered >= LEAST_LOST_SPACED;
                if lost < TOO_MANY || !is_known {
                    return;
                }
                if !is_better {
                    self.0 = Phase::BurstsForGood;
                    outbox.space_for(None);
                    search.spend();
                } else if bytes_per_second > LEAST_RATE {
                    self.slow_down(bytes_per_second / 2, lost, outbox);
                    search.save(bytes_per_second / 2, LEAST_LOST_SPACED, now);
                }
            }
            Phase::BurstsForGood => {}
        }
    }

    fn slow_down(&mut self, bytes_per_second: u32, lost_before: f64, outbox: &mut Outbox) {
        self.0 = Phase::Slow { bytes_per_second, lost_before };
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

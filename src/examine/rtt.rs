//! Round-trip time, and how long a silence must last to mean something.

use std::time::Duration;

/// Smoothed round-trip time as in RFC 6298, section 2, with a mean deviation that starts lower.
///
/// RFC 6298 starts the deviation at half the first sample, because a spurious retransmission hurts. Here a silence is
/// judged relative to answers that were sent later and did arrive; a wrong guess costs another probe and never a wrong
/// verdict, so an eighth is enough to start with.
#[derive(Clone, Debug, Default)]
pub(super) struct RttEstimator {
    first: Option<Duration>,
    smoothed: Option<Duration>,
    deviation: Duration,
    /// How late an answer came after the answer to a later probe: the reordering seen so far.
    lateness: Duration,
}

/// Least margin: what a busy host needs to read its sockets.
const LEAST_MARGIN: Duration = Duration::from_millis(4);
/// Most margin: beyond this, reordering does not happen on real paths.
const MOST_MARGIN: Duration = Duration::from_secs(1);
/// Retransmission timeout before the first sample (RFC 6298, 2.1).
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);
/// Receivers may hold an acknowledgment back: RFC 9293, 3.8.6.3 allows 500 ms, Linux takes 40.
const DELAYED_ACK: Duration = Duration::from_millis(60);
/// Least time after which a probe without any later answer counts as lost.
const LEAST_TIMEOUT: Duration = Duration::from_millis(300);

impl RttEstimator {
    pub(super) fn sample(&mut self, rtt: Duration) {
        self.first = self.first.or(Some(rtt));
        match self.smoothed {
            None => {
                self.smoothed = Some(rtt);
                self.deviation = rtt / 8;
            }
            Some(smoothed) => {
                self.deviation = (self.deviation * 3 + smoothed.abs_diff(rtt)) / 4;
                self.smoothed = Some((smoothed * 7 + rtt) / 8);
            }
        }
    }

    /// Notes that an answer came this long after its probe had been given up.
    pub(super) fn came_late(&mut self, lateness: Duration) {
        self.lateness = self.lateness.max(lateness);
    }

    /// The first sample: that of the handshake, unless an echo reply came before.
    pub(super) fn first(&self) -> Option<Duration> {
        self.first
    }

    /// The smoothed round-trip time.
    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The smoothed round-trip time, or a guess before the first sample.
    pub(super) fn or_guess(&self) -> Duration {
        self.smoothed.unwrap_or(INITIAL_TIMEOUT / 4)
    }

    /// How long after the answer to a later probe an earlier one counts as lost.
    pub(super) fn margin(&self) -> Duration {
        (LEAST_MARGIN.max(self.deviation * 4).max(self.or_guess() / 16) + self.lateness * 5 / 4).min(MOST_MARGIN)
    }

    /// How long the answer to a packet may take that leaves beside others.
    pub(super) fn patience(&self) -> Duration {
        self.or_guess() + self.or_guess() / 4 + self.margin() * 2
    }

    /// The same for one that leaves alone, whose answer names nothing.
    pub(super) fn patience_alone(&self) -> Duration {
        (self.or_guess() + self.margin()).max(self.or_guess() * 3 / 2)
    }

    /// When data that was sent in order and not acknowledged is sent again.
    pub(super) fn retransmission(&self) -> Duration {
        (self.or_guess() + self.margin() * 2).max(DELAYED_ACK)
    }

    /// How long a probe may stay unanswered when no later one was answered either.
    pub(super) fn timeout(&self) -> Duration {
        match self.smoothed {
            None => INITIAL_TIMEOUT,
            Some(smoothed) => (smoothed * 3).max(smoothed + self.margin() * 2).max(LEAST_TIMEOUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_steady_path_gets_a_small_margin() {
        let mut rtt = RttEstimator::default();
        for _ in 0..20 {
            rtt.sample(20 * MS);
        }
        assert_eq!(rtt.smoothed(), Some(20 * MS));
        assert_eq!(rtt.margin(), LEAST_MARGIN);
    }

    #[test]
    fn jitter_and_reordering_widen_the_margin() {
        let mut rtt = RttEstimator::default();
        for i in 0..20 {
            rtt.sample((20 + 10 * (i % 2)) * MS);
        }
        assert!(rtt.margin() >= 10 * MS, "{:?}", rtt.margin());
        let before = rtt.margin();
        rtt.came_late(8 * MS);
        assert_eq!(rtt.margin(), before + 10 * MS);
    }

    #[test]
    fn before_the_first_sample_the_timeout_is_that_of_rfc_6298() {
        assert_eq!(RttEstimator::default().timeout(), Duration::from_secs(1));
    }
}

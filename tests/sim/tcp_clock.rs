//! How long the peer's TCP waits (RFC 6298, and what Linux makes of it in `tcp_rtt_estimator`).

use std::time::Duration;

/// `TCP_RTO_MIN` of Linux: the least that is added to the round-trip time.
const LEAST_VARIATION: Duration = Duration::from_millis(200);
/// `TCP_TIMEOUT_INIT`.
const WITHOUT_SAMPLE: Duration = Duration::from_secs(1);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);
/// `TCP_TIMEOUT_MIN_US`: two jiffies.
const LEAST_TIMER: Duration = Duration::from_millis(8);

/// Round-trip times and what follows from them.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    smoothed: Option<(Duration, Duration)>,
    /// Time-outs without progress: each doubles the next.
    pub backoff: u32,
}

impl Clock {
    pub fn new(rtt: Option<Duration>) -> Self {
        Self { smoothed: rtt.map(|rtt| (rtt, rtt / 2)), backoff: 0 }
    }

    pub fn sample(&mut self, rtt: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => (rtt, rtt / 2),
            Some((smoothed, variation)) => ((smoothed * 7 + rtt) / 8, (variation * 3 + smoothed.abs_diff(rtt)) / 4),
        });
    }

    pub fn rtt(&self) -> Duration {
        self.smoothed.map_or(WITHOUT_SAMPLE, |(smoothed, _)| smoothed)
    }

    fn base(&self) -> Duration {
        self.smoothed.map_or(WITHOUT_SAMPLE, |(smoothed, variation)| smoothed + (variation * 4).max(LEAST_VARIATION))
    }

    pub fn timeout(&self) -> Duration {
        (self.base() * 2_u32.pow(self.backoff.min(16))).min(LONGEST_TIMEOUT)
    }

    /// How long the end of a flight is waited for; `None`: no round-trip time is known. `alone`: one segment may wait for a
    /// delayed acknowledgment.
    pub fn tail_probe(&self, alone: bool) -> Option<Duration> {
        let (smoothed, _) = self.smoothed?;
        let extra = if alone { LEAST_VARIATION } else { LEAST_TIMER };
        Some((smoothed * 2 + extra).min(self.timeout()))
    }
}

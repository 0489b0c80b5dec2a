//! Ack probes: a byte that the server already has, sent again. Its acknowledgment carries SND.NXT (RFC 9293, 3.10.7.4), so it
//! tells how far the server has come, even where nothing else arrives.

use std::time::Duration;

use crate::model::Timestamp;

use super::super::rtt::RttEstimator;
use super::chance::RoundTrips;

/// When ack probes leave on one connection, and how many were answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct AckProbes {
    sent: u32,
    next: Timestamp,
    /// Acknowledgments without data, ever.
    answers: u32,
    /// Of them, those that came when a probe was not answered yet.
    round_trips: u32,
}

/// A server may think so long before it answers, beside the round trip.
const THINKING: Duration = Duration::from_millis(100);
/// The longest pause between two ack probes.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl AckProbes {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { sent: 0, next: now, answers: 0, round_trips: 0 }
    }

    /// Something was said: the reply gets its time.
    pub(super) fn wait_for_reply(&mut self, now: Timestamp, rtt: &RttEstimator) {
        self.next = now + self.pause(rtt);
    }

    /// Takes the ack probe that is due, if one is.
    pub(super) fn take_due(&mut self, now: Timestamp, rtt: &RttEstimator) -> bool {
        if now < self.next {
            return false;
        }
        self.sent += 1;
        self.next = now + self.pause(rtt);
        true
    }

    pub(super) fn next(&self) -> Timestamp {
        self.next
    }

    /// An acknowledgment without data came.
    pub(super) fn note_answer(&mut self) {
        self.answers += 1;
        self.round_trips = (self.round_trips + 1).min(self.sent);
    }

    /// The probes that were answered, and those that were not, but for the last one.
    pub(super) fn round_trips(&self) -> RoundTrips {
        RoundTrips::new(self.round_trips, (self.sent - self.round_trips).saturating_sub(1))
    }

    /// Whether the path loses packets of any size: both the probes and their answers are small.
    pub(super) fn are_lost(&self) -> bool {
        self.sent > self.answers + 1
    }

    /// How long a reply may take before it is asked for; longer each time.
    fn pause(&self, rtt: &RttEstimator) -> Duration {
        let first = rtt.or_guess() * 2 + rtt.margin() + THINKING;
        (first * 2u32.saturating_pow(self.sent.min(6))).min(LONGEST_PAUSE.max(first))
    }
}

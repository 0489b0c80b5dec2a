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
    /// Probes that were answered.
    answered: u32,
    /// Until when the answer to the last one may come, while it has not.
    awaited: Option<Timestamp>,
}

/// A server may think so long before it answers, beside the round trip.
const THINKING: Duration = Duration::from_millis(100);
/// The longest pause between two ack probes.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl AckProbes {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { sent: 0, next: now, answers: 0, answered: 0, awaited: None }
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
        self.awaited = Some(now + rtt.timeout());
        self.next = now + self.pause(rtt);
        true
    }

    pub(super) fn next(&self) -> Timestamp {
        self.next
    }

    /// An acknowledgment without data came. `may_be_to_probe`: it acknowledges nothing else.
    ///
    /// It answers the last probe at most: what came for other reasons says nothing of the probes before.
    pub(super) fn note_answer(&mut self, may_be_to_probe: bool) {
        self.answers += 1;
        if may_be_to_probe && self.awaited.take().is_some() {
            self.answered += 1;
        }
    }

    /// The probes that were answered, and those that were not, but for one whose answer may still come.
    pub(super) fn round_trips(&self, now: Timestamp) -> RoundTrips {
        let open = self.awaited.is_some_and(|until| now < until);
        RoundTrips::new(self.answered, self.sent - self.answered - u32::from(open))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    /// Probes that were answered in time, as the share of packets that are lost follows from them.
    #[test]
    fn an_answer_makes_up_for_no_probe_that_was_lost_before() {
        let rtt = RttEstimator::default();
        let mut probes = AckProbes::new(at(0));
        assert!(probes.take_due(at(0), &rtt) && probes.take_due(at(4000), &rtt));
        probes.note_answer(true);
        probes.note_answer(true);
        assert_eq!(probes.round_trips(at(9000)), RoundTrips::new(1, 1), "one answer is to one probe");
        assert!(probes.take_due(at(9000), &rtt));
        probes.note_answer(false);
        assert_eq!(probes.round_trips(at(9001)), RoundTrips::new(1, 1), "it may still come");
        assert_eq!(
            probes.round_trips(at(14_000)),
            RoundTrips::new(1, 2),
            "our data was acknowledged, and not the probe"
        );
    }
}

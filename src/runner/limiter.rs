//! The rate limit of the whole run: packets per second over all addresses.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::model::Timestamp;

/// A bucket of packets that refills at a steady rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limiter {
    interval: Option<Duration>,
    /// When the bucket will be full again.
    full_at: Timestamp,
}

/// The bucket holds the packets of this time, so that no second has more than the rate and a little.
const DEPTH: Duration = Duration::from_millis(15);

impl Limiter {
    /// `None`: no limit.
    pub(super) fn new(per_second: Option<NonZeroU32>, now: Timestamp) -> Self {
        Self { interval: per_second.map(|rate| Duration::from_secs(1) / rate.get()), full_at: now }
    }

    /// Takes one packet out of the bucket. `Err`: when there will be one.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let Some(interval) = self.interval else { return Ok(()) };
        let start = self.full_at.max(now);
        let next = start + interval;
        if next.since(now) > DEPTH.max(interval) {
            return Err(next - DEPTH.max(interval));
        }
        self.full_at = next;
        Ok(())
    }

    /// Takes packets that are sent in any case. Later packets wait for them.
    pub(super) fn charge(&mut self, packets: u32) {
        if let Some(interval) = self.interval {
            self.full_at = self.full_at + interval * packets;
        }
    }

    /// When there will be a packet in the bucket.
    pub(super) fn ready_at(&self, now: Timestamp) -> Timestamp {
        let mut copy = *self;
        copy.take(now).err().unwrap_or(now)
    }

    /// Puts back a packet that was not sent.
    pub(super) fn give_back(&mut self) {
        if let Some(interval) = self.interval {
            self.full_at = self.full_at - interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_than_the_rate_and_a_little() {
        let mut limiter = Limiter::new(NonZeroU32::new(1000), Timestamp::ZERO);
        let mut now = Timestamp::ZERO;
        let mut sent = Vec::new();
        while now < Timestamp::from_origin(Duration::from_secs(3)) {
            match limiter.take(now) {
                Ok(()) => sent.push(now),
                Err(at) => {
                    assert!(at > now);
                    now = at;
                }
            }
        }
        let busiest = sent
            .iter()
            .map(|&from| sent.iter().filter(|&&at| at >= from && at.since(from) < Duration::from_secs(1)).count())
            .max();
        assert!(busiest.is_some_and(|n| (990..=1050).contains(&n)), "{busiest:?}");
    }

    #[test]
    fn pieces_of_a_packet_count_as_packets() {
        let mut limiter = Limiter::new(NonZeroU32::new(100), Timestamp::ZERO);
        assert_eq!(limiter.take(Timestamp::ZERO), Ok(()));
        limiter.charge(3);
        let next = limiter.take(Timestamp::ZERO).expect_err("the bucket is empty");
        assert!(next >= Timestamp::from_origin(Duration::from_millis(30)), "{next:?}");
    }

    #[test]
    fn a_slow_rate_still_lets_packets_out() {
        let mut limiter = Limiter::new(NonZeroU32::new(2), Timestamp::ZERO);
        assert_eq!(limiter.take(Timestamp::ZERO), Ok(()));
        let next = limiter.take(Timestamp::ZERO).expect_err("the bucket is empty");
        assert_eq!(next, Timestamp::from_origin(Duration::from_millis(500)));
        assert_eq!(limiter.take(next), Ok(()));
    }
}

//! How many examinations may run at a time: as many as the user allows, but fewer after packets were dropped on this host.

use std::time::Duration;

use crate::model::Timestamp;

/// A host that is too slow for so few is not helped by fewer.
const FEWEST: usize = 8;
/// How often to ask for dropped packets. It must be well below the shortest silence that means something.
const INTERVAL: Duration = Duration::from_millis(5);

/// The limit on examinations that run at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Concurrency {
    most: usize,
    now: usize,
    /// Examinations that ended since the limit grew last.
    ended: usize,
    look_at: Timestamp,
}

impl Concurrency {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, now: most, ended: 0, look_at: Timestamp::ZERO }
    }

    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// Whether it is time to ask for dropped packets again.
    pub(super) fn is_time_to_look(&mut self, now: Timestamp) -> bool {
        let is_time = now >= self.look_at;
        if is_time {
            self.look_at = now + INTERVAL;
        }
        is_time
    }

    /// Halves the limit, because what runs now was too much.
    pub(super) fn shrink(&mut self, running: usize) {
        self.now = (self.now.min(running) / 2).max(FEWEST).min(self.most);
        self.ended = 0;
    }

    /// An examination has ended. After as many as the limit, it grows by an eighth.
    pub(super) fn grow(&mut self) {
        self.ended += 1;
        if self.ended >= self.now && self.now < self.most {
            self.ended = 0;
            self.now = (self.now + self.now / 8 + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_halve_the_limit_and_quiet_restores_it() {
        let mut limit = Concurrency::new(400);
        limit.shrink(300);
        assert_eq!(limit.now(), 150);
        for _ in 0..150 {
            limit.grow();
        }
        assert_eq!(limit.now(), 150 + 150 / 8 + 1);
        for _ in 0..100_000 {
            limit.grow();
        }
        assert_eq!(limit.now(), 400, "never above what the user allows");
    }

    #[test]
    fn the_limit_is_never_zero() {
        let mut limit = Concurrency::new(3);
        limit.shrink(3);
        assert_eq!(limit.now(), 3);
        let mut limit = Concurrency::new(0);
        assert_eq!(limit.now(), 1);
        limit.shrink(0);
        assert_eq!(limit.now(), 1);
    }
}

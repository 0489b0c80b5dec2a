//! The clock of the loop. Time in which this process did not run does not count: it was stopped, its machine was suspended, or the
//! processor was somebody else's. Nobody listened then, so no silence lies in it, and no time limit runs.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::model::Timestamp;

/// The clock.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Cell<Instant>,
    last: Cell<Instant>,
    /// The loop sleeps until then.
    asleep_until: Cell<Option<Instant>>,
    longest: Cell<Duration>,
}

/// A loop that runs reads the clock much more often, on a busy machine too.
const PAUSE: Duration = Duration::from_millis(100);
/// Sleeps for at most a day, so that no addition can overflow.
const LONGEST_SLEEP: Duration = Duration::from_secs(86_400);

impl Clock {
    /// Begins at zero.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            origin: Cell::new(now),
            last: Cell::new(now),
            asleep_until: Cell::new(None),
            longest: Cell::new(Duration::ZERO),
        }
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    fn at(&self, reading: Instant) -> Timestamp {
        let due = self.asleep_until.take().map_or(self.last.get(), |until| until.max(self.last.get()));
        let pause = reading.saturating_duration_since(due);
        if pause > PAUSE {
            self.origin.set(self.origin.get() + pause);
            self.longest.set(self.longest.get().max(pause));
        }
        self.last.set(reading);
        Timestamp::from_origin(reading.saturating_duration_since(self.origin.get()))
    }

    /// The loop sleeps, until this time at most: returns the instant.
    pub(super) fn sleep_until(&self, wake: Timestamp) -> Instant {
        let until = self.origin.get() + wake.since(Timestamp::ZERO).min(LONGEST_SLEEP);
        self.asleep_until.set(Some(until));
        until
    }

    /// When an instant comes, if nothing pauses until then.
    pub(super) fn time_of(&self, instant: Instant) -> Timestamp {
        Timestamp::from_origin(instant.saturating_duration_since(self.origin.get()))
    }

    /// The longest pause since the last call.
    pub(super) fn take_pause(&self) -> Duration {
        self.longest.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn time_runs_as_long_as_the_loop_does() {
        let clock = Clock::new();
        let start = clock.last.get();
        for step in 1..100 {
            assert_eq!(clock.at(start + ms(step * 90)), Timestamp::from_origin(ms(step * 90)));
        }
        assert_eq!(clock.take_pause(), Duration::ZERO);
    }

    #[test]
    fn a_pause_between_two_readings_does_not_count() {
        let clock = Clock::new();
        let start = clock.last.get();
        clock.at(start + ms(50));
        assert_eq!(clock.at(start + ms(10_050)), Timestamp::from_origin(ms(50)));
        assert_eq!(clock.at(start + ms(10_060)), Timestamp::from_origin(ms(60)));
        assert_eq!((clock.take_pause(), clock.take_pause()), (ms(10_000), Duration::ZERO));
        assert_eq!(clock.time_of(start + ms(20_000)), Timestamp::from_origin(ms(10_000)));
    }

    #[test]
    fn sleep_as_long_as_it_was_meant_counts_and_no_longer() {
        let clock = Clock::new();
        let start = clock.last.get();
        assert_eq!(clock.sleep_until(Timestamp::from_origin(ms(3_000))), start + ms(3_000));
        assert_eq!(clock.at(start + ms(3_040)), Timestamp::from_origin(ms(3_040)), "timers are late");
        clock.sleep_until(Timestamp::from_origin(ms(5_000)));
        assert_eq!(clock.at(start + ms(4_000)), Timestamp::from_origin(ms(4_000)), "a packet came");
        clock.sleep_until(Timestamp::from_origin(ms(5_000)));
        assert_eq!(clock.at(start + ms(25_000)), Timestamp::from_origin(ms(5_000)), "it was stopped meanwhile");
        assert_eq!(clock.sleep_until(Timestamp::from_origin(ms(6_000))), start + ms(26_000));
    }

    #[test]
    fn who_waits_for_nothing_may_sleep_long() {
        let clock = Clock::new();
        let start = clock.last.get();
        clock.sleep_until(Timestamp::MAX);
        assert_eq!(clock.at(start + ms(60_000)), Timestamp::from_origin(ms(60_000)));
    }
}

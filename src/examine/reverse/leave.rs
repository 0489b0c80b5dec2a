//! How a connection is left: in order for as long as that may take, then in a hurry, and at last by a reset.

use std::time::Duration;

use crate::model::Timestamp;

use super::timers::{ReverseTimer, ReverseTimers};

/// The end of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leave {
    /// It is to end in order until this instant, and then in a hurry.
    until: Timestamp,
    has_begun: bool,
}

/// How long an orderly end may take.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);
/// The same where large packets do not arrive: the server's last word may be one.
const STALLED_LEAVE_PATIENCE: Duration = Duration::from_millis(300);

impl Leave {
    /// In order, unless the server's words do not arrive.
    pub(super) fn in_order(is_stalled: bool, now: Timestamp) -> Self {
        let patience = if is_stalled { Duration::ZERO } else { LEAVE_PATIENCE };
        Self { until: now + patience, has_begun: false }
    }

    /// Without waiting for anything.
    pub(super) fn in_a_hurry(now: Timestamp) -> Self {
        Self { until: now, has_begun: false }
    }

    /// Begins, or goes on. Returns whether the server's words are waited for no more.
    pub(super) fn go_on(&mut self, now: Timestamp) -> bool {
        self.has_begun = true;
        now >= self.until
    }

    /// Whether the hurry has taken too long as well.
    pub(super) fn is_late(self, now: Timestamp) -> bool {
        now >= self.until + STALLED_LEAVE_PATIENCE
    }

    pub(super) fn enter_timers(self, timers: &mut ReverseTimers) {
        if self.has_begun {
            timers.enter(ReverseTimer::Leave, self.until);
            timers.enter(ReverseTimer::Reset, self.until + STALLED_LEAVE_PATIENCE);
        } else {
            // The goodbye waits for nothing but its turn.
            timers.enter_sending(ReverseTimer::Leave, Timestamp::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn order_gives_way_to_hurry_and_hurry_to_a_reset() {
        let mut leave = Leave::in_order(false, at(0));
        assert!(!leave.go_on(at(1999)) && leave.go_on(at(2000)));
        assert!(!leave.is_late(at(2299)) && leave.is_late(at(2300)));
        let mut leave = Leave::in_order(true, at(0));
        assert!(leave.go_on(at(0)) && !leave.is_late(at(299)) && leave.is_late(at(300)));
    }

    /// Before the goodbye is said, nothing but its turn is waited for.
    #[test]
    fn the_goodbye_comes_at_once() {
        let mut leave = Leave::in_order(false, at(0));
        let next = |leave: Leave, now| {
            let mut timers = ReverseTimers::new(now);
            leave.enter_timers(&mut timers);
            timers.next()
        };
        assert_eq!(next(leave, at(100)), Some((at(100), ReverseTimer::Leave)));
        leave.go_on(at(100));
        assert_eq!(next(leave, at(100)), Some((at(2000), ReverseTimer::Leave)));
        assert_eq!(next(leave, at(2000)), Some((at(2300), ReverseTimer::Reset)));
    }
}

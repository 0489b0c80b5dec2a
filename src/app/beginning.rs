//! When something began, for people, and how long ago that is: the clock that people read may be set meanwhile.

use std::time::{Duration, Instant, SystemTime};

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    told: SystemTime,
    measured: Instant,
}

impl Beginning {
    /// Now.
    pub(super) fn now() -> Self {
        Self { told: SystemTime::now(), measured: Instant::now() }
    }

    /// As people write it.
    pub(super) fn time(&self) -> SystemTime {
        self.told
    }

    /// How long ago it is.
    pub(super) fn elapsed(&self) -> Duration {
        self.measured.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_changes_no_duration() {
        for set in [SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_secs(86_400)] {
            let beginning = Beginning { told: set, ..Beginning::now() };
            assert!(beginning.elapsed() < Duration::from_secs(60), "{:?}", beginning.elapsed());
        }
    }
}

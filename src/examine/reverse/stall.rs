//! A stall: the server certainly sent what does not arrive.

use std::time::Duration;

use crate::model::Timestamp;

/// Since when bytes are missing on one connection, and what the server answered meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StallWatch {
    state: StallState,
    answers: u32,
}

#[derive(Clone, Copy, Debug, Default)]
enum StallState {
    #[default]
    Never,
    Stalled {
        since: Timestamp,
    },
    /// Nothing is missing any more.
    Over {
        since: Timestamp,
    },
}

impl StallWatch {
    /// Takes note whether bytes are missing.
    pub(super) fn note(&mut self, is_missing: bool, now: Timestamp) {
        self.state = match (self.state, is_missing) {
            (StallState::Never | StallState::Over { .. }, true) => StallState::Stalled { since: now },
            (StallState::Stalled { since }, false) => StallState::Over { since },
            (state, _) => state,
        };
    }

    /// The server answered.
    pub(super) fn note_answer(&mut self) {
        self.answers += u32::from(self.since().is_some());
    }

    /// Since when bytes are missing.
    pub(super) fn since(&self) -> Option<Timestamp> {
        match self.state {
            StallState::Stalled { since } => Some(since),
            StallState::Never | StallState::Over { .. } => None,
        }
    }

    /// How long ago the last stall began, over or not.
    pub(super) fn began_ago(&self, now: Timestamp) -> Duration {
        match self.state {
            StallState::Stalled { since } | StallState::Over { since } => now.since(since),
            StallState::Never => Duration::ZERO,
        }
    }

    /// How often the server answered although it was stalled.
    pub(super) fn answers(&self) -> u32 {
        self.answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_remembered_when_it_is_over() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut stall = StallWatch::default();
        stall.note_answer();
        assert_eq!((stall.since(), stall.began_ago(at(1)), stall.answers()), (None, Duration::ZERO, 0));
        stall.note(true, at(1));
        stall.note(true, at(2));
        stall.note_answer();
        assert_eq!((stall.since(), stall.answers()), (Some(at(1)), 1));
        stall.note(false, at(3));
        stall.note_answer();
        assert_eq!((stall.since(), stall.began_ago(at(4)), stall.answers()), (None, Duration::from_secs(3), 1));
    }
}

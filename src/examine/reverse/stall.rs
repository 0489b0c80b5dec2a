//! A stall: the server certainly sent what does not arrive.

use std::time::Duration;

use crate::model::Timestamp;

use super::chance::Vain;

/// Since when bytes are missing on one connection, what the server answered meanwhile, and whether it sent smaller packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StallWatch {
    state: StallState,
    answers: u32,
    /// When the first of the missing bytes came last.
    progressed: Option<Timestamp>,
    /// The most full segments that were missing at once, at least one.
    full_segments: u32,
    /// How long bytes had been missing when the first of them came in a smaller packet.
    lowered_after: Option<Duration>,
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
    /// Takes note whether bytes are missing, and of how many full segments.
    pub(super) fn note(&mut self, missing: Option<u32>, now: Timestamp) {
        self.full_segments = self.full_segments.max(missing.unwrap_or(0)).max(1);
        self.state = match (self.state, missing.is_some()) {
            (StallState::Never | StallState::Over { .. }, true) => StallState::Stalled { since: now },
            (StallState::Stalled { since }, false) => StallState::Over { since },
            (state, _) => state,
        };
    }

    /// The server answered.
    pub(super) fn note_answer(&mut self) {
        self.answers += u32::from(self.since().is_some());
    }

    /// The next byte came.
    pub(super) fn note_progress(&mut self, now: Timestamp) {
        self.progressed = Some(now);
    }

    /// Since when nothing has come of what is missing.
    pub(super) fn silent_since(&self) -> Option<Timestamp> {
        self.since().map(|since| since.max(self.progressed.unwrap_or(since)))
    }

    /// Missing bytes came in a smaller packet.
    pub(super) fn note_lowered(&mut self, now: Timestamp) {
        self.lowered_after = self.lowered_after.or(self.since().map(|since| now.since(since)));
    }

    /// What the server sent in vain, if it did.
    pub(super) fn vain(&self, now: Timestamp) -> Option<Vain> {
        match (self.lowered_after, self.since()) {
            (Some(after), _) => Some(Vain::until_lowered(after, self.full_segments)),
            (None, since) => since.map(|since| Vain::since(now.since(since), self.full_segments)),
        }
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
        stall.note(Some(2), at(1));
        stall.note(Some(1), at(2));
        stall.note_answer();
        assert_eq!((stall.since(), stall.answers()), (Some(at(1)), 1));
        stall.note(None, at(3));
        stall.note_answer();
        assert_eq!((stall.since(), stall.began_ago(at(4)), stall.answers()), (None, Duration::from_secs(3), 1));
    }
}

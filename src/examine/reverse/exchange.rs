//! When things were said on one connection and the server was heard of, and whether it keeps us waiting.

use std::time::Duration;

use crate::model::Timestamp;

/// The times of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    opened: Timestamp,
    /// When something was asked last.
    asked: Timestamp,
    /// Since when the server has all that was said, and nothing that it said is missing.
    understood: Option<Timestamp>,
    /// When the server was heard of last.
    heard: Timestamp,
}

impl Exchange {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { opened: now, asked: now, understood: None, heard: now }
    }

    /// The server took the connection.
    pub(super) fn note_open(&mut self, now: Timestamp) {
        (self.opened, self.asked) = (now, now);
    }

    /// Something was said.
    pub(super) fn note_said(&mut self) {
        self.understood = None;
    }

    /// And it was a question.
    pub(super) fn note_question(&mut self, now: Timestamp) {
        self.asked = now;
    }

    /// The server was heard of.
    pub(super) fn note_heard(&mut self, now: Timestamp) {
        self.heard = now;
    }

    /// The server has sent again what has arrived before: it lacks an acknowledgment, and so may lack what was said.
    pub(super) fn note_repeated(&mut self) {
        self.understood = None;
    }

    /// Takes note whether bytes of the server are missing, and whether it has all that was said.
    pub(super) fn note(&mut self, is_missing: bool, is_drained: bool, now: Timestamp) {
        if is_missing {
            self.understood = None;
        } else if is_drained {
            self.understood.get_or_insert(now);
        }
    }

    /// When the connection was opened.
    pub(super) fn opened(self) -> Timestamp {
        self.opened
    }

    /// How long ago something was asked.
    pub(super) fn asked_ago(self, now: Timestamp) -> Duration {
        now.since(self.asked)
    }

    /// When the server was heard of last.
    pub(super) fn heard(self) -> Timestamp {
        self.heard
    }

    /// Since when the server has all that was said, and nothing that it said is missing.
    pub(super) fn understood(self) -> Option<Timestamp> {
        self.understood
    }

    /// Whether the server has had all that was said for so long, and answered since that there is no more to say.
    pub(super) fn keeps_waiting_for(self, patience: Duration, now: Timestamp) -> bool {
        let is_heard = |since: Timestamp| self.heard >= since + patience / 2;
        self.understood.is_some_and(|since| now >= since + patience && is_heard(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    fn understood() -> Exchange {
        let mut exchange = Exchange::new(at(0));
        exchange.note(false, true, at(1));
        exchange
    }

    #[test]
    fn a_server_that_has_all_and_answers_that_it_said_all_keeps_us_waiting() {
        let mut exchange = understood();
        exchange.note_heard(at(3));
        exchange.note(false, true, at(3));
        assert!(!exchange.keeps_waiting_for(PATIENCE, at(3)) && exchange.keeps_waiting_for(PATIENCE, at(4)));
    }

    #[test]
    fn a_server_that_is_not_heard_of_may_have_spoken() {
        assert!(!understood().keeps_waiting_for(PATIENCE, at(9)));
    }

    /// All of them begin the time anew.
    #[test]
    fn what_is_missing_or_said_since_or_not_acknowledged_is_not_the_servers_delay() {
        let (mut missing, mut said, mut repeated) = (understood(), understood(), understood());
        repeated.note_repeated();
        missing.note(true, true, at(2));
        said.note_said();
        said.note(false, false, at(2));
        for mut exchange in [missing, said, repeated] {
            assert_eq!(exchange.understood(), None);
            exchange.note_heard(at(9));
            exchange.note(false, true, at(9));
            assert!(!exchange.keeps_waiting_for(PATIENCE, at(9)));
        }
    }
}

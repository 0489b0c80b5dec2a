//! The orderly end of a connection whose flow has been examined: QUIT once the server has greeted, FIN, and a reset only if
//! that takes too long.

use std::time::Duration;

use crate::model::{Event, Meaning, Outgoing, Timestamp};

use super::forward::Forward;
use super::outbox::Outbox;

/// A connection that is being closed.
#[derive(Debug)]
pub(super) struct Closing {
    forward: Box<Forward>,
    greeting_until: Timestamp,
    deadline: Timestamp,
}

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the greeting is awaited, so that the server can be told QUIT.
const GREETING_PATIENCE: Duration = Duration::from_secs(1);
/// How long it may take when the user interrupts.
const HURRY: Duration = Duration::from_millis(300);

impl Closing {
    pub(super) fn new(forward: Box<Forward>, now: Timestamp) -> Self {
        Self { forward, greeting_until: now + GREETING_PATIENCE, deadline: now + PATIENCE }
    }

    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.greeting_until = now;
        self.deadline = now + HURRY;
    }

    /// Moves it on. Returns whether it is over.
    pub(super) fn advance(&mut self, outbox: &mut Outbox, now: Timestamp) -> bool {
        self.forward.leave(now < self.greeting_until, now >= self.deadline, outbox, now)
    }

    pub(super) fn poll(&mut self, outbox: &mut Outbox, now: Timestamp) -> Option<Outgoing> {
        self.forward.poll(outbox, now)
    }

    pub(super) fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        let own = [self.greeting_until, self.deadline].into_iter().filter(|&at| at > now);
        own.chain(self.forward.next_timeout(now)).min()
    }

    /// Late answers are still told apart.
    pub(super) fn receive(&mut self, event: &Event, outbox: &mut Outbox, now: Timestamp) -> Meaning {
        self.forward.receive(event, outbox, now)
    }
}

//! What people see of a watch, and how they steer it: its clock, its lines or table, whether it rests or ends, and what went wrong.

use std::io;

use tokio::sync::Notify;

use super::keys::Key;
use super::teller::Teller;
use crate::app::beginning::Beginning;
use crate::app::error::RunError;
use crate::app::exit_code::{INTERRUPTED, NOTHING_TO_REPORT};
use crate::model::{Timestamp, worst_exit_code};

pub(super) struct Console<'a> {
    pub(super) teller: Teller,
    clock: Beginning,
    is_paused: bool,
    is_ending: bool,
    /// Why the watch cannot go on.
    failure: Option<io::Error>,
    bells: Bells<'a>,
}

/// Whom it wakes.
#[derive(Clone, Copy)]
pub(super) struct Bells<'a> {
    /// There is something to do.
    pub(super) stirred: &'a Notify,
    /// The watch is to end.
    pub(super) stop: &'a Notify,
}

impl<'a> Console<'a> {
    pub(super) fn new(teller: Teller, bells: Bells<'a>) -> Self {
        Self { teller, clock: Beginning::now(), is_paused: false, is_ending: false, failure: None, bells }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.clock.elapsed())
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    pub(super) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// Whether nothing is to begin.
    pub(super) fn rests(&self) -> bool {
        self.is_paused || self.is_ending
    }

    /// There is something to do.
    pub(super) fn stir(&self) {
        self.bells.stirred.notify_one();
    }

    pub(super) fn press(&mut self, key: Key) {
        match key {
            Key::Quit => self.bells.stop.notify_one(),
            Key::Pause => self.is_paused = !self.is_paused,
            Key::Redraw => self.teller.redraw(),
        }
    }

    /// The watch ends: what was found so far counts.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
    }

    /// Ends the watch if something could not be told or written.
    pub(super) fn note(&mut self, told: io::Result<()>) {
        if let Err(error) = told {
            self.failure.get_or_insert(error);
            self.bells.stop.notify_one();
        }
    }

    /// Gives back the terminal. `code`: what the last state gives, if any is known. Returns the exit code.
    ///
    /// # Errors
    /// What was to be told or written could not be.
    pub(super) fn finish(self, code: Option<u8>) -> Result<u8, RunError> {
        let ended = self.teller.end().err();
        match self.failure.or(ended) {
            // That was said on stderr, or there is nobody to hear it; the exit code still tells.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(worst_exit_code(code.into_iter().chain([NOTHING_TO_REPORT])))
            }
            Some(error) => Err(RunError::Write(error)),
            None => Ok(code.unwrap_or(INTERRUPTED)),
        }
    }
}

//! Tells the desk what the loop does.

use std::cell::RefCell;

use super::desk::StallDesk;
use crate::model::Examined;
use crate::runner::{Observer, RunProgress};

/// The loop and its feed use the desk in turns.
pub(super) struct StallObserver<'d, 'a>(pub(super) &'d RefCell<StallDesk<'a>>);

impl Observer for StallObserver<'_, '_> {
    fn progress(&mut self, _: &RunProgress) {}

    /// So that a watch sleeps while nothing is examined.
    fn wants_progress(&self) -> bool {
        false
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        self.0.borrow_mut().judged(job, examined);
    }

    fn interrupted(&mut self) {
        self.0.borrow_mut().end();
    }
}

//! Tells the desk of a watch what the loop does.

use std::cell::RefCell;

use crate::model::Examined;
use crate::runner::{Observer, RunProgress};

/// Who hears of it.
pub(super) trait Hears {
    /// An examination has its verdict.
    fn judged(&mut self, job: usize, examined: Examined);
    /// The watch ends: what was found so far counts.
    fn end(&mut self);
}

/// The loop and its feed use the desk in turns.
pub(super) struct WatchObserver<'d, D>(pub(super) &'d RefCell<D>);

impl<D: Hears> Observer for WatchObserver<'_, D> {
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

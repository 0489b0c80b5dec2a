//! Tells the aggregator what the loop does.

use std::cell::RefCell;

use super::aggregator::Aggregator;
use crate::model::{Examined, Sighting};
use crate::runner::{Observer, Standing};

/// The loop and its feed use the aggregator in turns.
pub(super) struct ListObserver<'d, 'a>(pub(super) &'d RefCell<Aggregator<'a>>);

impl Observer for ListObserver<'_, '_> {
    fn sighted(&mut self, sighting: &Sighting<'_>) {
        self.0.borrow_mut().packet(sighting);
    }

    fn progress(&mut self, standing: &Standing) {
        self.0.borrow_mut().progress(standing);
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        self.0.borrow_mut().judged(job, examined);
    }

    fn all_judged(&mut self) {
        self.0.borrow_mut().all_judged();
    }

    fn interrupted(&mut self) {
        self.0.borrow_mut().interrupted();
    }
}

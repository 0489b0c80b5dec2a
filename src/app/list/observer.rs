//! Tells the aggregator what the loop does.

use std::cell::RefCell;

use super::aggregator::Aggregator;
use crate::model::{Examined, PacketEvent};
use crate::runner::{Observer, RunProgress};

/// The loop and its feed use the aggregator in turns.
pub(super) struct ListObserver<'d, 'a>(pub(super) &'d RefCell<Aggregator<'a>>);

impl Observer for ListObserver<'_, '_> {
    fn on_packet(&mut self, event: &PacketEvent<'_>) {
        self.0.borrow_mut().packet(event);
    }

    fn progress(&mut self, standing: &RunProgress) {
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

//! Has the routers in question asked again, one address at a time, while the list goes on.

use std::cell::RefCell;

use tokio::sync::mpsc;

use super::aggregator::{Aggregator, NextLook};
use super::bell::Bell;
use crate::runner::Job;

/// Waits while the routers in question have to rest.
pub(super) async fn wait_for_room(aggregator: &RefCell<Aggregator<'_>>, bell: &Bell) {
    while aggregator.borrow_mut().needs_rest() {
        bell.room().await;
    }
}

/// Runs until every target of the list has its result.
pub(super) async fn ask_again(aggregator: &RefCell<Aggregator<'_>>, bell: &Bell, jobs: mpsc::Sender<Job>) {
    loop {
        let next = aggregator.borrow_mut().next_look();
        bell.may_have_room();
        match next {
            NextLook::Ask(job) => {
                if jobs.send(*job).await.is_err() {
                    return;
                }
            }
            NextLook::WaitUntil(at) => {
                tokio::select! {
                    () = bell.news() => {}
                    () = tokio::time::sleep_until(at.into()) => {}
                }
            }
            NextLook::Nothing if bell.has_list_ended() && aggregator.borrow().is_done() => return,
            NextLook::Nothing => bell.news().await,
        }
    }
}

//! What signals mean to a watch: SIGINT and SIGTERM end it, SIGHUP has the list read again.

use tokio::sync::{Notify, mpsc};

use super::screen;
use crate::app::exit_code::INTERRUPTED;
use crate::app::interrupt::{Interruption, Signals};
use crate::app::stderr::complain;

/// Waits for signals for as long as the watch runs. A second one that ends it does so at once.
pub(super) async fn heed(signals: Option<Signals>, stop: &Notify, hangups: &mpsc::Sender<()>) {
    let Some(mut signals) = signals else {
        complain("signals cannot be caught; an interrupt will leave without a word");
        return std::future::pending().await;
    };
    let mut is_ending = false;
    loop {
        match signals.next().await {
            Interruption::Hangup if screen::is_terminal_gone() => stop.notify_one(),
            // One that waits already is as good.
            Interruption::Hangup => drop(hangups.try_send(())),
            Interruption::Asked if is_ending => {
                screen::leave_in_a_hurry();
                std::process::exit(i32::from(INTERRUPTED));
            }
            Interruption::Asked => {
                is_ending = true;
                stop.notify_one();
            }
        }
    }
}

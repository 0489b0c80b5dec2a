//! Runs many examinations over one set of sockets, with one rate limit and one clock.
//!
//! In each turn the loop delivers packets to the examinations they belong to, polls those whose time has come, admits new
//! ones while the limits allow it, and sleeps until the next packet or the next wake-up.

mod clock;
mod concurrency;
mod event_loop;
mod ingress;
mod job;
mod limiter;
mod observer;
mod outbox;
mod own_tcp;
mod running;
mod schedule;
mod table;

use std::io;

use tokio::sync::mpsc;

use event_loop::EventLoop;
pub use event_loop::Links;
pub use job::{Job, Limits, Patience};
pub use observer::{Ending, Observer, RunProgress};

/// Examines addresses side by side as they come in, until the sender of `jobs` is gone and all is done.
///
/// # Errors
/// A socket that fails for good; what a path does never makes an error.
pub async fn run(
    links: &Links,
    jobs: mpsc::Receiver<Job>,
    limits: Limits,
    interrupt: impl Future<Output = ()>,
    observer: &mut impl Observer,
) -> io::Result<Ending> {
    EventLoop::new(links, jobs, limits, observer).run(interrupt).await
}

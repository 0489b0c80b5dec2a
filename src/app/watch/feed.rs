//! The loop beside the runner's: it looks names up, hands out examinations as they are due, and heeds keys and signals.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};

use super::desk::{Desk, targets};
use super::keys::{Key, Keys};
use super::source::{Edition, read_again};
use crate::app::planner::Planner;
use crate::model::Timestamp;
use crate::net::reread::Rereadable;
use crate::runner::Job;
use crate::watch::Task;

/// What this host is like (links, settings, name servers) is asked again so often.
pub(super) const PLANNER_LASTS: Duration = Duration::from_secs(600);
/// How often the table is drawn.
pub(super) const FRAME: Duration = Duration::from_secs(1);

/// What the feed hears of.
pub(super) struct Sources<'a> {
    pub(super) stirred: &'a Notify,
    pub(super) hangups: mpsc::Receiver<()>,
    /// `None`: the targets stand on the command line, or came from stdin.
    pub(super) file: Option<Rereadable>,
    /// How often each target is examined, in words.
    pub(super) every: String,
}

/// A list that is being read.
type Reading = JoinHandle<(Rereadable, Result<Edition, String>)>;

/// Runs until the runner takes no more jobs.
pub(super) async fn feed<'a>(
    desk: &RefCell<Desk<'a>>,
    planner: Planner<'a>,
    mut sources: Sources<'_>,
    jobs: mpsc::Sender<Job>,
) {
    let examiner = desk.borrow().examiner();
    let patience = examiner.plan().sending.timeout;
    let (mut planner, mut planned_at) = (Rc::new(planner), Instant::now());
    let mut lookups = FuturesUnordered::new();
    let mut ready: VecDeque<Job> = VecDeque::new();
    let mut keys = Keys::open(desk.borrow().console.teller.has_keys());
    let mut resized = signal(SignalKind::window_change()).ok();
    let mut reading: Option<Reading> = None;
    loop {
        if planned_at.elapsed() > PLANNER_LASTS {
            planned_at = Instant::now();
            // What it cannot find out now stays as it was.
            if let Ok(new) = Planner::new(examiner).await {
                planner = Rc::new(new);
            }
            desk.borrow_mut().tidy();
        }
        loop {
            let Some(task) = desk.borrow_mut().next() else { break };
            match task {
                Task::LookUp(id, name) => {
                    let planner = Rc::clone(&planner);
                    lookups.push(async move { (id, planner.target(&name, patience).await) });
                }
                Task::Examine(order) => ready.extend(desk.borrow_mut().job(&order)),
            }
        }
        desk.borrow_mut().settle();
        let has_table = desk.borrow().console.teller.has_table();
        if has_table {
            let title = format!("{}, every {}", targets(desk.borrow().count()), sources.every);
            desk.borrow_mut().show(&title);
        }
        let wake = desk.borrow().next_wake();
        let pause = pause(wake, desk.borrow().console.now()).min(if has_table { FRAME } else { Duration::MAX });
        tokio::select! {
            Some((id, led_to)) = lookups.next(), if !lookups.is_empty() => desk.borrow_mut().looked_up(id, led_to),
            place = jobs.reserve(), if !ready.is_empty() => match (place, ready.pop_front()) {
                (Ok(place), Some(job)) => place.send(job),
                _ => return,
            },
            () = sources.stirred.notified() => {}
            Some(()) = sources.hangups.recv() => reading = hang_up(desk, &mut sources.file, reading),
            (file, edition) = finished(&mut reading) => {
                sources.file = file;
                match edition {
                    Ok(edition) => desk.borrow_mut().read_again(edition),
                    Err(why) => desk.borrow_mut().console.teller.say(&format!("{why}; the list stays as it was")),
                }
            }
            key = keys.next() => desk.borrow_mut().console.press(key),
            Some(()) = next(&mut resized) => desk.borrow_mut().console.press(Key::Redraw),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Has the list read in a thread, since a disk may take its time.
fn hang_up(desk: &RefCell<Desk<'_>>, file: &mut Option<Rereadable>, reading: Option<Reading>) -> Option<Reading> {
    if reading.is_some() {
        return reading;
    }
    let Some(mut file) = file.take() else {
        desk.borrow_mut().console.teller.say("SIGHUP: there is no list to read again, as --targets names no file");
        return None;
    };
    Some(spawn_blocking(move || {
        let edition = read_again(&mut file);
        (file, edition)
    }))
}

/// The list, once it was read. It is asked for again wherever the feed was called away.
async fn finished(reading: &mut Option<Reading>) -> (Option<Rereadable>, Result<Edition, String>) {
    let Some(handle) = reading else { return std::future::pending().await };
    let read = handle.await;
    *reading = None;
    match read {
        Ok((file, edition)) => (Some(file), edition),
        Err(error) => (None, Err(format!("cannot read the list again: {error}"))),
    }
}

pub(super) async fn next(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

pub(super) fn pause(wake: Timestamp, now: Timestamp) -> Duration {
    /// The runtime knows no longer time.
    const LONGEST: Duration = Duration::from_secs(3600);
    wake.since(now).min(LONGEST)
}

//! The loop beside the runner's: it looks, hands out examinations as they are due, and heeds keys and signals.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};

use super::desk::StallDesk;
use super::looker::{Look, Looker};
use crate::app::connections::planning::of_connection;
use crate::app::examiner::Examiner;
use crate::app::planner::Planner;
use crate::app::watch::feed::{FRAME, PLANNER_LASTS, next, pause};
use crate::app::watch::keys::{Key, Keys};
use crate::net::NetError;
use crate::runner::Job;

/// What the feed hears of, and works with.
pub(super) struct Sources<'a> {
    pub(super) looker: Looker,
    pub(super) stirred: &'a Notify,
    pub(super) hangups: mpsc::Receiver<()>,
}

/// Who examines, and how plans are made; `None`: nothing is sent.
pub(super) type Examining<'a> = Option<(&'a Examiner<'a>, Planner<'a>)>;

/// A look that is under way.
type Looking = JoinHandle<(Looker, Result<Look, NetError>)>;

/// Runs until the runner takes no more jobs.
pub(super) async fn feed<'a>(
    desk: &RefCell<StallDesk<'a>>,
    examining: Examining<'a>,
    mut sources: Sources<'_>,
    jobs: mpsc::Sender<Job>,
) {
    let mut examining = examining.map(|(examiner, planner)| (examiner, Rc::new(planner), Instant::now()));
    let mut lookups = FuturesUnordered::new();
    let mut ready: VecDeque<Job> = VecDeque::new();
    let mut keys = Keys::open(desk.borrow().console.teller.has_keys());
    let mut resized = signal(SignalKind::window_change()).ok();
    let (mut looker, mut looking) = (Some(sources.looker), None::<Looking>);
    loop {
        if let Some((examiner, planner, _)) = examining.as_mut().filter(|(.., made)| made.elapsed() > PLANNER_LASTS) {
            // What it cannot find out now stays as it was.
            let new = Planner::new(examiner).await.map_or_else(|_| Rc::clone(planner), Rc::new);
            examining = Some((examiner, new, Instant::now()));
        }
        if let Some((examiner, planner, _)) = &examining {
            for order in desk.borrow_mut().orders() {
                let (plan, planner) = (examiner.plan(), Rc::clone(planner));
                lookups.push(async move {
                    let led_to = of_connection(&planner, plan, &order.connection, order.direction).await;
                    (order, led_to)
                });
            }
        }
        let is_due = desk.borrow().is_look_due();
        if let Some(mut looks) = looker.take_if(|_| is_due) {
            looking = Some(spawn_blocking(move || {
                let look = looks.look();
                (looks, look)
            }));
        }
        desk.borrow_mut().settle();
        let has_table = desk.borrow().console.teller.has_table();
        if has_table {
            desk.borrow_mut().show();
        }
        let wake = desk.borrow().next_wake(looking.is_some());
        let pause = pause(wake, desk.borrow().console.now()).min(if has_table { FRAME } else { Duration::MAX });
        tokio::select! {
            Some((order, led_to)) = lookups.next(), if !lookups.is_empty() => {
                ready.extend(desk.borrow_mut().planned(&order, led_to));
            }
            place = jobs.reserve(), if !ready.is_empty() => match (place, ready.pop_front()) {
                (Ok(place), Some(job)) => place.send(job),
                _ => return,
            },
            (returned, look) = finished(&mut looking) => {
                looker = Some(returned);
                desk.borrow_mut().looked(look);
            }
            () = sources.stirred.notified() => {}
            Some(()) = sources.hangups.recv() => {
                desk.borrow_mut().console.teller.say("SIGHUP: there is no list to read again, as connections are watched");
            }
            key = keys.next() => desk.borrow_mut().console.press(key),
            Some(()) = next(&mut resized) => desk.borrow_mut().console.press(Key::Redraw),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The look, once it is over. It is asked for again wherever the feed was called away.
async fn finished(looking: &mut Option<Looking>) -> (Looker, Result<Look, NetError>) {
    let Some(handle) = looking else { return std::future::pending().await };
    let look = handle.await;
    *looking = None;
    match look {
        Ok(look) => look,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends, and with it this.
        Err(_) => std::future::pending().await,
    }
}

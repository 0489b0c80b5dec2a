//! Many targets in one process: a list that is read as it is needed, results that leave as they come.

mod desk;
mod key;
mod ledger;
mod list;
mod shard;
mod tally;

pub use shard::Shard;

use std::cell::RefCell;
use std::path::PathBuf;

use futures_util::{StreamExt, stream};
use tokio::sync::{Notify, mpsc};

use super::planning::{PlanError, Planned, Planner};
use super::session::{Fault, INTERRUPTED, Session, interrupted};
use super::witness::Witness;
use crate::report::text::Detail;
use crate::runner::{self, Ending, Job, Limits, Patience};

use desk::{Clerk, Desk};
pub(super) use ledger::{Ledger, LedgerError};
use list::Line;
pub(super) use list::{List, ListError};

/// Where many targets come from and where results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// A file with one target per line, or `-`.
    pub list: PathBuf,
    /// Examinations at the same time.
    pub concurrency: usize,
    /// A file that gets a JSON document per line, or `-`.
    pub jsonl: Option<PathBuf>,
    /// Such a file: what it holds is skipped.
    pub resume: Option<PathBuf>,
    /// The part of the list that is this run's.
    pub shard: Shard,
}

/// What has to be opened before privileges are given up.
pub(super) struct Files {
    list: List,
    ledger: Ledger,
}

impl Files {
    pub(super) fn open(bulk: &Bulk) -> Result<Self, Fault> {
        let ledger = Ledger::open(bulk.jsonl.as_deref(), bulk.resume.as_deref())?;
        Ok(Self { list: List::open(&bulk.list)?, ledger })
    }
}

/// Names that are looked up at a time.
const LOOKUPS_AT_A_TIME: usize = 64;
/// Addresses that are ready to be examined when there is room.
const READY: usize = 64;

/// Examines all targets of the list. Returns the exit code.
pub(super) async fn examine(session: &Session<'_>, bulk: &Bulk, files: Files) -> Result<u8, Fault> {
    let Files { list, ledger } = files;
    let planner =
        Planner::new(session.invocation(), session.ours()).await.map_err(|e| Fault::NothingToExamine(e.to_string()))?;
    let stop = Notify::new();
    let is_piped = bulk.jsonl.as_deref().is_some_and(|path| path.as_os_str() == "-");
    let desk = RefCell::new(Desk::new(session, ledger, list.lines_in_all(), bulk.shard, is_piped, &stop));
    let limits = Limits {
        rate: session.invocation().rate.0,
        concurrency: bulk.concurrency,
        patience: Patience::Each(session.invocation().timeout),
    };
    let (sender, jobs) = mpsc::channel(READY);
    let feed = feed(&planner, session, list, &desk, sender);
    let mut witness = Witness::new(Clerk::new(&desk, session.progress_line()), None, session.take_recording());
    let interrupt = async {
        tokio::select! {
            () = interrupted() => {}
            () = stop.notified() => {}
        }
    };
    let run = runner::run(session.links(), jobs, limits, interrupt, &mut witness);
    let ending = {
        tokio::pin!(feed, run);
        tokio::select! {
            // Whoever feeds the run may wait for a terminal for ever.
            ending = &mut run => ending,
            () = &mut feed => run.await,
        }
    };
    drop(witness);
    let mut desk = desk.into_inner();
    let ending = ending.map_err(Fault::Receive)?;
    desk.conclude(session.invocation().detail != Detail::VerdictOnly).map_err(Fault::Write)?;
    Ok(match ending {
        Ending::Interrupted if !desk.has_failed() => INTERRUPTED,
        _ => desk.exit_code(),
    })
}

/// From lines to jobs: names are looked up side by side, ahead of the run, but never far ahead.
async fn feed(
    plans: &Planner<'_>,
    session: &Session<'_>,
    list: List,
    desk: &RefCell<Desk<'_>>,
    jobs: mpsc::Sender<Job>,
) {
    let mut lines = list.read();
    let lines = stream::poll_fn(|context| lines.poll_recv(context));
    let wanted = lines.filter_map(|line| std::future::ready(desk.borrow_mut().wanted(line)));
    let patience = session.invocation().timeout;
    let planned = wanted.map(|target| async move {
        let (planned, errors) = plans.target(&target, patience).await;
        (target, planned, errors)
    });
    let mut planned = std::pin::pin!(planned.buffer_unordered(LOOKUPS_AT_A_TIME));
    while let Some((target, planned, errors)) = planned.next().await {
        let new = desk.borrow_mut().open(target, planned, &errors);
        for job in new {
            if jobs.send(job).await.is_err() {
                return;
            }
        }
    }
}

//! A run over a list of targets.

use std::cell::RefCell;

use futures_util::{StreamExt, stream};
use tokio::sync::{Notify, mpsc};

use super::admission::Admission;
use super::aggregator::Aggregator;
use super::asking::{ask_again, wait_for_room};
use super::bell::Bell;
use super::observer::ListObserver;
use super::target_list::TargetList;
use crate::app::earlier_results::EarlierResults;
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::exit_code::{INTERRUPTED, NOTHING_TO_REPORT};
use crate::app::interrupt::interrupted;
use crate::app::numbered_shard;
use crate::app::output::outputs::Outputs;
use crate::app::plan::{ListOptions, RunPlan};
use crate::app::planner::Planner;
use crate::app::shard::Shard;
use crate::app::track::Tracker;
use crate::model::worst_exit_code;
use crate::runner::{Ending, Job, Patience};

/// Names that are looked up at a time.
const LOOKUPS_AT_A_TIME: usize = 64;
/// Addresses that are ready to be examined when there is room.
const READY: usize = 64;

/// What has to be opened before privileges are given up.
struct Files {
    outputs: Outputs,
    earlier: EarlierResults,
    tracker: Option<Tracker>,
    list: TargetList,
}

/// Examines all targets of the list. Returns the exit code.
pub(crate) fn run(plan: &RunPlan, options: &ListOptions) -> Result<u8, RunError> {
    // Before anything is opened or created.
    let shard = numbered_shard::chosen(options.shard)?;
    let files = || {
        let (outputs, earlier) = Outputs::of_list(&plan.output, options.resume.as_deref())?;
        let tracker = options.track.as_deref().map(Tracker::open).transpose()?;
        Ok(Files { outputs, earlier, tracker, list: TargetList::open(&options.file)? })
    };
    let (examiner, files) = Examiner::open(plan, files)?;
    examiner.conduct(async |examiner| examine(examiner, options, shard, files).await)
}

async fn examine(examiner: &Examiner<'_>, options: &ListOptions, shard: Shard, files: Files) -> Result<u8, RunError> {
    let Files { mut outputs, mut earlier, tracker, list } = files;
    let planner = Planner::new(examiner).await;
    let planner = planner.map_err(|error| examiner.tell(error.into(), &mut outputs))?;
    let (stop, bell) = (Notify::new(), Bell::default());
    let counts = earlier.take_counts();
    let admission = Admission::new(shard, earlier, list.lines_in_all());
    let aggregator = RefCell::new(Aggregator::new(examiner, (outputs, tracker), admission, counts, (&stop, &bell)));
    let (sender, jobs) = mpsc::channel(READY);
    let again = ask_again(&aggregator, &bell, sender.clone());
    let feed = async {
        feed(&planner, examiner, list, (&aggregator, &bell), sender).await;
        bell.list_ended();
    };
    let feed = async { tokio::join!(feed, again) };
    aggregator.borrow_mut().begin();
    let mut observer = ListObserver(&aggregator);
    let interrupt = async {
        tokio::select! {
            () = interrupted() => {}
            () = stop.notified() => {}
        }
    };
    let patience = Patience::Each(examiner.plan().sending.timeout);
    let run = examiner.examine(jobs, options.concurrency, patience, interrupt, &mut observer);
    let ending = {
        tokio::pin!(feed, run);
        tokio::select! {
            // The feed may wait for a terminal for ever.
            ending = &mut run => ending,
            _ = &mut feed => run.await,
        }
    };
    let mut aggregator = aggregator.into_inner();
    let ending = ending?;
    aggregator.finish().map_err(RunError::Write)?;
    if matches!(ending, Ending::Complete) {
        aggregator.keep_results()?;
    }
    Ok(match ending {
        Ending::Interrupted if !aggregator.nobody_reads() => INTERRUPTED,
        // The targets that are left were not examined.
        Ending::Interrupted => worst_exit_code([aggregator.exit_code(), NOTHING_TO_REPORT]),
        Ending::Complete => aggregator.exit_code(),
    })
}

/// From lines to jobs: names are looked up side by side, ahead of the run, but never far ahead.
async fn feed(
    plans: &Planner<'_>,
    examiner: &Examiner<'_>,
    list: TargetList,
    (aggregator, bell): (&RefCell<Aggregator<'_>>, &Bell),
    jobs: mpsc::Sender<Job>,
) {
    let mut lines = list.read();
    let lines = stream::poll_fn(|context| lines.poll_recv(context));
    let wanted = lines.filter_map(|line| std::future::ready(aggregator.borrow_mut().wanted(line)));
    let patience = examiner.plan().sending.timeout;
    let planned = wanted.map(|target| async move {
        let planned = plans.target(&target, patience).await;
        (target, planned)
    });
    let mut planned = std::pin::pin!(planned.buffer_unordered(LOOKUPS_AT_A_TIME));
    while let Some((target, planned)) = planned.next().await {
        let new = aggregator.borrow_mut().open(target, planned);
        wait_for_room(aggregator, bell).await;
        for job in new {
            if jobs.send(job).await.is_err() {
                return;
            }
        }
    }
}

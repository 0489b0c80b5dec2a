//! A watch over connections from its beginning to its end.

use std::cell::RefCell;

use tokio::sync::{Notify, mpsc};

use super::desk::StallDesk;
use super::feed::{Examining, Sources, feed};
use super::looker::Looker;
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::interrupt::Signals;
use crate::app::output::outputs::Outputs;
use crate::app::plan::{ConnectionWatchOptions, RunPlan};
use crate::app::planner::Planner;
use crate::app::watch::books::Books;
use crate::app::watch::console::{Bells, Console};
use crate::app::watch::observer::WatchObserver;
use crate::app::watch::run::{READY, in_words, manner, side_by_side};
use crate::app::watch::signals::heed;
use crate::app::watch::teller::Teller;
use crate::net::{self, privilege};
use crate::report::text::Detail;
use crate::runner::{Job, Patience};
use crate::watch::Stalls;

/// Watches this host's connections until it is told to end. Returns the exit code of the last state.
pub(in crate::app) fn run(plan: &RunPlan, options: &ConnectionWatchOptions) -> Result<u8, RunError> {
    let looker = || Looker::open(&options.connections, plan.examination.family);
    if options.connections.list_only {
        let looker = looker()?;
        privilege::give_up()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Runtime)?;
        let watched = runtime.block_on(watch(plan, options, (None, None), looker));
        runtime.shutdown_background();
        return watched;
    }
    let (examiner, (outputs, looker)) = Examiner::open(plan, || Ok((Outputs::of_watch(&plan.output)?, looker()?)))?;
    examiner.conduct(async |examiner| watch(plan, options, (Some(examiner), Some(outputs)), looker).await)
}

async fn watch(
    plan: &RunPlan,
    options: &ConnectionWatchOptions,
    (examiner, outputs): (Option<&Examiner<'_>>, Option<Outputs>),
    looker: Looker,
) -> Result<u8, RunError> {
    // From now on none ends the program without a word.
    let signals = Signals::catch();
    net::let_hangups_in();
    let mut outputs = outputs.unwrap_or_default();
    let mut examining: Examining<'_> = None;
    if let Some(examiner) = examiner {
        let planner = Planner::new(examiner).await;
        examining = Some((examiner, planner.map_err(|error| examiner.tell(error.into(), &mut outputs))?));
    }
    let (stirred, stop) = (Notify::new(), Notify::new());
    let teller = Teller::begin(manner(plan), plan.output.detail == Detail::VerdictOnly).map_err(RunError::Write)?;
    let told = (Console::new(teller, Bells { stirred: &stirred, stop: &stop }), Books::new(outputs));
    let stalls = Stalls::new(options.interval, examiner.is_some());
    let desk = RefCell::new(StallDesk::new(examiner, stalls, told));
    desk.borrow_mut().console.teller.remark(&beginning(plan, options));
    let (hang_up, hangups) = mpsc::channel(1);
    let (sender, jobs) = mpsc::channel::<Job>(READY);
    let sources = Sources { looker, stirred: &stirred, hangups };
    let ended = {
        let mut observer = WatchObserver(&desk);
        let run = async {
            let Some(examiner) = examiner else {
                stop.notified().await;
                return Ok(());
            };
            let patience = Patience::Each(plan.sending.timeout);
            examiner.examine(jobs, options.concurrency, patience, stop.notified(), &mut observer).await.map(drop)
        };
        let feed = feed(&desk, examining, sources, sender);
        side_by_side(run, feed, heed(signals, &stop, &hang_up)).await
    };
    let code = desk.into_inner().finish();
    ended.and(code)
}

fn beginning(plan: &RunPlan, options: &ConnectionWatchOptions) -> String {
    let what = plan.targets.subject();
    if options.connections.list_only {
        return format!("watching {what}; what begins to hang is told, and nothing is sent");
    }
    let every = in_words(options.interval);
    format!("watching {what}; what begins to hang is told, and its peer is examined, again every {every}")
}

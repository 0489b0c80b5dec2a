//! A watch from its beginning to its end.

use std::cell::RefCell;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::books::Books;
use super::console::{Bells, Console};
use super::desk::{Desk, targets};
use super::feed::{Sources, feed};
use super::former;
use super::observer::WatchObserver;
use super::signals::heed;
use super::source::Source;
use super::teller::{Manner, Teller};
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::interrupt::Signals;
use crate::app::output::outputs::Outputs;
use crate::app::plan::{RunPlan, WatchOptions};
use crate::app::planner::Planner;
use crate::net;
use crate::report::text::Detail;
use crate::runner::{Job, Patience};
use crate::watch::Watch;

/// Examinations that wait for the runner.
pub(super) const READY: usize = 8;

/// Watches the targets until it is told to end. Returns the exit code of the last state.
pub(in crate::app) fn run(plan: &RunPlan, options: &WatchOptions) -> Result<u8, RunError> {
    let files = || {
        let outputs = Outputs::of_watch(&plan.output)?;
        let former = Outputs::history_of(&plan.output).map(former::read).transpose().map_err(RunError::History)?;
        Ok((outputs, former.unwrap_or_default(), Source::open(&options.source)?))
    };
    let (examiner, (outputs, former, source)) = Examiner::open(plan, files)?;
    let mut watched = Watch::new(options.interval);
    watched.remember(former);
    examiner.conduct(async |examiner| watch(examiner, options, (outputs, watched), source).await)
}

async fn watch(
    examiner: &Examiner<'_>,
    options: &WatchOptions,
    (mut outputs, watched): (Outputs, Watch),
    source: Source,
) -> Result<u8, RunError> {
    // From now on none ends the program without a word.
    let signals = Signals::catch();
    net::let_hangups_in();
    let planner = Planner::new(examiner).await;
    let planner = planner.map_err(|error| examiner.tell(error.into(), &mut outputs))?;
    let output = &examiner.plan().output;
    let (stirred, stop) = (Notify::new(), Notify::new());
    let teller =
        Teller::begin(manner(examiner.plan()), output.detail == Detail::VerdictOnly).map_err(RunError::Write)?;
    let console = Console::new(teller, Bells { stirred: &stirred, stop: &stop });
    let desk = RefCell::new(Desk::new(examiner, watched, (console, Books::new(outputs))));
    let (edition, file) = source.into_parts();
    let every = in_words(options.interval);
    desk.borrow_mut()
        .console
        .teller
        .remark(&format!("watching {}, every {every}; changes are told", targets(edition.targets.len())));
    desk.borrow_mut().set_targets(edition);
    let (hang_up, hangups) = mpsc::channel(1);
    let (sender, jobs) = mpsc::channel::<Job>(READY);
    let sources = Sources { stirred: &stirred, hangups, file, every };
    let patience = Patience::Each(examiner.plan().sending.timeout);
    let ended = {
        let mut observer = WatchObserver(&desk);
        let run = examiner.examine(jobs, options.concurrency, patience, stop.notified(), &mut observer);
        let feed = feed(&desk, planner, sources, sender);
        side_by_side(run, feed, heed(signals, &stop, &hang_up)).await
    };
    let code = desk.into_inner().finish();
    ended.and(code)
}

/// Runs until the runner ends; the feed may end before, and signals never do.
pub(super) async fn side_by_side<T>(
    run: impl Future<Output = Result<T, RunError>>,
    feed: impl Future<Output = ()>,
    heed: impl Future<Output = ()>,
) -> Result<T, RunError> {
    tokio::pin!(run, feed, heed);
    loop {
        tokio::select! {
            ended = &mut run => return ended,
            () = &mut feed => return run.await,
            () = &mut heed => {}
        }
    }
}

pub(super) fn manner(plan: &RunPlan) -> Manner {
    let output = &plan.output;
    if output.stdout_is_taken() {
        return Manner::Silent;
    }
    // Lines of a log would tear the table.
    let wants_lines = output.detail == Detail::VerdictOnly || output.verbosity > 0;
    match Outputs::color_of_a_table(output).filter(|_| !wants_lines) {
        Some(color) => Manner::Table { color },
        None => Manner::Lines,
    }
}

/// `5 min`, `90 s`.
pub(super) fn in_words(interval: Duration) -> String {
    let seconds = interval.as_secs();
    if seconds.is_multiple_of(3600) {
        format!("{} h", seconds / 3600)
    } else if seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_told_as_people_write_it() {
        for (seconds, words) in [(60, "1 min"), (90, "90 s"), (300, "5 min"), (3600, "1 h"), (5400, "90 min")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}

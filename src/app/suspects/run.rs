//! A run over suspects: they are shown, examined, and each is told what its verdict means.

use std::io;

use super::planning;
use super::read::read;
use super::show::show;
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::exit_code::INTERRUPTED;
use crate::app::interrupt::interrupted;
use crate::app::output::outputs::Outputs;
use crate::app::plan::{RunPlan, SuspectOptions};
use crate::app::stderr::complain;
use crate::app::whole_run::WholeRun;
use crate::model::Suspects;
use crate::net::privilege;
use crate::runner::Patience;

/// A log may name thousands of suspects.
const AT_A_TIME: usize = 256;

/// Reads, shows, and unless that is all, examines. Returns the exit code.
pub(crate) fn run(plan: &RunPlan, options: &SuspectOptions) -> Result<u8, RunError> {
    if !options.list_only {
        // Fail before a large log is read.
        privilege::require_raw_sockets()?;
    }
    let suspects = read(&options.source)?;
    match show(&plan.output, options.list_only, &suspects) {
        // The reader closed the pipe, so it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
        shown => shown.map_err(RunError::Write)?,
    }
    if options.list_only || suspects.list.is_empty() {
        return Ok(0);
    }
    let (examiner, outputs) = Examiner::open(plan, || Ok(Outputs::of_one_report(&plan.output)?))?;
    examiner.conduct(async |examiner| examine(examiner, &suspects, outputs).await)
}

async fn examine(examiner: &Examiner<'_>, suspects: &Suspects, mut outputs: Outputs) -> Result<u8, RunError> {
    let interrupt = interrupted();
    tokio::pin!(interrupt);
    let (planned, cases) = tokio::select! {
        plan = planning::plan(examiner, suspects) => plan?,
        () = &mut interrupt => return Ok(INTERRUPTED),
    };
    let mut errors = cases.errors();
    if planned.is_empty() {
        let first = errors.next().unwrap_or_default();
        errors.for_each(|error| complain(&error));
        return Err(RunError::NothingToExamine(first));
    }
    errors.for_each(|error| outputs.warn(&error));
    let is_incomplete = cases.is_incomplete();
    let run = WholeRun {
        planned,
        suspects: Some(cases),
        is_incomplete,
        concurrency: AT_A_TIME,
        // However many they are, each gets its time.
        patience: Patience::Each(examiner.plan().sending.timeout),
    };
    run.examine(examiner, outputs, interrupt).await
}

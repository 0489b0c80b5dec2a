//! A run over suspects: they are shown, examined, and each is told what its verdict means.

use std::io;

use super::planning;
use super::read::read;
use super::show::show;
use crate::app::cases::Cases;
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::exit_code::NOTHING_TO_REPORT;
use crate::app::interrupt::interrupted;
use crate::app::output::outputs::{NOBODY_READS, Outputs};
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
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            complain(NOBODY_READS);
            return Ok(if options.list_only { 0 } else { NOTHING_TO_REPORT });
        }
        shown => shown.map_err(RunError::Write)?,
    }
    // Somebody may be accused in what cannot be read, so this is no answer.
    let nobody = if suspects.reading.unread > 0 { NOTHING_TO_REPORT } else { 0 };
    if options.list_only {
        return Ok(nobody);
    }
    if suspects.list.is_empty() {
        Outputs::of_an_empty_run(plan, nobody);
        return Ok(nobody);
    }
    let (examiner, outputs) = Examiner::open(plan, || Ok(Outputs::of_one_report(&plan.output)?))?;
    examiner.conduct(async |examiner| examine(examiner, &suspects, outputs).await)
}

async fn examine(examiner: &Examiner<'_>, suspects: &Suspects, mut outputs: Outputs) -> Result<u8, RunError> {
    let interrupt = interrupted();
    tokio::pin!(interrupt);
    let (planned, cases) = tokio::select! {
        plan = planning::plan(examiner, suspects) => plan.map_err(|error| examiner.tell(error, &mut outputs))?,
        () = &mut interrupt => return Ok(examiner.interrupted_before(&mut outputs)),
    };
    let failures = cases.failures();
    let mut errors = cases.errors();
    if planned.is_empty() {
        let text = errors.next().unwrap_or_default();
        errors.for_each(|error| outputs.warn(&error));
        return Err(examiner.tell(RunError::NothingToExamine { text, failures }, &mut outputs));
    }
    errors.for_each(|error| outputs.warn(&error));
    let is_incomplete = cases.is_incomplete() || suspects.reading.unread > 0;
    let run = WholeRun {
        planned,
        failures,
        cases: Some(Cases::Suspects(cases)),
        is_incomplete,
        concurrency: AT_A_TIME,
        // However many they are, each gets its time.
        patience: Patience::Each(examiner.plan().sending.timeout),
    };
    run.examine(examiner, outputs, interrupt).await
}

//! A run over connections that stand still: they are shown, their peers are examined, and each is told whether it will go on.

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
use crate::app::plan::{ConnectionOptions, RunPlan};
use crate::app::stderr::complain;
use crate::app::whole_run::WholeRun;
use crate::model::Connections;
use crate::net::privilege;
use crate::net::sockets::SocketTables;
use crate::runner::Patience;

/// A host may have thousands.
const AT_A_TIME: usize = 256;

/// Looks, shows, and unless that is all, examines. Returns the exit code.
pub(crate) fn run(plan: &RunPlan, options: &ConnectionOptions) -> Result<u8, RunError> {
    if !options.list_only {
        privilege::require_raw_sockets()?;
    }
    let (found, tables) = read(options, plan.examination.family)?;
    match show(&plan.output, options.list_only, &found) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            complain(NOBODY_READS);
            return Ok(if options.list_only { 0 } else { NOTHING_TO_REPORT });
        }
        shown => shown.map_err(RunError::Write)?,
    }
    if options.list_only {
        return Ok(0);
    }
    if found.list.is_empty() {
        Outputs::of_an_empty_run(plan, 0);
        return Ok(0);
    }
    let (examiner, outputs) = Examiner::open(plan, || Ok(Outputs::of_one_report(&plan.output)?))?;
    examiner.conduct(async |examiner| examine(examiner, &found, tables, outputs).await)
}

async fn examine(
    examiner: &Examiner<'_>,
    found: &Connections,
    tables: SocketTables,
    mut outputs: Outputs,
) -> Result<u8, RunError> {
    let interrupt = interrupted();
    tokio::pin!(interrupt);
    let (planned, cases) = tokio::select! {
        plan = planning::plan(examiner, found, tables) => plan.map_err(|error| examiner.tell(error, &mut outputs))?,
        () = &mut interrupt => return Ok(examiner.interrupted_before(&mut outputs)),
    };
    let failures = cases.failures();
    let mut errors = cases.errors().into_iter();
    if planned.is_empty() {
        let text = errors.next().unwrap_or_default();
        errors.for_each(|error| outputs.warn(&error));
        return Err(examiner.tell(RunError::NothingToExamine { text, failures }, &mut outputs));
    }
    errors.for_each(|error| outputs.warn(&error));
    let run = WholeRun {
        planned,
        failures,
        is_incomplete: cases.is_incomplete(),
        cases: Some(Cases::Connections(cases)),
        concurrency: AT_A_TIME,
        // However many they are, each gets its time.
        patience: Patience::Each(examiner.plan().sending.timeout),
    };
    run.examine(examiner, outputs, interrupt).await
}

//! A run over targets that the command line names: one report about all of them.

use super::error::RunError;
use super::examiner::Examiner;
use super::interrupt::interrupted;
use super::output::outputs::Outputs;
use super::plan::RunPlan;
use super::planned_address::Planned;
use super::planner::Planner;
use super::whole_run::WholeRun;
use crate::runner::Patience;

/// Examines the targets. Returns the exit code.
pub(super) fn run(plan: &RunPlan, targets: &[String]) -> Result<u8, RunError> {
    let (examiner, outputs) = Examiner::open(plan, || Ok(Outputs::of_one_report(&plan.output)?))?;
    examiner.conduct(async |examiner| examine(examiner, targets, outputs).await)
}

async fn examine(examiner: &Examiner<'_>, targets: &[String], mut outputs: Outputs) -> Result<u8, RunError> {
    let interrupt = interrupted();
    tokio::pin!(interrupt);
    let planned = async {
        let planner = Planner::new(examiner).await?;
        Ok::<_, RunError>(planner.targets(targets, examiner.deadline()).await)
    };
    let planned = tokio::select! {
        planned = planned => planned,
        () = &mut interrupt => return Ok(examiner.interrupted_before(&mut outputs)),
    };
    let planned = planned.map_err(|error| examiner.tell(error, &mut outputs))?;
    let Planned { addresses, errors, failures } = planned;
    if addresses.is_empty()
        && let [first, others @ ..] = &errors[..]
    {
        for error in others {
            outputs.warn(&error.to_string());
        }
        let error = RunError::NothingToExamine { text: first.to_string(), failures };
        return Err(examiner.tell(error, &mut outputs));
    }
    for error in &errors {
        outputs.warn(&error.to_string());
    }
    let run = WholeRun {
        planned: addresses,
        failures,
        cases: None,
        is_incomplete: errors.iter().any(|error| !error.is_harmless()),
        // All of them at once, in the time of the run.
        concurrency: usize::MAX,
        patience: Patience::Until(examiner.deadline()),
    };
    run.examine(examiner, outputs, interrupt).await
}

//! One run, by the source of its targets.

use super::error::RunError;
use super::exit_code::NOTHING_TO_REPORT;
use super::output::outputs::Outputs;
use super::plan::{RunPlan, TargetSource};
use super::{connections, list, merge, named, suspects, watch};
use crate::net::{self, privilege};

/// Runs a plan. Returns the exit code.
///
/// # Errors
/// No privilege, no usable target, no sockets, no output.
pub fn run(plan: &RunPlan) -> Result<u8, RunError> {
    privilege::forbid_inspection();
    net::outlive_size_limits();
    // To a watch it is a word, which comes too early while it opens what it needs.
    if matches!(plan.targets, TargetSource::Watch(_) | TargetSource::ConnectionWatch(_)) {
        net::hold_hangups();
    }
    // Its document is another one, and an error has none.
    if let TargetSource::Merge(options) = &plan.targets {
        return Ok(merge::run(options, &plan.output)?);
    }
    let outcome = run_by_source(plan);
    match &outcome {
        // What could not be written needs no second attempt.
        Ok(_) | Err(RunError::Write(_)) => outcome,
        Err(error) => {
            if !matches!(error, RunError::Told(_)) {
                Outputs::of_a_failed_run(plan, error.failures(&plan.targets.subject()));
            }
            if plan.output.leaves_stderr_alone() { Ok(NOTHING_TO_REPORT) } else { outcome }
        }
    }
}

fn run_by_source(plan: &RunPlan) -> Result<u8, RunError> {
    match &plan.targets {
        TargetSource::Named(targets) => named::run(plan, targets),
        TargetSource::List(list) => list::run(plan, list),
        TargetSource::Suspects(suspects) => suspects::run(plan, suspects),
        TargetSource::Connections(options) => connections::run(plan, options),
        TargetSource::Watch(options) => watch::run(plan, options),
        TargetSource::ConnectionWatch(options) => watch::run_over_connections(plan, options),
        TargetSource::Merge(options) => Ok(merge::run(options, &plan.output)?),
    }
}

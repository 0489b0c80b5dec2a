//! What the program says of both ways, compared with what is expected.

use super::lab::{Lab, Ran};
use super::scenario::{Family, Outcome, Scenario};
use super::verify;

/// Asks about a scenario, with the transcript on stderr.
pub(crate) fn ask(lab: &Lab, scenario: &Scenario, family: Family) -> Ran {
    let mut arguments = verify::probe_arguments(scenario, family);
    arguments.push("-vv".into());
    lab.probe(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Every way in which it differs from what is expected, with the transcript if there is any.
pub(crate) fn faults(ran: &Ran, expected: &Outcome, family: Family) -> Vec<String> {
    let mut faults = verify::outcome(ran, expected, family);
    if !faults.is_empty() {
        faults.push(format!("the transcript:\n{}", ran.stderr));
    }
    faults
}

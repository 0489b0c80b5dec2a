//! What the program says of both ways, compared with what is expected.

use serde_json::Value;

use super::lab::{Lab, Ran};
use super::scenario::{Family, Outcome, Reverse, Scenario};
use super::verify;

/// Asks about both ways of a scenario, with the transcript on stderr.
pub(crate) fn ask(lab: &Lab, scenario: &Scenario, family: Family) -> Ran {
    let mut arguments = verify::probe_arguments(scenario, family);
    if !arguments.iter().any(|argument| argument == "--direction") {
        arguments.extend(["--direction".into(), "both".into()]);
    }
    arguments.push("-vv".into());
    lab.probe(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Every way in which it differs from what is expected, with the transcript if there is any.
pub(crate) fn faults(ran: &Ran, expected: &Outcome, family: Family) -> Vec<String> {
    let mut faults = verify::outcome(ran, expected, family);
    if let (Some(wanted), Ok(document)) = (&expected.reverse, verify::document(ran)) {
        faults.extend(way_back(&document["addresses"][0]["reverse"], wanted));
    }
    if !faults.is_empty() {
        faults.push(format!("the transcript:\n{}", ran.stderr));
    }
    faults
}

fn way_back(found: &Value, wanted: &Reverse) -> Option<String> {
    if wanted.may_be_inconclusive && found["verdict"] == "inconclusive" {
        return None;
    }
    let size = &found["path_mtu"];
    let is_right_size = match wanted.path_mtu {
        Some(most) if wanted.at_most => size.as_u64().is_none_or(|size| size <= most.into()),
        exact => *size == Value::from(exact),
    };
    let is_right = found["verdict"] == wanted.verdict.word() && is_right_size;
    (!is_right).then(|| format!("reverse {found} instead of {wanted:?}"))
}

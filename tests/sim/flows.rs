//! Compares what a run says about its flows with the links that they really took.

use pmtu_probe::model::{Examined, Finding, FlowOutcome, Flows};
use pmtu_probe::report::words::verdict_reason;

use super::run::Run;
use crate::scenario::{Family, Outcome, Scenario, Verdict, place};

/// What is expected of a run, by the links that its flows took.
pub fn expected(run: &Run, scenario: &Scenario, family: Family) -> Outcome {
    let flows = run.examined.as_ref().and_then(|examined| examined.flows.as_ref());
    let known = flows.into_iter().flat_map(|flows| &flows.flows).filter(|flow| flow.outcome != FlowOutcome::Unknown);
    let others: Vec<usize> = known.skip(1).map(|flow| run.member_of(flow.port)).collect();
    scenario.expect.outcome_of_flows(run.member, &others, family)
}

/// Flows that fared otherwise than is said.
pub fn wrong_fates(run: &Run, flows: &Flows, scenario: &Scenario) -> Vec<String> {
    let size = flows.sizes.1.bytes();
    let mut notes = Vec::new();
    for flow in &flows.flows {
        let member = run.member_of(flow.port);
        let passes = place(scenario, member, size).is_none();
        let is_wrong = match flow.outcome {
            FlowOutcome::Passes => !passes,
            FlowOutcome::Lost | FlowOutcome::Refused => passes,
            FlowOutcome::Unknown => false,
        };
        if is_wrong {
            notes.push(format!("{size} bytes on port {} over link {member}: {:?}", flow.port, flow.outcome));
        }
    }
    notes
}

/// What is missing: on a lossless path with parallel links all flows have a fate, and the share is told. Where the first flow alone is
/// hit, SYNs pass on all others, as they would behind a SYN proxy or a box that takes the data out of SYNs, so nothing is known of them.
pub fn unsaid(run: &Run, examined: &Examined, expected: &Outcome, scenario: &Scenario) -> Vec<String> {
    let is_partial = examined.findings.contains(&Finding::HoleOnSomeFlows);
    if is_partial && !expected.findings.iter().any(|finding| finding == "hole_on_some_flows") {
        return vec![format!("a hole on some flows, where all are alike: {:?}", examined.flows)];
    }
    let wanted = scenario.host.flows.or((expected.verdict == Verdict::BlackHole).then_some(8));
    let Some(wanted) = wanted.filter(|_| scenario.parallel_link().is_some()) else { return Vec::new() };
    let Some(flows) = &examined.flows else { return vec!["no flows were compared".into()] };
    let is_lost = |port| place(scenario, run.member_of(port), flows.sizes.1.bytes()).is_some();
    let mut ports = flows.flows.iter().map(|flow| flow.port);
    let is_first_alone = ports.next().is_some_and(is_lost) && !ports.any(is_lost);
    let mut notes = Vec::new();
    if is_first_alone && flows.known() == 1 {
        return notes;
    }
    if flows.known() < wanted.into() || flows.known() < flows.flows.len() {
        notes.push(format!("{} of {} flows have a fate, not {wanted}", flows.known(), flows.flows.len()));
    }
    let share = format!("on {} of {} flows", flows.hit(), flows.known());
    if is_partial && !verdict_reason(&examined.reason).contains(&share) {
        notes.push(format!("not {share}, but: {}", verdict_reason(&examined.reason)));
    }
    notes
}

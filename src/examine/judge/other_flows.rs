//! What other flows add: how widespread a hole is, and the verdict of a flow that fares worse than the first.

use crate::model::{Examined, Finding, Flow, FlowChoice, FlowOutcome, FlowShare, Flows, PacketSize, VerdictReason};

use super::super::technique::{FlowComparison, Uses, silences_needed};
use super::record::Record;
use super::visited_flow::outcome_of;

/// Adds what other flows told. `judge`: judges the record of another flow.
pub(super) fn add(record: &Record, mut examined: Examined, judge: fn(&Record) -> Examined) -> Examined {
    let flows = flows_beside(record, &examined);
    if let Some(worse) = record.worse_flow.as_deref().filter(|_| !is_broken(&examined)) {
        examined = adopt(examined, judge(worse));
    }
    if let Some(flows) = flows.as_ref().filter(|flows| is_partial(flows)) {
        // A ping may simply have gone the other way, and so may echo requests that looked for the hop.
        examined.findings.retain(|f| !matches!(f, Finding::EchoPassesLarger | Finding::LargeEchoFiltered));
        examined.findings.push(Finding::HoleOnSomeFlows);
        if record.trace.used_echo() {
            (examined.location, examined.hops) = (None, Vec::new());
        }
        examined.reason.share = Some(FlowShare { hit: flows.hit(), known: flows.known() });
    }
    examined.flows = flows;
    examined
}

/// How the flows fared, if they were compared and the outcome of the first one is known.
fn flows_beside(record: &Record, examined: &Examined) -> Option<Flows> {
    let comparison = record.flows.as_ref().filter(|comparison| comparison.tells())?;
    let (_, suspect) = comparison.sizes();
    let passes = examined.path_mtu.is_some_and(|path| path >= suspect);
    let own = if passes { FlowOutcome::Passes } else { outcome_of(examined.verdict) };
    let is_wanted = own == FlowOutcome::Lost || record.plan.flows == FlowChoice::Always;
    if !is_wanted || own == FlowOutcome::Unknown {
        return None;
    }
    let own_flow = Flow { port: record.session.local_port, outcome: own };
    let mut flows = FlowComparison::flows(comparison, own_flow, silences(record));
    let is_doubtful = own == FlowOutcome::Lost && passes_by_syns_alone(record, &flows);
    for flow in flows.flows.iter_mut().skip(1) {
        flow.outcome = match flow.outcome {
            FlowOutcome::Passes if is_doubtful => FlowOutcome::Unknown,
            _ => known_better(record, *flow, suspect, own),
        };
    }
    Some(flows)
}

/// Whether the SYNs of all other flows pass, and nothing but SYNs was tried there: a SYN proxy, or a box that takes the data out of
/// SYNs, makes all of them pass.
fn passes_by_syns_alone(record: &Record, flows: &Flows) -> bool {
    let others = flows.flows.iter().skip(1);
    record.visited.is_empty() && others.clone().all(|flow| flow.outcome != FlowOutcome::Lost)
}

/// How often a size must stay silent before loss no longer explains it, if packets of any size were lost.
fn silences(record: &Record) -> Option<u32> {
    let controls = record.using(Uses::Connection)?.search.log().all_controls();
    (controls.answered < controls.total).then(|| silences_needed(controls))
}

/// What SYNs say of a flow, unless a second examination knows better. Where the first flow is fine and none was confirmed to
/// be hit, silent SYNs are chance, or a firewall's dislike of large ones.
fn known_better(record: &Record, flow: Flow, suspect: PacketSize, own: FlowOutcome) -> FlowOutcome {
    let visited =
        record.visited.iter().find(|visited| visited.port == flow.port).map(|visited| visited.outcome_at(suspect));
    let is_confirmed = own == FlowOutcome::Lost || record.worse_flow.is_some();
    match visited.unwrap_or(flow.outcome) {
        FlowOutcome::Lost if visited.is_none() && !is_confirmed => FlowOutcome::Unknown,
        outcome => outcome,
    }
}

/// A hole on some flows: some are hit, some are not. If all but the first pass, the difference may be one of technique, as the
/// others were tried by SYNs only.
fn is_partial(flows: &Flows) -> bool {
    let others = flows.flows.iter().skip(1).filter(|flow| flow.outcome == FlowOutcome::Lost).count();
    others > 0 && flows.hit() < flows.known()
}

fn is_broken(examined: &Examined) -> bool {
    outcome_of(examined.verdict) == FlowOutcome::Lost
}

/// The verdict and evidence of the worse flow; what was learnt about the address stays.
fn adopt(first: Examined, worse: Examined) -> Examined {
    let mut findings = first.findings;
    for finding in worse.findings {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let mut methods = worse.methods;
    methods.retain(|method| method.sent > 0);
    for method in first.methods {
        if methods.iter().all(|known| known.technique != method.technique) {
            methods.push(method);
        }
    }
    Examined {
        findings,
        methods,
        kernel_path_mtu: first.kernel_path_mtu,
        probes_sent: first.probes_sent,
        bytes_sent: first.bytes_sent,
        elapsed: first.elapsed,
        forward_elapsed: first.forward_elapsed,
        reason: VerdictReason { of_other_flow: true, ..worse.reason },
        port_state: first.port_state,
        reception: first.reception,
        direction: first.direction,
        ..worse
    }
}

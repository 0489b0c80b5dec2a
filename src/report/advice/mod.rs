//! What to do about a verdict: a pure function of the findings and of how this host reaches the address.
//!
//! Every command is meant to be pasted: real addresses, no placeholders, and its text says what it changes and how to
//! undo it.

mod behind;
mod case;
mod check;
mod clamp;
mod fault;
mod firewall;
mod firewalld;
mod host;
mod host_route;
mod icmp_errors;
mod in_place;
mod lasting;
mod owner;
mod retry;
mod reverse;
mod shared_link;
mod systems;
mod taken_back;
mod together;
mod undo;
mod workaround;

pub use check::{Check, check};
pub(crate) use firewall::Rules;
pub(crate) use reverse::{responsible as responsible_for_the_way_back, shared_limit};
pub(crate) use systems::{
    by_system, likely as likely_commands, likely_besides as likely_commands_besides, linux_rules, name as system_name,
};

use crate::model::{AddressReport, Advice, Cause, Family, Finding, Verdict, Who};
use case::Case;
use workaround::HostRouteUse;

/// The advice for one address, most helpful first.
pub fn advise(report: &AddressReport) -> Vec<Advice> {
    for_case(&Case::of(report))
}

/// The advice for addresses of which the same is true, each sentence and each command once.
pub fn advise_all(reports: &[&AddressReport]) -> Vec<Advice> {
    let of = |family: Family| -> Vec<Advice> {
        let members: Vec<&AddressReport> =
            reports.iter().copied().filter(|report| Family::of(report.address) == family).collect();
        members.split_first().map_or_else(Vec::new, |(first, others)| for_case(&Case::of_all(first, others)))
    };
    together::join(of(Family::V4), of(Family::V6))
}

fn for_case(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = if case.examined().direction.is_forward() { forward(case) } else { retry::no_connection(case) };
    let route = HostRouteUse::of(&advice);
    advice.extend(reverse::advice(case, route));
    for finding in &case.examined().findings {
        advice.extend(for_finding(*finding, case));
    }
    advice
}

/// A trial for a way back that cannot be examined: ask for packets of a size that nearly every path carries.
pub(crate) fn ask_for_small_packets(report: &AddressReport) -> Option<Advice> {
    let case = Case::of(report);
    let advice = workaround::all_for_the_way_back(&case, Family::V6.minimum_mtu(), HostRouteUse::Free);
    advice.into_iter().next()
}

/// Who runs the place where large packets end.
pub(crate) fn responsible(report: &AddressReport) -> Who {
    owner::of_bottleneck(&Case::of(report))
}

fn forward(case: &Case<'_>) -> Vec<Advice> {
    let examined = case.examined();
    match examined.verdict {
        Verdict::Clear if case.has(Finding::HoleOnSomeFlows) => workaround::all(case),
        Verdict::Clear => retry::closed_port(case).into_iter().collect(),
        Verdict::Discoverable => fault::survivable(case).into_iter().chain(retry::closed_port(case)).collect(),
        Verdict::Recovers => {
            let mut advice = if firewall::is_cause(case) { Vec::new() } else { workarounds(case) };
            advice.extend(repair(case));
            advice.extend(in_place::take_back(case));
            advice
        }
        Verdict::Masked => {
            let mut advice = vec![in_place::take_back(case).unwrap_or_else(|| fault::keep_the_clamp(case))];
            advice.extend(repair(case));
            advice
        }
        Verdict::BlackHole if firewall::is_cause(case) => {
            let mut advice = repair(case);
            if !firewall::is_certain(case) {
                advice.extend(workarounds(case));
            }
            advice
        }
        Verdict::BlackHole => {
            let mut advice = workarounds(case);
            advice.extend(repair(case));
            advice
        }
        Verdict::Unreachable => retry::unreachable(case),
        Verdict::Inconclusive => retry::inconclusive(case),
    }
}

/// What can be done until the path is repaired: first for all paths that share the link, then for this address.
fn workarounds(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = shared_link::cures(case);
    let mut for_one = workaround::all(case);
    if !advice.is_empty() {
        for own in &mut for_one {
            own.is_alternative = true;
        }
        if let Some(first) = for_one.first_mut() {
            first.text = format!("Or for {} alone. {}", case.this_address(), first.text);
        }
    }
    let is_for_one = advice.is_empty() && !for_one.is_empty();
    advice.extend(for_one);
    advice.extend(behind::what_they_send(case).filter(|_| is_for_one));
    advice
}

/// The repair of the fault itself.
fn repair(case: &Case<'_>) -> Vec<Advice> {
    match case.examined().cause {
        Some(Cause::LocalFirewall) => firewall::repair(case),
        Some(Cause::BadPtb) => fault::bad_ptb(case),
        Some(Cause::LinkMismatch) => vec![fault::link_mismatch(case)],
        Some(Cause::NoPtb) | None => vec![fault::no_ptb(case)],
    }
}

fn for_finding(finding: Finding, case: &Case<'_>) -> Option<Advice> {
    match finding {
        Finding::StaleKernelPmtu => Some(host::forget_path_mtu(case)),
        Finding::RouteMtuBelowPath => host::free_the_route(case),
        Finding::PmtudDisabledHere => host::switch_pmtud_on(case),
        Finding::LargeRejected(rejection) => Some(fault::large_rejected(case, rejection)),
        Finding::HoleOnSomeFlows => Some(fault::some_flows(case)),
        Finding::PeerIgnoresPtb { .. } => reverse::let_ours_in(case),
        Finding::SendRefusedByFirewall => Some(Advice {
            is_alternative: false,
            lasting: Vec::new(),
            who: Who::You,
            text: "Look for the rule in the output chains of this host's firewall that refuses the probes, then run \
                   pmtu-probe again."
                .into(),
            commands: vec![firewall::list_all_rules(case).into()],
        }),
        _ => None,
    }
}

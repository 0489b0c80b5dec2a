//! What to do about a verdict: a pure function of the findings and of how this host reaches the address.
//!
//! Every command is meant to be pasted: real addresses, no placeholders, and its text says what it changes and how to
//! undo it.

mod fault;
mod firewall;
mod host;
mod owner;
mod retry;
mod workaround;

use std::net::IpAddr;

pub(crate) use firewall::Rules;
pub(crate) use owner::is_private;

use crate::model::{
    AddressReport, Advice, Cause, Examined, Family, Finding, HostFacts, PacketSize, ReverseVerdict, Verdict, Who,
};

/// The advice for one address, most helpful first.
pub fn advise(report: &AddressReport) -> Vec<Advice> {
    let case = Case { report, host: &report.here };
    let mut advice = forward(&case);
    if matches!(case.examined().reverse.verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers) {
        advice.extend(fault::reverse(&case));
    }
    for finding in &case.examined().findings {
        advice.extend(for_finding(*finding, &case));
    }
    advice
}

/// Who runs the place where large packets end.
pub(crate) fn responsible(report: &AddressReport) -> Who {
    owner::of_bottleneck(&Case { report, host: &report.here })
}

fn forward(case: &Case<'_>) -> Vec<Advice> {
    let examined = case.examined();
    match examined.verdict {
        Verdict::Clear if has(case, Finding::HoleOnSomeFlows) => workaround::all(case),
        Verdict::Clear => Vec::new(),
        Verdict::Discoverable => fault::survivable(case),
        Verdict::Masked => {
            let mut advice = vec![fault::keep_the_clamp(case)];
            advice.extend(repair(case));
            advice
        }
        Verdict::BlackHole if examined.cause == Some(Cause::LocalFirewall) => {
            let mut advice = repair(case);
            if !firewall::is_certain(case) {
                advice.extend(workaround::all(case));
            }
            advice
        }
        Verdict::BlackHole => {
            let mut advice = workaround::all(case);
            advice.extend(repair(case));
            advice
        }
        Verdict::Unreachable => retry::unreachable(case),
        Verdict::Inconclusive => retry::inconclusive(case),
    }
}

/// What ends the fault itself, by whoever can.
fn repair(case: &Case<'_>) -> Vec<Advice> {
    match case.examined().cause {
        Some(Cause::LocalFirewall) => firewall::repair(case),
        Some(Cause::BadPtb) => fault::bad_ptb(case),
        Some(Cause::LinkMismatch) => fault::link_mismatch(case),
        Some(Cause::NoPtb) | None => vec![fault::no_ptb(case)],
    }
}

fn for_finding(finding: Finding, case: &Case<'_>) -> Option<Advice> {
    match finding {
        Finding::StaleKernelPmtu => Some(host::forget_path_mtu(case)),
        Finding::RouteMtuBelowPath => host::free_the_route(case),
        Finding::PmtudDisabledHere => host::switch_pmtud_on(case),
        Finding::HoleOnSomeFlows => Some(fault::some_flows(case)),
        Finding::SendRefusedByFirewall => Some(Advice {
            who: Who::You,
            text: "Look for the rule in the output chains of this host's firewall that refuses the probes, then run \
                   pmtu-probe again."
                .into(),
            commands: vec!["nft list ruleset".into()],
        }),
        _ => None,
    }
}

fn has(case: &Case<'_>, finding: Finding) -> bool {
    case.examined().findings.contains(&finding)
}

/// One address and this host.
#[derive(Clone, Copy)]
struct Case<'a> {
    report: &'a AddressReport,
    host: &'a HostFacts,
}

impl<'a> Case<'a> {
    fn examined(&self) -> &'a Examined {
        &self.report.examined
    }

    fn address(&self) -> IpAddr {
        self.report.address
    }

    fn family(&self) -> Family {
        Family::of(self.report.address)
    }

    /// The largest packet that passes on every flow that was tried.
    fn working_size(&self) -> Option<PacketSize> {
        let examined = self.examined();
        let on_every_flow = examined.flows.as_ref().filter(|flows| flows.hit() > 0).map(|flows| flows.sizes.0);
        [examined.path_mtu, on_every_flow].into_iter().flatten().min()
    }

    /// The ICMP message that must pass, as firewall admins know it.
    fn ptb_name(&self) -> &'static str {
        match self.family() {
            Family::V4 => "ICMP type 3 code 4 (\"fragmentation needed\")",
            Family::V6 => "ICMPv6 type 2 (\"packet too big\")",
        }
    }
}

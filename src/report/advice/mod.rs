//! What to do about a verdict: a pure function of the findings and of how this host reaches the address.
//!
//! Every command is meant to be pasted: real addresses, no placeholders, and its text says what it changes and how to
//! undo it.

mod fault;
mod firewall;
mod owner;
mod retry;
mod workaround;

use std::net::IpAddr;

use crate::model::{AddressReport, Advice, Cause, Examined, Family, Finding, HostFacts, ReverseVerdict, Verdict, Who};

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

fn forward(case: &Case<'_>) -> Vec<Advice> {
    let examined = case.examined();
    match examined.verdict {
        Verdict::Clear => Vec::new(),
        Verdict::Discoverable => fault::survivable(case),
        Verdict::Masked => {
            let mut advice = vec![fault::keep_the_clamp(case)];
            advice.extend(repair(case));
            advice
        }
        Verdict::BlackHole if examined.cause == Some(Cause::LocalFirewall) => repair(case),
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
        Some(Cause::LocalFirewall) => firewall::admit_errors(case.family()),
        Some(Cause::BadPtb) => fault::bad_ptb(case),
        Some(Cause::LinkMismatch) => fault::link_mismatch(case),
        Some(Cause::NoPtb) | None => vec![fault::no_ptb(case)],
    }
}

fn for_finding(finding: Finding, case: &Case<'_>) -> Option<Advice> {
    match finding {
        Finding::StaleKernelPmtu => Some(forget_path_mtu(case.family())),
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

fn forget_path_mtu(family: Family) -> Advice {
    let command = match family {
        Family::V4 => "ip route flush cache",
        Family::V6 => "ip -6 route flush cache",
    };
    Advice {
        who: Who::You,
        text:
            "Make this kernel forget the path MTUs that it learned. It learns those that still hold again by itself, \
               so there is nothing to undo."
                .into(),
        commands: vec![command.into()],
    }
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

    /// The ICMP message that must pass, as firewall admins know it.
    fn ptb_name(&self) -> &'static str {
        match self.family() {
            Family::V4 => "ICMP type 3 code 4 (\"fragmentation needed\")",
            Family::V6 => "ICMPv6 type 2 (\"packet too big\")",
        }
    }
}

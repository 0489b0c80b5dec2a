//! The repair of a fault on the path, and who has to do it.

use super::case::Case;
use super::owner;
use super::systems::{self, Task};
use crate::model::{Advice, Finding, FlowOutcome, PtbFault, PtbReport, RejectedBy, Rejection, Who};
use crate::report::place::{Place, place_of};
use crate::report::refusal::place_of_refusal;
use crate::report::words::ptb_fault;

/// No PTB came back: a router is silent, or a firewall between it and this host drops what it says.
pub(super) fn no_ptb(case: &Case<'_>) -> Advice {
    let who = owner::of_bottleneck(case);
    let router = if owner::is_at_next_hop(case) { the_router_right_here() } else { the_router_there(case, who) };
    let is_exact = place_of(case.report).is_some_and(Place::is_exact);
    let only = if is_exact && case.has(Finding::OnlyPtbMissing) {
        " Its \"time exceeded\" arrives here, so look for what concerns this one type."
    } else {
        ""
    };
    let or =
        if case.examined().cause.is_none() { " If it does, compare the MTU at the two ends of that link." } else { "" };
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who,
        text: format!(
            "{router}: no rule of its own may drop or ration what it sends out. And every firewall from there to this host has to \
             let it through.{only}{or} The rules below admit error messages only."
        ),
        commands: systems::commands(Task::Report, case.family()),
    }
}

/// Nothing that differs by family: the first link is the same, and this is said once.
fn the_router_right_here() -> String {
    "The repair itself: the router right here has to say by ICMP that packets are too large (\"fragmentation needed\", in \
     IPv6 \"packet too big\")"
        .into()
}

fn the_router_there(case: &Case<'_>, who: Who) -> String {
    let whose = match who {
        Who::YourNetwork => "That is near this host: its router has to send",
        Who::TheirSide => "That is at the target: the router there has to send",
        Who::You | Who::Unknown => "The router there has to send",
    };
    format!("{}. {whose} {}", place(case), case.ptb_name())
}

/// PTBs that cannot work: each sender has to correct what it states.
pub(super) fn bad_ptb(case: &Case<'_>) -> Vec<Advice> {
    let advice = faulty(case, |fault| !fault.is_survivable());
    if advice.is_empty() { vec![no_ptb(case)] } else { advice }
}

/// PTBs that PMTUD survives.
pub(super) fn survivable(case: &Case<'_>) -> Vec<Advice> {
    faulty(case, PtbFault::is_survivable)
}

fn faulty(case: &Case<'_>, wanted: impl Fn(PtbFault) -> bool) -> Vec<Advice> {
    let mut advice: Vec<Advice> = Vec::new();
    for ptb in &case.examined().ptb {
        let Some(fault) = ptb.fault.filter(|fault| wanted(*fault)) else { continue };
        let text = correction(ptb, fault, case);
        if !advice.iter().any(|known| known.text == text) {
            advice.push(Advice {
                is_alternative: false,
                lasting: Vec::new(),
                who: owner::of_bottleneck(case),
                text,
                commands: Vec::new(),
            });
        }
    }
    advice
}

fn correction(ptb: &PtbReport, fault: PtbFault, case: &Case<'_>) -> String {
    let truth = case
        .examined()
        .path_mtu
        .map_or_else(|| "what really passes".into(), |size| format!("{size}, the largest size that passes"));
    ptb_fault::as_advice(fault, ptb, &truth)
}

/// No router is at fault: the two ends of one link disagree, or a box drops by size.
pub(super) fn link_mismatch(case: &Case<'_>) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: owner::of_bottleneck(case),
        text: format!(
            "{}, fragmentable copies too, so no router finds them too big. Compare the MTU at both ends of that link, \
             switches and tunnels between them included, and look for a box that drops by size.",
            place(case)
        ),
        commands: Vec::new(),
    }
}

/// Somebody refuses packets by their size, and says so in words that TCP does not act on.
pub(super) fn large_rejected(case: &Case<'_>, rejection: Rejection) -> Advice {
    let what = match rejection.by {
        RejectedBy::Icmp(_) => "an ICMP error that states no size",
        RejectedBy::Reset => "a reset",
    };
    let place = place_of_refusal(case.report);
    let (who, at) = if rejection.from == case.address() {
        // Large packets that end on the way end at somebody who borrows its name.
        let who = if place.is_some() { owner::of_bottleneck(case) } else { Who::TheirSide };
        let at = place.map_or_else(|| "before it".into(), Place::words);
        (who, format!("the server, or a firewall {at} that speaks in its name,"))
    } else {
        (owner::of_bottleneck(case), rejection.from.to_string())
    };
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who,
        text: format!(
            "Look at {at} for a rule that goes by the length of packets: what has {} bytes or more is answered \
             there by {what}. Take it out, or let {} be sent in its place.",
            rejection.smallest,
            case.ptb_name()
        ),
        commands: Vec::new(),
    }
}

/// `masked`: mail depends on an MSS clamp that somebody may want to remove.
pub(super) fn keep_the_clamp(case: &Case<'_>) -> Advice {
    let mss = case.examined().peer_mss.map_or_else(String::new, |mss| format!(" of {mss}"));
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::YourNetwork,
        text: format!(
            "Mail needs no change now. But it passes only because of the small MSS{mss}: keep it (often a clamp at a \
             tunnel or DSL router) until the fault is repaired. UDP, IPsec and QUIC do not have this protection."
        ),
        commands: Vec::new(),
    }
}

/// One of several parallel paths has a hole.
pub(super) fn some_flows(case: &Case<'_>) -> Advice {
    let ports = |outcome: FlowOutcome| {
        let flows = case.examined().flows.iter().flat_map(|flows| &flows.flows);
        flows.filter(|flow| flow.outcome == outcome).map(|flow| flow.port.to_string()).collect::<Vec<_>>().join(", ")
    };
    let (hit, spared) = (ports(FlowOutcome::Lost), ports(FlowOutcome::Passes));
    let which = if hit.is_empty() || spared.is_empty() {
        String::new()
    } else {
        format!(" Large packets from source port {hit} vanish, those from {spared} pass.")
    };
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: owner::of_bottleneck(case),
        text: format!(
            "Flows to {} port {} are spread over several paths, and one of them does not carry large packets.{which} \
             Compare the MTU of all next hops of equal cost and of all members of bundled links.",
            case.name(),
            case.report.port
        ),
        commands: Vec::new(),
    }
}

/// "Packets of 1400 bytes pass, 1401 vanish between hop 2 (10.0.2.2) and hop 3 (10.0.3.2)".
fn place(case: &Case<'_>) -> String {
    let examined = case.examined();
    let passes = examined.path_mtu.map(|size| format!("Packets of {size} bytes pass, "));
    let lost = match (examined.first_lost_size, &passes) {
        (Some(size), Some(_)) => format!("{size} vanish"),
        (Some(size), None) => format!("Packets of {size} bytes vanish"),
        (None, Some(_)) => "larger ones vanish".into(),
        (None, None) => "Large packets vanish".into(),
    };
    let at = place_of(case.report).map_or_else(String::new, |place| format!(" {}", place.words()));
    format!("{}{lost}{at}", passes.unwrap_or_default())
}

//! No verdict: what to try next.

use super::case::Case;
use crate::model::{Advice, Finding, Method, MethodStatus, PortState, Ttl, Verdict, Who};

/// Nobody answers.
pub(super) fn unreachable(case: &Case<'_>) -> Vec<Advice> {
    if case.has(Finding::PortClosed) {
        return vec![port_closed(case)];
    }
    let mut advice = vec![Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: "Check that the address can be reached at all, and that it is the right one.".into(),
        commands: vec![case.route_get(), format!("ping -c 3 {}", case.target())],
    }];
    advice.extend(tcp_was_tried(case).then(|| port_blocked(case)));
    advice.extend((!icmp_was_tried(case)).then(|| other_method(case)));
    advice
}

/// The path is known, but its port takes no connections.
pub(super) fn closed_port(case: &Case<'_>) -> Option<Advice> {
    match case.examined().port_state? {
        PortState::Refused => Some(port_closed(case)),
        PortState::Filtered(_) => Some(port_blocked(case)),
        // Where this host forbids it, the finding brings its own.
        PortState::Open | PortState::ForbiddenHere => None,
    }
}

/// The evidence is too thin or contradicts itself.
pub(super) fn inconclusive(case: &Case<'_>) -> Vec<Advice> {
    if let Some(hop) = case.examined().tcp_ends_at_hop {
        return vec![elsewhere(case, hop)];
    }
    if case.has(Finding::PortClosed) {
        return vec![port_closed(case)];
    }
    let again = Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: if case.has(Finding::PacketLoss) {
            "Too many packets of every size are lost. Run it again with more time, when the path is quieter.".into()
        } else {
            "Run it again with more time; -v shows every size and hop.".into()
        },
        commands: vec![case.command("-v --timeout 120")],
    };
    let mut advice = vec![again];
    if case.has(Finding::PortFiltered) {
        advice.push(port_blocked(case));
    }
    if !icmp_was_tried(case) {
        advice.push(other_method(case));
    }
    advice
}

/// Only the way back is asked for, and no connection leads to it.
pub(super) fn no_connection(case: &Case<'_>) -> Vec<Advice> {
    let is_out = case.examined().verdict == Verdict::Unreachable || case.has(Finding::PortClosed);
    if is_out { unreachable(case) } else { Vec::new() }
}

/// The same for the way back, unless other advice says how to go on.
pub(super) fn way_back(case: &Case<'_>) -> Option<Advice> {
    let is_asked = if case.examined().direction.is_forward() {
        case.examined().verdict == Verdict::Inconclusive
    } else {
        !no_connection(case).is_empty()
    };
    (!is_asked).then(|| Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: "Run it again for the other direction, with more time, when the server and the path are quieter.".into(),
        commands: vec![case.command("-v --direction reverse --timeout 120")],
    })
}

/// Whoever answers in the server's place has a path of his own to it.
fn elsewhere(case: &Case<'_>, hop: Ttl) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Run it where the connection to the server begins: at hop {}, and if this is a container or a virtual machine, \
             on its host. Or judge the path from here by ping.",
            hop.0
        ),
        commands: vec![case.command_for_path("--method icmp")],
    }
}

fn port_closed(case: &Case<'_>) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: format!(
            "Nothing listens on port {}: check the name and the port (-p). Or judge the path without it, by ping.",
            case.report.port
        ),
        commands: vec![case.command_for_path("--method icmp")],
    }
}

fn port_blocked(case: &Case<'_>) -> Advice {
    let port = case.report.port;
    let mut text = format!("Check whether a firewall on this side blocks outgoing connections to port {port}.");
    if port == 25 {
        text.push_str(" Many providers do so for port 25 until asked.");
    }
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::YourNetwork,
        text,
        commands: vec![format!("nc -vz -w 5 {} {port}", case.target())],
    }
}

fn other_method(case: &Case<'_>) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::You,
        text: "Try ping as a second witness.".into(),
        commands: vec![case.command_for_path("--method icmp")],
    }
}

fn tcp_was_tried(case: &Case<'_>) -> bool {
    was_tried(case, Method::Tcp)
}

fn icmp_was_tried(case: &Case<'_>) -> bool {
    was_tried(case, Method::Icmp)
}

fn was_tried(case: &Case<'_>, method: Method) -> bool {
    let tried = |status: &MethodStatus| !matches!(status, MethodStatus::Skipped(_));
    case.examined().methods.iter().any(|report| report.method == method && tried(&report.status))
}

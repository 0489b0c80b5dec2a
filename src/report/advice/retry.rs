//! No verdict: what to try next.

use super::{Case, has};
use crate::model::{Advice, Finding, Method, MethodStatus, Verdict, Who};
use crate::report::words::{address_with_zone, shell_word};

/// Nobody answers.
pub(super) fn unreachable(case: &Case<'_>) -> Vec<Advice> {
    if has(case, Finding::PortClosed) {
        return vec![port_closed(case)];
    }
    let mut advice = vec![Advice {
        who: Who::You,
        text: "Check that the address can be reached at all, and that it is the right one.".into(),
        commands: vec![case.route_get(), format!("ping -c 3 {}", case.target())],
    }];
    advice.extend(tcp_was_tried(case).then(|| port_blocked(case)));
    advice.extend((!icmp_was_tried(case)).then(|| other_method(case)));
    advice
}

/// The evidence is too thin or contradicts itself.
pub(super) fn inconclusive(case: &Case<'_>) -> Vec<Advice> {
    if has(case, Finding::PortClosed) {
        return vec![port_closed(case)];
    }
    let again = Advice {
        who: Who::You,
        text: if has(case, Finding::PacketLoss) {
            "Too many packets of every size are lost. Run it again with more time, when the path is quieter.".into()
        } else {
            "Run it again with more time; -v shows every size and hop.".into()
        },
        commands: vec![case.command("-v --timeout 120")],
    };
    let mut advice = vec![again];
    if has(case, Finding::PortFiltered) {
        advice.push(port_blocked(case));
    }
    if !icmp_was_tried(case) {
        advice.push(other_method(case));
    }
    advice
}

/// The same for the way back, unless the way there asks for a run with more time anyway.
pub(super) fn way_back(case: &Case<'_>) -> Option<Advice> {
    let is_asked = case.examined().direction.is_forward() && case.examined().verdict == Verdict::Inconclusive;
    (!is_asked).then(|| Advice {
        who: Who::You,
        text: "Run it again for the other direction, with more time, when the server and the path are quieter.".into(),
        commands: vec![case.command("-v --direction reverse --timeout 120")],
    })
}

fn port_closed(case: &Case<'_>) -> Advice {
    Advice {
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
    Advice { who: Who::YourNetwork, text, commands: vec![format!("nc -vz -w 5 {} {port}", case.target())] }
}

fn other_method(case: &Case<'_>) -> Advice {
    Advice {
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

impl Case<'_> {
    /// The address as it can be pasted; its zone comes from the kernel but is quoted all the same.
    fn target(&self) -> String {
        shell_word(&address_with_zone(self.address(), self.report.zone.as_deref()))
    }

    /// `ip` takes the zone as a word of its own.
    fn route_get(&self) -> String {
        let zone = self.report.zone.as_deref().map(|zone| format!(" oif {}", shell_word(zone)));
        format!("ip route get {}{}", self.address(), zone.unwrap_or_default())
    }

    /// This program on the same address and port.
    fn command(&self, options: &str) -> String {
        let port = if self.report.port == 25 { String::new() } else { format!("-p {} ", self.report.port) };
        format!("pmtu-probe {options} {port}{}", self.target())
    }

    /// This program on the same address, where the port does not matter.
    fn command_for_path(&self, options: &str) -> String {
        format!("pmtu-probe {options} {}", self.target())
    }
}

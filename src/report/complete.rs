//! Adds the findings that need facts about this host, then the advice.

use super::advice::advise;
use super::hints;
use crate::model::{AddressReport, Family, Finding, HostFacts, PacketSize, ReverseVerdict, Verdict, is_global};

/// Adds the findings that the examination cannot know, and the advice.
pub fn complete(report: &mut AddressReport) {
    for finding in about_this_host(report).into_iter().chain(suggestions(report)) {
        if !report.examined.findings.contains(&finding) {
            report.examined.findings.push(finding);
        }
    }
    report.examined.advice = advise(report);
}

/// Where large packets end before this host's own MTU, if that is known.
pub(crate) fn bottleneck(report: &AddressReport) -> Option<PacketSize> {
    let examined = &report.examined;
    let narrow =
        matches!(examined.verdict, Verdict::BlackHole | Verdict::Recovers | Verdict::Masked | Verdict::Discoverable);
    examined.path_mtu.filter(|size| narrow && *size < examined.local_mtu)
}

fn suggestions(report: &AddressReport) -> Vec<Finding> {
    let Some(size) = bottleneck(report) else { return Vec::new() };
    let found = hints::hints(Family::of(report.address), size, report.examined.local_mtu);
    found.iter().map(|hint| Finding::SizeSuggests(hint.tunnel)).collect()
}

fn about_this_host(report: &AddressReport) -> Vec<Finding> {
    let (here, examined) = (&report.here, &report.examined);
    let is_narrow = bottleneck(report).is_some();
    let rows = [
        (Finding::RouteMtuBelowPath, route_is_below_path(report)),
        (Finding::PathMtuLocked, is_locked(here)),
        (Finding::PmtudDisabledHere, is_narrow && pmtud_is_off(report)),
        (
            Finding::TcpMtuProbingOn,
            matches!(examined.verdict, Verdict::BlackHole | Verdict::Recovers)
                && here.settings.tcp_mtu_probing.is_some_and(|value| value > 0),
        ),
        (Finding::InsideNotExamined, !report.inner_links_not_examined().is_empty()),
        (Finding::IncomingNotExamined, comes_in_elsewhere(report)),
    ];
    rows.into_iter().filter(|(_, holds)| *holds).map(|(finding, _)| finding).collect()
}

/// What comes in to a private address from outside comes through a port forwarding, a VPS or a tunnel. What was examined of the
/// way back are answers to connections of this host.
pub(crate) fn comes_in_elsewhere(report: &AddressReport) -> bool {
    let is_examined =
        !matches!(report.examined.reverse.verdict, ReverseVerdict::Untested | ReverseVerdict::Inconclusive);
    let is_private = report.here.source.is_some_and(|source| !is_global(source));
    is_examined && is_private && is_global(report.address)
}

fn route_is_below_path(report: &AddressReport) -> bool {
    let proven = report.examined.path_mtu.max(report.examined.beyond_route);
    report.here.route_mtu.is_some_and(|route| proven.is_some_and(|proven| route.mtu < proven))
}

fn is_locked(here: &HostFacts) -> bool {
    here.route_mtu.is_some_and(|route| route.locked) || here.cached.is_some_and(|cached| cached.locked)
}

/// Any value but 0 makes Linux send TCP without DF (net/ipv4/af_inet.c, `inet_create`), 3 included. IPv6 has no such setting.
fn pmtud_is_off(report: &AddressReport) -> bool {
    report.address.is_ipv4() && report.here.settings.no_pmtu_disc.is_some_and(|value| value > 0)
}

//! Addresses of which the same is true: what is the matter, at which size, and where. A report says it once for all of them.

use std::mem::discriminant;

use super::place::{Place, place_of};
use crate::model::{
    AddressReport, AskedBy, Family, Finding, HoleHere, OwnLimit, ReverseReason, ReverseVerdict, Verdict,
};

/// Groups in the order of their first members.
pub(crate) fn alike<'a>(addresses: &[&'a AddressReport]) -> Vec<Vec<&'a AddressReport>> {
    let mut groups: Vec<Vec<&AddressReport>> = Vec::new();
    for address in addresses {
        match groups.iter_mut().find(|group| representatives(group).iter().all(|other| are_alike(address, other))) {
            Some(group) => group.push(address),
            None => groups.push(vec![address]),
        }
    }
    groups
}

/// One of each family: the families have different messages, headers and hops.
pub(crate) fn representatives<'a>(group: &[&'a AddressReport]) -> Vec<&'a AddressReport> {
    let first = |family| group.iter().copied().find(move |report| Family::of(report.address) == family);
    let mut both: Vec<&AddressReport> = first(Family::V4).into_iter().chain(first(Family::V6)).collect();
    // The one that is named first is described first.
    both.sort_by_key(|report| group.iter().position(|member| std::ptr::eq(*member, *report)));
    both
}

fn are_alike(one: &AddressReport, other: &AddressReport) -> bool {
    let is_one_family = Family::of(one.address) == Family::of(other.address);
    let facts = |report: &AddressReport| {
        let examined = &report.examined;
        let ptb: Vec<_> = examined.ptb.iter().map(|ptb| (ptb.mtu, ptb.fault, ptb.reached_kernel)).collect();
        let back = &examined.reverse;
        let is_hole = matches!(back.verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers);
        let way_back = (back.verdict, back.path_mtu.filter(|_| is_hole), back.reason.as_ref().map(discriminant));
        let port = (report.port, examined.port_state, examined.takes_no_connections());
        let here = (examined.reason.here.as_ref().map(discriminant), report.here.interface.clone());
        let masked = (examined.masked_by, examined.tcp_packet_limit.filter(|_| examined.verdict == Verdict::Masked));
        (examined.direction, examined.verdict, examined.cause, masked, way_back, port, here, ptb)
    };
    let sizes = |report: &AddressReport| (report.examined.path_mtu, report.examined.first_lost_size);
    facts(one) == facts(other)
        && sizes(one) == sizes(other)
        && one.examined.findings == other.examined.findings
        && ![one, other].into_iter().any(has_a_cure_of_its_own)
        && one.examined.flows.is_none() == other.examined.flows.is_none()
        && is_one_place(place_of(one), place_of(other), is_one_family)
}

/// What is to be changed, taken back or compared is a route, an entry or a flow of this address.
fn has_a_cure_of_its_own(report: &AddressReport) -> bool {
    let examined = &report.examined;
    let is_own = |finding: &Finding| {
        matches!(finding, Finding::StaleKernelPmtu | Finding::RouteMtuBelowPath | Finding::HoleOnSomeFlows)
    };
    let by_route = matches!(examined.reason.here, Some(HoleHere::SendsLess { by: OwnLimit::Route(_), .. }));
    let asks_by_route = matches!(examined.reverse.reason, Some(ReverseReason::AskedForLess { by: AskedBy::Route, .. }));
    by_route || asks_by_route || examined.findings.iter().any(is_own)
}

/// Whether large packets end at one place, as far as it is known: of one family the same router, else the same distance.
fn is_one_place(one: Option<Place>, other: Option<Place>, is_one_family: bool) -> bool {
    let Some((one, other)) = one.zip(other) else { return one.is_none() && other.is_none() };
    if is_one_family && one == other {
        return true;
    }
    match (one, other) {
        (Place::At(one), Place::At(other)) => !is_one_family && one.distance() == other.distance(),
        (Place::Between { last: one, hidden: of_one, .. }, Place::Between { last: other, hidden: of_other, .. }) => {
            let is_same = if is_one_family { one == other } else { one.distance() == other.distance() };
            is_same && of_one == of_other
        }
        (Place::At(_), Place::Between { .. }) | (Place::Between { .. }, Place::At(_)) => false,
    }
}

//! Which addresses one letter is about: one fault, at one place, for one network to repair.

use std::mem::discriminant;

use super::complaint::Complaint;
use crate::model::{AddressReport, Family, Finding, Verdict};
use crate::report::advice::{responsible, responsible_for_the_way_back, shared_limit};
use crate::report::place::place_of;
use crate::report::refusal::refusals;

/// Whether all that the letter says of one address is true of the other, but for its name and its counts.
pub(super) fn is_one_letter(complaint: Complaint, one: &AddressReport, other: &AddressReport) -> bool {
    let ends = |report: &AddressReport| (Family::of(report.address), report.port, report.here.source);
    // Each address has flows of its own.
    complaint != Complaint::SomeFlows && ends(one) == ends(other) && is_one_fault(complaint, one, other)
}

fn is_one_fault(complaint: Complaint, one: &AddressReport, other: &AddressReport) -> bool {
    if complaint.is_about_the_way_back() {
        let fault = |report: &AddressReport| {
            let examined = &report.examined;
            let back = &examined.reverse;
            let sizes = (back.path_mtu, back.first_lost_size, examined.local_mss, examined.ignored_ptb());
            (back.verdict, back.reason.as_ref().map(discriminant), sizes, has(report, Finding::PeerWithoutDf))
        };
        let place = |report: &AddressReport| {
            let shared = shared_limit(report);
            (responsible_for_the_way_back(report), shared, shared.and_then(|_| place_of(report)))
        };
        return fault(one) == fault(other) && place(one) == place(other);
    }
    let fault = |report: &AddressReport| {
        let examined = &report.examined;
        let mss = examined.peer_mss.filter(|_| examined.verdict == Verdict::Masked);
        let sizes = (examined.path_mtu, examined.first_lost_size, examined.local_mtu, mss);
        let messages: Vec<_> =
            examined.ptb.iter().map(|ptb| (ptb.from, ptb.mtu, ptb.about, ptb.reached_kernel, ptb.fault)).collect();
        let here = (examined.masked_by, examined.reason.here);
        let refusals: Vec<_> = refusals(report)
            .map(|refusal| (refusal.by, refusal.smallest, (refusal.from != report.address).then_some(refusal.from)))
            .collect();
        (examined.verdict, examined.cause, sizes, messages, here, refusals, has(report, Finding::OnlyPtbMissing))
    };
    let place = |report: &AddressReport| (responsible(report), place_of(report));
    fault(one) == fault(other)
        && place(one) == place(other)
        && discriminant(&one.here.blockers) == discriminant(&other.here.blockers)
}

fn has(report: &AddressReport, finding: Finding) -> bool {
    report.examined.findings.contains(&finding)
}

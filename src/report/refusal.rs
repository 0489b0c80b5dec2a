//! Somebody refuses packets by their size, in words that TCP does not act on: what is known of him.

use crate::model::{AddressReport, Finding, Rejection};
use crate::report::place::{Place, Point, place_of};

/// All refusals.
pub(crate) fn refusals(report: &AddressReport) -> impl Iterator<Item = Rejection> + '_ {
    report.examined.findings.iter().filter_map(|finding| match finding {
        Finding::LargeRejected(rejection) => Some(*rejection),
        _ => None,
    })
}

/// Whether they alone end large packets: whatever else does not pass is met by a message that works.
pub(crate) fn nothing_else_ends_them(report: &AddressReport) -> bool {
    let examined = &report.examined;
    let is_told = examined.ptb.iter().any(|ptb| ptb.fault.is_none() && ptb.reached_kernel);
    refusals(report).any(|refusal| is_told || examined.first_lost_size.is_none_or(|lost| refusal.smallest <= lost))
}

/// Whether the first size that does not pass is the smallest that is refused.
pub(crate) fn is_exact(report: &AddressReport) -> bool {
    refusals(report).any(|refusal| Some(refusal.smallest) == report.examined.first_lost_size)
}

/// Where he is: where large packets end, or at the address that he speaks from. A server's address may be borrowed.
pub(crate) fn place_of_refusal(report: &AddressReport) -> Option<Place> {
    let speaker = refusals(report).map(|refusal| refusal.from).find(|from| *from != report.address);
    if nothing_else_ends_them(report) {
        return place_of(report).or(speaker.map(|from| Place::At(Point::Hop(None, from))));
    }
    speaker.map(|from| Place::At(Point::Hop(None, from)))
}

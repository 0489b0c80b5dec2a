//! Whose hop it is, as far as it can be told from here. A wrong name misleads an admin, so doubt is `unknown`.

use super::case::Case;
use crate::model::{Hop, Ttl, Who, is_global};
use crate::report::place::{Place, Point, place_of};

/// Who runs the place where large packets end.
pub(super) fn of_bottleneck(case: &Case<'_>) -> Who {
    let Some(place) = place_of(case.report) else { return Who::Unknown };
    let furthest = furthest_router(place);
    if furthest.is_some_and(|ttl| ttl <= 1 || in_private_network(case, ttl)) {
        Who::YourNetwork
    } else if matches!(place, Place::Between { next: Point::Target, hidden: Some(0), .. }) {
        Who::TheirSide
    } else {
        Who::Unknown
    }
}

/// Whether large packets end on this host's own link, or at the next hop of its route.
pub(super) fn is_at_next_hop(case: &Case<'_>) -> bool {
    place_of(case.report).and_then(furthest_router).is_some_and(|ttl| ttl <= 1)
}

/// The distance of the last router that may be the one; 0 is this host. A hop that hides may be the one as well.
fn furthest_router(place: Place) -> Option<u8> {
    let (from, between) = match place {
        Place::At(router) => (router, 0),
        Place::Between { last, hidden, .. } => (last, hidden?),
    };
    Some(from.distance()?.saturating_add(between))
}

/// An unbroken run of private hops from here belongs to this side, unless the target is private as well.
fn in_private_network(case: &Case<'_>, end: u8) -> bool {
    let hop_at = |ttl: u8| case.examined().hops.iter().find(|hop| hop.ttl == Ttl(ttl));
    let private = |hop: Option<&Hop>| hop.and_then(|hop| hop.address).is_some_and(|address| !is_global(address));
    is_global(case.address()) && (1..=end).all(|ttl| private(hop_at(ttl)))
}

//! Whose hop it is, as far as it can be told from here. A wrong name sends an admin to the wrong door, so doubt is `unknown`.

use std::net::IpAddr;

use super::Case;
use crate::model::{Hop, Ttl, Who};
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

/// Whether large packets do not even cross this host's own link.
pub(super) fn is_first_link(case: &Case<'_>) -> bool {
    place_of(case.report).is_some_and(|place| furthest_router(place) == Some(0))
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
    let private = |hop: Option<&Hop>| hop.and_then(|hop| hop.address).is_some_and(is_private);
    !is_private(case.address()) && (1..=end).all(|ttl| private(hop_at(ttl)))
}

/// RFC 1918, RFC 6598, RFC 4193, and link-local.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_ranges_end_where_the_rfcs_say() {
        let private =
            ["10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "fd00::1", "fe80::1"];
        let public = ["172.32.0.1", "100.128.0.1", "100.63.255.255", "192.0.2.1", "2001:db8::1"];
        for address in private {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in public {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}

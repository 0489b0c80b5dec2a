//! Whose hop it is, as far as it can be told from here. A wrong name sends an admin to the wrong door, so doubt is `unknown`.

use std::net::IpAddr;

use super::Case;
use crate::model::{Hop, Location, LocationPoint, Ttl, Who};

/// Who runs the place where large packets end.
pub(super) fn of_bottleneck(case: &Case<'_>) -> Who {
    let Some(location) = &case.examined().location else { return Who::Unknown };
    if distance(location).is_some_and(|ttl| ttl <= Ttl(1)) || in_private_network(case, location) {
        Who::YourNetwork
    } else if ends_at(location, case.address()) {
        Who::TheirSide
    } else {
        Who::Unknown
    }
}

/// Whether large packets do not even cross this host's own link.
pub(super) fn is_first_link(location: &Location) -> bool {
    distance(location) == Some(Ttl(0))
}

fn ends_at(location: &Location, destination: IpAddr) -> bool {
    location.next_hop.as_ref().is_some_and(|hop| hop.address == destination)
}

/// How many hops the large packets come.
fn distance(location: &Location) -> Option<Ttl> {
    let ttl = |point: &Option<LocationPoint>| point.as_ref().and_then(|point| point.ttl);
    ttl(&location.last_hop).or_else(|| ttl(&location.next_hop).map(|next| Ttl(next.0.saturating_sub(1))))
}

/// An unbroken run of private hops from here belongs to this side, unless the target is private as well.
fn in_private_network(case: &Case<'_>, location: &Location) -> bool {
    let Some(end) = distance(location) else { return false };
    let hop_at = |ttl: u8| case.examined().hops.iter().find(|hop| hop.ttl == Ttl(ttl));
    let private = |hop: Option<&Hop>| hop.and_then(|hop| hop.address).is_some_and(is_private);
    !is_private(case.address()) && (1..=end.0).all(|ttl| private(hop_at(ttl)))
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

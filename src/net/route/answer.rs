//! Reads the answers of the kernel.

use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteType};

use super::address::InterfaceAddress;
use crate::model::{CachedPathMtu, Family, PacketSize, RouteMtu};

/// `RTAX_MTU` of linux/rtnetlink.h, as a bit of `RTAX_LOCK`.
const LOCK_MTU: u32 = 1 << 2;

/// The path MTU that the kernel learnt from a PTB, if that is what the answer states.
pub(super) fn learnt_mtu(message: &RouteMessage, family: Family) -> Option<CachedPathMtu> {
    let expires = time_to_expiry(message);
    let is_learnt = is_learnt(message, family, expires);
    let RouteMtu { mtu, locked } = metric_mtu(message).filter(|_| is_learnt)?;
    Some(CachedPathMtu { mtu, expires_in: expires, locked })
}

/// `rta_expires`, which the kernel counts in the clock ticks of user space. Negative: it has expired.
fn time_to_expiry(message: &RouteMessage) -> Option<Duration> {
    let ticks = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::CacheInfo(info) => Some(info.expires.cast_signed()),
        _ => None,
    })?;
    let ticks = u64::try_from(ticks).ok().filter(|ticks| *ticks > 0)?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_millis(ticks.saturating_mul(1000) / per_second))
}

/// Whether the MTU in the answer comes from a PTB, not from the routing table.
fn is_learnt(message: &RouteMessage, family: Family, expires: Option<Duration>) -> bool {
    match family {
        // Every IPv4 answer is a "clone". Only a learnt MTU expires.
        Family::V4 => expires.is_some(),
        // Advertised IPv6 routes expire as well. Only a learnt one is a clone.
        Family::V6 => message.header.flags.contains(RouteFlags::Cloned),
    }
}

pub(super) fn metric_mtu(message: &RouteMessage) -> Option<RouteMtu> {
    let metrics = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Metrics(metrics) => Some(metrics),
        _ => None,
    })?;
    let locks = metrics.iter().find_map(|metric| match metric {
        RouteMetric::Lock(bits) => Some(*bits),
        _ => None,
    });
    metrics.iter().find_map(|metric| match metric {
        RouteMetric::Mtu(mtu) if *mtu > 0 => {
            Some(RouteMtu { mtu: PacketSize::new(*mtu), locked: locks.unwrap_or(0) & LOCK_MTU != 0 })
        }
        _ => None,
    })
}

/// Whether a route of the routing table leads to one address alone.
pub(super) fn is_for_one(message: &RouteMessage) -> bool {
    let whole = if message.header.address_family == AddressFamily::Inet { 32 } else { 128 };
    message.header.destination_prefix_length == whole
}

/// `RTAX_ADVMSS`. The kernel tells it only where somebody set it.
pub(super) fn metric_advmss(message: &RouteMessage) -> Option<u16> {
    let metrics = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Metrics(metrics) => Some(metrics),
        _ => None,
    })?;
    metrics.iter().find_map(|metric| match metric {
        RouteMetric::Advmss(mss) => u16::try_from(*mss).ok().filter(|mss| *mss > 0),
        _ => None,
    })
}

pub(super) fn source(message: &RouteMessage) -> Option<IpAddr> {
    message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::PrefSource(address) => as_ip(address),
        _ => None,
    })
}

pub(super) fn gateway(message: &RouteMessage) -> Option<IpAddr> {
    message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => as_ip(address),
        _ => None,
    })
}

pub(super) fn outgoing(message: &RouteMessage) -> Option<u32> {
    message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}

/// Whether there is a gateway, be it one of the other family.
pub(super) fn has_gateway(message: &RouteMessage) -> bool {
    let is_gateway =
        |attribute: &RouteAttribute| matches!(attribute, RouteAttribute::Gateway(_) | RouteAttribute::Via(_));
    message.attributes.iter().any(is_gateway)
}

/// Whether a route of the table is for every address.
pub(super) fn is_default(message: &RouteMessage) -> bool {
    message.header.destination_prefix_length == 0
}

/// No router forwards packets to such an address (RFC 4291, 2.5.6; RFC 3927, 2.7).
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

pub(super) fn is_local(message: &RouteMessage) -> bool {
    message.header.kind == RouteType::Local
}

/// All hosts of a network at this host.
pub(super) fn is_broadcast(message: &RouteMessage) -> bool {
    message.header.kind == RouteType::Broadcast
}

fn as_ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

/// On a point-to-point link, `IFA_LOCAL` is the own address and `IFA_ADDRESS` the other end. IPv6 has only the latter.
pub(super) fn own_address(message: &AddressMessage) -> Option<InterfaceAddress> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let plain = || {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) if message.header.family == AddressFamily::Inet6 => Some(*address),
            _ => None,
        })
    };
    Some(InterfaceAddress { address: local.or_else(plain)?, interface: message.header.index })
}

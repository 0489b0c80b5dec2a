//! netplan: a file of its own, which is joined with the others at the next `netplan apply`.

use super::super::host_route::{HostRoute, Metric};
use super::file::{NAME_OF_MTU, name_of, remove};
use crate::model::PacketSize;
use crate::report::words::quoted;

/// It has no word for the MSS that a route announces, nor for a route without a gateway in IPv6.
pub(super) fn routes(routes: &[HostRoute], metric: Metric) -> Vec<String> {
    let (Metric::Mtu(size), Some(name)) = (metric, name_of(routes)) else { return Vec::new() };
    let all: Option<Vec<String>> = routes.iter().map(|route| in_yaml(route, size)).collect();
    let (Some(all), Some(first)) = (all, routes.first()) else { return Vec::new() };
    set(&name, &first.interface, &format!("routes=[{}]", all.join(", ")))
}

fn in_yaml(route: &HostRoute, size: PacketSize) -> Option<String> {
    let to = route.destination();
    match route.gateway {
        Some(gateway) => Some(format!("{{to: \"{to}\", via: \"{gateway}\", mtu: {size}}}")),
        None if route.address.is_ipv4() => Some(format!("{{to: \"{to}\", scope: link, mtu: {size}}}")),
        None => None,
    }
}

pub(super) fn interface_mtu(interface: &str, mtu: PacketSize) -> Vec<String> {
    set(NAME_OF_MTU, interface, &format!("mtu={mtu}"))
}

/// A dot would end the name.
fn set(name: &str, interface: &str, value: &str) -> Vec<String> {
    let setting = quoted(&format!("ethernets.{}.{value}", interface.replace('.', "\\.")));
    vec![format!("netplan set --origin-hint {name} {setting}"), remove(&format!("/etc/netplan/{name}.yaml"))]
}

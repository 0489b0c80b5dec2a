//! NetworkManager: the profile of the interface, which takes effect when it is activated next.

use super::super::host_route::{HostRoute, Metric};
use super::super::undo::undo;
use crate::model::{Family, LinkKind, PacketSize};
use crate::report::words::shell_word;

pub(super) fn routes(profile: &str, routes: &[HostRoute], metric: Metric) -> Vec<String> {
    let all = |sign: char| {
        routes.iter().map(move |route| {
            let family = match route.family() {
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            };
            let profile = shell_word(profile);
            format!("nmcli connection modify {profile} {sign}{family}.routes \"{}\"", in_profile(route, metric))
        })
    };
    all('+').chain(all('-').map(|line| undo(&line))).collect()
}

/// As nmcli writes a route: destination, next hop, attributes.
fn in_profile(route: &HostRoute, metric: Metric) -> String {
    let via = route.gateway.map_or_else(String::new, |gateway| format!(" {gateway}"));
    let metric = match metric {
        Metric::Mtu(size) => format!("mtu={size} lock-mtu=true"),
        Metric::Advmss(mss) => format!("advmss={mss}"),
    };
    format!("{}{via} {metric}", route.destination())
}

/// Profiles of the other kinds have no such property.
pub(super) fn interface_mtu(profile: &str, link: Option<LinkKind>, mtu: PacketSize) -> Vec<String> {
    let property = match link {
        None | Some(LinkKind::Ethernet | LinkKind::Veth) => "802-3-ethernet.mtu",
        Some(LinkKind::WireGuard) => "wireguard.mtu",
        Some(LinkKind::Ppp | LinkKind::Tun | LinkKind::Tunnel) => return Vec::new(),
    };
    let modify = |value: &str| format!("nmcli connection modify {} {property} {value}", shell_word(profile));
    vec![modify(&mtu.to_string()), undo(&modify("0"))]
}

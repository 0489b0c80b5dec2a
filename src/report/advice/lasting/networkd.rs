//! systemd-networkd: an addition to the file of the interface, which takes effect when it is configured next.
//!
//! It has no word for a locked MTU. Without it, a route bounds what TCP sends just as well.

use super::super::host_route::{HostRoute, Metric};
use super::file::{NAME_OF_MTU, name_of, write};
use crate::model::PacketSize;
use crate::report::words::shell_word;

pub(super) fn routes(file: &str, routes: &[HostRoute], metric: Metric) -> Vec<String> {
    let lines = routes.iter().flat_map(|route| section(route, metric)).collect::<Vec<_>>();
    name_of(routes).map_or_else(Vec::new, |name| add(file, &name, &lines))
}

fn section(route: &HostRoute, metric: Metric) -> Vec<String> {
    let gateway = route.gateway.map(|gateway| format!("Gateway={gateway}"));
    let metric = match metric {
        Metric::Mtu(size) => format!("MTUBytes={size}"),
        Metric::Advmss(mss) => format!("TCPAdvertisedMaximumSegmentSize={mss}"),
    };
    let destination = format!("Destination={}", route.destination());
    ["[Route]".into(), destination].into_iter().chain(gateway).chain([metric]).collect()
}

pub(super) fn interface_mtu(file: &str, mtu: PacketSize) -> Vec<String> {
    add(file, NAME_OF_MTU, &["[Link]".into(), format!("MTUBytes={mtu}")])
}

/// Files in /etc add to those of /run and /usr/lib as well, so to what netplan writes.
fn add(file: &str, name: &str, lines: &[String]) -> Vec<String> {
    let Some(base) = file.rsplit('/').next().filter(|base| base.ends_with(".network")) else { return Vec::new() };
    let folder = format!("/etc/systemd/network/{base}.d");
    let make = format!("mkdir -p {}", shell_word(&folder));
    std::iter::once(make).chain(write(lines, &format!("{folder}/{name}.conf"))).collect()
}

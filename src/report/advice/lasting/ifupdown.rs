//! ifupdown: a script that it runs whenever the interface is up.

use super::super::host_route::{HostRoute, Metric};
use super::file::{NAME_OF_MTU, name_of, write};
use crate::model::PacketSize;
use crate::report::words::shell_word;

pub(super) fn routes(routes: &[HostRoute], metric: Metric) -> Vec<String> {
    let (Some(name), Some(first)) = (name_of(routes), routes.first()) else { return Vec::new() };
    let commands: Vec<String> = routes.iter().map(|route| route.replace(metric)).collect();
    script(&name, &first.interface, &commands)
}

pub(super) fn interface_mtu(interface: &str, mtu: PacketSize) -> Vec<String> {
    script(NAME_OF_MTU, interface, &[format!("ip link set dev {} mtu {mtu}", shell_word(interface))])
}

fn script(name: &str, interface: &str, commands: &[String]) -> Vec<String> {
    let file = format!("/etc/network/if-up.d/{name}");
    let lines = ["#!/bin/sh".to_owned(), format!("[ \"$IFACE\" = {} ] || exit 0", shell_word(interface))];
    // It runs for each family of the interface, in IPv4's turn too. A script that fails there would end `ifup`.
    let lines: Vec<String> =
        lines.into_iter().chain(commands.iter().map(|command| format!("{command} || true"))).collect();
    let [write, undo] = write(&lines, &file);
    vec![write, format!("chmod +x {file}"), undo]
}

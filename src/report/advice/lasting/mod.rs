//! The same remedy in the configuration of what runs this host, so that it survives a reboot; and what drops the one that acts
//! now.
//!
//! A file for each system: `ufw`, `rules_file` (nftables and saved iptables rules) for the firewall;
//! `networkmanager`, `networkd`, `netplan`, `ifupdown` for the network; `sysctl` for the kernel's settings; `file` writes one of
//! our own. `advice/taken_back.rs` undoes them later. Each line is tried with the real program (`tests/report/lasting.rs`).
//!
//! The first line is a comment that names the system. Then come commands, and comments that undo them.

mod file;
mod ifupdown;
mod netplan;
mod networkd;
mod networkmanager;
mod rules_file;
mod sysctl;
mod ufw;

use super::clamp::{Clamp, ClampProgram};
use super::firewalld;
use super::host_route::{HostRoute, Metric};
use crate::model::{Container, Family, FirewallManager, HostFacts, HostSystems, LinkKind, NetworkManager, PacketSize};

/// A clamp of this host. Empty: no form is known.
pub(super) fn clamp(clamp: &Clamp, systems: &HostSystems) -> Vec<String> {
    let Some(program) = ClampProgram::of(systems).filter(|_| !starts_anew(systems)) else { return Vec::new() };
    let file = systems.rules_file.as_deref();
    match (systems.firewall, file) {
        (Some(FirewallManager::Firewalld), _) if systems.iptables.is_some() => {
            introduce("firewalld", firewalld::clamp(clamp))
        }
        (Some(FirewallManager::Ufw), Some(_)) => introduce("ufw", ufw::clamp(clamp)),
        (Some(FirewallManager::Nftables), Some(file)) if program == ClampProgram::Nft => {
            introduce("nftables", rules_file::keep_table(clamp.table(), file))
        }
        (Some(FirewallManager::Iptables), Some(file)) if program == ClampProgram::Iptables => {
            introduce("saved iptables rules", rules_file::save(clamp.family, file))
        }
        (None, Some(file)) if program == ClampProgram::Nft => {
            introduce("nftables", rules_file::keep_table_and_enable(clamp.table(), file))
        }
        _ => Vec::new(),
    }
}

/// Rules that admit ICMP errors, in front of all others.
pub(super) fn admission(family: Family, systems: &HostSystems) -> Vec<String> {
    match (systems.firewall, systems.rules_file.as_deref()) {
        (Some(FirewallManager::Firewalld), _) => introduce("firewalld", firewalld::admit(family, firewalld::FOR_GOOD)),
        (Some(FirewallManager::Ufw), Some(_)) => introduce("ufw", ufw::admit(family)),
        (Some(FirewallManager::Nftables), Some(file)) => rules_file::admit_in_nft(family, file),
        (Some(FirewallManager::Iptables), Some(file)) => {
            introduce("saved iptables rules", rules_file::save(family, file))
        }
        _ => Vec::new(),
    }
}

/// The same in firewalld's zone of the interface.
pub(super) fn in_zone(family: Family, interface: Option<&str>) -> Vec<String> {
    introduce("firewalld", firewalld::admit_in_zone(family, interface, firewalld::FOR_GOOD))
}

/// Routes of this host.
pub(super) fn routes(routes: &[HostRoute], metric: Metric, systems: &HostSystems) -> Vec<String> {
    let Some(network) = systems.network.as_ref().filter(|_| !starts_anew(systems)) else { return Vec::new() };
    let lines = match network {
        NetworkManager::NetworkManager { connection: Some(name) } => networkmanager::routes(name, routes, metric),
        NetworkManager::Networkd { file: Some(file) } => networkd::routes(file, routes, metric),
        NetworkManager::Netplan => netplan::routes(routes, metric),
        NetworkManager::Ifupdown => ifupdown::routes(routes, metric),
        NetworkManager::NetworkManager { connection: None } | NetworkManager::Networkd { file: None } => Vec::new(),
    };
    introduce(name(network), lines)
}

/// The MTU of the outgoing interface.
pub(super) fn interface_mtu(host: &HostFacts, mtu: PacketSize) -> Vec<String> {
    let systems = &host.systems;
    let network = systems.network.as_ref().filter(|_| !starts_anew(systems));
    let (Some(network), Some(interface)) = (network, host.interface.as_deref()) else { return Vec::new() };
    let lines = match network {
        NetworkManager::NetworkManager { connection: Some(name) } => {
            networkmanager::interface_mtu(name, systems.link, mtu)
        }
        NetworkManager::Networkd { file: Some(file) } => networkd::interface_mtu(file, mtu),
        NetworkManager::Netplan => netplan::interface_mtu(interface, mtu),
        NetworkManager::Ifupdown => ifupdown::interface_mtu(interface, mtu),
        NetworkManager::NetworkManager { connection: None } | NetworkManager::Networkd { file: None } => Vec::new(),
    };
    introduce(name(network), lines)
}

/// A setting of the kernel, by its name with dots.
pub(super) fn setting(name: &str, value: u8, systems: &HostSystems) -> Vec<String> {
    if starts_anew(systems) {
        return vec![format!("# to keep it: start the container with --sysctl {name}={value}")];
    }
    introduce("a file for sysctl", sysctl::setting(name, value))
}

/// How settings are taken back that were written to last.
pub(super) fn undo_of_settings() -> String {
    sysctl::undo()
}

/// What drops a clamp that acts now: the end of a sentence.
pub(super) fn what_drops_a_clamp(systems: &HostSystems) -> &'static str {
    match (ClampProgram::of(systems), systems.firewall) {
        _ if starts_anew(systems) => "is gone when the container starts anew",
        // Both leave the tables of others alone.
        (Some(ClampProgram::Nft), Some(FirewallManager::Firewalld | FirewallManager::Ufw)) => "is gone after a reboot",
        _ => "is gone after a reboot or a reload of the firewall",
    }
}

/// The same for rules that admit something.
pub(super) fn what_drops_a_rule(systems: &HostSystems) -> &'static str {
    if starts_anew(systems) {
        "is gone when the container starts anew"
    } else {
        "is gone after a reboot or a reload of the firewall"
    }
}

/// The same for routes: the kernel drops them when the interface goes down, and programs when it loses its carrier.
pub(super) fn what_drops_a_route(systems: &HostSystems) -> &'static str {
    if starts_anew(systems) {
        "is gone when the container starts anew"
    } else {
        "is gone after a reboot or when the link goes down"
    }
}

/// The same for the MTU of an interface.
pub(super) fn what_drops_an_mtu(systems: &HostSystems) -> &'static str {
    if starts_anew(systems) {
        "is gone when the container starts anew"
    } else {
        "is gone after a reboot or when the interface is set up anew"
    }
}

/// The same for a setting.
pub(super) fn what_drops_a_setting(systems: &HostSystems) -> &'static str {
    if starts_anew(systems) { "is gone when the container starts anew" } else { "is gone after a reboot" }
}

/// What gives routes their MTU.
pub(super) fn who_sets_routes(systems: &HostSystems) -> String {
    let programs = systems.network.as_ref().map_or("netplan, NetworkManager, ifupdown", name);
    format!("{programs}, or a router's advertisement")
}

/// Containers that are made anew each time: nothing that is written inside stays.
pub(super) fn starts_anew(systems: &HostSystems) -> bool {
    matches!(systems.container, Some(Container::Docker | Container::Podman | Container::Kubernetes))
}

/// Whether the network of this host is one of several behind the same machine, which forwards its packets.
pub(super) fn is_behind_its_machine(systems: &HostSystems) -> bool {
    starts_anew(systems) && systems.link == Some(LinkKind::Veth)
}

fn introduce(system: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    std::iter::once(format!("{KEPT_BY}{system}:")).chain(lines).collect()
}

/// What the first line begins with.
pub(super) const KEPT_BY: &str = "# to keep it, by ";

fn name(network: &NetworkManager) -> &'static str {
    match network {
        NetworkManager::NetworkManager { .. } => "NetworkManager",
        NetworkManager::Networkd { .. } => "systemd-networkd",
        NetworkManager::Netplan => "netplan",
        NetworkManager::Ifupdown => "ifupdown",
    }
}

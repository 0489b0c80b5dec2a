//! Which program configures an interface.

use std::collections::{HashMap, HashSet};

use super::root::Root;
use crate::model::NetworkManager;

/// Where NetworkManager keeps its profiles: those that others write for it first.
const PROFILES: [&str; 3] = [
    "/run/NetworkManager/system-connections",
    "/etc/NetworkManager/system-connections",
    "/usr/lib/NetworkManager/system-connections",
];

const NETPLAN: [&str; 3] = ["/etc/netplan", "/run/netplan", "/lib/netplan"];

/// What netplan calls its file for systemd-networkd, and its profile for NetworkManager.
const FROM_NETPLAN: [&str; 2] = ["/run/systemd/network/10-netplan-", "netplan-"];

/// What root alone may read, for passwords are in the same files.
pub(super) struct Private {
    /// Names of NetworkManager's profiles, by their number.
    profiles: HashMap<String, String>,
    /// Interfaces that netplan has under their own names.
    ethernets: HashSet<String>,
}

impl Private {
    pub(super) fn read(root: &Root) -> Self {
        let mut profiles = HashMap::new();
        for text in PROFILES.iter().flat_map(|folder| root.texts(folder, "")) {
            if let Some((uuid, id)) = value(&text, "uuid").zip(value(&text, "id")) {
                profiles.entry(uuid.to_owned()).or_insert_with(|| id.to_owned());
            }
        }
        let netplan = NETPLAN.iter().flat_map(|folder| root.texts(folder, ".yaml"));
        Self { profiles, ethernets: netplan.flat_map(|text| ethernets(&text)).collect() }
    }
}

/// By what the programs that run note of this interface; ifupdown by its configuration.
pub(super) fn manager(root: &Root, private: &Private, index: u32, name: &str) -> Option<NetworkManager> {
    let found = by_networkmanager(root, private, index).or_else(|| by_networkd(root, index));
    match found {
        Some(found) if is_from_netplan(&found) && private.ethernets.contains(name) => Some(NetworkManager::Netplan),
        Some(found) => Some(found),
        None => by_ifupdown(root, name),
    }
}

fn by_networkmanager(root: &Root, private: &Private, index: u32) -> Option<NetworkManager> {
    let state = root.text(&format!("/run/NetworkManager/devices/{index}"))?;
    let is_managed = matches!(value(&state, "managed"), Some("true" | "1"));
    let uuid = value(&state, "connection-uuid").filter(|uuid| is_managed && !uuid.is_empty())?;
    // nmcli takes either.
    Some(NetworkManager::NetworkManager {
        connection: Some(private.profiles.get(uuid).map_or(uuid, String::as_str).to_owned()),
    })
}

fn by_networkd(root: &Root, index: u32) -> Option<NetworkManager> {
    let state = root.text(&format!("/run/systemd/netif/links/{index}"))?;
    if value(&state, "ADMIN_STATE") == Some("unmanaged") {
        return None;
    }
    let file = value(&state, "NETWORK_FILE").filter(|file| !file.is_empty())?;
    Some(NetworkManager::Networkd { file: Some(file.to_owned()) })
}

fn is_from_netplan(found: &NetworkManager) -> bool {
    let [file, profile] = FROM_NETPLAN;
    match found {
        NetworkManager::Networkd { file: Some(path) } => path.starts_with(file),
        NetworkManager::NetworkManager { connection: Some(id) } => id.starts_with(profile),
        _ => false,
    }
}

/// The names that a file of netplan has under `ethernets`, so that more can be said of them under these names.
fn ethernets(text: &str) -> Vec<String> {
    let (mut section, mut names) = (None, Vec::new());
    for line in text.lines() {
        let words = line.trim_start();
        let depth = line.len() - words.len();
        if words.is_empty() || words.starts_with('#') {
            continue;
        }
        if section.is_some_and(|section| depth <= section) {
            section = None;
        }
        let key = words.split_once(':').map_or(words, |(key, _)| key).trim_matches(['"', '\'', ' ']);
        if section.is_some() {
            names.push(key.to_owned());
        }
        if key == "ethernets" {
            section = Some(depth);
        }
    }
    names
}

/// ifupdown notes what it has brought up; else its configuration names what it would.
fn by_ifupdown(root: &Root, name: &str) -> Option<NetworkManager> {
    let state = ["/run/network/ifstate", &format!("/run/network/ifstate.{name}")].map(|path| root.text(path));
    let is_up = state.into_iter().flatten().any(|text| brought_up(&text, name));
    let configuration =
        root.text("/etc/network/interfaces").into_iter().chain(root.texts("/etc/network/interfaces.d", ""));
    let is_configured = configuration.into_iter().any(|text| has_stanza(&text, name));
    (is_up || is_configured).then_some(NetworkManager::Ifupdown)
}

/// Lines like `eth0=eth0`.
fn brought_up(text: &str, name: &str) -> bool {
    text.lines().any(|line| line.split('=').next() == Some(name))
}

fn has_stanza(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("iface") && words.next() == Some(name)
    })
}

/// The value of a key in one of the formats with a `key=value` on each line.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netplan_names_an_interface_under_ethernets_alone() {
        let text = "network:\n  version: 2\n  ethernets:\n    # the first\n    ens3: {dhcp4: true}\n    \"eth0\":\n      \
                    dhcp4: true\n  bonds:\n    bond0:\n      interfaces: [ens4]\n";
        let has = |name: &str| ethernets(text).iter().any(|each| each == name);
        assert!(has("ens3") && has("eth0"));
        for other in ["bond0", "dhcp4x", "ens4", "version"] {
            assert!(!has(other), "{other}");
        }
    }

    #[test]
    fn ifupdown_names_an_interface_as_a_whole() {
        let text = "auto eth0\niface eth0 inet dhcp\niface eth0.5 inet6 auto\n# iface eth7 inet dhcp\n";
        assert!(has_stanza(text, "eth0") && has_stanza(text, "eth0.5"));
        assert!(!has_stanza(text, "eth") && !has_stanza(text, "eth7"));
        assert!(brought_up("lo=lo\neth0=eth0\n", "eth0") && !brought_up("eth0=eth0\n", "eth"));
    }
}

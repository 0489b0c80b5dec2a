//! Which program fills the firewall, and by which programs its rules can be changed.

use super::root::Root;
use crate::model::{FirewallManager, IptablesBackend};

/// Who fills the firewall.
pub(super) fn manager(root: &Root) -> Option<FirewallManager> {
    if runs_firewalld(root) {
        Some(FirewallManager::Firewalld)
    } else if root.text("/etc/ufw/ufw.conf").is_some_and(|text| ufw_is_on(&text)) {
        Some(FirewallManager::Ufw)
    } else if is_enabled(root, "nftables") && rules_of_nft(root).is_some() {
        Some(FirewallManager::Nftables)
    } else if is_enabled(root, "netfilter-persistent") || is_enabled(root, "iptables") {
        Some(FirewallManager::Iptables)
    } else {
        None
    }
}

/// The file that the rules are loaded from.
pub(super) fn rules_file(root: &Root, manager: Option<FirewallManager>) -> Option<String> {
    let file = match manager {
        Some(FirewallManager::Ufw) => first(root, &["/etc/ufw/before.rules"]),
        Some(FirewallManager::Nftables) => rules_of_nft(root),
        Some(FirewallManager::Iptables) => {
            first(root, &["/etc/iptables/rules.v4", "/etc/sysconfig/iptables", "/etc/iptables/iptables.rules"])
        }
        None if root.has("/run/systemd/system") => rules_of_nft(root),
        Some(FirewallManager::Firewalld) | None => None,
    };
    file.map(str::to_owned)
}

/// Debian's file; that of Fedora, which most hosts there leave to firewalld.
fn rules_of_nft(root: &Root) -> Option<&'static str> {
    first(root, &["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"])
}

fn first(root: &Root, paths: &[&'static str]) -> Option<&'static str> {
    paths.iter().copied().find(|path| root.has(path))
}

pub(super) fn has_nft(root: &Root) -> bool {
    root.has_one_of(&["/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft"])
}

/// What `iptables` writes to.
pub(super) fn iptables(root: &Root) -> Option<IptablesBackend> {
    let paths = ["/usr/sbin/iptables", "/sbin/iptables", "/usr/local/sbin/iptables", "/usr/bin/iptables"];
    let program = paths.iter().find_map(|path| root.program(path))?;
    // Before there were two, there was `xtables-multi`.
    Some(if program.contains("nft") { IptablesBackend::Nft } else { IptablesBackend::Legacy })
}

/// systemd has a group of processes for each service that runs. Without, the folder that firewalld makes when it starts.
fn runs_firewalld(root: &Root) -> bool {
    for services in ["/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice"] {
        if root.has(services) {
            return root.has(&format!("{services}/firewalld.service"));
        }
    }
    root.has("/run/firewalld")
}

fn ufw_is_on(text: &str) -> bool {
    text.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"))
}

/// Whether systemd or OpenRC starts this service.
fn is_enabled(root: &Root, service: &str) -> bool {
    let targets = ["multi-user", "sysinit", "basic", "network-pre"];
    let mut links = targets.iter().map(|target| format!("/etc/systemd/system/{target}.target.wants/{service}.service"));
    links.any(|link| root.has_link(&link)) || root.has_link(&format!("/etc/runlevels/default/{service}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ufw_says_in_one_line_whether_it_is_on() {
        assert!(ufw_is_on("# comment\nENABLED=yes\nLOGLEVEL=low\n"));
        for text in ["ENABLED=no", "#ENABLED=yes", "", "LOGLEVEL=low"] {
            assert!(!ufw_is_on(text), "{text}");
        }
    }
}

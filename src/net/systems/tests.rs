//! Hosts as folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::model::{Container, FirewallManager, IptablesBackend, Mailer};

/// A folder that ends with the test.
struct Host(PathBuf);

impl Host {
    fn with(files: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let host = Self(std::env::temp_dir().join(format!("pmtu-systems-{}-{number}", std::process::id())));
        fs::create_dir_all(&host.0).unwrap();
        for (path, text) in files {
            host.file(path, text);
        }
        host
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.place(path);
        fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.place(path);
        symlink(target, path).unwrap();
    }

    fn place(&self, path: &str) -> PathBuf {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn systems(&self) -> HostSystems {
        let eth0 = Interface { index: 2, name: "eth0".into() };
        Systems::read(&self.0, true).with(Some(&eth0), Some(LinkKind::Ethernet))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_empty_host_has_nothing() {
    let nothing = HostSystems { has_nft: false, link: Some(LinkKind::Ethernet), ..HostSystems::default() };
    assert_eq!(Host::with(&[]).systems(), nothing);
}

/// Debian's links; nothing of it is outside the folder.
#[test]
fn iptables_is_what_its_links_lead_to() {
    for (program, backend) in [("nft", IptablesBackend::Nft), ("legacy", IptablesBackend::Legacy)] {
        let host = Host::with(&[(&format!("/usr/sbin/xtables-{program}-multi"), "")]);
        host.link("/usr/sbin/iptables", "/etc/alternatives/iptables");
        host.link("/etc/alternatives/iptables", &format!("/usr/sbin/iptables-{program}"));
        host.link(&format!("/usr/sbin/iptables-{program}"), &format!("xtables-{program}-multi"));
        assert_eq!(host.systems().iptables, Some(backend));
    }
    let host = Host::with(&[]);
    host.link("/usr/sbin/iptables", "/etc/alternatives/iptables");
    host.link("/etc/alternatives/iptables", "/usr/sbin/iptables");
    assert_eq!(host.systems().iptables, None);
}

#[test]
fn firewalld_is_told_by_its_service_or_its_folder() {
    let host = Host::with(&[("/run/firewalld/x", "")]);
    assert_eq!(host.systems().firewall, Some(FirewallManager::Firewalld));
    host.file("/sys/fs/cgroup/system.slice/cron.service/cgroup.procs", "1");
    assert_eq!(host.systems().firewall, None, "it was stopped");
    host.file("/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs", "2");
    assert_eq!(host.systems().firewall, Some(FirewallManager::Firewalld));
}

#[test]
fn what_loads_rules_is_told_by_what_is_enabled() {
    let host = Host::with(&[("/etc/nftables.conf", "flush ruleset\n"), ("/etc/ufw/ufw.conf", "ENABLED=no\n")]);
    assert_eq!((host.systems().firewall, host.systems().rules_file), (None, None));
    host.file("/run/systemd/system/x", "");
    let systems = host.systems();
    assert_eq!((systems.firewall, systems.rules_file.as_deref()), (None, Some("/etc/nftables.conf")));

    host.link("/etc/systemd/system/multi-user.target.wants/netfilter-persistent.service", "/nowhere");
    host.file("/etc/iptables/rules.v4", "");
    let systems = host.systems();
    assert_eq!(systems.firewall, Some(FirewallManager::Iptables));
    assert_eq!(systems.rules_file.as_deref(), Some("/etc/iptables/rules.v4"));

    host.link("/etc/systemd/system/sysinit.target.wants/nftables.service", "/lib/systemd/system/nftables.service");
    let systems = host.systems();
    assert_eq!(systems.firewall, Some(FirewallManager::Nftables));
    assert_eq!(systems.rules_file.as_deref(), Some("/etc/nftables.conf"));

    host.file("/etc/ufw/ufw.conf", "ENABLED=yes\n");
    assert_eq!(host.systems().firewall, Some(FirewallManager::Ufw));
}

const PROFILE: &str = "[connection]\nid=Wired connection 1\nuuid=11111111-2222-3333-4444-555555555555\ntype=ethernet\n";
const DEVICE: &str = "[device]\nmanaged=true\nconnection-uuid=11111111-2222-3333-4444-555555555555\nnm-owned=false\n";

#[test]
fn networkmanager_names_the_profile_of_an_interface() {
    let host = Host::with(&[("/run/NetworkManager/devices/2", DEVICE), ("/run/NetworkManager/devices/3", DEVICE)]);
    let connection = |host: &Host| match host.systems().network {
        Some(NetworkManager::NetworkManager { connection }) => connection,
        other => panic!("{other:?}"),
    };
    assert_eq!(connection(&host).as_deref(), Some("11111111-2222-3333-4444-555555555555"));
    host.file("/etc/NetworkManager/system-connections/a.nmconnection", "[connection]\nid=other\nuuid=1\n");
    host.file("/etc/NetworkManager/system-connections/wired.nmconnection", PROFILE);
    assert_eq!(connection(&host).as_deref(), Some("Wired connection 1"));
    host.file("/run/NetworkManager/devices/2", "[device]\nmanaged=false\n");
    assert_eq!(host.systems().network, None);
}

const NETD: &str = "# This is private data. Do not parse.\nADMIN_STATE=configured\nOPER_STATE=routable\n";

#[test]
fn networkd_names_the_file_of_an_interface() {
    let state = format!("{NETD}NETWORK_FILE=/etc/systemd/network/10-eth0.network\n");
    let host = Host::with(&[("/run/systemd/netif/links/2", &state)]);
    let file = Some("/etc/systemd/network/10-eth0.network".to_owned());
    assert_eq!(host.systems().network, Some(NetworkManager::Networkd { file }));
    host.file("/run/systemd/netif/links/2", "ADMIN_STATE=unmanaged\n");
    assert_eq!(host.systems().network, None);
}

/// Only where netplan's own files have the interface under its name; else what it writes for takes additions just as well.
#[test]
fn netplan_is_told_by_what_it_writes() {
    let file = "/run/systemd/network/10-netplan-eth0.network";
    let host = Host::with(&[("/run/systemd/netif/links/2", &format!("{NETD}NETWORK_FILE={file}\n"))]);
    assert_eq!(host.systems().network, Some(NetworkManager::Networkd { file: Some(file.to_owned()) }));
    host.file("/etc/netplan/50-cloud-init.yaml", "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n");
    assert_eq!(host.systems().network, Some(NetworkManager::Netplan));
}

#[test]
fn ifupdown_is_told_by_its_files_where_nothing_else_has_the_interface() {
    let host = Host::with(&[("/etc/network/interfaces.d/eth0", "iface eth0 inet dhcp\n")]);
    assert_eq!(host.systems().network, Some(NetworkManager::Ifupdown));
    host.file("/run/NetworkManager/devices/2", DEVICE);
    assert!(matches!(host.systems().network, Some(NetworkManager::NetworkManager { .. })));
}

#[test]
fn what_the_host_is_and_which_mailer_it_has() {
    let host = Host::with(&[("/proc/1/environ", "container=lxc\0")]);
    assert_eq!(host.systems().container, Some(Container::Lxc));
    host.file("/run/.containerenv", "");
    assert_eq!(host.systems().container, Some(Container::Podman));
    host.file("/.dockerenv", "");
    assert_eq!(host.systems().container, Some(Container::Docker));
    assert_eq!(host.systems().mailer, None);
    host.file("/usr/sbin/exim4", "");
    assert_eq!(host.systems().mailer, Some(Mailer::Exim));
    host.file("/usr/sbin/postqueue", "");
    host.file("/etc/postfix/main.cf", "");
    assert_eq!(host.systems().mailer, Some(Mailer::Postfix));
}

/// As in a namespace of `ip netns`, which sees the files of the whole host.
#[test]
fn in_another_network_namespace_only_programs_are_known() {
    let host = Host::with(&[
        ("/run/NetworkManager/devices/2", DEVICE),
        ("/run/firewalld/x", ""),
        ("/.dockerenv", ""),
        ("/usr/sbin/nft", ""),
    ]);
    let eth0 = Interface { index: 2, name: "eth0".into() };
    let systems = Systems::read(&host.0, false).with(Some(&eth0), None);
    assert_eq!(systems, HostSystems::default());
}

/// What might wait for a writer is not opened.
#[test]
fn a_pipe_in_place_of_a_file_stops_nothing() {
    let host = Host::with(&[]);
    let path = host.place("/etc/ufw/ufw.conf");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(host.systems().firewall, None);
    assert!(Path::new(&path).exists());
}

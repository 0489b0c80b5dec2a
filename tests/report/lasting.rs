//! The forms of advice that survive a reboot, typed on the real systems: they act after a start of the system from its files, and
//! their undo leaves the files as they were.
//!
//! Needs root and what `netns-scripts/systems.sh` unpacks; fails without.

use pmtu_probe::model::{
    AddressReport, Blocker, Blockers, Cause, FirewallManager, HostSystems, IptablesBackend, LinkKind, Location,
    LocationPoint, NetworkManager, Ttl,
};
use pmtu_probe::report::{advise, advise_all};

use super::commands::{mss_of_a_connection_to, seen};
use super::fixtures::{V4, V6, back_hole, ip, link_mismatch, local_firewall, no_ptb};
use super::world::in_world;

const UNDO: &str = "# undo: ";

/// One piece of advice as somebody types it.
struct Typed {
    commands: String,
    undo: String,
    lasting: String,
    lasting_undo: String,
}

impl Typed {
    /// The first advice that has this word in a command.
    fn of(report: &AddressReport, word: &str) -> Self {
        let advice = advise(report);
        let found = advice.iter().find(|advice| advice.commands.iter().any(|command| command.contains(word)));
        let found = found.unwrap_or_else(|| panic!("no advice has {word}: {advice:#?}"));
        assert!(!found.lasting.is_empty(), "nothing lasts: {found:#?}");
        let undo =
            |lines: &[String]| lines.iter().filter_map(|line| line.strip_prefix(UNDO)).collect::<Vec<_>>().join("\n");
        Self {
            commands: found.commands.join("\n"),
            undo: undo(&found.commands),
            lasting: found.lasting.join("\n"),
            lasting_undo: undo(&found.lasting),
        }
    }
}

fn with_firewall(mut report: AddressReport, firewall: FirewallManager, file: Option<&str>) -> AddressReport {
    report.here.systems = HostSystems {
        firewall: Some(firewall),
        rules_file: file.map(str::to_owned),
        iptables: Some(IptablesBackend::Nft),
        ..HostSystems::default()
    };
    report
}

fn with_network(mut report: AddressReport, network: NetworkManager) -> AddressReport {
    let link = Some(LinkKind::Ethernet);
    report.here.systems = HostSystems { network: Some(network), link, ..HostSystems::default() };
    report
}

/// Large packets end at the first router, so the interface itself is to carry less.
fn near() -> AddressReport {
    let mut report = link_mismatch();
    let point = |ttl, address| Some(LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) });
    report.examined.cause = Some(Cause::LinkMismatch);
    report.examined.location =
        Some(Location { last_hop: point(0, "198.51.100.2"), next_hop: point(1, "198.51.100.1") });
    report
}

/// What `address` and another one of the same family get as MSS.
fn other(address: &str) -> &'static str {
    if address == V4 { "192.0.2.26" } else { "2001:db8::26" }
}

fn headers(address: &str) -> u32 {
    if address == V4 { 40 } else { 60 }
}

/// The connection to the address is clamped, the other one is free.
fn must_be_clamped(shown: &str, address: &str) {
    // Timestamps take 12 bytes of each segment.
    assert_eq!(seen(shown, "clamped"), 1400 - headers(address) - 12, "{shown}");
    assert!(seen(shown, "free") > 1400, "{shown}");
}

const FIREWALLD: &str = "
start_bus
firewalld --nofork --nopid >/run/firewalld.log 2>&1 &
patiently firewall-cmd --state
ip link set eth0 up
";

/// Its own reload leaves the table; the direct rule is there after one.
#[test]
fn on_real_systems_firewalld_keeps_a_clamp() {
    for address in [V4, V6] {
        let typed = Typed::of(&with_firewall(no_ptb(address), FirewallManager::Firewalld, None), "maxseg");
        let Typed { commands, undo, lasting, lasting_undo } = typed;
        let tables = if address == V4 { "iptables" } else { "ip6tables" };
        let shown = in_world(&format!(
            "{FIREWALLD}
             {commands}
             firewall-cmd --reload
             nft list table inet pmtu_clamp >/dev/null
             {lasting}
             nft delete table inet pmtu_clamp
             firewall-cmd --reload
             {mss}
             nft add table inet pmtu_clamp
             {again}
             {undo}
             {lasting_undo}
             firewall-cmd --reload
             test -z \"$(firewall-cmd --permanent --direct --get-all-rules)\"
             ! nft list table inet pmtu_clamp 2>/dev/null
             ! {tables} -t mangle -S INPUT | grep TCPMSS",
            mss = mss_of_a_connection_to(address, other(address)),
            again = commands,
        ));
        must_be_clamped(&shown, address);
    }
}

/// A direct rule drops the messages; it comes before firewalld's own, and ours before it, in the order of their types.
#[test]
fn on_real_systems_firewalld_admits_icmp_errors() {
    for (address, ip, drop, first, first_types) in [
        (V4, "ipv4", "-p icmp --icmp-type 3 -j DROP", "-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT", "3 11 12 3"),
        (
            V6,
            "ipv6",
            "-p ipv6-icmp --icmpv6-type 2 -j DROP",
            "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 1 -j ACCEPT",
            "1 2 3 4 2",
        ),
    ] {
        let typed =
            Typed::of(&with_firewall(local_firewall(address), FirewallManager::Firewalld, None), "firewall-cmd");
        let Typed { commands, undo, lasting, lasting_undo } = typed;
        let tables = if address == V4 { "iptables" } else { "ip6tables" };
        let (accept, count) = ("grep -c ACCEPT", if address == V4 { 3 } else { 4 });
        in_world(&format!(
            "{FIREWALLD}
             firewall-cmd --permanent --direct --add-rule {ip} filter INPUT 0 {drop}
             firewall-cmd --reload
             rules() {{ {tables} -S INPUT | grep -v '^-P'; }}
             rules >/run/before
             {commands}
             rules | head -1 | grep -Fxe '{first}'
             test \"$(echo $(rules | sed -n 's/.*-type \\([0-9]*\\).*/\\1/p'))\" = '{first_types}'
             {undo}
             rules | cmp - /run/before
             {lasting}
             rules | cmp - /run/before
             firewall-cmd --reload
             rules | head -1 | grep -Fxe '{first}'
             test \"$(rules | {accept})\" = {count}
             {lasting_undo}
             firewall-cmd --reload
             rules | cmp - /run/before"
        ));
    }
}

/// A rule of its own in the zone of the interface, which is not the usual one.
#[test]
fn on_real_systems_firewalld_admits_in_the_zone_of_the_interface() {
    for address in [V4, V6] {
        let mut report = with_firewall(local_firewall(address), FirewallManager::Firewalld, None);
        report.here.blockers = blocked("icmp type destination-unreachable reject");
        let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, "--add-rich-rule");
        let kind = if address == V4 {
            "icmp type destination-unreachable accept"
        } else {
            "icmpv6 type packet-too-big accept"
        };
        in_world(&format!(
            "{FIREWALLD}
             firewall-cmd --permanent --zone=external --add-interface=eth0
             firewall-cmd --reload
             rules() {{ nft list chain inet firewalld filter_IN_external_pre; }}
             rules >/run/before
             {commands}
             rules | grep '{kind}'
             {undo}
             rules | cmp - /run/before
             {lasting}
             firewall-cmd --reload
             rules | grep '{kind}'
             {lasting_undo}
             firewall-cmd --reload
             rules | cmp - /run/before"
        ));
    }
}

fn blocked(rule: &str) -> Blockers {
    let place = "table inet firewalld, chain filter_IN_external_deny".into();
    Blockers::Found(vec![Blocker { place, rule: rule.into(), is_certain: true, remedy: vec!["true".into()] }])
}

/// What drops by the source address stands in front of everything.
#[test]
fn on_real_systems_firewalld_stops_looking_at_the_source() {
    let mut report = with_firewall(local_firewall(V6), FirewallManager::Firewalld, None);
    report.here.blockers = blocked("meta nfproto ipv6 fib saddr . mark . iif oif missing drop");
    let advice = advise(&report).remove(0);
    let (commands, undo): (Vec<_>, Vec<_>) = advice.commands.iter().partition(|line| !line.starts_with('#'));
    let undo = undo[0].strip_prefix(UNDO).unwrap();
    in_world(&format!(
        "{FIREWALLD}
         rule() {{ nft list table inet firewalld | grep -q 'fib saddr'; }}
         rule
         {}
         ! rule
         {undo}
         rule",
        commands[0]
    ));
}

const UFW: &str = "
ip link set eth0 up
ufw --force enable
cat /etc/ufw/before.rules /etc/ufw/before6.rules >/run/files
same() { cat /etc/ufw/before.rules /etc/ufw/before6.rules | cmp - /run/files; }
";

#[test]
fn on_real_systems_ufw_keeps_a_clamp() {
    for address in [V4, V6] {
        let report = with_firewall(no_ptb(address), FirewallManager::Ufw, Some("/etc/ufw/before.rules"));
        let Typed { commands, lasting, lasting_undo, .. } = Typed::of(&report, "maxseg");
        let shown = in_world(&format!(
            "{UFW}
             {commands}
             ufw reload
             nft list table inet pmtu_clamp >/dev/null
             nft delete table inet pmtu_clamp
             {lasting}
             ufw reload
             ufw reload
             {}
             {lasting_undo}
             same
             ufw reload",
            mss_of_a_connection_to(address, other(address))
        ));
        must_be_clamped(&shown, address);
    }
}

#[test]
fn on_real_systems_ufw_admits_icmp_errors() {
    for (address, chain) in [(V4, "ufw-before-input"), (V6, "ufw6-before-input")] {
        let report = with_firewall(local_firewall(address), FirewallManager::Ufw, Some("/etc/ufw/before.rules"));
        let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, "tables -I");
        let tables = if address == V4 { "iptables" } else { "ip6tables" };
        let count = if address == V4 { 3 } else { 4 };
        in_world(&format!(
            "{UFW}
             {tables} -S INPUT >/run/before
             {commands}
             {undo}
             {tables} -S INPUT | cmp - /run/before
             {lasting}
             ufw reload
             {tables} -S {chain} | sed -n 2p | grep 'pmtu-probe.* -j ACCEPT'
             test \"$({tables} -S {chain} | grep -c pmtu-probe)\" = {count}
             {lasting_undo}
             same
             ufw reload"
        ));
    }
}

const NFT_FILE: &str = "/etc/nftables.conf";

/// As Debian has it.
const NFTABLES: &str = "
printf '%s\\n' '#!/usr/sbin/nft -f' '' 'flush ruleset' '' 'table inet filter {' '\tchain input {' \\
    '\t\ttype filter hook input priority filter;' '\t}' '}' >/etc/nftables.conf
cp /etc/nftables.conf /run/before
";

#[test]
fn on_real_systems_nftables_keeps_a_clamp() {
    for address in [V4, V6] {
        for (report, clamped) in [(no_ptb(address), "clamped"), (back_hole(address), "their clamped")] {
            let report = with_firewall(report, FirewallManager::Nftables, Some(NFT_FILE));
            let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, "maxseg");
            let shown = in_world(&format!(
                "{NFTABLES}
                 {commands}
                 {lasting}
                 {lasting}
                 nft -c -f /etc/nftables.conf
                 nft -f /etc/nftables.conf
                 {}
                 {undo}
                 {lasting_undo}
                 cmp /etc/nftables.conf /run/before",
                mss_of_a_connection_to(address, other(address))
            ));
            assert_eq!(seen(&shown, clamped), 1400 - headers(address) - 12, "{shown}");
        }
    }
}

/// Two runs, one after the other; the path to the first address is repaired.
#[test]
fn on_real_systems_the_undo_of_one_address_leaves_the_other_in_the_file() {
    let [first, second] = ["192.0.2.25", "192.0.2.27"].map(|address| {
        let mut report = with_firewall(no_ptb(V4), FirewallManager::Nftables, Some(NFT_FILE));
        report.address = ip(address);
        Typed::of(&report, "maxseg")
    });
    let shown = in_world(&format!(
        "{NFTABLES}\n{}\n{}\n{}\n{}\n{}\n{}\nnft -f /etc/nftables.conf\nnft list sets | grep elements",
        first.commands, first.lasting, second.commands, second.lasting, first.undo, first.lasting_undo
    ));
    assert_eq!(shown.trim(), "elements = { 192.0.2.27 }");
}

/// Nothing loads the file yet.
#[test]
fn on_real_systems_nftables_is_switched_on_for_a_clamp() {
    let mut report = no_ptb(V4);
    report.here.systems.rules_file = Some(NFT_FILE.into());
    let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, "maxseg");
    in_world(&format!(
        "{NFTABLES}
         enabled() {{ ls /etc/systemd/system/*.wants/nftables.service >/dev/null 2>&1; }}
         ! enabled
         {commands}
         {lasting}
         enabled
         nft -f /etc/nftables.conf
         nft list table inet pmtu_clamp
         {undo}
         {lasting_undo}
         ! enabled
         cmp /etc/nftables.conf /run/before"
    ));
}

#[test]
fn on_real_systems_netfilter_persistent_keeps_a_clamp() {
    for address in [V4, V6] {
        for (report, clamped) in [(no_ptb(address), "clamped"), (back_hole(address), "their clamped")] {
            let report = with_firewall(report, FirewallManager::Iptables, Some("/etc/iptables/rules.v4"));
            let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, "TCPMSS");
            let shown = in_world(&format!(
                "{commands}
                 {lasting}
                 nft flush ruleset
                 netfilter-persistent start
                 {}
                 {undo}
                 {lasting_undo}
                 ! grep TCPMSS /etc/iptables/rules.v*",
                mss_of_a_connection_to(address, other(address))
            ));
            assert_eq!(seen(&shown, clamped), 1400 - headers(address) - 12, "{shown}");
        }
    }
}

/// Of other distributions: a file for each family, in the format of iptables-restore.
#[test]
fn on_real_systems_saved_rules_keep_a_clamp() {
    for (address, tables) in [(V4, "iptables"), (V6, "ip6tables")] {
        let report = with_firewall(no_ptb(address), FirewallManager::Iptables, Some("/etc/sysconfig/iptables"));
        let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, "TCPMSS");
        in_world(&format!(
            "mkdir -p /etc/sysconfig
             {commands}
             {lasting}
             nft flush ruleset
             {tables}-restore </etc/sysconfig/{tables}
             {tables} -t mangle -S INPUT | grep TCPMSS
             {undo}
             {lasting_undo}
             ! grep TCPMSS /etc/sysconfig/{tables}"
        ));
    }
}

fn route_word(address: &str) -> &'static str {
    if address == V4 { "ip" } else { "ip -6" }
}

const NETWORKD: &str = "
cat >/etc/systemd/network/10-eth0.network <<-END
	[Match]
	Name=eth0
	[Network]
	Address=198.51.100.2/24
	Address=2001:db8:1::2/64
	Gateway=198.51.100.1
	LinkLocalAddressing=ipv6
	IPv6AcceptRA=no
	END
start_networkd() {
    mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
    chown -R systemd-network:systemd-network /run/systemd/netif
    /lib/systemd/systemd-networkd >>/run/networkd.log 2>&1 &
    networkd=$!
    configured() { grep -q ADMIN_STATE=configured /run/systemd/netif/links/$(cat /sys/class/net/eth0/ifindex); }
    patiently configured
}
stop_networkd() {
    kill $networkd
    wait $networkd || true
    rm -rf /run/systemd/netif
    ip address flush dev eth0
    ip link set eth0 down
}
again() { stop_networkd; start_networkd; }
";

fn networkd() -> NetworkManager {
    NetworkManager::Networkd { file: Some("/etc/systemd/network/10-eth0.network".into()) }
}

#[test]
fn on_real_systems_networkd_keeps_routes() {
    for address in [V4, V6] {
        let route = route_word(address);
        for (report, word, metric) in [
            (no_ptb(address), "mtu lock", "mtu 1400".to_owned()),
            (back_hole(address), "advmss", format!("advmss {}", 1400 - headers(address))),
        ] {
            let Typed { commands, lasting, lasting_undo, .. } = Typed::of(&with_network(report, networkd()), word);
            in_world(&format!(
                "{NETWORKD}
                 start_networkd
                 {commands}
                 {lasting}
                 again
                 {route} route show {address} | grep '{metric}'
                 {route} route get {address} | grep '{metric}'
                 {lasting_undo}
                 again
                 test -z \"$({route} route show {address})\"
                 test -z \"$(find /etc/systemd/network -name '*pmtu*')\""
            ));
        }
    }
}

#[test]
fn on_real_systems_networkd_keeps_the_mtu() {
    let Typed { commands, lasting, lasting_undo, .. } = Typed::of(&with_network(near(), networkd()), "ip link set");
    in_world(&format!(
        "{NETWORKD}
         start_networkd
         {commands}
         ip link set dev eth0 mtu 1500
         {lasting}
         again
         ip link show eth0 | grep 'mtu 1400'
         {lasting_undo}
         ip link set dev eth0 mtu 1500
         again
         ip link show eth0 | grep 'mtu 1500'"
    ));
}

const NETPLAN: &str = "
printf '%s\\n' 'network:' '  version: 2' '  ethernets:' '    eth0:' '      addresses: [198.51.100.2/24, 2001:db8:1::2/64]' \\
    '      routes:' '      - {to: default, via: 198.51.100.1}' >/etc/netplan/50-cloud-init.yaml
chmod 600 /etc/netplan/*
file=/run/systemd/network/10-netplan-eth0.network
generate() { rm -rf /run/systemd/network; netplan generate; }
generate
cp $file /run/before
";

#[test]
fn on_real_systems_netplan_keeps_routes_and_the_mtu() {
    for (report, word, wanted) in [
        (no_ptb(V4), "mtu lock", "Destination=192.0.2.25/32 Gateway=198.51.100.1 MTUBytes=1400"),
        (no_ptb(V6), "mtu lock", "Destination=2001:db8::25/128 Gateway=fe80::1 MTUBytes=1400"),
        (near(), "ip link set", "[Link] MTUBytes=1400"),
    ] {
        let report = with_network(report, NetworkManager::Netplan);
        let Typed { lasting, lasting_undo, .. } = Typed::of(&report, word);
        in_world(&format!(
            "{NETPLAN}
             {lasting}
             generate
             tr '\\n' ' ' <$file | grep -F '{wanted}'
             grep 'Gateway=198.51.100.1' $file
             {lasting_undo}
             generate
             cmp $file /run/before"
        ));
    }
}

/// What netplan writes takes additions as well, where its own files say nothing under the name.
#[test]
fn on_real_systems_networkd_adds_to_what_netplan_writes() {
    let file = "/run/systemd/network/10-netplan-eth0.network".to_owned();
    let report = with_network(no_ptb(V4), NetworkManager::Networkd { file: Some(file) });
    let Typed { lasting, .. } = Typed::of(&report, "mtu lock");
    in_world(&format!(
        "{NETPLAN}{NETWORKD}
         rm /etc/systemd/network/10-eth0.network
         {lasting}
         start_networkd
         ip route show {V4} | grep 'mtu 1400'"
    ));
}

const IFUPDOWN: &str = "
mkdir -p /run/network
printf '%s\\n' 'auto eth0' 'iface eth0 inet static' '  address 198.51.100.2/24' '  gateway 198.51.100.1' 'iface eth0 inet6 static' \\
    '  address 2001:db8:1::2/64' '  dad-attempts 0' >/etc/network/interfaces
rm -f /etc/network/if-*.d/postfix
again() { ifdown eth0; ip link set dev eth0 mtu 1500; ifup eth0; }
ifup eth0
";

#[test]
fn on_real_systems_ifupdown_keeps_routes_and_the_mtu() {
    for (report, word, shows) in [
        (no_ptb(V4), "mtu lock", "ip route show 192.0.2.25 | grep 'mtu lock 1400'"),
        (no_ptb(V6), "mtu lock", "ip -6 route show 2001:db8::25 | grep 'mtu lock 1400'"),
        (back_hole(V4), "advmss", "ip route show 192.0.2.25 | grep 'advmss 1360'"),
        (near(), "ip link set", "ip link show eth0 | grep 'mtu 1400'"),
    ] {
        let report = with_network(report, NetworkManager::Ifupdown);
        let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, word);
        in_world(&format!(
            "{IFUPDOWN}
             {commands}
             {undo}
             ! {shows}
             {lasting}
             ifquery -l | grep eth0
             again
             {shows}
             {lasting_undo}
             again
             ! {shows}
             test -z \"$(ls /etc/network/if-up.d | grep pmtu || true)\""
        ));
    }
}

/// The daemon itself, with the interface and one profile.
const NETWORKMANAGER: &str = "
start_bus
cat >/etc/NetworkManager/system-connections/lan.nmconnection <<-END
	[connection]
	id=Wired connection 1
	uuid=11111111-2222-3333-4444-555555555555
	type=ethernet
	interface-name=eth0
	[ipv4]
	method=manual
	address1=198.51.100.2/24,198.51.100.1
	[ipv6]
	method=manual
	address1=2001:db8:1::2/64,2001:db8:1::1
	END
chmod 600 /etc/NetworkManager/system-connections/*
NetworkManager --no-daemon >/run/networkmanager.log 2>&1 &
connected() { nmcli -g GENERAL.STATE device show eth0 | grep '(connected)'; }
patiently connected
again() { nmcli connection up 'Wired connection 1'; connected; }
";

/// Profiles are in force when they are activated next.
#[test]
fn on_real_systems_networkmanager_keeps_routes_and_the_mtu() {
    for (report, word, shows) in [
        (no_ptb(V4), "mtu lock", "ip route show 192.0.2.25 | grep 'mtu lock 1400'"),
        (no_ptb(V6), "mtu lock", "ip -6 route show 2001:db8::25 | grep 'mtu lock 1400'"),
        (back_hole(V4), "advmss", "ip route show 192.0.2.25 | grep 'advmss 1360'"),
        (near(), "ip link set", "ip link show eth0 | grep 'mtu 1400'"),
    ] {
        let connection = Some("Wired connection 1".to_owned());
        let report = with_network(report, NetworkManager::NetworkManager { connection });
        let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&report, word);
        in_world(&format!(
            "{NETWORKMANAGER}
             {commands}
             {undo}
             ! {shows}
             {lasting}
             again
             {shows}
             {lasting_undo}
             again
             ! {shows}"
        ));
    }
}

/// Without a daemon: what nmcli makes of a profile.
#[test]
fn on_real_systems_nmcli_takes_routes_and_the_mtu() {
    let profile = "printf '%s\\n' '[connection]' 'id=Wired connection 1' 'uuid=11111111-2222-3333-4444-555555555555' \
                   'type=ethernet' 'interface-name=eth0' '' '[ethernet]' '' '[ipv4]' 'method=auto' '' '[ipv6]' 'method=auto' \
                   '' '[proxy]' >/run/profile";
    for (report, word, wanted) in [
        (no_ptb(V4), "mtu lock", "route1=192.0.2.25/32,198.51.100.1 route1_options=lock-mtu=true,mtu=1400"),
        (no_ptb(V6), "mtu lock", "route1=2001:db8::25/128,fe80::1 route1_options=lock-mtu=true,mtu=1400"),
        (back_hole(V4), "advmss", "route1=192.0.2.25/32,198.51.100.1 route1_options=advmss=1360"),
        (near(), "ip link set", "mtu=1400"),
    ] {
        let connection = Some("Wired connection 1".to_owned());
        let report = with_network(report, NetworkManager::NetworkManager { connection });
        let Typed { lasting, lasting_undo, .. } = Typed::of(&report, word);
        let offline = |lines: &str| {
            let named = "nmcli connection modify 'Wired connection 1'";
            let lines = lines.lines().filter(|line| !line.starts_with('#'));
            let change = |line: &str| {
                let rest = line.strip_prefix(named).unwrap_or_else(|| panic!("{line}"));
                format!("nmcli --offline connection modify{rest} </run/profile >/run/new\nmv /run/new /run/profile")
            };
            lines.map(change).collect::<Vec<_>>().join("\n")
        };
        in_world(&format!(
            "{profile}
             cp /run/profile /run/before
             {}
             tr '\\n' ' ' </run/profile | grep -F '{wanted}'
             {}
             cmp /run/profile /run/before",
            offline(&lasting),
            offline(&lasting_undo)
        ));
    }
}

#[test]
fn on_real_systems_a_setting_is_read_from_its_file() {
    let Typed { commands, undo, lasting, lasting_undo } = Typed::of(&no_ptb(V4), "tcp_mtu_probing");
    in_world(&format!(
        "value() {{ cat /proc/sys/net/ipv4/tcp_mtu_probing; }}
         {commands}
         {undo}
         {lasting}
         test $(value) = 0
         sysctl -p /etc/sysctl.d/*pmtu-probe*
         test $(value) = 1
         {lasting_undo}
         test -z \"$(ls /etc/sysctl.d | grep pmtu || true)\""
    ));
}

/// Both families, many addresses: one lasting form for all of them.
#[test]
fn on_real_systems_addresses_of_both_families_last_together() {
    let mut reports = super::together::behind_one_hole().addresses;
    for report in &mut reports {
        *report = with_firewall(report.clone(), FirewallManager::Nftables, Some(NFT_FILE));
        report.here.systems.network = Some(networkd());
    }
    let count = reports.len();
    let advice = advise_all(&reports.iter().collect::<Vec<_>>());
    let with = |words: &str| -> (String, String) {
        let found = advice.iter().filter(|advice| advice.commands.iter().any(|line| line.contains(words)));
        let found: Vec<_> = found.collect();
        assert!(!found.is_empty(), "{words}");
        let commands: Vec<&str> = found.iter().flat_map(|advice| &advice.commands).map(String::as_str).collect();
        let lasting: Vec<&str> = found.iter().flat_map(|advice| &advice.lasting).map(String::as_str).collect();
        (commands.join("\n"), lasting.join("\n"))
    };
    let (clamp, keep_clamp) = with("maxseg");
    let (_, keep_routes) = with(" route replace ");
    let undo: Vec<&str> = keep_routes.lines().filter_map(|line| line.strip_prefix(UNDO)).collect();
    in_world(&format!(
        "{NFTABLES}
         {clamp}
         {keep_clamp}
         nft -f /etc/nftables.conf
         test \"$(nft list sets | grep -c elements)\" = 2
         {keep_routes}
         test \"$(cat /etc/systemd/network/*.d/pmtu-*.conf | grep -c MTUBytes=)\" = {count}
         {}
         test -z \"$(find /etc/systemd/network -name '*pmtu*')\"",
        undo.join("\n"),
    ));
}

//! The commands that advice gives, run in a network namespace of their own: right syntax, the effect that the text
//! promises, and the undo that it names.
//!
//! Needs `unshare`, `nft`, `ip` and `iptables`, and root or user namespaces; fails without.

use std::process::{Command, Output};

use pmtu_probe::model::{
    AddressReport, Advice, Blockers, Cause, Finding, IptablesBackend, Location, LocationPoint, RouteMtu, Ttl, Who,
};
use pmtu_probe::report::{advise, advise_all};

use super::fixtures::{V4, V6, back_hole, clear, discoverable, ip, link_mismatch, local_firewall, no_ptb, size};
use super::together::behind_one_hole;

/// Set by the outer run for the one inside the namespace.
const INSIDE: &str = "PMTU_PROBE_TEST_INSIDE";

/// An interface named as in the advice, with the gateway's network on it, and a firewall as Debian lays it out.
const NAMESPACE: &str = "
set -e
ip link set lo up
ip link add eth0 type veth peer name far0
ip link set eth0 addrgenmode none
ip link set far0 addrgenmode none
ip link set eth0 up
ip link set far0 up
ip address add 198.51.100.2/24 dev eth0
ip -6 address add 2001:db8:1::2/64 dev eth0 nodad
nft add table inet filter
nft add chain inet filter input '{ type filter hook input priority 0; policy accept; }'
nft add chain inet filter forward '{ type filter hook forward priority 0; policy accept; }'
";

const ADDRESSES_CLAMPED: &str = "nft list sets | grep elements || true";

#[test]
fn workarounds_run_and_undo() {
    for address in [V4, V6] {
        check(
            &no_ptb(address),
            &["nft list ruleset", "ip route show", "ip -6 route show", "sysctl net.ipv4.tcp_mtu_probing"],
        );
    }
}

/// The same for many addresses at once.
#[test]
fn workarounds_for_all_addresses_run_and_undo() {
    let whole = behind_one_hole();
    let advice = advise_all(&whole.addresses.iter().collect::<Vec<_>>());
    check_advice(
        "",
        &advice,
        &["nft list ruleset", "ip route show", "ip -6 route show", "sysctl net.ipv4.tcp_mtu_probing"],
    );
}

/// Two runs gave their advice, one after the other; the first path is repaired.
#[test]
fn the_undo_of_one_address_leaves_the_others() {
    let [first, second] = ["192.0.2.25", "192.0.2.26"].map(|address| {
        let mut report = no_ptb(V4);
        report.address = ip(address);
        commands_with(&report, "maxseg")
    });
    let undo = first.iter().find_map(|command| command.strip_prefix("# undo: ")).unwrap();
    let shown = in_namespace(&format!("{}\n{}\n{undo}\n{ADDRESSES_CLAMPED}", first.join("\n"), second.join("\n")));
    assert_eq!(shown.trim(), "elements = { 192.0.2.26 }");
}

#[test]
fn workarounds_for_the_way_back_run_and_undo() {
    for address in [V4, V6] {
        let tables = if address == V4 { "iptables" } else { "ip6tables" };
        let ip = if address == V4 { "ip" } else { "ip -6" };
        check(
            &back_hole(address),
            &[ADDRESSES_CLAMPED, &format!("{tables} -t mangle -S OUTPUT"), &format!("{ip} route show")],
        );
    }
}

#[test]
fn workarounds_for_both_ways_do_not_undo_each_other() {
    for address in [V4, V6] {
        let mut report = no_ptb(address);
        report.examined.reverse = back_hole(address).examined.reverse;
        check(&report, &["nft list tables inet", "ip route show", "ip -6 route show"]);
    }
}

/// The MSS that a connection's other end gets to see, and the one that Linux takes from such a route.
#[test]
fn each_workaround_for_the_way_back_lowers_what_this_host_announces_and_nothing_else() {
    for (address, other) in [(V4, "192.0.2.26"), (V6, "2001:db8::26")] {
        let headers = if address == V4 { 40 } else { 60 };
        for (word, report) in [("maxseg", back_hole(address)), ("TCPMSS", without_nft(back_hole(address)))] {
            let commands = commands_with(&report, word).join("\n");
            let shown = in_namespace(&format!("{commands}\n{}", mss_of_a_connection_to(address, other)));
            assert_eq!(seen(&shown, "their clamped"), 1400 - headers - 12, "{word}: {shown}");
            assert!(seen(&shown, "their free") > 1400, "{word}: {shown}");
        }
        let ip = if address == V4 { "ip" } else { "ip -6" };
        let commands = commands_with(&back_hole(address), "advmss").join("\n");
        let shown = in_namespace(&format!("{commands}\n{ip} route get {address}\n{ip} route show"));
        assert!(shown.contains(&format!("advmss {}", 1400 - headers)), "{shown}");
    }
}

pub(super) fn seen(shown: &str, which: &str) -> u32 {
    let line = shown.lines().find_map(|line| line.strip_prefix(which)).unwrap_or_else(|| panic!("{which}: {shown}"));
    line.trim().parse().unwrap()
}

/// What a server's admin, and those of a router of ours, are asked to run is right as well.
#[test]
fn rules_for_the_way_back_run() {
    for address in [V4, V6] {
        let mut report = discoverable(address);
        report.examined.reverse = back_hole(address).examined.reverse;
        let point = |ttl, address: &str| Some(LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) });
        let (first, second) =
            if address == V4 { ("198.51.100.1", "203.0.113.2") } else { ("fe80::1", "2001:db8:2::2") };
        report.examined.location = Some(Location { last_hop: point(1, first), next_hop: point(2, second) });
        let others: Vec<Advice> = advise(&report).into_iter().filter(|advice| advice.who != Who::You).collect();
        assert_eq!(
            others.iter().map(|advice| advice.who).collect::<Vec<_>>(),
            [Who::YourNetwork, Who::YourNetwork, Who::TheirSide]
        );
        let commands: Vec<_> = others.iter().flat_map(|advice| linux(&advice.commands)).collect();
        let tables = if address == V4 { "iptables" } else { "ip6tables" };
        let shown = in_namespace(&format!(
            "nft add chain inet filter output '{{ type filter hook output priority 0; policy accept; }}'\n{}\n\
             nft list table inet filter\n{tables} -S\nsysctl net.ipv4.tcp_mtu_probing",
            commands.join("\n")
        ));
        let too_big = if address == V4 { "destination-unreachable" } else { "packet-too-big" };
        for words in [too_big, "-A INPUT", "-A OUTPUT", "-A FORWARD", "tcp_mtu_probing = 1"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
    }
}

#[test]
fn firewall_rules_run_and_undo() {
    for address in [V4, V6] {
        check(
            &local_firewall(address),
            &["nft list chain inet filter input", "iptables -S INPUT", "ip6tables -S INPUT"],
        );
    }
}

/// What another network is asked to run is right as well.
#[test]
fn rules_for_those_on_the_way_run() {
    for address in [V4, V6] {
        let asked = advise(&no_ptb(address)).pop().unwrap();
        assert_ne!(asked.who, Who::You);
        let tables = if address == V4 { "iptables" } else { "ip6tables" };
        let script =
            format!("{}\nnft list chain inet filter forward\n{tables} -S FORWARD", linux(&asked.commands).join("\n"));
        let shown = in_namespace(&script);
        let too_big = if address == V4 { "destination-unreachable" } else { "packet-too-big" };
        assert!(shown.contains(too_big), "{shown}");
        assert!(shown.matches("-j ACCEPT").count() >= 3, "{shown}");
    }
}

#[test]
fn a_found_rule_is_passed_by_and_other_places_are_looked_at() {
    let mut report = local_firewall(V4);
    report.here.blockers = Blockers::Unreadable("not permitted".into());
    check(&report, &["nft list chain inet filter input", "iptables -S INPUT"]);
    for address in [V4, V6] {
        let mut report = local_firewall(address);
        report.here.blockers = Blockers::NoneFound;
        let look = advise(&report).remove(0);
        // nstat comes with iproute2, but not in every image.
        let commands: Vec<_> = look.commands.into_iter().filter(|command| !command.starts_with("nstat")).collect();
        in_namespace(&commands.join("\n"));
    }
}

/// The routes as `ip route get fibmatch` prints them in the end: with everything they had but the MTU.
#[test]
fn a_route_is_freed_of_its_mtu_and_gets_it_back() {
    let rows = [
        (V4, "ip route add default via 198.51.100.1 dev eth0 src 198.51.100.2 metric 100 mtu lock 1300", true),
        (V4, "ip route add 192.0.2.25/32 via 198.51.100.1 dev eth0 mtu 1300", false),
        (V4, "ip route add 192.0.2.0/24 dev eth0 proto static mtu 1300 advmss 1200", false),
        (V6, "ip -6 route add default via 2001:db8:1::1 dev eth0 metric 1024 mtu 1300", false),
        (V6, "ip -6 route add 2001:db8::/64 via 2001:db8:1::1 dev eth0 mtu lock 1300", true),
    ];
    for (address, setup, locked) in rows {
        let mut report = clear(address);
        report.here.route_mtu = Some(RouteMtu { mtu: size(1300), locked });
        report.examined.findings = vec![Finding::RouteMtuBelowPath];
        let ip = if address == V4 { "ip" } else { "ip -6" };
        check_after(
            setup,
            &report,
            &[&format!("{ip} route show default"), &format!("{ip} route get fibmatch {address}")],
        );
        let commands = commands_with(&report, "route change");
        let shown = in_namespace(&format!("{setup}\n{}\n{ip} route get {address}", commands.join("\n")));
        assert!(shown.contains("dev eth0") && !shown.contains("mtu"), "{setup}: {shown}");

        report.examined.path_mtu = Some(size(1400));
        let commands = commands_with(&report, "route change");
        let shown = in_namespace(&format!("{setup}\n{}\n{ip} route get {address}", commands.join("\n")));
        assert!(shown.contains(if locked { "mtu lock 1400" } else { "mtu 1400" }), "{setup}: {shown}");
    }
}

#[test]
fn path_mtu_discovery_is_switched_on_and_back() {
    let mut report = discoverable(V4);
    report.here.settings.no_pmtu_disc = Some(2);
    report.examined.findings = vec![Finding::PmtudDisabledHere];
    let setup = "sysctl -qw net.ipv4.ip_no_pmtu_disc=2";
    check_after(setup, &report, &["sysctl net.ipv4.ip_no_pmtu_disc"]);
}

#[test]
fn lowering_the_mtu_of_an_interface_runs_and_undoes() {
    let mut report = link_mismatch();
    let point = |ttl, address| Some(LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) });
    report.examined.cause = Some(Cause::LinkMismatch);
    report.examined.location =
        Some(Location { last_hop: point(0, "198.51.100.2"), next_hop: point(1, "198.51.100.1") });
    check(&report, &["ip -o link show eth0 | grep -o 'mtu [0-9]*'"]);
}

#[test]
fn forgetting_path_mtus_runs() {
    for address in [V4, V6] {
        let mut report = no_ptb(address);
        report.examined.findings = vec![Finding::StaleKernelPmtu];
        let flush = advise(&report).pop().unwrap();
        assert!(flush.commands[0].ends_with("route flush cache"), "{flush:?}");
        in_namespace(&flush.commands.join("\n"));
    }
}

#[test]
fn a_fixed_route_takes_effect() {
    let commands = commands_with(&no_ptb(V4), "route replace");
    let shown = in_namespace(&format!("{}\nip route get {V4}", commands.join("\n")));
    assert!(shown.contains("mtu lock 1400"), "{shown}");
    let commands = commands_with(&no_ptb(V6), "route replace");
    let shown = in_namespace(&format!("{}\nip -6 route get {V6}", commands.join("\n")));
    assert!(shown.contains("mtu lock 1400"), "{shown}");
}

/// What Linux makes of the clamp is what counts: the MSS of a real connection.
#[test]
fn a_clamp_lowers_what_this_host_sends_and_nothing_else() {
    for (address, other) in [(V4, "192.0.2.26"), (V6, "2001:db8::26")] {
        let mut report = no_ptb(address);
        report.examined.path_mtu = Some(size(1400));
        let headers = if address == V4 { 40 } else { 60 };
        let script =
            format!("{}\n{}", commands_with(&report, "maxseg").join("\n"), mss_of_a_connection_to(address, other));
        let shown = in_namespace(&script);
        // Timestamps take 12 bytes of each segment.
        assert_eq!(seen(&shown, "clamped"), 1400 - headers - 12, "{shown}");
        assert!(seen(&shown, "free") > 1400, "{shown}");
    }
}

/// In place of programs that a host lacks, and of those that it has under another name.
const NO_NFT: &str = "nft() { echo 'there is no nft' >&2; return 127; }";
const LEGACY: &str = "iptables() { iptables-legacy \"$@\"; }; ip6tables() { ip6tables-legacy \"$@\"; }";
const NO_FIREWALL: &str = "iptables() { echo 'there is no iptables' >&2; return 127; }; ip6tables() { iptables; }";

fn without_nft(mut report: AddressReport) -> AddressReport {
    report.here.systems.has_nft = false;
    report.here.systems.iptables = Some(IptablesBackend::Legacy);
    report
}

/// Both kinds of iptables, both ways: the same effect, and the undo leaves nothing.
#[test]
fn without_nft_a_clamp_is_set_by_either_kind_of_iptables() {
    for kind in ["", LEGACY] {
        for (address, other, tables) in [(V4, "192.0.2.26", "iptables"), (V6, "2001:db8::26", "ip6tables")] {
            let headers = if address == V4 { 40 } else { 60 };
            for (report, which) in [(no_ptb(address), ""), (back_hole(address), "their ")] {
                let commands = commands_with(&without_nft(report), "TCPMSS");
                let undo: Vec<&str> = commands.iter().filter_map(|line| line.strip_prefix("# undo: ")).collect();
                let shown = in_namespace(&format!(
                    "{NO_NFT}\n{kind}\n{}\n{}\n{}\n! {tables} -t mangle -S | grep TCPMSS",
                    commands.join("\n"),
                    mss_of_a_connection_to(address, other),
                    undo.join("\n")
                ));
                assert_eq!(seen(&shown, &format!("{which}clamped")), 1400 - headers - 12, "{shown}");
                assert!(seen(&shown, &format!("{which}free")) > 1400, "{shown}");
            }
        }
    }
}

/// Everything that such a host is told runs there.
#[test]
fn a_host_is_told_only_what_it_can_run() {
    for address in [V4, V6] {
        let (ip, tables) = if address == V4 { ("ip", "iptables") } else { ("ip -6", "ip6tables") };
        let routes = format!("{ip} route show");
        for (report, state) in [(no_ptb(address), "INPUT"), (back_hole(address), "OUTPUT")] {
            let rules = format!("{tables} -t mangle -S {state}");
            check_after(&format!("{NO_NFT}\n{LEGACY}"), &without_nft(report.clone()), &[&rules, &routes]);
            let mut bare = without_nft(report);
            bare.here.systems.iptables = None;
            let first = advise(&bare).remove(0);
            assert!(first.commands[0].contains(" route replace ") && !first.is_alternative, "{first:?}");
            assert!(first.text.starts_with("Give this address a route"), "{first:?}");
            check_after(&format!("{NO_NFT}\n{NO_FIREWALL}"), &bare, &[&routes]);
        }
        let rules = format!("{tables} -S INPUT");
        check_after(&format!("{NO_NFT}\n{LEGACY}"), &without_nft(local_firewall(address)), &[&rules]);
    }
}

/// Runs this test binary inside the namespace as the client.
pub(super) fn mss_of_a_connection_to(address: &str, other: &str) -> String {
    let length = if address == V4 { 32 } else { 128 };
    let nodad = if address == V4 { "" } else { "nodad" };
    let program = std::env::current_exe().unwrap();
    format!(
        "ip address add {address}/{length} dev lo {nodad}\n\
         ip address add {other}/{length} dev lo {nodad}\n\
         {INSIDE}='clamped {address} free {other}' '{}' --exact commands::inside --nocapture --test-threads 1",
        program.display()
    )
}

/// Prints the MSS of a connection to each address named, at both ends; does nothing in an ordinary run.
#[test]
fn inside() {
    let Ok(wanted) = std::env::var(INSIDE) else { return };
    let words: Vec<_> = wanted.split(' ').collect();
    for pair in words.chunks_exact(2) {
        let listener = std::net::TcpListener::bind((ip(pair[1]), 0)).unwrap();
        let stream = connect_patiently(listener.local_addr().unwrap());
        let mss = socket2::SockRef::from(&stream).tcp_mss().unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let theirs = socket2::SockRef::from(&accepted).tcp_mss().unwrap();
        println!("\n{} {mss}\ntheir {} {theirs}", pair[0], pair[0]);
    }
}

/// On a busy machine the kernel is a moment late with the route to a new IPv6 address.
fn connect_patiently(address: std::net::SocketAddr) -> std::net::TcpStream {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        match std::net::TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(error) => assert!(std::time::Instant::now() < deadline, "{address}: {error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Runs all commands for this host, then all undo lines, and compares what the probes of state print before, between and
/// after.
fn check(report: &AddressReport, state: &[&str]) {
    check_after("", report, state);
}

fn check_after(setup: &str, report: &AddressReport, state: &[&str]) {
    check_advice(setup, &advise(report), state);
}

fn check_advice(setup: &str, advice: &[Advice], state: &[&str]) {
    let advice: Vec<&Advice> = advice.iter().filter(|advice| advice.who == Who::You).collect();
    let commands: Vec<&str> = advice.iter().flat_map(|advice| &advice.commands).map(String::as_str).collect();
    assert!(commands.iter().any(|command| !command.starts_with('#')), "{advice:?}");
    let undo: Vec<&str> = commands.iter().filter_map(|command| command.strip_prefix("# undo: ")).collect();
    let state = state.join("\n");
    let script = format!(
        "{setup}\n{state}\necho =====\n{{ {}\n}} >/dev/null\n{state}\necho =====\n{{ {}\n}} >/dev/null\n{state}",
        commands.join("\n"),
        undo.join("\n"),
    );
    let shown = in_namespace(&script);
    let parts: Vec<_> = shown.split("=====\n").collect();
    assert_eq!(parts.len(), 3, "{shown}");
    assert_ne!(parts[0], parts[1], "the commands change nothing");
    assert_eq!(parts[0], parts[2], "the undo does not restore\n{script}");
}

/// The commands of the advice that has one with this word.
fn commands_with(report: &AddressReport, word: &str) -> Vec<String> {
    let advice = advise(report);
    let found = advice.into_iter().find(|advice| advice.commands.iter().any(|command| command.contains(word)));
    found.unwrap_or_else(|| panic!("no advice has {word}")).commands
}

/// Those for a Linux machine, with nftables and with iptables.
pub(super) fn linux(commands: &[String]) -> Vec<String> {
    let is_other = |command: &&String| command.starts_with("# or with ") && !command.contains("iptables");
    commands.iter().take_while(|command| !is_other(command)).cloned().collect()
}

/// Runs a script in a fresh namespace that ends with it; every command has to succeed.
pub(super) fn in_namespace(script: &str) -> String {
    let script = format!("{NAMESPACE}\n{script}");
    let output = Command::new("unshare").args(["--map-root-user", "--net", "sh", "-c", &script]).output();
    let Output { status, stdout, stderr } = output.expect("unshare (util-linux) is needed");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(
        status.success(),
        "{status}: {stderr}\nneeds nft, ip, iptables (apt-get install nftables iproute2 iptables) and root or user \
         namespaces\n{script}\n{stdout}"
    );
    stdout.into_owned()
}

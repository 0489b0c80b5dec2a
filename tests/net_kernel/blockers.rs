//! Which rule drops the message: the kernel itself says whether one does, before and after the remedy and its undo.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pmtu_probe::firewall::{self, Message};
use pmtu_probe::model::{Blocker, Blockers};
use pmtu_probe::net::privilege;
use pmtu_probe::net::route::{RouteQuery, Routes};
use pmtu_probe::net::ruleset::RulesetReader;

use crate::lab::{HERE4, HERE6, Lab, THERE4, THERE6, in_namespaces, ip, sh};
use crate::packets::{inject, ptb, udp};

/// What a PTB states here; nobody else on the link does.
const STATED: u16 = 1300;

/// A ruleset, and what in it drops PTBs.
struct Case {
    v6: bool,
    rules: &'static str,
    place: &'static str,
    rule: &'static str,
}

const fn v4(rules: &'static str, place: &'static str, rule: &'static str) -> Case {
    Case { v6: false, rules, place, rule }
}

const fn v6(rules: &'static str, place: &'static str, rule: &'static str) -> Case {
    Case { v6: true, rules, place, rule }
}

const INPUT: &str = "table inet filter, chain input";

/// For chains of table `inet filter`; the neighbours find each other.
macro_rules! input {
    ($policy:literal, $rules:literal) => {
        concat!(
            "nft -f - <<'END'\ntable inet filter {\n",
            "chain deep { icmp type echo-request accept; meta l4proto ipv6-icmp return; icmp type { 3, 11 } drop; }\n",
            "chain side { jump deep; counter; }\n",
            "chain errors { icmp type vmap { echo-request : accept, destination-unreachable : drop }; }\n",
            "set here { type ipv4_addr; flags interval; elements = { 10.9.1.0/24, 192.0.2.1 }; }\n",
            "map kinds { type icmpv6_type : verdict; elements = { packet-too-big : drop, echo-request : accept }; }\n",
            "chain input { type filter hook input priority filter; policy ",
            $policy,
            "; ",
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept; ",
            $rules,
            "\n}\n}\nEND"
        )
    };
}

const DROPPED: &[Case] = &[
    v4(input!("drop", "ct state established accept; tcp dport 22 accept;"), INPUT, "policy drop"),
    v6(input!("drop", "ct state established accept; tcp dport 22 accept;"), INPUT, "policy drop"),
    v4(input!("drop", "iifname lo accept; ct state invalid accept; return;"), INPUT, "policy drop"),
    v4(
        input!("accept", "jump side;"),
        "table inet filter, chain deep",
        "icmp type { destination-unreachable, time-exceeded } drop",
    ),
    v4(
        input!("accept", "goto errors;"),
        "table inet filter, chain errors",
        "icmp type vmap { destination-unreachable : drop, echo-request : accept }",
    ),
    v6(input!("accept", "icmpv6 type packet-too-big drop;"), INPUT, "icmpv6 type packet-too-big drop"),
    v6(input!("accept", "icmpv6 type vmap @kinds;"), INPUT, "icmpv6 type vmap @kinds"),
    v4(input!("accept", "ip saddr @here ip protocol icmp drop;"), INPUT, "ip saddr @here ip protocol icmp drop"),
    v4(
        input!("accept", "ct state vmap { established : accept, related : drop };"),
        INPUT,
        "ct state vmap { established : accept, related : drop }",
    ),
    v4(
        input!("accept", "iifname . ip saddr { here . 10.9.1.2 } icmp code frag-needed icmp mtu 1000-1400 reject;"),
        INPUT,
        "iifname . ip saddr { \"here\" . 10.9.1.2 } icmp code frag-needed icmp mtu 1000-1400 reject with icmp port-unreachable",
    ),
    v4("nft -f - <<'END'\ntable ip raw { chain pre { type filter hook prerouting priority raw; icmp type destination-unreachable notrack; }; }
        table ip filter { chain input { type filter hook input priority 0; ct state untracked drop; }; }\nEND", "table ip filter, chain input (probably)", "ct state untracked drop"),
    v4(
        "nft -f - <<'END'\ntable netdev early { chain here { type filter hook ingress device here priority 0; icmp type destination-unreachable drop; }; }\nEND",
        "table netdev early, chain here",
        "icmp type destination-unreachable drop",
    ),
    v4(
        "iptables -A INPUT -p tcp -j ACCEPT; iptables -A INPUT -p icmp --icmp-type fragmentation-needed -m comment --comment 'a b' -j DROP",
        "iptables chain INPUT",
        "-A INPUT -p icmp -m icmp --icmp-type 3/4 -m comment --comment \"a b\" -j DROP",
    ),
    v4(
        "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -P INPUT DROP",
        "iptables chain INPUT",
        "policy drop",
    ),
    v4(
        "iptables -N errors; iptables -A errors ! -s 10.8.0.0/16 -j REJECT; iptables -A INPUT -i here -p icmp -j errors",
        "iptables chain errors",
        "-A errors ! -s 10.8.0.0/16 -j REJECT --reject-with icmp-port-unreachable",
    ),
    v4(
        "iptables -t raw -A PREROUTING -p icmp -j DROP",
        "iptables table raw, chain PREROUTING",
        "-A PREROUTING -p icmp -j DROP",
    ),
    v6(
        "ip6tables -A INPUT -p ipv6-icmp --icmpv6-type packet-too-big -j DROP",
        "ip6tables chain INPUT",
        "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 2 -j DROP",
    ),
];

/// Rulesets that drop a lot, but not this.
const HEALTHY: &[Case] = &[
    v4("true", "", ""),
    v4(input!("accept", "icmp type { echo-request, redirect, timestamp-request } drop;"), "", ""),
    v4(input!("drop", "ct state established,related accept;"), "", ""),
    v6(
        input!(
            "drop",
            "ct state vmap { established : accept, related : accept, invalid : drop }; icmp type destination-unreachable drop;"
        ),
        "",
        "",
    ),
    v4(
        input!(
            "accept",
            "icmp type destination-unreachable icmp code != frag-needed drop; ip saddr 192.0.2.0/24 drop; iifname wan* drop; tcp dport != 22 drop;"
        ),
        "",
        "",
    ),
    v6(
        input!(
            "accept",
            "icmp type destination-unreachable drop; ip protocol icmp drop; udp dport 9 drop; icmpv6 type 1 drop;"
        ),
        "",
        "",
    ),
    v4("iptables -P INPUT DROP; iptables -A INPUT -p icmp --icmp-type 3 -j ACCEPT", "", ""),
    v4(
        "iptables -A INPUT -p icmp ! --icmp-type 3 -j DROP; iptables -A INPUT -i other -j DROP; ip6tables -P INPUT DROP",
        "",
        "",
    ),
    v4(
        "nft -f - <<'END'\ntable inet off { flags dormant; chain input { type filter hook input priority 0; policy drop; }; }\nEND",
        "",
        "",
    ),
];

#[test]
fn the_rule_is_named_and_the_remedy_and_its_undo_work_as_printed() {
    in_namespaces("blockers::the_rule_is_named_and_the_remedy_and_its_undo_work_as_printed", async |lab| {
        for case in DROPPED {
            set_rules(case);
            assert!(!arrives(&lab, case).await, "the kernel drops nothing: {}", case.rules);
            let before = rules_now();
            let blocker = only_blocker(case);
            let mark = if blocker.is_certain { "" } else { " (probably)" };
            let named = format!("{}{mark}", blocker.place);
            assert_eq!((named.as_str(), blocker.rule.as_str()), (case.place, case.rule), "{}", case.rules);

            let undo: Vec<&str> = blocker.remedy.iter().filter_map(|line| line.strip_prefix("# undo: ")).collect();
            assert!(!undo.is_empty(), "{blocker:?}");
            for command in blocker.remedy.iter().filter(|line| !line.starts_with('#')) {
                sh(command);
            }
            assert!(arrives(&lab, case).await, "the remedy does not help: {blocker:?}");
            for command in undo {
                sh(command);
            }
            assert!(!arrives(&lab, case).await, "the undo does not undo: {blocker:?}");
            assert_eq!(rules_now(), before, "{blocker:?}");
        }
    });
}

#[test]
fn a_rule_that_drops_other_things_is_not_accused() {
    in_namespaces("blockers::a_rule_that_drops_other_things_is_not_accused", async |lab| {
        for case in HEALTHY {
            set_rules(case);
            assert!(arrives(&lab, case).await, "the kernel drops it: {}", case.rules);
            assert_eq!(certain(found(case)), [], "{}", case.rules);
        }
    });
}

#[test]
fn two_firewalls_are_both_named() {
    in_namespaces("blockers::two_firewalls_are_both_named", async |_| {
        sh("iptables -A INPUT -p icmp -j DROP");
        sh("nft 'table inet own { chain in { type filter hook input priority 5; policy drop; }; }'");
        let case = v4("", "", "");
        let places: Vec<String> = certain(found(&case)).into_iter().map(|blocker| blocker.place).collect();
        assert_eq!(places, ["table inet own, chain in", "iptables chain INPUT"]);
    });
}

#[test]
fn the_rules_are_read_after_all_privilege_is_gone_and_no_process_is_left() {
    let name = "blockers::the_rules_are_read_after_all_privilege_is_gone_and_no_process_is_left";
    in_namespaces(name, async |_| {
        sh("nft 'table inet own { chain in { type filter hook input priority 5; policy drop; }; }'");
        let (used, unused) = (RulesetReader::start(), RulesetReader::start());
        privilege::give_up().expect("dropped");
        let late = RulesetReader::start().read(1).expect_err("too late to start one").to_string();
        assert!(late.contains("CAP_NET_ADMIN"), "{late}");
        let rules = used.read(0x5eed).expect("rules");
        assert!(rules.nft_json.contains("\"own\"") && rules.nft_text.contains("table inet own"), "{rules:?}");
        assert!(waiting_children() > 0, "a reader that waits is a process");
        drop(unused);
        // Other tests have readers as well, each for some milliseconds.
        let deadline = Instant::now() + Duration::from_secs(5);
        while waiting_children() > 0 {
            assert!(Instant::now() < deadline, "a reader is left");
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// nft may take longer for a set of this size than the reader waits: what it says without the contents of sets counts then.
#[test]
fn a_large_set_costs_no_report() {
    in_namespaces("blockers::a_large_set_costs_no_report", async |_| {
        use std::fmt::Write as _;
        let mut rules = String::from("table inet f {\n set s { type ipv4_addr; flags interval; elements = {\n");
        for number in 0..60_000_u32 {
            let _ = writeln!(rules, "{},", std::net::Ipv4Addr::from(0x0b00_0000 + 2 * number));
        }
        rules.push_str("}; }\n chain in { type filter hook input priority 0; policy drop; ip saddr @s accept; }\n}\n");
        let file = std::env::temp_dir().join(format!("pmtu-probe-large-set-{}", std::process::id()));
        std::fs::write(&file, rules).expect("a scratch file");
        sh(&format!("nft -f {}", file.display()));
        std::fs::remove_file(&file).expect("the scratch file");
        let started = Instant::now();
        let rules = RulesetReader::start().read(0x5eed).expect("the rules can be read");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        let lacks_sets = rules.lacks_sets;
        let message = Message { from: ip(THERE4), to: ip(HERE4), interface: Some("here"), mtu: STATED.into() };
        let Blockers::Found(found) = firewall::find(&rules, &[message]) else { panic!("nothing found") };
        let told: Vec<(&str, &str, bool)> =
            found.iter().map(|one| (one.place.as_str(), one.rule.as_str(), one.is_certain)).collect();
        // Without its contents the set may hold the sender.
        assert_eq!(told, [("table inet f, chain in", "policy drop", !lacks_sets)]);
    });
}

/// By /proc alone, since no program can be started any more.
fn waiting_children() -> usize {
    let own = std::process::id().to_string();
    let is_reader = |process: &Path| {
        let read = |name| std::fs::read_to_string(process.join(name)).unwrap_or_default();
        let parent = read("status").lines().find_map(|line| line.strip_prefix("PPid:").map(|id| id.trim().to_owned()));
        parent.as_ref() == Some(&own) && read("cmdline").contains("firewall rules when told")
    };
    std::fs::read_dir("/proc").expect("proc").flatten().filter(|entry| is_reader(&entry.path())).count()
}

fn set_rules(case: &Case) {
    sh("nft flush ruleset");
    sh(case.rules);
}

fn rules_now() -> String {
    let listed = Command::new("nft").args(["--stateless", "list", "ruleset"]).output().expect("nft runs");
    String::from_utf8_lossy(&listed.stdout).into_owned()
}

fn ends(case: &Case) -> (IpAddr, IpAddr) {
    if case.v6 { (ip(HERE6), ip(THERE6)) } else { (ip(HERE4), ip(THERE4)) }
}

fn found(case: &Case) -> Blockers {
    let rules = RulesetReader::start().read(0x5eed).expect("the rules can be read");
    let (to, from) = ends(case);
    firewall::find(&rules, &[Message { from, to, interface: Some("here"), mtu: STATED.into() }])
}

fn certain(found: Blockers) -> Vec<Blocker> {
    match found {
        Blockers::Found(found) => found.into_iter().filter(|one| one.is_certain).collect(),
        Blockers::NoneFound => Vec::new(),
        other => panic!("{other:?}"),
    }
}

fn only_blocker(case: &Case) -> Blocker {
    match found(case) {
        Blockers::Found(mut found) if found.len() == 1 => found.remove(0),
        other => panic!("{}: {other:?}", case.rules),
    }
}

/// Whether a PTB about a datagram that was really sent gets to the kernel's routing.
async fn arrives(lab: &Lab, case: &Case) -> bool {
    sh("ip route flush cache; ip -6 route flush cache");
    let (here, there) = ends(case);
    let socket = UdpSocket::bind((here, 0)).expect("a UDP socket");
    socket.connect((there, 9)).expect("a destination");
    socket.send(b"x").expect("a datagram that connection tracking sees");
    let about = udp((here, socket.local_addr().expect("its address").port()), (there, 9), 1500);
    lab.peer(move || inject(&ptb(there, here, STATED, &about), here));
    std::thread::sleep(Duration::from_millis(30));
    let routes = Routes::open().expect("routes");
    let query = RouteQuery { destination: there, source: None, interface: None };
    routes.lookup(query).await.expect("a route").cached.is_some()
}

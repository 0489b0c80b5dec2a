//! This host's own firewall drops the message: the advice names the rule, and works as printed. So does its undo.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cases::{only_address, spawn, up, wait_until_running};
use super::lab::{Lab, finish, program, run, with_labs};
use super::scenario::{Family, Node};

/// A firewall of c, where a healthy path of 1400 bytes begins, and how the advice must name what drops the message.
struct Case {
    family: Family,
    rules: &'static str,
    place: &'static str,
    rule: &'static str,
}

/// Rules of a chain `input`; the neighbours find each other.
macro_rules! nft {
    ($policy:literal, $rules:literal) => {
        concat!(
            "nft -f - <<'END'\ntable inet filter {\n",
            "chain errors { icmp type { destination-unreachable, redirect } drop; }\n",
            "chain input { type filter hook input priority filter; policy ",
            $policy,
            "; iif lo accept; ",
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept; ",
            $rules,
            "\n}\n}\nEND"
        )
    };
}

const CASES: &[Case] = &[
    Case {
        family: Family::V4,
        rules: nft!("drop", "ct state established accept;"),
        place: "table inet filter, chain input",
        rule: "policy drop",
    },
    Case {
        family: Family::V6,
        rules: nft!("drop", "ct state established accept;"),
        place: "table inet filter, chain input",
        rule: "policy drop",
    },
    Case {
        family: Family::V4,
        rules: nft!("accept", "ct state established accept; meta l4proto icmp jump errors;"),
        place: "table inet filter, chain errors",
        rule: "icmp type { destination-unreachable, redirect } drop",
    },
    Case {
        family: Family::V6,
        rules: nft!("accept", "icmpv6 type packet-too-big drop; ct state established,related accept;"),
        place: "table inet filter, chain input",
        rule: "icmpv6 type packet-too-big drop",
    },
    Case {
        family: Family::V4,
        rules: "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -A INPUT -p icmp -j DROP",
        place: "iptables chain INPUT",
        rule: "-A INPUT -p icmp -j DROP",
    },
    Case {
        family: Family::V6,
        rules: "ip6tables -A INPUT -p icmpv6 --icmpv6-type packet-too-big -j REJECT",
        place: "ip6tables chain INPUT",
        rule: "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 2 -j REJECT --reject-with icmp6-port-unreachable",
    },
];

#[test]
fn the_rule_is_named_and_its_remedy_and_undo_change_the_verdict() {
    with_labs("blockers::the_rule_is_named_and_its_remedy_and_undo_change_the_verdict", || {
        for case in CASES {
            let lab = up("ptb_1400", case.family, &[]);
            assert_eq!(judged(&probe(&lab, case.family)), ("discoverable", None), "before any rule");
            lab.shell("c", case.rules);
            let before = rules(&lab);
            let address = probe(&lab, case.family);
            assert_eq!(judged(&address), ("black_hole", Some("local_firewall")), "{}", case.rules);
            let named = format!("{}, \"{}\"", case.place, case.rule);
            let advice = advice(&address, |text| text.contains(&named));
            let commands = advice.unwrap_or_else(|| panic!("{named} is not in {}", address["advice"]));

            for command in commands.iter().filter(|line| !line.starts_with('#')) {
                lab.shell("c", command);
            }
            assert_eq!(judged(&probe(&lab, case.family)), ("discoverable", None), "after {commands:?}");
            for command in commands.iter().filter_map(|line| line.strip_prefix("# undo: ")) {
                lab.shell("c", command);
            }
            assert_eq!(judged(&probe(&lab, case.family)), ("black_hole", Some("local_firewall")), "after the undo");
            assert_eq!(rules(&lab), before, "the undo of {commands:?}");
            assert_eq!(lab.processes("c"), "", "a process is left");
            lab.down().unwrap();
        }
    });
}

#[test]
fn a_firewall_that_drops_other_messages_is_not_accused() {
    with_labs("blockers::a_firewall_that_drops_other_messages_is_not_accused", || {
        for family in [Family::V4, Family::V6] {
            let lab = up("ptb_1400", family, &[]);
            lab.shell(
                "c",
                nft!("accept", "icmp type { redirect, timestamp-request } drop; icmpv6 type mld-listener-query drop;"),
            );
            assert_eq!(judged(&probe(&lab, family)), ("discoverable", None));
            assert_eq!(lab.processes("c"), "", "a process is left");
            lab.down().unwrap();
        }
    });
}

/// Runs what follows where no program can list the rules.
const HIDE_PROGRAMS: &str = r#"
for name in nft iptables-save iptables-nft-save ip6tables-save iptables-legacy-save; do
    if path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$name"); then
        mount --bind /dev/null "$(readlink -f "$path")"
    fi
done
exec "$@""#;

#[test]
fn where_the_rules_cannot_be_read_the_advice_says_so() {
    with_labs("blockers::where_the_rules_cannot_be_read_the_advice_says_so", || {
        let lab = up("ptb_dropped_by_this_host", Family::V4, &[]);
        let mut command = lab.command("c", "unshare");
        command.args(["--mount", "sh", "-ec", HIDE_PROGRAMS, "sh"]).arg(program());
        let address = only_address(&run(command.args(["--json", "10.0.4.2"])));
        assert_eq!(judged(&address), ("black_hole", Some("local_firewall")));
        let told = advice(&address, |text| text.contains("neither nft nor iptables-save"));
        assert!(told.is_some(), "{}", address["advice"]);
        lab.down().unwrap();
    });
}

/// However the program ends, nobody is left who waits for it.
#[test]
fn a_killed_run_leaves_no_process() {
    with_labs("blockers::a_killed_run_leaves_no_process", || {
        let lab = up("ptb_dropped_by_this_host", Family::V4, &["--delay", "150"]);
        let child = spawn(&lab, &["--json", "10.0.4.2"]);
        wait_until_running(&lab);
        std::thread::sleep(Duration::from_millis(200));
        let pids = lab.processes("c");
        assert!(pids.lines().count() > 1, "a reader of the rules waits beside the program: {pids}");
        kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
        finish(child);
        let deadline = Instant::now() + Duration::from_secs(2);
        while !lab.processes("c").is_empty() {
            assert!(Instant::now() < deadline, "processes are left: {}", lab.processes("c"));
            std::thread::sleep(Duration::from_millis(5));
        }
        lab.down().unwrap();
    });
}

fn probe(lab: &Lab, family: Family) -> Value {
    lab.shell("c", "ip route flush cache; ip -6 route flush cache");
    only_address(&lab.probe(&["--json", &Node::S.near_address(family).to_string()]))
}

fn judged(address: &Value) -> (&str, Option<&str>) {
    (address["verdict"].as_str().unwrap_or_default(), address["cause"].as_str())
}

/// The commands of the advice with such a text.
fn advice(address: &Value, is_it: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let advice = address["advice"].as_array()?.iter().find(|advice| advice["text"].as_str().is_some_and(&is_it))?;
    let commands = advice["commands"].as_array()?.iter();
    Some(commands.filter_map(|command| command.as_str().map(str::to_owned)).collect())
}

fn rules(lab: &Lab) -> String {
    lab.shell("c", "nft --stateless list ruleset")
}

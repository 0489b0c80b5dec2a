//! The network of this host changes while the program runs: an interface goes down and comes back, a carrier is lost, addresses and
//! routes vanish, queues are full. No wrong verdict: what the path is, that nothing got there, or that nothing can be said.

use std::time::Duration;

use serde_json::Value;

use super::cases::spawn;
use super::faults::{all_of, is_long};
use super::lab::{Lab, finish, with_labs};
use super::paths::{Path, with_paths};
use super::scenario::{Family, Random};
use super::verify;

/// What happens in a node, and what puts it right again.
struct Change {
    name: &'static str,
    node: &'static str,
    breaks: &'static str,
    repairs: &'static str,
}

const ADDRESSES: &str = "ip addr replace 10.0.1.1/24 dev e1; ip addr replace fd00:0:0:1::1/64 dev e1 nodad
    for net in 10.64.0.0/14 default; do ip route replace $net via 10.0.1.2; done
    for net in fd64::/14 default; do ip -6 route replace $net via fd00:0:0:1::2; done";

const CHANGES: &[Change] = &[
    Change { name: "the interface goes down", node: "c", breaks: "ip link set e1 down", repairs: "ip link set e1 up" },
    Change {
        name: "the carrier is lost",
        node: "r1",
        breaks: "ip link set e0 down",
        repairs: "ip link set e0 up
        ip addr replace 10.0.1.2/24 dev e0; ip addr replace fd00:0:0:1::2/64 dev e0 nodad",
    },
    Change { name: "the addresses vanish", node: "c", breaks: "ip addr flush dev e1 scope global", repairs: "true" },
    Change {
        name: "the routes vanish",
        node: "c",
        breaks: "ip route flush dev e1; ip -6 route flush dev e1",
        repairs: "ip route replace 10.0.1.0/24 dev e1; ip -6 route replace fd00:0:0:1::/64 dev e1",
    },
    Change {
        name: "the routes become prohibitions",
        node: "c",
        breaks: "for net in 10.64.0.0/14; do ip route replace prohibit $net; done; ip -6 route replace prohibit fd64::/14",
        repairs: "ip route del prohibit 10.64.0.0/14; ip -6 route del prohibit fd64::/14",
    },
    Change { name: "the MTU falls", node: "c", breaks: "ip link set e1 mtu 1300", repairs: "ip link set e1 mtu 1500" },
];

#[test]
fn a_network_that_changes_under_a_run_makes_no_verdict_wrong() {
    with_labs("links::a_network_that_changes_under_a_run_makes_no_verdict_wrong", || {
        let mut cases = Vec::new();
        for (number, change) in CHANGES.iter().enumerate() {
            for (turn, path) in Path::ALL.into_iter().enumerate() {
                for family in [Family::V4, Family::V6] {
                    let is_chosen = (number + turn) % 3 == 0 && (number % 2 == 0) == (family == Family::V4);
                    if is_long() || is_chosen {
                        cases.push((change, path, family));
                    }
                }
            }
        }
        all_of(&cases, 4, |number, (change, path, family)| {
            let lab = with_paths("--tls starttls");
            let mut random = Random::new(number as u64);
            let mut faults = Vec::new();
            for round in 0..if is_long() { 12 } else { 3 } {
                let after = Duration::from_secs_f64(0.05 + 0.9 * random.unit());
                let lasts = Duration::from_secs_f64(0.02 + 1.5 * random.unit().powi(2));
                let address = path.address(*family, 0, round + 1).to_string();
                let document = changed(&lab, change, &address, after, lasts);
                let told = document.map_or_else(Some, |document| wrong(&document["addresses"][0], *path));
                faults.extend(
                    told.map(|told| format!("{}, {path:?} {family}, {after:?} for {lasts:?}: {told}", change.name)),
                );
            }
            faults.extend(lab.down().err());
            faults
        });
    });
}

/// Queues of this host that are full: what the kernel drops on its way out (`ENOBUFS`) is no hole.
#[test]
fn full_queues_of_this_host_are_no_hole() {
    with_labs("links::full_queues_of_this_host_are_no_hole", || {
        let queues =
            ["tbf rate 256kbit burst 3200 limit 4000", "tbf rate 64kbit burst 1600 limit 3100", "pfifo limit 1"];
        let mut cases = Vec::new();
        for (number, queue) in queues.into_iter().enumerate() {
            for (turn, path) in Path::ALL.into_iter().enumerate() {
                for family in [Family::V4, Family::V6] {
                    if is_long() || (number + turn) % 3 == 0 && (turn % 2 == 0) == (family == Family::V4) {
                        cases.push((queue, path, family));
                    }
                }
            }
        }
        all_of(&cases, 3, |_, (queue, path, family)| {
            let lab = with_paths("");
            lab.shell("c", &format!("tc qdisc replace dev e1 root {queue}; ip link set e1 txqueuelen 1"));
            let ran = lab.probe(&[
                "--json",
                "--timeout",
                "20",
                "--direction",
                "forward",
                &path.address(*family, 0, 1).to_string(),
            ]);
            let told = verify::document(&ran).map_or_else(Some, |document| wrong(&document["addresses"][0], *path));
            let told = told.map(|told| format!("{queue}, {path:?} {family}: {told}"));
            told.into_iter().chain(lab.down().err()).collect()
        });
    });
}

fn changed(lab: &Lab, change: &Change, address: &str, after: Duration, lasts: Duration) -> Result<Value, String> {
    let child = spawn(lab, &["--json", "--timeout", "12", "--direction", "both", address]);
    std::thread::sleep(after);
    lab.shell(change.node, change.breaks);
    std::thread::sleep(lasts);
    lab.shell(change.node, change.repairs);
    lab.shell("c", ADDRESSES);
    let ran = finish(child);
    // If it was not under way yet, there may have been no way at all.
    let has_no_way = ran.status.code() == Some(3) && ran.stderr.lines().count() <= 2;
    let document = verify::document(&ran)?;
    if document["addresses"].as_array().is_some_and(Vec::is_empty) {
        return if has_no_way { Ok(Value::Null) } else { Err(format!("nothing is said: {}", ran.stderr)) };
    }
    Ok(document)
}

/// What is not true of the path, whose large packets fared one way before and after the change. While nothing passed, nothing did.
fn wrong(address: &Value, path: Path) -> Option<String> {
    if address.is_null() || path.is_told_by(address) {
        return None;
    }
    let is_doubt = ["inconclusive", "unreachable"].contains(&address["verdict"].as_str().unwrap_or_default());
    let back = address["reverse"]["verdict"].as_str().unwrap_or_default();
    // What this host's own interface carries is part of the path: with 1300, all that it carries passes.
    let is_of_the_change = address["local_mtu"] == 1300;
    let is_right = is_doubt || is_of_the_change;
    (!is_right).then(|| format!("{} {} {}, back {back}", address["verdict"], address["path_mtu"], address["reason"]))
}

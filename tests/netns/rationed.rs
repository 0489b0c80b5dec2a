//! Lists behind one router that rations its messages, on real kernels: what counts is what each address would be told alone.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

use serde_json::Value;

use super::lab::{Lab, with_labs};
use super::scenario::{Family, Node};

/// What r2, in front of the link of 1400 bytes, does with its packet-too-big messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    /// Nothing but what Linux does by default: these messages it does not ration.
    Linux,
    /// A burst of five, then one a second, as `limit rate` has it.
    Rations,
    Silent,
    /// It rations, and says nothing about one of two networks.
    RationsAndHides,
}

const MESSAGES: [&str; 2] = ["icmp type destination-unreachable", "icmpv6 type packet-too-big"];

impl Temper {
    fn rules(self) -> Vec<String> {
        let all = |what: &str| MESSAGES.map(|message| format!("{message} {what}")).to_vec();
        let limit = "limit rate over 1/second burst 5 packets drop";
        // The destination in the quoted header, behind the eight bytes of ICMP (RFC 791, RFC 8200).
        let hidden = ["@th,192,16 0x0a42 drop", "@th,256,16 0xfd66 drop"];
        match self {
            Self::Linux => Vec::new(),
            Self::Rations => all(limit),
            Self::Silent => all("drop"),
            Self::RationsAndHides => {
                let hides = MESSAGES.iter().zip(hidden).map(|(message, which)| format!("{message} {which}"));
                hides.chain(all(limit)).collect()
            }
        }
    }

    /// What a mail server alone would meet.
    fn verdict(self, network: u8) -> &'static str {
        match self {
            Self::Silent => "black_hole",
            Self::RationsAndHides if network == HIDDEN => "black_hole",
            Self::Linux | Self::Rations | Self::RationsAndHides => "discoverable",
        }
    }
}

const TOLD: u8 = 65;
const HIDDEN: u8 = 66;

/// Brings up the path with its addresses behind s. Linux's limits are those that it starts with.
fn up(temper: Temper, family: Family) -> Lab {
    let lab = Lab::up("ptb_1400", family, &["--delay", "5"]).unwrap_or_else(|error| panic!("{error}"));
    lab.shell("s", "ip route add local 10.64.0.0/14 dev lo; ip -6 route add local fd64::/14 dev lo || true");
    for (node, next) in [("c", Node::R1), ("r1", Node::R2), ("r2", Node::R3), ("r3", Node::S)] {
        match (family, next.near_address(family)) {
            (Family::V4, near) => lab.shell(node, &format!("ip route add 10.64.0.0/14 via {near}")),
            (Family::V6, near) => lab.shell(node, &format!("ip -6 route add fd64::/14 via {near}")),
        };
    }
    let rules: Vec<String> = temper.rules().iter().map(|rule| format!("add rule inet ration out {rule};")).collect();
    let chain = "add table inet ration; add chain inet ration out { type filter hook output priority 0; };";
    lab.shell("r2", &format!("nft '{chain} {}'", rules.concat()));
    lab
}

/// So many addresses of a network.
fn list(family: Family, network: u8, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |n| match family {
        Family::V4 => format!("10.{network}.{}.{}", n / 250, n % 250 + 1),
        Family::V6 => format!("fd{network}::{:x}:{:x}", n / 250 + 1, n % 250 + 1),
    })
}

fn network_of(address: &str) -> u8 {
    match address.parse().expect("an address") {
        IpAddr::V4(address) => address.octets()[1],
        IpAddr::V6(address) => format!("{:x}", address.octets()[1]).parse().expect("a number"),
    }
}

#[derive(Clone)]
struct Case {
    temper: Temper,
    family: Family,
    networks: &'static [u8],
    /// Addresses of each network.
    count: usize,
}

/// What is wrong, and the shares of the places and of what was asked again.
fn run(case: &Case) -> Vec<String> {
    let lab = up(case.temper, case.family);
    let targets: Vec<String> =
        case.networks.iter().flat_map(|network| list(case.family, *network, case.count)).collect();
    let (path, results) = (lab.folder().join("list"), lab.folder().join("results"));
    fs::write(&path, targets.join("\n")).expect("a list");
    let started = std::time::Instant::now();
    let ran = lab.probe(&[
        "--direction",
        "forward",
        "--targets",
        path.to_str().unwrap(),
        "--jsonl",
        results.to_str().unwrap(),
    ]);
    let lines = fs::read_to_string(&results).unwrap_or_default();
    let mut addresses = BTreeMap::new();
    for line in lines.lines() {
        let document: Value = serde_json::from_str(line).expect("a document");
        let target = document["target"].as_str().expect("a target").to_owned();
        assert!(addresses.insert(target, document["addresses"][0].clone()).is_none(), "two lines: {line}");
    }
    let mut faults: Vec<String> = Vec::new();
    if addresses.len() != targets.len() {
        faults.push(format!("{} lines for {} targets; {}", addresses.len(), targets.len(), ran.stderr));
    }
    let last_hop = Node::R2.near_address(case.family).to_string();
    let (mut holes, mut placed, mut again) = (0, 0, 0);
    for (target, address) in &addresses {
        let expected = case.temper.verdict(network_of(target));
        if address["verdict"] != expected || address["path_mtu"] != 1400 {
            faults.push(format!("{target}: {} {} in place of {expected}", address["verdict"], address["reason"]));
        }
        again += usize::from(address["compared"]["asked_alone"] == true);
        if expected == "black_hole" {
            holes += 1;
            placed += usize::from(address["location"]["last_hop"]["address"] == last_hop.as_str());
            let elsewhere = address["location"]["last_hop"]["address"].as_str();
            if elsewhere.is_some_and(|elsewhere| elsewhere != last_hop && is_exact(address)) {
                faults.push(format!("{target}: a wrong place, {}", address["location"]));
            }
        }
    }
    if placed * 100 < holes * 95 {
        faults.push(format!("of {holes} holes {placed} have their place"));
    }
    println!(
        "{:?} {}: {} targets in {:.1} s, {again} asked alone, {placed} of {holes} holes with their place",
        case.temper,
        case.family,
        targets.len(),
        started.elapsed().as_secs_f64()
    );
    lab.down().unwrap_or_else(|error| panic!("{error}"));
    faults
}

fn is_exact(address: &Value) -> bool {
    let ttl = |point: &str| address["location"][point]["ttl"].as_u64();
    ttl("last_hop").zip(ttl("next_hop")).is_some_and(|(last, next)| last + 1 == next)
}

/// Side by side: nearly all the time is waiting.
fn run_all(cases: &[Case]) {
    let faults: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| scope.spawn(|| run(case))).collect();
        running.into_iter().flat_map(|case| case.join().expect("a case ends")).collect()
    });
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
}

/// `PMTU_NETNS_LIST=1000` makes the lists longer.
fn count() -> usize {
    std::env::var("PMTU_NETNS_LIST").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

#[test]
fn a_router_that_rations_its_messages_is_no_hole_and_a_silent_one_is_placed() {
    with_labs("rationed::a_router_that_rations_its_messages_is_no_hole_and_a_silent_one_is_placed", || {
        let case = |temper, family| Case { temper, family, networks: &[TOLD], count: count() };
        let both = [Family::V4, Family::V6];
        run_all(&[Temper::Rations, Temper::Silent].map(|temper| both.map(|family| case(temper, family))).concat());
    });
}

#[test]
fn a_router_that_tells_one_network_and_not_another_is_seen_as_it_is() {
    with_labs("rationed::a_router_that_tells_one_network_and_not_another_is_seen_as_it_is", || {
        let hides = |family| Case { temper: Temper::RationsAndHides, family, networks: &[TOLD, HIDDEN], count: 60 };
        let linux = Case { temper: Temper::Linux, family: Family::V4, networks: &[TOLD], count: 200 };
        run_all(&[hides(Family::V4), hides(Family::V6), linux]);
    });
}

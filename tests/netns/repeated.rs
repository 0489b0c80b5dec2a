//! Every scenario twice, one run right after the other: what the first one taught the server, or this host, must not change what
//! the second one says.
//!
//! Both ways are examined, and every server speaks TLS: its certificates are the large packets from which Linux learns a path MTU,
//! and from that derives the MSS that it announces for the next ten minutes. Without `PMTU_NETNS_REPEATED_ALL=1` only the
//! scenarios run whose names are below: one of each kind.

use std::sync::Mutex;

use serde_json::Value;

use super::lab::{Lab, with_labs};
use super::scenario::{self, Family, Link, Node, Peer, Port, Resets, Scenario, Tls, Welcome, Window, World};
use super::verify;

const SHORT: [&str; 8] = [
    "silent_router",
    "ptb_dropped_by_this_host",
    "hidden_by_memory_tls",
    "mss_clamped_nearer",
    "ptb_1400",
    "ptb_rate_limited",
    "new_data_only_icmp_dead_black_hole",
    "clear",
];
/// All but a few wait for a server that may send once more.
const AT_A_TIME: usize = 10;

#[test]
fn a_second_run_says_what_the_first_one_said() {
    with_labs("repeated::a_second_run_says_what_the_first_one_said", || {
        let all = std::env::var("PMTU_NETNS_REPEATED_ALL").is_ok_and(|value| value == "1");
        let only = std::env::var("PMTU_NETNS_ONLY").unwrap_or_default();
        let scenarios = scenario::load_all().unwrap_or_else(|error| panic!("{error}"));
        let is_chosen = |scenario: &Scenario| {
            (all || SHORT.contains(&scenario.name.as_str()))
                && scenario.name.contains(&only)
                && why_left_out(scenario).is_none()
        };
        let chosen = scenarios.into_iter().filter(is_chosen);
        let cases: Vec<_> =
            chosen.flat_map(|one| one.families.clone().into_iter().map(move |f| (one.clone(), f))).collect();
        let (next, faults) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..AT_A_TIME {
                scope.spawn(|| {
                    while let Some((scenario, family)) = super::take_next(&next) {
                        super::locked(&faults).extend(twice(scenario, *family));
                    }
                });
            }
        });
        let faults = faults.into_inner().unwrap();
        assert!(faults.is_empty(), "{} of {} differ:\n{}", faults.len(), cases.len(), faults.join("\n"));
        println!("{} scenarios twice", cases.len());
    });
}

/// Why two runs may differ for a reason other than what the first one taught.
fn why_left_out(scenario: &Scenario) -> Option<&'static str> {
    let is_chancy = |link: &Link| link.loss > 0.0 || link.duplicate > 0.0 || link.reorder > 0.0 || link.jitter_ms > 0.0;
    let ends = |index| scenario.link(index).mtu > 1500;
    match () {
        () if !scenario.runs_in(World::Netns) => Some("no kernel plays it"),
        () if scenario.links().iter().any(is_chancy) => Some("chance"),
        () if scenario.parallel_link().is_some() => Some("each run takes a path of its own"),
        () if scenario.peer.answers_after_ms > 0 => Some("the second run finds the server awake"),
        () if scenario.host.cached_pmtu.is_some() => Some("what this host remembers is gone after the first run"),
        // A server that announces 1460 may remember 1500, but so few have a larger link that it is not taken to.
        () if ends(0) && ends(3) => Some("two jumbo hosts"),
        () => None,
    }
}

fn twice(scenario: &Scenario, family: Family) -> Option<String> {
    let lab = match Lab::up(&scenario.name, family, &with_tls(scenario)) {
        Ok(lab) => lab,
        Err(fault) => return Some(fault),
    };
    let peer = Node::S.near_address(family).to_string();
    let port = scenario.port().to_string();
    let arguments = ["--json", "--direction", "both", "--port", &port, &peer];
    let [first, second] = [0, 1].map(|_| {
        let ran = lab.probe(&arguments);
        verify::document(&ran).unwrap_or_else(Value::from)
    });
    let fault = lab.down().err();
    let said = |document: &Value| {
        let address = &document["addresses"][0];
        let keys = ["verdict", "cause", "path_mtu", "first_lost_size"].map(|key| address[key].to_string());
        format!("{} exit code {}", keys.join(" "), document["exit_code"])
    };
    let name = &scenario.name;
    println!("{name:32} {family} {}", said(&first));
    let differs = (said(&first) != said(&second)).then(|| {
        let reason = |document: &Value| document["addresses"][0]["reason"].to_string();
        format!(
            "{name} {family}: {} then {}\n    {}\n    {}",
            said(&first),
            said(&second),
            reason(&first),
            reason(&second)
        )
    });
    differs.or(fault)
}

/// Options of `pmtu-lab up` that give the server certificates, where it is an ordinary one without.
fn with_tls(scenario: &Scenario) -> Vec<&'static str> {
    let is_ordinary = matches!(
        scenario.peer,
        Peer {
            alive: true,
            port: Port::Open,
            greeting: true,
            greeting_after_ms: 0,
            resets: Resets::Never,
            welcome: Welcome::Ready,
            window: Window::Normal,
            tls: Tls::None,
            bytes_per_second: 0,
            ..
        }
    );
    if is_ordinary { vec!["--mx", "--tls starttls --flight 3400"] } else { Vec::new() }
}

//! Where large packets end, on paths that lose a twentieth of all packets in each direction: right or vague, never wrong.

use super::lab::{self, Lab};
use super::scenario::{self, Family, Placing, Scenario};
use super::verify::{self, Faults};

/// The hole is at r1, r2 and r3; a hop hides; nobody but r1 answers.
const PATHS: [&str; 5] =
    ["pppoe_1492_silent", "silent_router", "drop_by_size_at_r3", "hidden_r2", "icmp_dead_beyond_r1"];
/// A round trip of 20 ms.
const LOSSY: &[&str] = &["--wire", "2 --delay-ms 10 --back-delay-ms 10 --loss 0.05 --back-loss 0.05"];
const DEFAULT_RUNS: usize = 2;

#[test]
fn a_twentieth_lost_never_makes_a_place_wrong() {
    lab::with_labs("places::a_twentieth_lost_never_makes_a_place_wrong", || {
        let runs = std::env::var("PMTU_NETNS_LOSS_RUNS").ok().and_then(|runs| runs.parse().ok());
        let mut tally = Tally::default();
        for name in PATHS {
            let scenario = scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
            for family in scenario.families.clone() {
                run_path(&scenario, family, runs.unwrap_or(DEFAULT_RUNS), &mut tally);
            }
        }
        println!("{} exact, {} vague, {} wrong", tally.exact, tally.vague.len(), tally.wrong.len());
        println!("{}", tally.vague.join("\n"));
        assert!(tally.wrong.is_empty(), "wrong places:\n{}", tally.wrong.join("\n"));
        assert!(tally.exact >= tally.vague.len(), "mostly vague:\n{}", tally.vague.join("\n"));
    });
}

/// Linux as it comes: 6168 holds destination unreachable, source quench, time exceeded and parameter problem, each address gets
/// one a second after a burst; ICMPv6 rations all errors but packet too big.
#[test]
fn routers_ration_their_messages_by_default() {
    lab::with_labs("places::routers_ration_their_messages_by_default", || {
        let lab = Lab::up("silent_router", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
        for router in ["r1", "r2", "r3"] {
            let read = |names: &str| lab.shell(router, &format!("cd /proc/sys/net && cat {names}"));
            assert_eq!(read("ipv4/icmp_ratelimit ipv4/icmp_ratemask ipv6/icmp/ratemask"), "1000\n6168\n0-1,3-127\n");
            let of_ipv6: u32 = read("ipv6/icmp/ratelimit").trim().parse().unwrap();
            assert!(of_ipv6 > 0, "{router} sends ICMPv6 without a limit");
        }
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

#[derive(Default)]
struct Tally {
    exact: usize,
    vague: Vec<String>,
    wrong: Vec<String>,
}

/// Runs follow each other at once, so that later ones meet routers that have said enough for now.
fn run_path(scenario: &Scenario, family: Family, runs: usize, tally: &mut Tally) {
    let lab = Lab::up(&scenario.name, family, LOSSY).unwrap_or_else(|error| panic!("{error}"));
    let arguments = verify::probe_arguments(scenario, family);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    for run in 0..runs {
        let ran = lab.probe(&arguments);
        let case = format!("{} {family} run {run}", scenario.name);
        let hops = verify::wrong_hops(&ran, scenario, 0, family);
        tally.wrong.extend(hops.iter().map(|fault| format!("{case}: {fault}")));
        match verify::placing(&ran, scenario, 0, family) {
            Some(Placing::Exact) => tally.exact += 1,
            Some(Placing::Vague(what)) => tally.vague.push(format!("{case}: {what}")),
            Some(Placing::Wrong(what)) => tally.wrong.push(format!("{case}: {what}")),
            None => tally
                .vague
                .push(format!("{case}: {:?}", verify::document(&ran).err().map_or_else(Faults::new, |e| vec![e]))),
        }
    }
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

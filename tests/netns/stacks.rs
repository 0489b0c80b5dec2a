//! Servers whose TCP is not Linux's: the paths of the scenario files that name their stack, and lossy ones.

use super::lab::with_labs;
use super::scenario::{self, Scenario, Stack, World};
use super::verify;

use std::time::Duration;

/// Whatever the stack, the user is told this soon.
const SOON: Duration = Duration::from_secs(5);
/// Paths that lose 5 % of all packets each way.
const LOSSY: [&str; 3] = ["loss_05_clear", "loss_05_ptb", "loss_05_black_hole"];

#[test]
fn a_server_on_smoltcp_gets_its_verdict() {
    with_labs("stacks::a_server_on_smoltcp_gets_its_verdict", || play(&paths(Stack::Smoltcp)));
}

#[test]
fn a_server_on_smoltcp_gets_its_verdict_despite_loss() {
    with_labs("stacks::a_server_on_smoltcp_gets_its_verdict_despite_loss", || play(&lossy_paths(Stack::Smoltcp)));
}

#[test]
fn a_server_on_lwip_gets_its_verdict() {
    with_labs("stacks::a_server_on_lwip_gets_its_verdict", || play(&paths(Stack::Lwip)));
}

#[test]
fn a_server_on_lwip_gets_its_verdict_despite_loss() {
    with_labs("stacks::a_server_on_lwip_gets_its_verdict_despite_loss", || play(&lossy_paths(Stack::Lwip)));
}

#[test]
fn a_server_on_gvisor_gets_its_verdict() {
    with_labs("stacks::a_server_on_gvisor_gets_its_verdict", || play(&paths(Stack::Gvisor)));
}

#[test]
fn a_server_on_gvisor_gets_its_verdict_despite_loss() {
    with_labs("stacks::a_server_on_gvisor_gets_its_verdict_despite_loss", || play(&lossy_paths(Stack::Gvisor)));
}

fn play(paths: &[Scenario]) {
    let only = std::env::var("PMTU_NETNS_ONLY").unwrap_or_default();
    let chosen = paths.iter().filter(|scenario| scenario.name.contains(&only));
    let faults: Vec<String> = chosen.flat_map(faults_of).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The scenarios that name it.
fn paths(stack: Stack) -> Vec<Scenario> {
    let all = scenario::load_all().unwrap_or_else(|error| panic!("{error}"));
    let own = all.into_iter().filter(|scenario| scenario.peer.stack == stack && scenario.runs_in(World::Netns));
    let paths: Vec<Scenario> = own.collect();
    assert!(paths.len() >= 4, "too few scenario files name {}", stack.word());
    paths
}

/// Lossy paths to a server on it.
fn lossy_paths(stack: Stack) -> Vec<Scenario> {
    let load = |name: &str| scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
    let mut paths = LOSSY.map(load).to_vec();
    for scenario in &mut paths {
        scenario.peer.adopt(stack);
    }
    paths
}

fn faults_of(scenario: &Scenario) -> Vec<String> {
    let mut faults = Vec::new();
    for family in scenario.families.clone() {
        let (mut found, mut took) = verify::timed_case(scenario, family);
        // Where packets are lost, chance may make one run long, but not most of three.
        if took > SOON && scenario.is_lossy() {
            let others = [(); 2].map(|()| verify::timed_case(scenario, family));
            let mut times = vec![took];
            for (faults, time) in others {
                found.extend(faults);
                times.push(time);
            }
            times.sort();
            took = times[1];
        }
        if took > SOON {
            found.push(format!("it took {took:.1?}"));
        }
        println!("{:8} {:32} {family} {took:.2?} {}", scenario.peer.stack.word(), scenario.name, found.join("; "));
        faults.extend(found.into_iter().map(|fault| format!("{} {family}: {fault}", scenario.name)));
    }
    faults
}

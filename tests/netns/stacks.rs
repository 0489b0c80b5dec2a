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
    with_labs("stacks::a_server_on_smoltcp_gets_its_verdict", || play(Stack::Smoltcp));
}

#[test]
fn a_server_on_lwip_gets_its_verdict() {
    with_labs("stacks::a_server_on_lwip_gets_its_verdict", || play(Stack::Lwip));
}

#[test]
fn a_server_on_gvisor_gets_its_verdict() {
    with_labs("stacks::a_server_on_gvisor_gets_its_verdict", || play(Stack::Gvisor));
}

fn play(stack: Stack) {
    let faults: Vec<String> = paths(stack).iter().flat_map(faults_of).collect();
    assert!(faults.is_empty(), "{}:\n{}", stack.word(), faults.join("\n"));
}

fn paths(stack: Stack) -> Vec<Scenario> {
    let only = std::env::var("PMTU_NETNS_ONLY").unwrap_or_default();
    let all = scenario::load_all().unwrap_or_else(|error| panic!("{error}"));
    let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|scenario| scenario.peer.stack == stack);
    let own = own.into_iter().filter(|scenario| scenario.runs_in(World::Netns));
    let lossy = others.into_iter().filter(|scenario| LOSSY.contains(&scenario.name.as_str()));
    let paths: Vec<Scenario> = own.chain(lossy.map(|scenario| on(stack, scenario))).collect();
    assert!(paths.len() > LOSSY.len(), "no scenario file names {}", stack.word());
    paths.into_iter().filter(|scenario| scenario.name.contains(&only)).collect()
}

/// The same path to another server.
fn on(stack: Stack, mut scenario: Scenario) -> Scenario {
    scenario.peer.adopt(stack);
    scenario
}

fn faults_of(scenario: &Scenario) -> Vec<String> {
    let mut faults = Vec::new();
    for family in scenario.families.clone() {
        let (mut found, took) = verify::timed_case(scenario, family);
        if took > SOON {
            found.push(format!("it took {took:.1?}"));
        }
        println!("{:8} {:32} {family} {took:.2?} {}", scenario.peer.stack.word(), scenario.name, found.join("; "));
        faults.extend(found.into_iter().map(|fault| format!("{} {family}: {fault}", scenario.name)));
    }
    faults
}

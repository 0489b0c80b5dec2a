//! Every scenario on real kernels: the program runs in network namespaces, and what it says is compared with the scenario file.
//!
//! `PMTU_NETNS_ONLY=text` limits the scenarios to those whose name contains the text, `PMTU_NETNS_LOSS_RUNS=100` sets the runs of
//! each lossy path.

use std::sync::Mutex;
use std::time::Instant;

#[path = "netns/blockers.rs"]
mod blockers;
#[path = "netns/boxes.rs"]
mod boxes;
#[path = "netns/capture.rs"]
mod capture;
#[path = "netns/cases.rs"]
mod cases;
#[path = "netns/connection_watch.rs"]
mod connection_watch;
#[path = "dns/mod.rs"]
#[allow(dead_code)] // only part of what the name server can do is needed here
mod dns;
#[path = "netns/documents.rs"]
mod documents;
#[path = "netns/faults.rs"]
mod faults;
#[path = "netns/fleet.rs"]
mod fleet;
#[path = "netns/flows.rs"]
mod flows;
#[path = "netns/hostile.rs"]
mod hostile;
#[path = "netns/hostile_dns.rs"]
mod hostile_dns;
#[path = "netns/inside.rs"]
mod inside;
#[path = "netns/lab.rs"]
mod lab;
#[path = "netns/limits.rs"]
mod limits;
#[path = "netns/links.rs"]
mod links;
#[path = "netns/loss.rs"]
mod loss;
#[path = "netns/many.rs"]
mod many;
#[path = "netns/name_server.rs"]
mod name_server;
#[path = "netns/names.rs"]
mod names;
#[path = "netns/overflow.rs"]
mod overflow;
#[path = "netns/paths.rs"]
mod paths;
#[path = "netns/places.rs"]
mod places;
#[path = "netns/port.rs"]
mod port;
#[path = "netns/postfix.rs"]
mod postfix;
#[path = "netns/privileges.rs"]
mod privileges;
#[path = "netns/rationed.rs"]
mod rationed;
#[path = "netns/repeated.rs"]
mod repeated;
#[path = "netns/reverse.rs"]
mod reverse;
#[path = "common/scenario.rs"]
mod scenario;
#[path = "netns/soak.rs"]
mod soak;
#[path = "netns/sockets.rs"]
mod sockets;
#[path = "netns/stacks.rs"]
mod stacks;
#[path = "netns/stages.rs"]
mod stages;
#[path = "netns/stand_ins.rs"]
mod stand_ins;
#[path = "netns/uplinks.rs"]
mod uplinks;
#[path = "netns/verify.rs"]
mod verify;
#[path = "netns/watch.rs"]
mod watch;

use scenario::{Family, Scenario, Stack, World};

const LABS_AT_A_TIME: usize = 2;
/// Where the way back is examined, nearly all the time is waiting for a server that may send once more.
const LABS_WITH_A_WAY_BACK_AT_A_TIME: usize = 14;

#[test]
fn every_scenario_gets_its_verdict() {
    lab::with_labs("every_scenario_gets_its_verdict", || {
        let cases = cases_to_run();
        assert!(!cases.is_empty(), "PMTU_NETNS_ONLY matches no scenario");
        let count = cases.len();
        let (with_a_way_back, others): (Vec<_>, Vec<_>) =
            cases.into_iter().partition(|(scenario, family)| scenario.expect.outcome(*family).reverse.is_some());
        // One kind after the other: so many labs at a time are no place for those that look at time.
        let mut failures = run_cases(others, LABS_AT_A_TIME);
        failures.extend(run_cases(with_a_way_back, LABS_WITH_A_WAY_BACK_AT_A_TIME));
        failures.sort();
        assert!(failures.is_empty(), "{} of {count} cases failed:\n{}", failures.len(), table(&failures));
    });
}

fn cases_to_run() -> Vec<(Scenario, Family)> {
    let only = std::env::var("PMTU_NETNS_ONLY").unwrap_or_default();
    let scenarios = scenario::load_all().unwrap_or_else(|error| panic!("{error}"));
    scenarios
        .into_iter()
        .filter(|scenario| scenario.runs_in(World::Netns) && scenario.name.contains(&only))
        // The others have tests of their own, which can be left out by name.
        .filter(|scenario| scenario.peer.stack == Stack::Linux)
        .flat_map(|scenario| scenario.families.clone().into_iter().map(move |family| (scenario.clone(), family)))
        .collect()
}

/// Runs cases side by side and returns those that fail.
fn run_cases(cases: Vec<(Scenario, Family)>, at_a_time: usize) -> Vec<(String, verify::Faults)> {
    let (next, failures) = (Mutex::new(cases.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some((scenario, family)) = take_next(&next) {
                    let faults = run_case(&scenario, family);
                    if !faults.is_empty() {
                        locked(&failures).push((format!("{} {family}", scenario.name), faults));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn take_next<T>(next: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    locked(next).next()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn run_case(scenario: &Scenario, family: Family) -> verify::Faults {
    let start = Instant::now();
    let faults = verify::scenario_case(scenario, family);
    let result = if faults.is_empty() { "ok" } else { "FAILED" };
    println!("{:32} {family}  {result:6} {:5.1} s", scenario.name, start.elapsed().as_secs_f64());
    faults
}

fn table(failures: &[(String, verify::Faults)]) -> String {
    let lines = failures.iter().flat_map(|(case, faults)| faults.iter().map(move |fault| format!("{case:36} {fault}")));
    lines.collect::<Vec<_>>().join("\n")
}

//! Several flows over parallel links: a hole on some is found, with the share that the router in front knows, and never where
//! all links are healthy.

use super::lab::{self, Lab};
use super::scenario::{self, Family, Scenario, World};
use super::verify::{self, Faults};

/// Each run has flows of its own, which the router spreads anew.
const RUNS: usize = 2;
/// With one flow more than it compares by default only where there is a hole.
const OPTIONS: [&[&str]; 2] = [&[], &["--flows", "8"]];

#[test]
fn the_share_of_flows_is_right() {
    lab::with_labs("flows::the_share_of_flows_is_right", || {
        let scenarios = scenario::load_all().unwrap_or_else(|error| panic!("{error}"));
        let parallel = scenarios.iter().filter(|s| s.parallel_link().is_some() && s.runs_in(World::Netns));
        let cases: Vec<_> = parallel.flat_map(|s| s.families.iter().map(move |family| (s, *family))).collect();
        assert!(cases.len() > 8, "only {} cases", cases.len());
        let mut tally = Tally::default();
        for (scenario, family) in cases {
            run_case(scenario, family, &mut tally);
        }
        println!(
            "{} runs: {} found no hole, {} one on some flows, {} one on all",
            tally.runs, tally.none, tally.some, tally.all
        );
        assert!(tally.faults.is_empty(), "{}", tally.faults.join("\n"));
        // Chance spreads the flows; all three have to be seen.
        assert!(tally.none > 0 && tally.some > 0 && tally.all > 0, "some kind of run is missing");
    });
}

#[derive(Default)]
struct Tally {
    runs: usize,
    none: usize,
    some: usize,
    all: usize,
    faults: Faults,
}

fn run_case(scenario: &Scenario, family: Family, tally: &mut Tally) {
    let lab = Lab::up(&scenario.name, family, &[]).unwrap_or_else(|error| panic!("{error}"));
    for run in 0..RUNS {
        for options in OPTIONS {
            lab.forget_flows(scenario);
            let mut arguments = verify::probe_arguments(scenario, family);
            arguments.extend(options.iter().map(ToString::to_string));
            let ran = lab.probe(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
            let faults = faults(&lab, &ran, scenario, family, options, tally);
            let case = format!("{} {family} {options:?} run {run}", scenario.name);
            tally.faults.extend(faults.into_iter().map(|fault| format!("{case}: {fault}")));
            tally.runs += 1;
        }
    }
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

/// The router's word against the program's.
fn faults(
    lab: &Lab,
    ran: &lab::Ran,
    scenario: &Scenario,
    family: Family,
    options: &[&str],
    tally: &mut Tally,
) -> Faults {
    let seen = lab.flows(scenario);
    let Some(main) = lab.first_port(&seen) else { return vec![format!("no connection among {seen:?}")] };
    let member = |port: &u16| seen[port].first().copied().unwrap_or_default();
    if let Some((port, members)) = seen.iter().find(|(_, members)| members.len() != 1) {
        return vec![format!("one flow, port {port}, took the links {members:?}")];
    }
    let others: Vec<usize> = seen.keys().filter(|port| **port != main).map(member).collect();
    let expected = scenario.expect.outcome_of_flows(member(&main), &others, family);
    let mut faults = verify::outcome(ran, &expected, family);
    let is_hole = |member: usize| scenario.expect.outcome_over(member, family).exit_code == 2;
    let hit = others.iter().filter(|other| is_hole(**other)).count() + usize::from(is_hole(member(&main)));
    match hit {
        0 => tally.none += 1,
        hit if hit == seen.len() => tally.all += 1,
        _ => tally.some += 1,
    }
    if !options.is_empty() && seen.len() != 8 {
        faults.push(format!("{} flows instead of 8", seen.len()));
    }
    if expected.findings.iter().any(|finding| finding == "hole_on_some_flows") {
        let reason = verify::document(ran).map(|document| document["addresses"][0]["reason"].to_string());
        let share = format!("on {hit} of {} flows", seen.len());
        if !reason.as_ref().is_ok_and(|reason| reason.contains(&share)) {
            faults.push(format!("not {share}, but {reason:?}"));
        }
    } else if ran.stdout.contains("hole_on_some_flows") {
        faults.push(format!("a hole on some flows, where all are alike: {seen:?}"));
    }
    faults
}

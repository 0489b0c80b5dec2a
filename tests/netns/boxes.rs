//! Boxes on real kernels: `tests/boxes.toml` times three paths. A short choice by default, all with `PMTU_NETNS_BOXES=1`; and somebody
//! who knows addresses and ports alone, `PMTU_NETNS_ATTACKS=50` runs.

use std::fs;

use super::lab::{Lab, Ran, lab_program, program, run, with_labs};
use super::scenario::{self, Family, Scenario, World};
use super::verify::{self, Faults};
use super::{LABS_AT_A_TIME, run_cases, table};

/// What the program may take, whoever floods it.
const MOST_KIB: u64 = 30 * 1024;
/// Runs under attack by default: each flood on a hole, in both families.
const ATTACKS: usize = 4;

#[test]
fn every_box_gets_its_verdict() {
    with_labs("boxes::every_box_gets_its_verdict", || {
        let is_short = std::env::var_os("PMTU_NETNS_BOXES").is_none();
        let only = std::env::var("PMTU_NETNS_ONLY").unwrap_or_default();
        let boxes = scenario::load_boxes(is_short).unwrap_or_else(|error| panic!("{error}"));
        let here = boxes.into_iter().filter(|scenario| scenario.runs_in(World::Netns) && scenario.name.contains(&only));
        let cases: Vec<(Scenario, Family)> = here
            .flat_map(|scenario| scenario.families.clone().into_iter().map(move |family| (scenario.clone(), family)))
            .collect();
        let count = cases.len();
        let mut failures = run_cases(cases, LABS_AT_A_TIME);
        failures.sort();
        assert!(failures.is_empty(), "{} of {count} boxes failed:\n{}", failures.len(), table(&failures));
    });
}

#[test]
fn an_attacker_off_the_path_changes_no_verdict() {
    with_labs("boxes::an_attacker_off_the_path_changes_no_verdict", || {
        let runs = std::env::var("PMTU_NETNS_ATTACKS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(ATTACKS);
        let names = ["flood_of_ptbs_hole", "flood_of_segments_hole", "flood_of_ptbs_clear", "forged_segments_ptb"];
        let more = ["flood_of_segments_clear", "flood_of_ptbs_ptb", "forged_ptbs_hole", "flood_of_segments_ptb"];
        let names: Vec<&str> = if runs > ATTACKS { [names, more].concat() } else { names[..2].to_vec() };
        let (mut bad, mut most) = (Vec::new(), 0);
        for number in 0..runs {
            let name = format!("box_{}", names[number / 2 % names.len()]);
            let family = [Family::V4, Family::V6][number % 2];
            let (faults, kib) = attacked(&name, family);
            most = most.max(kib);
            println!("{name:32} {family}  {kib:6} KiB  {}", if faults.is_empty() { "ok" } else { "FAILED" });
            bad.extend(faults.into_iter().map(|fault| format!("{name} {family}: {fault}")));
        }
        println!("{runs} runs, {most} KiB at most");
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    });
}

/// What is wrong with a run under attack, and what it took.
fn attacked(name: &str, family: Family) -> (Faults, u64) {
    let scenario = scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
    let lab = Lab::up(name, family, &[]).unwrap_or_else(|error| panic!("{error}"));
    let note = lab.folder().join("measured");
    let mut command = lab.command("c", lab_program());
    command.arg("measure").arg("--to").arg(&note).arg("--").arg(program());
    let ran: Ran = run(command.args(verify::probe_arguments(&scenario, family)));
    let mut faults = match verify::document(&ran) {
        Ok(document) => verify::address_outcome(&document["addresses"][0], &scenario.expect.outcome(family), family),
        Err(fault) => vec![fault],
    };
    let measured = fs::read_to_string(&note).unwrap_or_default();
    let kib = measured.split_whitespace().nth(3).and_then(|kib| kib.parse().ok()).unwrap_or(u64::MAX);
    if kib >= MOST_KIB {
        faults.push(format!("{kib} KiB of memory"));
    }
    faults.extend(lab.down().err());
    (faults, kib)
}

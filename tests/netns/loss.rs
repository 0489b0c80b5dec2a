//! Paths that lose a tenth of all packets in each direction: no verdict may be wrong, and few may be in doubt.

use super::lab::{self, Lab};
use super::scenario::{self, Family};
use super::verify;

/// A path, and the options that make it lossy unless it is already.
const PATHS: [(&str, &[&str]); 5] = [
    ("loss_10_clear", &[]),
    ("loss_10_black_hole", &[]),
    ("loss_10_ptb", &[]),
    ("ptb_dropped_by_this_host", LOSSY),
    ("mss_clamped", LOSSY),
];
const LOSSY: &[&str] = &["--delay", "10", "--wire", "2 --loss 0.1 --back-loss 0.1"];
const DEFAULT_RUNS: usize = 3;

#[test]
fn a_tenth_lost_never_makes_a_verdict_wrong() {
    lab::with_labs("loss::a_tenth_lost_never_makes_a_verdict_wrong", || {
        let runs =
            std::env::var("PMTU_NETNS_LOSS_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(DEFAULT_RUNS);
        let mut tally = Tally::default();
        for (name, options) in PATHS {
            let scenario = scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
            for family in scenario.families.clone() {
                run_path(&scenario, family, options, runs, &mut tally);
            }
        }
        println!("{} runs, {} inconclusive, {} wrong", tally.runs, tally.doubts, tally.wrong.len());
        assert!(tally.wrong.is_empty(), "wrong verdicts:\n{}", tally.wrong.join("\n"));
        // 2 % of few runs is none, and one doubt among few says nothing.
        assert!(tally.doubts <= 1.max(tally.runs / 50), "{} of {} runs inconclusive", tally.doubts, tally.runs);
    });
}

#[derive(Default)]
struct Tally {
    runs: usize,
    doubts: usize,
    wrong: Vec<String>,
}

fn run_path(scenario: &scenario::Scenario, family: Family, options: &[&str], runs: usize, tally: &mut Tally) {
    let lab = Lab::up(&scenario.name, family, options).unwrap_or_else(|error| panic!("{error}"));
    let arguments = verify::probe_arguments(scenario, family);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Where loss blurs the picture, the place and the findings may be missing; the verdict and its sizes may not be wrong.
    let mut expected = scenario.expect.outcome(family);
    expected.located_at = None;
    expected.findings.clear();
    for run in 0..runs {
        let ran = lab.probe(&arguments);
        tally.runs += 1;
        let verdict = verify::document(&ran).ok().map(|document| document["addresses"][0]["verdict"].clone());
        if verdict.is_some_and(|verdict| verdict == "inconclusive") {
            tally.doubts += 1;
            continue;
        }
        let faults = verify::outcome(&ran, &expected, family);
        if !faults.is_empty() {
            tally.wrong.push(format!("{} {family} run {run}: {}", scenario.name, faults.join("; ")));
        }
    }
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

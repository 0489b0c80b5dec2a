//! Every scenario, in a simulated network with a virtual clock: thousands of runs, no privilege.
//!
//! - `PMTU_SIM_SEEDS=1000 cargo test --release --test sim` runs every sweep with that many seeds.
//! - `PMTU_SIM_ONLY=silent_router:v4:17` (a line of the table; a fourth field is the loss that was added) replays one
//!   run and prints every packet. `0.05*` is spread over all links; a fifth field is what is left of each router's burst of errors.

#[path = "common/scenario.rs"]
mod scenario;
#[path = "sim/mod.rs"]
mod sim;

#[path = "sim/back_tests.rs"]
#[cfg(test)]
mod back_tests;
#[path = "sim/model_tests.rs"]
#[cfg(test)]
mod model_tests;

use pmtu_probe::model::Direction;
use scenario::{Family, Outcome, Reverse, Routers, Scenario, TakesTcp, Verdict, World};
use sim::check::{Strictness, check};
use sim::sweep::{Job, Tallies, Tally, sweep, table, total};

/// Seeds per scenario and family where no loss is added.
const PLAIN_SEEDS: u64 = 20;
/// Seeds per scenario and family with loss, and random paths divided by 40, unless `PMTU_SIM_SEEDS` says more.
const SWEEP_SEEDS: u64 = 25;
/// The link that loses packets in a sweep: r2-r3.
const LOSSY_LINK: usize = 2;

#[test]
fn every_scenario_file_makes_sense() {
    let scenarios = scenario::load_all().unwrap();
    assert!(scenarios.len() > 60, "only {} scenarios", scenarios.len());
    assert!(scenarios.iter().all(|scenario| !scenario.about.is_empty()));
}

#[test]
fn a_mistake_in_a_file_is_refused() {
    let good = "about = \"x\"\n[expect]\nverdict = \"clear\"\npath_mtu = 1500\n";
    assert!(scenario::parse("x", good).is_ok());
    for bad in [
        "about = \"x\"\n",
        "about = \"x\"\n[expect]\nverdict = \"black_hole\"\npath_mtu = 1400\n",
        "about = \"x\"\n[expect]\nverdict = \"clear\"\n",
        "about = \"x\"\nworlds = [\"sim\"]\n[expect]\nverdict = \"clear\"\npath_mtu = 1500\n",
        "about = \"x\"\n[router.r1]\nptp = \"silent\"\n[expect]\nverdict = \"clear\"\npath_mtu = 1500\n",
    ] {
        assert!(scenario::parse("x", bad).is_err(), "{bad}");
    }
}

/// The oracle of the random paths and the files were written apart: where a file says nothing that the oracle does not
/// know, they have to agree.
#[test]
fn the_oracle_agrees_with_the_files() {
    let (mut compared, mut backward) = (0, 0);
    for scenario in scenario::load_all().unwrap() {
        let is_beyond_the_oracle = !scenario.peer.alive
            || scenario.link.iter().any(|link| link.far_mtu.is_some() || !link.parallel.is_empty())
            || scenario.link.iter().any(|link| !link.middlebox.is_idle())
            || scenario.routers().iter().any(|(_, router)| router.clear_df || router.ptb_bad_checksum)
            || scenario.routers().iter().any(|(_, router)| router.takes_tcp != TakesTcp::No);
        if is_beyond_the_oracle {
            continue;
        }
        for family in &scenario.families {
            let file = scenario.expect.outcome(*family);
            let found = sim::oracle::expect(&scenario, *family);
            let Some(oracle) = found else { panic!("{}:{family}: the oracle has no word for it", scenario.name) };
            let core =
                |outcome: &Outcome| (outcome.verdict, outcome.path_mtu, outcome.first_lost_size, outcome.exit_code);
            let mut oracle = oracle;
            if let Some(back) = &file.reverse {
                let expected = sim::oracle_back::expect(&scenario, *family);
                let core = |back: &Reverse| (back.verdict, back.path_mtu);
                assert_eq!(core(&expected), core(back), "{}:{family}, the way back", scenario.name);
                oracle.exit_code = oracle.exit_code_with(expected.verdict);
                backward += 1;
            }
            assert_eq!(core(&oracle), core(&file), "{}:{family}", scenario.name);
            assert!(file.cause.iter().all(|cause| oracle.cause.contains(cause)), "{}:{family}", scenario.name);
            compared += 1;
        }
    }
    assert!(compared > 150, "only {compared} compared");
    assert!(backward > 75, "only {backward} compared on the way back");
}

#[test]
fn every_scenario() {
    let jobs = jobs(0.0, |scenario| (0..if is_lossy(scenario) { seeds() } else { PLAIN_SEEDS }).into());
    let (lossy, plain): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| is_lossy(&job.scenario));
    let tallies = sweep(&plain, Strictness::Whole);
    let lossy_tallies = sweep(&lossy, Strictness::Verdict);
    let text = format!("{}\nwith loss of their own:\n{}", table(&tallies, ""), table(&lossy_tallies, ""));
    let bad: Vec<_> = tallies.iter().filter(|(_, tally)| tally.has_notes()).map(|(key, _)| key).collect();
    assert!(bad.is_empty(), "{} scenarios fail\n{text}", bad.len());
    assert_no_wrong_verdict(&lossy_tallies, &text);
}

/// Every box on every path, with `seeds` seeds.
fn box_jobs(seeds: u64) -> Vec<Job> {
    let boxes = scenario::load_boxes(false).unwrap().into_iter();
    let here = boxes.filter(|scenario| scenario.runs_in(World::Sim) && is_chosen(scenario));
    here.flat_map(|scenario| {
        let families = scenario.families.clone().into_iter();
        families.map(move |family| Job { scenario: scenario.clone(), family, seeds: 0..seeds }).collect::<Vec<_>>()
    })
    .collect()
}

/// What each box does to a run.
#[test]
#[ignore = "shows a table"]
fn boxes_table() {
    let lines = sim::sweep::side_by_side(&box_jobs(1), |Job { scenario, family, .. }| {
        let run = sim::run::run(scenario, *family, 0, false);
        let (class, notes) = check(&run, scenario, *family, Strictness::Whole);
        let verdict = run.examined.as_ref().map(|examined| format!("{:?}", examined.verdict)).unwrap_or_default();
        let seconds = run.verdict_at.map_or(f64::NAN, |at| at.as_secs_f64());
        let (name, packets, notes) = (&scenario.name, run.packets_sent, notes.join("; "));
        format!(
            "{name:40} {family} {:13} {verdict:13} {seconds:6.2} s {packets:5} packets  {notes}",
            format!("{class:?}")
        )
    });
    println!("{}", lines.join("\n"));
}

/// Every box on every path; `PMTU_SIM_SEEDS` for more seeds.
#[test]
fn every_box() {
    let jobs = box_jobs(seeds().div_ceil(5));
    let (lossy, plain): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.scenario.is_lossy());
    let (tallies, lossy_tallies) = (sweep(&plain, Strictness::Whole), sweep(&lossy, Strictness::Verdict));
    let text = format!("{}\nwith loss of their own:\n{}", table(&tallies, ""), table(&lossy_tallies, ""));
    println!("{text}");
    let bad: Vec<_> = tallies.iter().filter(|(_, tally)| tally.has_notes()).map(|(key, _)| key).collect();
    assert!(bad.is_empty(), "{} boxes fail\n{text}", bad.len());
    assert_no_wrong_verdict(&lossy_tallies, &text);
}

/// Somebody who knows addresses and ports, and no numbers, forges packets to c, a few or 20 000 a second: nothing changes.
/// `PMTU_SIM_SEEDS=500` makes more than a thousand runs of it.
#[test]
fn an_attacker_off_the_path_changes_nothing() {
    let is_attack = |job: &Job| ["forged_", "flood_of_"].iter().any(|kind| job.scenario.name.contains(kind));
    let mut jobs = box_jobs(seeds().div_ceil(12));
    jobs.retain(is_attack);
    let tallies = sweep(&jobs, Strictness::Whole);
    let Tally { runs, .. } = total(&tallies);
    println!("{runs} runs under attack");
    assert!(jobs.is_empty() || jobs.len() == 24, "{} kinds of attack", jobs.len());
    assert!(tallies.values().all(|tally| !tally.has_notes()), "{}", table(&tallies, ""));
}

/// `--flows`: a hole on any flow is found, with the right share, whatever link the first one takes. Where all flows are alike
/// nothing changes.
#[test]
fn flows_are_compared() {
    for flows in [2, 8, 16] {
        let mut jobs = jobs(0.0, |_| (0..seeds() * 4).into());
        jobs.retain(|job| {
            let is_alike = ["clear", "silent_router", "ptb_1400", "mss_clamped"].contains(&job.scenario.name.as_str());
            job.scenario.parallel_link().is_some() || is_alike
        });
        assert!(jobs.len() > 15, "only {}", jobs.len());
        for job in &mut jobs {
            job.scenario.host.flows = Some(flows);
        }
        let tallies = sweep(&jobs, Strictness::Whole);
        let text = format!("PMTU_SIM_FLOWS={flows}\n{}", table(&tallies, ""));
        assert!(tallies.values().all(|tally| !tally.has_notes()), "{text}");
        for job in &mut jobs {
            add_loss_everywhere(&mut job.scenario, 0.05);
        }
        let tallies = sweep(&jobs, Strictness::Verdict);
        assert_no_wrong_verdict(&tallies, &format!("PMTU_SIM_FLOWS={flows}\n{}", table(&tallies, ":0.05*")));
    }
}

/// Time exceeded is rationed everywhere, as Linux does by default: a burst of 6 for each address, then one a second.
#[test]
fn the_place_is_right_or_vague_but_never_wrong() {
    let mut bad = Vec::new();
    // What other runs have left of the burst, and how often all must be said that can be seen.
    for (loss, errors_left, at_least_exact) in [(0.0, 6, 1.0), (0.05, 6, 0.9), (0.0, 1, 0.9), (0.05, 3, 0.9)] {
        let mut jobs = jobs(0.0, |_| (0..seeds()).into());
        jobs.retain(|job| !is_lossy(&job.scenario) && !job.scenario.expect.outcome(job.family).may_be_inconclusive);
        for Job { scenario, .. } in &mut jobs {
            add_loss_everywhere(scenario, loss);
            leave_errors(scenario, errors_left);
        }
        let places = sim::places::count(&jobs, &format!(":{loss}*:{errors_left}"));
        let text = format!("loss {loss}, {errors_left} errors left: {}", places.table());
        println!("{text}");
        let all = f64::from(places.exact + places.vague + places.wrong);
        assert!(all > 1000.0, "too few: {text}");
        if places.wrong > 0 || f64::from(places.exact) < at_least_exact * all {
            bad.push(text);
        }
    }
    assert!(bad.is_empty(), "wrong, or too vague:\n{}", bad.join("\n"));
}

#[test]
fn loss_sweep() {
    let with_ten = sweep(&jobs(0.10, |_| (0..seeds()).into()), Strictness::Verdict);
    let text = table(&with_ten, ":0.10");
    assert_no_wrong_verdict(&with_ten, &text);
    let expected_runs = with_ten.iter().filter(|((name, _), _)| !is_excused(name));
    let sums = expected_runs.fold((0, 0), |sum, (_, tally)| (sum.0 + tally.inconclusive, sum.1 + tally.runs));
    assert!(sums.0 * 50 <= sums.1, "{} of {} are inconclusive, more than 2 %\n{text}", sums.0, sums.1);
}

#[test]
fn heavy_loss_sweep() {
    // The way back takes half a minute of virtual time where so much is lost.
    let mut jobs = jobs(0.30, |scenario| {
        let draws = scenario.families.iter().any(|family| scenario.expect.outcome(*family).reverse.is_some());
        (0..if draws { seeds().div_ceil(5) } else { seeds() }).into()
    });
    // Where so much is lost that TCP is given up, echo carries the verdict, and over parallel links echo has a path of its own.
    jobs.retain(|job| job.scenario.parallel_link().is_none());
    // Somebody halfway who takes TCP is known by the server's echo replies alone, and all of those may be lost.
    let is_taken = |scenario: &Scenario| scenario.routers().iter().any(|(_, r)| r.takes_tcp == TakesTcp::Proxy);
    jobs.retain(|job| !is_taken(&job.scenario) || job.scenario.router.r1.takes_tcp == TakesTcp::Proxy);
    let with_thirty = sweep(&jobs, Strictness::Verdict);
    let text = table(&with_thirty, ":0.30");
    assert_no_wrong_verdict(&with_thirty, &text);
}

#[test]
fn random_paths() {
    let count = seeds() * 40;
    let mut jobs = Vec::new();
    for seed in 0..count {
        for family in [Family::V4, Family::V6] {
            if let Some(scenario) = sim::oracle::random_scenario(seed, family) {
                jobs.push(Job { scenario, family, seeds: seed..seed + 1 });
            }
        }
    }
    let expected =
        |verdict| jobs.iter().filter(|job| job.scenario.expect.outcome(job.family).verdict == verdict).count();
    for verdict in [Verdict::Clear, Verdict::Discoverable, Verdict::Masked, Verdict::BlackHole] {
        assert!(expected(verdict) * 50 > jobs.len(), "too few paths are {verdict:?}");
    }
    let tallies = sweep(&jobs, Strictness::Verdict);
    let text = table(&tallies, "");
    assert_no_wrong_verdict(&tallies, &text);
    let flawed: u64 = total(&tallies).flawed;
    assert_eq!(flawed, 0, "wrong causes\n{text}");
    let sure = |job: &&Job| !job.scenario.expect.outcome(job.family).may_be_inconclusive;
    let unsure: Vec<_> = jobs
        .iter()
        .filter(sure)
        .filter(|job| tallies[&(job.scenario.name.clone(), job.family)].inconclusive > 0)
        .map(|job| format!("{}:{}", job.scenario.name, job.family))
        .collect();
    assert!(unsure.is_empty(), "inconclusive without a reason: {unsure:?}\n{text}");
}

#[test]
fn garbage_neither_panics_nor_runs_on() {
    let healthy = scenario::load("clear").unwrap();
    for seed in 0..seeds() * 20 {
        for family in [Family::V4, Family::V6] {
            let plan = sim::run::plan(&healthy, family, seed);
            if let Err(fault) = sim::garbage::feed(&plan, seed) {
                panic!("seed {seed}, {family}: {fault}");
            }
        }
    }
}

/// The packets of every scenario, against those on record. A change in what is sent has to be wanted: `PMTU_SIM_RECORD=1` records
/// anew, and the commit says why.
#[test]
fn packets_are_those_on_record() {
    let mut runs = Vec::new();
    for loss in [0.0, 0.10] {
        for Job { scenario, family, .. } in jobs(loss, |_| (0..0).into()) {
            let has_way_back = scenario.expect.outcome(family).reverse.is_some();
            runs.push((scenario.clone(), family, loss, Direction::Forward));
            if has_way_back {
                runs.push((scenario, family, loss, Direction::Both));
            }
        }
    }
    let lines = sim::sweep::side_by_side(&runs, |(scenario, family, loss, direction)| {
        sim::packets::line(scenario, *family, *loss, *direction)
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sim/packets.txt");
    if std::env::var_os("PMTU_SIM_RECORD").is_some() {
        assert!(std::env::var_os("PMTU_SIM_NAMES").is_none(), "a record has all scenarios");
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
        return;
    }
    let recorded = std::fs::read_to_string(path).unwrap();
    let changed: Vec<String> = sim::packets::changes(&recorded, &lines);
    assert!(changed.is_empty(), "{} lines differ from tests/sim/packets.txt:\n{}", changed.len(), changed.join("\n"));
}

/// One run, packet by packet.
#[test]
#[ignore = "shows the run that PMTU_SIM_ONLY names"]
fn replay() {
    let only = std::env::var("PMTU_SIM_ONLY").expect("PMTU_SIM_ONLY=NAME:FAMILY:SEED says which run");
    let parts: Vec<&str> = only.split(':').collect();
    let family = if parts[1] == "v4" { Family::V4 } else { Family::V6 };
    let seed = parts[2].parse().expect("the third field is a seed");
    let mut scenario = match parts[0].strip_prefix("random-") {
        Some(number) => sim::oracle::random_scenario(number.parse().unwrap(), family).unwrap(),
        None => scenario::load(parts[0]).unwrap(),
    };
    let loss = parts.get(3).map_or("0", |loss| loss);
    match loss.strip_suffix('*') {
        Some(everywhere) => add_loss_everywhere(&mut scenario, everywhere.parse().unwrap()),
        None => add_loss(&mut scenario, loss.parse().unwrap()),
    }
    scenario.host.flows = std::env::var("PMTU_SIM_FLOWS").ok().map(|flows| flows.parse().unwrap());
    if let Some(left) = parts.get(4) {
        leave_errors(&mut scenario, left.parse().unwrap());
    }
    let strictness = if is_lossy(&scenario) { Strictness::Verdict } else { Strictness::Whole };
    let run = sim::run::run(&scenario, family, seed, true);
    let expected = sim::flows::expected(&run, &scenario, family);
    let (class, notes) = check(&run, &scenario, family, strictness);
    for line in &run.trace {
        println!("{line}");
    }
    println!("{:#?}\n{:#?}\nexpected {expected:#?}", scenario, run.examined);
    println!("{} packets, verdict at {:?}, end at {:?}", run.packets_sent, run.verdict_at, run.ended_at);
    assert!(notes.is_empty(), "{class:?}: {}", notes.join("; "));
}

/// One job per scenario and family of the simulator's world, with loss added.
fn jobs(loss: f64, seeds: impl Fn(&Scenario) -> SeedRange) -> Vec<Job> {
    let mut jobs = Vec::new();
    for mut scenario in scenario::load_all().unwrap() {
        if scenario.runs_in(World::Sim) && is_chosen(&scenario) {
            add_loss(&mut scenario, loss);
            for family in scenario.families.clone() {
                jobs.push(Job { scenario: scenario.clone(), family, seeds: seeds(&scenario).0 });
            }
        }
    }
    jobs
}

/// `PMTU_SIM_NAMES` leaves only scenarios whose name contains a text.
fn is_chosen(scenario: &Scenario) -> bool {
    std::env::var("PMTU_SIM_NAMES").is_ok_and(|text| scenario.name.contains(&text))
        || std::env::var_os("PMTU_SIM_NAMES").is_none()
}

struct SeedRange(std::ops::Range<u64>);

impl From<std::ops::Range<u64>> for SeedRange {
    fn from(range: std::ops::Range<u64>) -> Self {
        Self(range)
    }
}

fn add_loss(scenario: &mut Scenario, loss: f64) {
    let mut links = scenario.links();
    links[LOSSY_LINK].loss = 1.0 - (1.0 - links[LOSSY_LINK].loss) * (1.0 - loss);
    scenario.set_links(links);
}

/// Every link loses its part, so that the answers of near and far hops are hit.
fn add_loss_everywhere(scenario: &mut Scenario, loss: f64) {
    let mut links = scenario.links();
    for link in &mut links {
        link.loss = 1.0 - (1.0 - loss).powf(0.25);
    }
    scenario.set_links(links);
}

/// What the trace finds left. The question who answers TCP costs one message of the first router and two of the last one.
fn leave_errors(scenario: &mut Scenario, left: u32) {
    let Routers { r1, r2, r3 } = &mut scenario.router;
    for router in [r1, r2, r3] {
        router.errors_left = Some(left);
    }
    scenario.router.r1.errors_left = Some(left + 1);
    scenario.router.r3.errors_left = Some(left + 2);
}

fn is_lossy(scenario: &Scenario) -> bool {
    scenario.links().iter().any(|link| link.loss > 0.0)
}

/// The 2 % do not count what is thin by its own nature: paths that lose 10 % or more already, and those that may be
/// inconclusive without any loss.
fn is_excused(name: &str) -> bool {
    let scenario = scenario::load(name).unwrap();
    let is_thin = |family: &Family| scenario.expect.outcome(*family).may_be_inconclusive;
    is_lossy(&scenario) || scenario.families.iter().any(is_thin)
}

fn assert_no_wrong_verdict(tallies: &Tallies, text: &str) {
    let wrong = total(tallies).wrong;
    assert_eq!(wrong, 0, "{wrong} wrong verdicts\n{text}");
}

fn seeds() -> u64 {
    std::env::var("PMTU_SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SWEEP_SEEDS)
}

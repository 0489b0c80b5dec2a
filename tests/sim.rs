//! Every scenario, in a simulated network with a virtual clock: thousands of runs, no privilege.
//!
//! - `PMTU_SIM_SEEDS=1000 cargo test --profile sweep --test sim sweep_of_all -- --ignored --nocapture` runs every sweep with loss, with
//!   that many seeds, and prints a line of figures for each.
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
use scenario::{Family, Outcome, Reverse, TakesTcp, Verdict, World};
use sim::check::{Class, Strictness, check};
use sim::in_lists::Compared;
use sim::parts::{Part, add_loss, add_loss_everywhere, is_chosen, is_lossy, jobs, leave_errors, seeds};
use sim::sweep::{HEADING, Job, Tally, sweep, table, total};

/// Seeds per scenario and family where no loss is added.
const PLAIN_SEEDS: u64 = 20;
/// Without SACK, where nothing names a probe; a slow line, so that answers are late; jitter.
const IDLE_ACK_PATHS: [&str; 6] =
    ["clear", "ptb_1400", "silent_router", "reordering_black_hole", "icmp_dead_black_hole", "long_delay_black_hole"];
/// What `--flows` is tried with.
const FLOWS: [u16; 3] = [2, 8, 16];

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
    let jobs = jobs(0.0, |scenario| 0..if is_lossy(scenario) { seeds() } else { PLAIN_SEEDS });
    let (lossy, plain): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| is_lossy(&job.scenario));
    let tallies = sweep(&plain, Strictness::Whole);
    let lossy_tallies = sweep(&lossy, Strictness::Verdict);
    let text = format!("{}\nwith loss of their own:\n{}", table(&tallies, ""), table(&lossy_tallies, ""));
    let bad: Vec<_> = tallies.iter().filter(|(_, tally)| tally.has_notes()).map(|(key, _)| key).collect();
    assert!(bad.is_empty(), "{} scenarios fail\n{text}", bad.len());
    let sum = total(&lossy_tallies);
    assert_eq!((sum.wrong, sum.wrong_causes), (0, 0), "wrong verdicts and causes\n{text}");
}

/// In a list the first flight is two packets; on a path without loss every verdict, cause and size is that of the ladder.
/// `PMTU_SIM_SEEDS` for more seeds.
#[test]
fn in_a_list_every_scenario_has_its_verdict() {
    let few = std::env::var_os("PMTU_SIM_SEEDS").map_or(1, |_| seeds());
    let mut jobs = jobs(0.0, |_| 0..few);
    jobs.extend(box_jobs(few));
    jobs.retain(|job| !is_lossy(&job.scenario));
    let Compared { runs, wrong, worse, .. } = sim::in_lists::compared(&jobs, Strictness::Whole, "");
    let (wrong, worse) = (wrong.join("\n"), worse.join("\n"));
    assert!(wrong.is_empty() && worse.is_empty(), "{runs} runs, wrong:\n{wrong}\nworse:\n{worse}");
}

/// The same with a tenth of the packets lost, where chance makes doubt in some runs of either kind, and hardly more here.
#[test]
fn in_a_list_loss_makes_no_wrong_verdict() {
    let few = std::env::var_os("PMTU_SIM_SEEDS").map_or(2, |_| seeds());
    let jobs = jobs(0.10, |_| 0..few);
    let Compared { runs, wrong, worse, better, undecided } =
        sim::in_lists::compared(&jobs, Strictness::Verdict, ":0.10");
    println!(
        "{runs} runs: {} wrong, {} worse than the ladder, {better} better; {undecided} undecided with the ladder\n{}",
        wrong.len(),
        worse.len(),
        worse.join("\n")
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(worse.len() * 100 <= better * 100 + runs, "{} worse, {better} better\n{}", worse.len(), worse.join("\n"));
}

/// What a list pays for an address: eight packets and 4 kB where all is well, with the connection, whether it answers echo or not.
#[test]
fn in_a_list_a_clear_address_costs_little() {
    for family in [Family::V4, Family::V6] {
        for (name, most) in [("clear", 8), ("no_echo", 8), ("silent_router", 80)] {
            let Ok(mut scenario) = scenario::load(name) else { panic!("no scenario {name}") };
            scenario.host.in_list = true;
            let packets = sim::run::run(&scenario, family, 0, false).packets_sent;
            assert!(packets <= most, "{name}, {family}: {packets} packets");
        }
    }
}

/// Every box on every path, with `seeds` seeds.
fn box_jobs(seeds: u64) -> Vec<Job> {
    let boxes = scenario::load_boxes(false).unwrap().into_iter();
    let here = boxes.filter(|scenario| scenario.runs_in(World::Sim) && is_chosen(scenario));
    here.flat_map(|mut scenario| {
        scenario.host.in_list = sim::parts::is_in_list();
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
    let sum = total(&lossy_tallies);
    assert_eq!((sum.wrong, sum.wrong_causes), (0, 0), "wrong verdicts and causes\n{text}");
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
    for flows in FLOWS {
        let jobs = sim::parts::jobs_of_flows(flows);
        assert!(jobs.len() > 15 || std::env::var_os("PMTU_SIM_NAMES").is_some(), "only {}", jobs.len());
        let tallies = sweep(&jobs, Strictness::Whole);
        let text = format!("PMTU_SIM_FLOWS={flows}\n{}", table(&tallies, ""));
        assert!(tallies.values().all(|tally| !tally.has_notes()), "{text}");
        assert_demands(&[sim::parts::flows(flows)]);
    }
}

/// Time exceeded is rationed everywhere, as Linux does by default: a burst of 6 for each address, then one a second.
#[test]
fn the_place_is_right_or_vague_but_never_wrong() {
    let mut bad = Vec::new();
    // What other runs have left of the burst, and how often all must be said that can be seen.
    for (loss, errors_left, at_least_exact) in [(0.0, 6, 1.0), (0.05, 6, 0.9), (0.0, 1, 0.9), (0.05, 3, 0.9)] {
        let mut jobs = jobs(0.0, |_| 0..seeds());
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

/// Whatever TCP the peer has, and whether it takes mail or not.
#[test]
fn peers_that_answer_otherwise_are_known_soon() {
    let late = sim::soon::late(seeds());
    assert!(late.is_empty(), "{} runs take too long:\n{}", late.len(), late.join("\n"));
}

#[test]
fn loss_sweep() {
    assert_demands(&sim::parts::tenth());
}

#[test]
fn heavy_loss_sweep() {
    assert_demands(&sim::parts::third());
}

/// All sweeps in one, whatever any of them comes to.
#[test]
#[ignore = "for figures with many seeds; each sweep has a test of its own"]
fn sweep_of_all() {
    let mut parts: Vec<Part> = sim::parts::tenth().into_iter().chain(sim::parts::third()).collect();
    parts.extend(FLOWS.map(sim::parts::flows));
    parts.push(sim::parts::random());
    assert_demands(&parts);
}

#[test]
fn random_paths() {
    let part = sim::parts::random();
    let jobs = &part.jobs;
    let expected =
        |verdict| jobs.iter().filter(|job| job.scenario.expect.outcome(job.family).verdict == verdict).count();
    for verdict in [Verdict::Clear, Verdict::Discoverable, Verdict::Masked, Verdict::BlackHole] {
        assert!(expected(verdict) * 50 > jobs.len(), "too few paths are {verdict:?}");
    }
    let swept = part.run();
    let faults = part.faults(&swept);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Of those that lose packets, a few may be.
    let sure = |job: &&Job| !job.scenario.expect.outcome(job.family).may_be_inconclusive && !is_lossy(&job.scenario);
    let unsure: Vec<_> = jobs
        .iter()
        .filter(sure)
        .filter(|job| swept.tallies[&(job.scenario.name.clone(), job.family)].inconclusive > 0)
        .map(|job| format!("{}:{}", job.scenario.name, job.family))
        .collect();
    assert!(unsure.is_empty(), "inconclusive without a reason: {unsure:?}\n{}", swept.table());
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
        for Job { scenario, family, .. } in jobs(loss, |_| 0..0) {
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
    if let Ok(word) = std::env::var("PMTU_SIM_STACK") {
        let stack = sim::soon::STACKS.into_iter().find(|stack| stack.word() == word);
        scenario.peer.adopt(stack.expect("PMTU_SIM_STACK names a stack"));
    }
    let loss = parts.get(3).map_or("0", |loss| loss);
    match loss.strip_suffix('*') {
        Some(everywhere) => add_loss_everywhere(&mut scenario, everywhere.parse().unwrap()),
        None => add_loss(&mut scenario, loss.parse().unwrap()),
    }
    scenario.host.in_list = sim::parts::is_in_list();
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

/// Each of the small packets by which the server searches is lost, and on another connection a reply of 30 bytes is lost six times: that
/// one is no packet that the path is too small for.
#[test]
fn what_stays_away_though_it_is_small_makes_no_hole() {
    let mut scenario = scenario::load("reverse_mtu_probing").unwrap();
    add_loss(&mut scenario, 0.30);
    let run = sim::run::run(&scenario, Family::V6, 340, false);
    let (class, notes) = check(&run, &scenario, Family::V6, Strictness::Verdict);
    assert!(class != Class::Wrong, "{notes:?}");
}

/// This host's firewall keeps its TCP below the hole, which only that TCP can tell: a run that ends before it was asked, or before it
/// answers, does not know whether mail hangs.
#[test]
fn a_run_cut_short_before_own_tcp_tells_makes_no_hole() {
    let mut undecided = 0;
    for name in ["host_clamp", "host_clamp_and_memory", "host_clamp_and_their_memory"] {
        let mut scenario = scenario::load(name).unwrap();
        for loss in [0.0, 0.05] {
            add_loss(&mut scenario, loss);
            for step in 1..150 {
                let patience = std::time::Duration::from_millis(20) * step;
                let run = sim::impatient::run_for(patience, &scenario, Family::V4, u64::from(step));
                let examined = run.examined.expect("findings");
                let verdict = format!("{:?}", examined.verdict);
                let who = format!("{name}, seed {step}, {loss} lost, cut short after {patience:?}");
                assert!(["Masked", "Inconclusive", "Unreachable"].contains(&&*verdict), "{verdict}: {who}");
                undecided += u32::from(examined.path_mtu.is_some() && verdict == "Inconclusive");
            }
        }
    }
    assert!(undecided > 50, "only {undecided} runs knew the hole and not what it means");
}

/// Whatever such a peer says, it says to acknowledgments too, so its answers tell of no probe that it came. Mail tells, and echo.
#[test]
fn a_peer_that_answers_idle_acknowledgments_is_believed_about_none() {
    let mut decided = 0;
    for name in IDLE_ACK_PATHS {
        for (greeting, loss) in [(true, 0.0), (false, 0.0), (true, 0.05)] {
            let mut scenario = scenario::load(name).unwrap();
            let peer = &mut scenario.peer;
            (peer.sack, peer.dsack, peer.answers_idle_acks, peer.greeting) = (false, false, true, greeting);
            add_loss(&mut scenario, loss);
            for (family, seed) in [Family::V4, Family::V6].into_iter().flat_map(|f| (0..10).map(move |seed| (f, seed)))
            {
                let run = sim::run::run(&scenario, family, seed, false);
                let (class, notes) = check(&run, &scenario, family, Strictness::Verdict);
                assert!(
                    class != Class::Wrong,
                    "{name}, {family}, seed {seed}, {loss} lost, greeting {greeting}: {notes:?}"
                );
                decided += u32::from(class == Class::Right);
            }
        }
    }
    let all = 60 * IDLE_ACK_PATHS.len() as u32;
    println!("{decided} of {all} are decided");
    assert!(decided * 4 >= all * 3, "only {decided} of {all} are decided");
}

/// RFC 6864, 4.1: with DF an identification need not differ, so two answers with the same one are no copies.
#[test]
fn a_peer_whose_packets_have_one_identification_is_heard() {
    for name in ["no_sack", "no_sack_ptb", "no_sack_black_hole"] {
        let mut scenario = scenario::load(name).unwrap();
        scenario.peer.one_id = true;
        for seed in 0..10 {
            let run = sim::run::run(&scenario, Family::V4, seed, false);
            let (class, notes) = check(&run, &scenario, Family::V4, Strictness::Whole);
            assert!(class == Class::Right, "{name}, seed {seed}: {notes:?}");
            let took = run.verdict_at.map_or(f64::MAX, |at| at.as_secs_f64());
            println!("{name}: {took:.1} s");
            assert!(took < 1.0, "{name}, seed {seed}: {took:.1} s");
        }
    }
}

/// Runs sweeps, prints what they come to, and demands what is demanded of them.
fn assert_demands(parts: &[Part]) {
    let mut faults = Vec::new();
    println!("{HEADING}");
    for part in parts {
        let swept = part.run();
        println!("{}", part.line(&swept));
        let missed = part.faults(&swept);
        for fault in &missed {
            println!("{fault}");
        }
        faults.extend(missed);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

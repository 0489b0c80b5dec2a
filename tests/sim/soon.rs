//! How soon the verdict is there where a peer answers otherwise than Linux, or takes no mail.

use std::time::Duration;

use super::parts::{add_loss, is_chosen, is_lossy};
use super::run::run;
use super::sweep::side_by_side;
use crate::scenario::{self, Family, Kind, Resets, Router, Scenario, Stack, Verdict, Welcome, World};

/// What is lost each way.
const LOSSES: [f64; 2] = [0.0, 0.05];

pub const STACKS: [Stack; 3] = [Stack::Smoltcp, Stack::Lwip, Stack::Gvisor];
const LOSSY: [&str; 3] = ["loss_05_clear", "loss_05_ptb", "loss_05_black_hole"];

/// The runs that take longer than they may, as lines for a replay.
pub fn late(seeds: u64) -> Vec<String> {
    let mut runs = lossy_paths(seeds);
    for scenario in scenario::load_all().unwrap().into_iter().filter(is_otherwise) {
        for loss in LOSSES {
            let mut scenario = scenario.clone();
            add_loss(&mut scenario, loss);
            let families = scenario.families.clone().into_iter();
            runs.extend(
                families
                    .flat_map(|family| (0..seeds).map(move |seed| (family, seed)))
                    .map(|(family, seed)| (scenario.clone(), family, seed, loss)),
            );
        }
    }
    assert!(runs.len() as u64 > 50 * seeds, "only {} runs", runs.len());
    let lines = side_by_side(&runs, |(scenario, family, seed, loss)| {
        let took = run(scenario, *family, *seed, false).verdict_at;
        let limit = limit(scenario, *family, *loss);
        let took = took.map_or(Duration::MAX, |at| Duration::from_secs_f64(at.as_secs_f64()));
        (took > limit).then(|| {
            format!("{} ({}):{family}:{seed}:{loss} took {took:.1?}", scenario.name, scenario.peer.stack.word())
        })
    });
    lines.into_iter().flatten().collect()
}

/// Paths that lose packets on their own account, to a server on each stack: those that the kernel lab plays within the same time.
fn lossy_paths(seeds: u64) -> Vec<(Scenario, Family, u64, f64)> {
    let mut runs = Vec::new();
    for (stack, name) in STACKS.iter().flat_map(|stack| LOSSY.map(|name| (*stack, name))) {
        let mut scenario = scenario::load(name).unwrap();
        scenario.peer.adopt(stack);
        let families = scenario.families.clone().into_iter();
        let seeded = families.flat_map(|family| (0..seeds).map(move |seed| (family, seed)));
        runs.extend(seeded.map(|(family, seed)| (scenario.clone(), family, seed, 0.0)));
    }
    runs
}

fn is_otherwise(scenario: &Scenario) -> bool {
    let peer = &scenario.peer;
    let is_odd = peer.stack != Stack::Linux
        || !peer.sack
        || !peer.dsack
        || peer.old_data_ignored
        || peer.resets != Resets::Never
        || peer.welcome != Welcome::Ready;
    // There is more to find out where SYNs with data are lost as well, the server remembers a path MTU, routers have to be asked again
    // slowly, or the way back is examined.
    let is_open = |router: &Router| !router.drop_syn_data && !router.drop.contains(&Kind::PtbAboutTcp);
    let takes_syns = scenario.routers().iter().all(|(_, router)| is_open(router));
    let is_one_way = scenario.families.iter().all(|family| scenario.expect.outcome(*family).reverse.is_none());
    let is_plain = takes_syns
        && is_one_way
        && peer.remembers.is_none()
        && scenario.links().iter().all(|link| link.middlebox.is_idle());
    is_odd && is_plain && scenario.runs_in(World::Sim) && is_chosen(scenario) && !is_lossy(scenario)
}

/// A round trip takes 10 ms on these paths. No verdict on a hole comes sooner than 0.65 s, since a message may be late. Without echo,
/// SYNs may be confirmed by new bytes alone, one by one.
fn limit(scenario: &Scenario, family: Family, loss: f64) -> Duration {
    let is_clear = scenario.expect.outcome(family).verdict == Verdict::Clear;
    let has_echo = scenario.peer.echo && scenario.routers().iter().all(|(_, router)| router.drop.is_empty());
    Duration::from_millis(match (loss > 0.0 || is_lossy(scenario), is_clear) {
        (false, true) => 150,
        (false, false) if has_echo => 1000,
        (false, false) => 2000,
        (true, _) if has_echo => 5000,
        // Where old bytes are ignored as well, one run in a hundred takes longer than 5 s.
        (true, _) => 12_000,
    })
}

//! The runs of lists, whose first flight is two packets: what each comes to beside the same run with the ladder.

use super::check::{Class, Strictness, check};
use super::run::run;
use super::sweep::{Job, side_by_side};
use crate::scenario::{Family, Scenario};

/// One run both ways.
struct Twice {
    replay: String,
    ladder: (Class, Vec<String>),
    in_list: (Class, Vec<String>),
}

/// How lists fare beside the ladder.
pub struct Compared {
    pub runs: usize,
    /// What a list is told is not true of the path.
    pub wrong: Vec<String>,
    /// It is told nothing where the ladder tells the verdict, or its cause.
    pub worse: Vec<String>,
    /// The ladder tells less.
    pub better: usize,
    /// Runs with the ladder that tell nothing.
    pub undecided: usize,
}

/// Runs all jobs both ways. `loss`: the loss that was added, for a replay.
pub fn compared(jobs: &[Job], strictness: Strictness, loss: &str) -> Compared {
    let seeds = jobs.iter().flat_map(|job| job.seeds.clone().map(move |seed| (&job.scenario, job.family, seed)));
    let runs: Vec<(&Scenario, Family, u64)> = seeds.collect();
    let twice = side_by_side(&runs, |(scenario, family, seed)| {
        let of = |in_list| {
            let mut scenario = (*scenario).clone();
            scenario.host.in_list = in_list;
            check(&run(&scenario, *family, *seed, false), &scenario, *family, strictness)
        };
        let replay = format!("PMTU_SIM_FLIGHT=two PMTU_SIM_ONLY={}:{family}:{seed}{loss}", scenario.name);
        Twice { replay, ladder: of(false), in_list: of(true) }
    });
    let lines = |is_meant: fn(&Twice) -> bool| -> Vec<String> {
        let meant = twice.iter().filter(|twice| is_meant(twice));
        meant.map(|run| format!("{:?} {}  {}", run.in_list.0, run.replay, run.in_list.1.join("; "))).collect()
    };
    Compared {
        runs: twice.len(),
        wrong: lines(|run| is_wrong(run.in_list.0)),
        worse: lines(|run| is_undecided(run.in_list.0) && !is_undecided(run.ladder.0)),
        undecided: twice.iter().filter(|run| is_undecided(run.ladder.0)).count(),
        better: twice.iter().filter(|run| is_undecided(run.ladder.0) && !is_undecided(run.in_list.0)).count(),
    }
}

fn is_wrong(class: Class) -> bool {
    matches!(class, Class::Wrong | Class::WrongCause)
}

/// The place may be vaguer in a list, and flows that are all alike are not counted: that is no matter here.
fn is_undecided(class: Class) -> bool {
    matches!(class, Class::Inconclusive | Class::Causeless)
}

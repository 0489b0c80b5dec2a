//! How often the place is right, vague or wrong, over many seeds.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::check::placing;
use super::run::run;
use super::sweep::Job;
use crate::scenario::Placing;

const THREADS: usize = 2;
/// Examples shown.
const EXAMPLES: usize = 20;

/// The counts of many runs.
#[derive(Debug, Default)]
pub struct Places {
    pub exact: u32,
    pub vague: u32,
    pub wrong: u32,
    /// Replays of what is wrong.
    pub examples: Vec<String>,
}

/// Runs all jobs and counts them; `replay` is what a replay needs beyond scenario, family and seed. Counted is where a size was said to be lost.
pub fn count(jobs: &[Job], replay: &str) -> Places {
    let (next, places) = (AtomicUsize::new(0), Mutex::new(Places::default()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for seed in job.seeds.clone() {
                        count_run(job, seed, replay, &places);
                    }
                }
            });
        }
    });
    places.into_inner().expect("no thread panics")
}

fn count_run(job: &Job, seed: u64, replay: &str, places: &Mutex<Places>) {
    let run = run(&job.scenario, job.family, seed, false);
    let Some(examined) = &run.examined else { return };
    let Some(placing) = placing(examined, run.member, &job.scenario, job.family) else { return };
    let mut places = places.lock().expect("no thread panics");
    match placing {
        Placing::Exact => places.exact += 1,
        Placing::Vague(_) => places.vague += 1,
        Placing::Wrong(what) => {
            places.wrong += 1;
            places.examples.push(format!("PMTU_SIM_ONLY={}:{}:{seed}{replay}  {what}", job.scenario.name, job.family));
        }
    }
}

impl Places {
    /// For people.
    pub fn table(&self) -> String {
        let Self { exact, vague, wrong, .. } = self;
        let mut text = format!("{exact} exact, {vague} vague, {wrong} wrong\n");
        for example in self.examples.iter().take(EXAMPLES) {
            let _ = writeln!(text, "    {example}");
        }
        text
    }
}

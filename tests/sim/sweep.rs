//! Many runs on two threads, and a table of what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::check::{Class, Strictness, check};
use super::run::run;
use crate::scenario::{Family, Scenario};

const THREADS: usize = 2;
/// Examples shown for each scenario and family.
const EXAMPLES: usize = 3;

/// What to run.
pub struct Job {
    pub scenario: Scenario,
    pub family: Family,
    pub seeds: std::ops::Range<u64>,
}

/// The counts of one scenario in one family.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub runs: u64,
    pub causeless: u64,
    pub inconclusive: u64,
    pub flawed: u64,
    pub wrong_causes: u64,
    pub wrong: u64,
    /// What has to be shown, each with its seed.
    examples: Vec<(Class, u64, String)>,
}

/// The counts of a sweep, by scenario and family.
pub type Tallies = BTreeMap<(String, Family), Tally>;

/// Runs all jobs.
pub fn sweep(jobs: &[Job], strictness: Strictness) -> Tallies {
    let tallies = side_by_side(jobs, |job| {
        let mut tally = Tally::default();
        run_job(job, strictness, &mut tally);
        tally
    });
    let mut all = Tallies::new();
    for (job, tally) in jobs.iter().zip(tallies) {
        all.entry((job.scenario.name.clone(), job.family)).or_default().add(tally);
    }
    all
}

/// Does `work` for every item on two threads. The results come in the order of the items.
pub fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take_turns = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(take_turns)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("runs catch their own panics")).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn run_job(job: &Job, strictness: Strictness, tally: &mut Tally) {
    for seed in job.seeds.clone() {
        let run = run(&job.scenario, job.family, seed, false);
        let (class, notes) = check(&run, &job.scenario, job.family, strictness);
        tally.runs += 1;
        match class {
            Class::Right => {}
            Class::Causeless => tally.causeless += 1,
            Class::Inconclusive => tally.inconclusive += 1,
            Class::Flawed => tally.flawed += 1,
            Class::WrongCause => tally.wrong_causes += 1,
            Class::Wrong => tally.wrong += 1,
        }
        if !notes.is_empty() {
            tally.note(class, seed, notes.join("; "));
        }
    }
}

impl Tally {
    /// Keeps the worst examples.
    fn note(&mut self, class: Class, seed: u64, text: String) {
        self.examples.push((class, seed, text));
        self.examples.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        self.examples.truncate(EXAMPLES);
    }

    fn count_in(&mut self, other: &Self) {
        self.runs += other.runs;
        self.causeless += other.causeless;
        self.inconclusive += other.inconclusive;
        self.flawed += other.flawed;
        self.wrong_causes += other.wrong_causes;
        self.wrong += other.wrong;
    }

    fn add(&mut self, other: Self) {
        self.count_in(&other);
        for (class, seed, text) in other.examples {
            self.note(class, seed, text);
        }
    }

    /// Whether something has to be shown.
    pub fn has_notes(&self) -> bool {
        !self.examples.is_empty()
    }
}

/// The sum over all scenarios.
pub fn total(tallies: &Tallies) -> Tally {
    let mut sum = Tally::default();
    for tally in tallies.values() {
        sum.count_in(tally);
    }
    sum
}

/// The table for people: one line per scenario that has something to tell, its examples below.
/// `replay` is what a replay needs beyond scenario, family and seed.
pub fn table(tallies: &Tallies, replay: &str) -> String {
    let mut text = format!("{HEADING}\n");
    for ((name, family), tally) in tallies {
        if tally.wrong + tally.wrong_causes + tally.flawed + tally.causeless + tally.inconclusive == 0 {
            continue;
        }
        let who = format!("{name}:{family}");
        let _ = writeln!(text, "{}", tally.line(&who));
        for (class, seed, example) in &tally.examples {
            let _ = writeln!(text, "    {class:?} PMTU_SIM_ONLY={who}:{seed}{replay}  {example}");
        }
    }
    let _ = writeln!(text, "{}", total(tallies).line("total"));
    text
}

/// What the numbers of a [line](Tally::line) are.
pub const HEADING: &str =
    "what                                       runs  wrong  wrong cause  flawed  no cause  inconclusive";

impl Tally {
    /// The counts in one line.
    pub fn line(&self, what: &str) -> String {
        let Self { runs, causeless, inconclusive, flawed, wrong_causes, wrong, .. } = self;
        format!("{what:<40} {runs:>6} {wrong:>6} {wrong_causes:>12} {flawed:>7} {causeless:>9} {inconclusive:>13}")
    }
}

//! The sweeps: which runs belong to each, and what is demanded of them together.

use super::oracle::random_scenario;
use super::sweep::{Job, Tallies, Tally, sweep, table, total};
use crate::scenario::{self, Family, Routers, Scenario, TakesTcp, World};

/// Seeds per scenario and family with loss, and random paths divided by 40, unless `PMTU_SIM_SEEDS` says more.
const SWEEP_SEEDS: u64 = 25;
/// The link that loses packets in a sweep: r2-r3.
const LOSSY_LINK: usize = 2;
/// Random paths for each seed.
const RANDOM_PATHS: u64 = 40;
/// Of the runs that nothing excuses, one in so many may be inconclusive where a tenth of the packets is lost, or less.
const INCONCLUSIVE: u64 = 50;

/// One sweep.
pub struct Part {
    pub name: String,
    pub jobs: Vec<Job>,
    /// What a replay needs beyond scenario, family and seed.
    replay: String,
    /// Whether a wrong cause is one too many, and the inconclusive runs are few.
    is_strict: bool,
}

/// What came out of one sweep.
pub struct Swept {
    pub tallies: Tallies,
    sum: Tally,
    /// How many runs nothing excuses, and how many of these are inconclusive.
    unexcused: (u64, u64),
    table: String,
}

/// Every scenario with a tenth of the packets lost on one link.
pub fn tenth() -> [Part; 2] {
    let jobs = jobs(0.10, |_| 0..seeds());
    by_direction("10 % loss", ":0.10", true, jobs)
}

/// The same with almost a third.
pub fn third() -> [Part; 2] {
    // The way back takes half a minute of virtual time where so much is lost, so in daily tests it has its turn less often.
    let few = |seeds: u64| if seeds > SWEEP_SEEDS { seeds } else { seeds.div_ceil(5) };
    let mut jobs = jobs(0.30, |scenario| 0..if draws(scenario) { few(seeds()) } else { seeds() });
    // Somebody halfway who takes TCP is known by the server's echo replies alone (`docs/verdicts.md`, who answers), and all of those
    // may be lost.
    let is_taken = |scenario: &Scenario| scenario.routers().iter().any(|(_, r)| r.takes_tcp == TakesTcp::Proxy);
    jobs.retain(|job| !is_taken(&job.scenario) || job.scenario.router.r1.takes_tcp == TakesTcp::Proxy);
    by_direction("30 % loss", ":0.30", false, jobs)
}

/// `--flows` over parallel links, and over paths where all flows are alike, with a twentieth of the packets lost.
pub fn flows(flows: u16) -> Part {
    let mut jobs = jobs_of_flows(flows);
    for job in &mut jobs {
        add_loss_everywhere(&mut job.scenario, 0.05);
    }
    Part { name: format!("5 % loss, {flows} flows"), jobs, replay: ":0.05*".into(), is_strict: true }
}

/// The same without loss.
pub fn jobs_of_flows(flows: u16) -> Vec<Job> {
    let mut jobs = jobs(0.0, |_| 0..seeds() * 4);
    jobs.retain(|job| {
        let is_alike = ["clear", "silent_router", "ptb_1400", "mss_clamped"].contains(&job.scenario.name.as_str());
        job.scenario.parallel_link().is_some() || is_alike
    });
    for job in &mut jobs {
        job.scenario.host.flows = Some(flows);
    }
    jobs
}

/// Paths that no file describes. `PMTU_SIM_FROM` leaves out those of so many seeds, for paths that were never met before.
pub fn random() -> Part {
    let mut jobs = Vec::new();
    let first = number("PMTU_SIM_FROM").unwrap_or(0);
    for seed in first * RANDOM_PATHS..(first + seeds()) * RANDOM_PATHS {
        for family in [Family::V4, Family::V6] {
            if let Some(mut scenario) = random_scenario(seed, family) {
                scenario.host.in_list = is_in_list();
                jobs.push(Job { scenario, family, seeds: seed..seed + 1 });
            }
        }
    }
    Part { name: "random paths".into(), jobs, replay: String::new(), is_strict: true }
}

fn by_direction(name: &str, replay: &str, is_strict: bool, jobs: Vec<Job>) -> [Part; 2] {
    let (both, there): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| draws(&job.scenario));
    let part = |ways: &str, jobs| Part { name: format!("{name}, {ways}"), jobs, replay: replay.into(), is_strict };
    [part("the way there", there), part("both ways", both)]
}

/// Whether the way back is examined.
fn draws(scenario: &Scenario) -> bool {
    scenario.families.iter().any(|family| scenario.expect.outcome(*family).reverse.is_some())
}

impl Part {
    /// Runs it.
    pub fn run(&self) -> Swept {
        let tallies = sweep(&self.jobs, super::check::Strictness::Verdict);
        let excused: Vec<(String, Family)> = self.jobs.iter().filter(|job| is_excused(job)).map(key).collect();
        let unexcused = tallies.iter().filter(|(key, _)| !excused.contains(key));
        let unexcused = unexcused.fold((0, 0), |sum, (_, tally)| (sum.0 + tally.runs, sum.1 + tally.inconclusive));
        Swept { sum: total(&tallies), table: table(&tallies, &self.replay), tallies, unexcused }
    }

    /// What is demanded and not so.
    pub fn faults(&self, swept: &Swept) -> Vec<String> {
        let (runs, inconclusive) = swept.unexcused;
        let Tally { wrong, wrong_causes, .. } = swept.sum;
        let demands = [
            (wrong > 0, format!("{wrong} wrong verdicts")),
            (self.is_strict && wrong_causes > 0, format!("{wrong_causes} wrong causes")),
            (self.is_strict && inconclusive * INCONCLUSIVE > runs, format!("{inconclusive} of {runs} inconclusive")),
        ];
        let missed = demands.into_iter().filter(|(is_missed, _)| *is_missed);
        missed.map(|(_, fault)| format!("{}: {fault}\n{}", self.name, swept.table)).collect()
    }

    /// The figures in one line.
    pub fn line(&self, swept: &Swept) -> String {
        let (runs, inconclusive) = swept.unexcused;
        format!("{}   {inconclusive} of {runs} unexcused", swept.sum.line(&self.name))
    }
}

impl Swept {
    pub fn table(&self) -> &str {
        &self.table
    }
}

fn key(job: &Job) -> (String, Family) {
    (job.scenario.name.clone(), job.family)
}

/// The 2 % do not count what is thin by its own nature: paths of the files that lose packets already, and those that may be
/// inconclusive without any loss.
fn is_excused(job: &Job) -> bool {
    let own = scenario::load(&job.scenario.name);
    own.is_ok_and(|own| is_lossy(&own)) || job.scenario.expect.outcome(job.family).may_be_inconclusive
}

/// One job per scenario and family of the simulator's world, with loss added.
pub fn jobs(loss: f64, seeds: impl Fn(&Scenario) -> std::ops::Range<u64>) -> Vec<Job> {
    let mut jobs = Vec::new();
    for mut scenario in scenario::load_all().unwrap() {
        if scenario.runs_in(World::Sim) && is_chosen(&scenario) {
            add_loss(&mut scenario, loss);
            scenario.host.in_list = is_in_list();
            for family in scenario.families.clone() {
                jobs.push(Job { scenario: scenario.clone(), family, seeds: seeds(&scenario) });
            }
        }
    }
    jobs
}

/// `PMTU_SIM_FLIGHT=two` has every run begin as in a list.
pub fn is_in_list() -> bool {
    std::env::var("PMTU_SIM_FLIGHT").is_ok_and(|flight| flight == "two")
}

/// `PMTU_SIM_NAMES` leaves only scenarios whose name contains a text.
pub fn is_chosen(scenario: &Scenario) -> bool {
    std::env::var("PMTU_SIM_NAMES").is_ok_and(|text| scenario.name.contains(&text))
        || std::env::var_os("PMTU_SIM_NAMES").is_none()
}

pub fn add_loss(scenario: &mut Scenario, loss: f64) {
    let mut links = scenario.links();
    links[LOSSY_LINK].loss = 1.0 - (1.0 - links[LOSSY_LINK].loss) * (1.0 - loss);
    scenario.set_links(links);
}

/// Every link loses its part, so that the answers of near and far hops are hit.
pub fn add_loss_everywhere(scenario: &mut Scenario, loss: f64) {
    let mut links = scenario.links();
    for link in &mut links {
        link.loss = 1.0 - (1.0 - loss).powf(0.25);
    }
    scenario.set_links(links);
}

/// What the trace finds left. The question who answers TCP costs one message of the first router and two of the last one.
pub fn leave_errors(scenario: &mut Scenario, left: u32) {
    let Routers { r1, r2, r3 } = &mut scenario.router;
    for router in [r1, r2, r3] {
        router.errors_left = Some(left);
    }
    scenario.router.r1.errors_left = Some(left + 1);
    scenario.router.r3.errors_left = Some(left + 2);
}

pub fn is_lossy(scenario: &Scenario) -> bool {
    scenario.links().iter().any(|link| link.loss > 0.0)
}

pub fn seeds() -> u64 {
    number("PMTU_SIM_SEEDS").unwrap_or(SWEEP_SEEDS)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}

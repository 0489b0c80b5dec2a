//! A day over a path that changes: it breaks and heals between examinations and during them. An examination that saw one state has to
//! tell it; one that saw a change tells one of the states, or nothing. `PMTU_SIM_HOURS=24` is the day, without it some hours.

use std::time::Duration;

use pmtu_probe::examine::Examination;
use pmtu_probe::model::{Examined, PacketSize, ReverseVerdict, Timestamp, Verdict};

use super::run::{Run, drive_over, plan};
use crate::scenario::{self, Family, Random, Scenario};

/// What the path is at a time: there, and back.
pub struct State {
    pub scenario: Scenario,
    pub there: (Verdict, Option<u32>),
    pub back: (ReverseVerdict, Option<u32>),
}

const EXPECT: &str = "[peer]
tls = 'starttls'
[expect]
verdict = 'clear'
path_mtu = 1500
[expect.reverse]
verdict = 'clear'
path_mtu = 1500
";

pub fn states() -> Vec<State> {
    let hole = |size| (Verdict::BlackHole, Some(size));
    let told = |size| (Verdict::Discoverable, Some(size));
    let clear = (Verdict::Clear, Some(1500));
    let (back_clear, back_hole) = ((ReverseVerdict::Clear, None), (ReverseVerdict::BlackHole, Some(1400)));
    // Link 3 is r2 - r3. It is as narrow on the way back, where r3 tells the server.
    let back_told = |size| (ReverseVerdict::Discoverable, Some(size));
    let rows = [
        ("", "", clear, back_clear),
        ("mtu = 1400", "[router.r2]\nptb = 'silent'", hole(1400), back_told(1400)),
        ("mtu = 1492", "[router.r2]\nptb = 'silent'", hole(1492), back_told(1492)),
        ("mtu = 1400", "", told(1400), back_told(1400)),
        ("mtu = 1300", "", told(1300), back_told(1300)),
        ("back_mtu = 1400", "[router.r3]\nptb = 'silent'", clear, back_hole),
        ("loss = 1.0", "", (Verdict::Unreachable, None), (ReverseVerdict::Untested, None)),
    ];
    let state = |(link, router, there, back): (&str, &str, _, _)| {
        let text = format!("about = 'a state'\n[[link]]\n[[link]]\ndelay_ms = 5\n[[link]]\n{link}\n{router}\n{EXPECT}");
        let scenario = scenario::parse("state", &text).unwrap_or_else(|error| panic!("{text}: {error}"));
        State { scenario, there, back }
    };
    rows.map(state).into()
}

/// When which state begins.
fn timeline(until: f64, states: usize, random: &mut Random) -> Vec<(f64, usize)> {
    let (mut at, mut timeline) = (0.0, vec![(0.0, 0)]);
    while at < until + 120.0 {
        at += if random.chance(0.3) { 0.02 + 0.8 * random.unit() } else { 1.0 + 40.0 * random.unit() };
        timeline.push((at, (random.next() % states as u64) as usize));
    }
    timeline
}

#[derive(Default)]
struct Tally {
    runs: usize,
    steady: usize,
    doubtful: usize,
    faults: Vec<String>,
}

#[test]
fn over_a_path_that_breaks_and_heals_no_verdict_is_wrong() {
    let hours: f64 = std::env::var("PMTU_SIM_HOURS").ok().and_then(|hours| hours.parse().ok()).unwrap_or(2.0);
    let (states, mut random) = (states(), Random::new(24));
    let timeline = timeline(hours * 3600.0, states.len(), &mut random);
    let (mut now, mut tally, mut memory) = (0.0, Tally::default(), Vec::new());
    while now < hours * 3600.0 {
        let family = [Family::V4, Family::V6][tally.runs % 2];
        let first = timeline.partition_point(|(at, _)| *at <= now) - 1;
        let later = timeline[first + 1..].iter().take_while(|(at, _)| *at < now + 100.0);
        let changes = later.map(|(at, state)| (seconds(at - now), states[*state].scenario.clone())).collect();
        let scenario = &states[timeline[first].1].scenario;
        let number = random.next();
        let examination = Examination::new(plan(scenario, family, number), Timestamp::ZERO);
        let run = drive_over(examination, scenario, changes, family, number);
        let seen = states_until(&timeline, first, now + run.ended_at.as_secs_f64());
        tally.runs += 1;
        judge(&run, &seen.iter().map(|state| &states[*state]).collect::<Vec<_>>(), family, now, number, &mut tally);
        now += run.ended_at.as_secs_f64() + 20.0 * random.unit();
        memory.extend((tally.runs % 100 == 0).then(resident));
    }
    let Tally { runs, steady, doubtful, faults } = tally;
    println!(
        "{hours} hours: {runs} runs, {steady} saw one state, {doubtful} of these are inconclusive; KiB {memory:?}"
    );
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    // Only losses by chance excuse doubt, and there are none.
    assert!(doubtful * 50 <= steady, "{doubtful} of {steady} are inconclusive");
    assert!(hours < 24.0 || memory.last() < memory.get(memory.len() / 3).map(|kib| kib + 4096).as_ref(), "{memory:?}");
}

/// From any state to any other, at any moment of an examination: what is told is true of one of them, sizes included.
#[test]
fn a_path_that_changes_within_a_run_tells_one_state_or_nothing() {
    let states = states();
    let (mut runs, mut doubtful, mut faults) = (0, 0, Vec::new());
    for (from, to) in (0..states.len()).flat_map(|from| (0..states.len()).map(move |to| (from, to))) {
        let (first, then) = (&states[from], &states[to]);
        for step in (0..STEPS).filter(|_| first.there != then.there) {
            let family = [Family::V4, Family::V6][usize::from(step % 2 == 1)];
            let at = seconds(0.005 * f64::from(step));
            let examination = Examination::new(plan(&first.scenario, family, u64::from(step)), Timestamp::ZERO);
            let changes = vec![(at, then.scenario.clone())];
            let run = drive_over(examination, &first.scenario, changes, family, u64::from(step));
            let examined = run.examined.expect("findings");
            runs += 1;
            doubtful += u32::from(examined.verdict == Verdict::Inconclusive);
            if !is_true_there(&examined, first) && !is_true_there(&examined, then) {
                let found = (examined.verdict, examined.path_mtu);
                faults.push(format!("{:?} to {:?} at {at:?}, {family}: {found:?}", first.there, then.there));
            }
        }
    }
    println!("{runs} runs, {doubtful} inconclusive");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Of 5 ms each.
const STEPS: u32 = 40;

pub fn seconds(seconds: f64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs_f64(seconds))
}

fn states_until(timeline: &[(f64, usize)], first: usize, end: f64) -> Vec<usize> {
    let later = timeline[first + 1..].iter().take_while(|(at, _)| *at <= end).map(|(_, state)| *state);
    let mut states: Vec<usize> = std::iter::once(timeline[first].1).chain(later).collect();
    states.dedup();
    states
}

fn judge(run: &Run, seen: &[&State], family: Family, now: f64, number: u64, tally: &mut Tally) {
    let told = |what: String| format!("{family} at {now:.3} s, seed {number}: {what}");
    tally.faults.extend(run.faults.iter().map(|fault| told(fault.clone())));
    let Some(examined) = &run.examined else { return };
    let is_steady = seen.len() == 1;
    tally.steady += usize::from(is_steady);
    tally.doubtful += usize::from(is_steady && examined.verdict == Verdict::Inconclusive);
    // Over two changes, what a router said of one state and what passed in another may meet in one verdict.
    let verdicts = seen.iter().any(|state| state.there.0 == examined.verdict);
    let is_mixed = seen.len() > 2 && verdicts && seen.iter().any(|state| has_size(examined, state.there.1));
    if !seen.iter().any(|state| is_true_there(examined, state)) && !is_mixed {
        let states: Vec<_> = seen.iter().map(|state| state.there).collect();
        tally.faults.push(told(format!(
            "{:?} {:?} over {states:?}: {:?}",
            examined.verdict, examined.path_mtu, examined.reason
        )));
    }
    let back = examined.reverse.verdict;
    let is_true_back = seen.iter().any(|state| is_true_back(examined, state)) || !is_steady && is_between(back, seen);
    if !is_true_back {
        let states: Vec<_> = seen.iter().map(|state| state.back).collect();
        tally.faults.push(told(format!("back {:?} over {states:?}", examined.reverse)));
    }
}

fn is_true_there(examined: &Examined, state: &State) -> bool {
    let (verdict, size) = state.there;
    examined.verdict == Verdict::Inconclusive || examined.verdict == verdict && has_size(examined, size)
}

fn has_size(examined: &Examined, size: Option<u32>) -> bool {
    size.is_none() || examined.path_mtu.map(PacketSize::bytes) == size
}

fn is_true_back(examined: &Examined, state: &State) -> bool {
    let (verdict, size) = state.back;
    let back = &examined.reverse;
    let is_size = size.is_none() || back.path_mtu.map(PacketSize::bytes) == size;
    matches!(back.verdict, ReverseVerdict::Untested | ReverseVerdict::Inconclusive)
        || back.verdict == verdict && is_size
}

/// A server that met the hole and then the healed path has recovered, whatever it did; one whose segments were lost while nothing
/// passed as well.
fn is_between(back: ReverseVerdict, seen: &[&State]) -> bool {
    let is_broken = |state: &&&State| matches!(state.back.0, ReverseVerdict::BlackHole | ReverseVerdict::Untested);
    let breaks = seen.iter().filter(is_broken).count();
    // Of a server that was told before its packets could be seen, no more than that shows.
    let was_told =
        back == ReverseVerdict::Clear && seen.iter().any(|state| state.back.0 == ReverseVerdict::Discoverable);
    let has_healed = breaks > 0 && breaks < seen.len();
    was_told || has_healed && matches!(back, ReverseVerdict::Recovers | ReverseVerdict::Discoverable)
}

pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

//! Soak: a path that changes all the time, asked again and again by runs of their own, and by one process that reads a list without an
//! end. `PMTU_SOAK_SECONDS=3600` is the long form. What is right follows from the path as it was while an address was examined: one
//! state, one verdict; if the path changed meanwhile, the verdict of either state, or none.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cases::up;
use super::lab::{Lab, finish, program, with_labs};
use super::scenario::{Family, Node, Random};
use super::verify;

/// What the path does, at r2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) there: There,
    pub(super) back: Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Clear,
    /// Packets above 1400 bytes vanish.
    Hole,
    /// They are refused by a true message.
    Told,
    /// Everything vanishes.
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    Clear,
    /// Packets above 1400 bytes vanish.
    Hole,
}

pub(super) const USUAL: Path = Path { there: There::Clear, back: Back::Clear };

/// When the path was what, from and to. While the shell changes it, it is one of several.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<Entry>>>);

type Entry = (Instant, Option<Instant>, Path);

impl Diary {
    /// From now on it may be one of these as well.
    fn begin(&self, paths: &[Path]) {
        let now = Instant::now();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.extend(paths.iter().map(|path| (now, None, *path)));
    }

    /// From now on it is this one alone.
    fn settle(&self, path: Path) {
        let now = Instant::now();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter_mut().filter(|entry| entry.1.is_none()).for_each(|entry| entry.1 = Some(now));
        entries.push((now, None, path));
    }

    /// What the path was between two moments.
    fn between(&self, begin: Instant, end: Instant) -> Vec<Path> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let within = entries.iter().filter(|(from, to, _)| *from <= end && to.is_none_or(|to| to >= begin));
        within.map(|(_, _, path)| *path).collect()
    }
}

#[test]
fn over_a_path_that_changes_no_verdict_is_wrong_and_nothing_grows() {
    with_labs("soak::over_a_path_that_changes_no_verdict_is_wrong_and_nothing_grows", || {
        let seconds = std::env::var("PMTU_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(7);
        let lab = prepared();
        let (diary, stop) = (Diary::default(), AtomicBool::new(false));
        set(&lab, USUAL);
        diary.settle(USUAL);
        let end = Instant::now() + Duration::from_secs(seconds);
        let (mut runs, mut lines, mut growth) = (Tally::default(), Tally::default(), Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| change(&lab, &diary, &stop));
            let listed = scope.spawn(|| one_long_run(&lab, &diary, end));
            runs = run_again_and_again(&lab, &diary, end);
            (lines, growth) = listed.join().expect("the long run is over");
            stop.store(true, Ordering::Relaxed);
        });
        println!("{seconds} s: runs {runs}; of one process {lines}; its memory and descriptors: {}", sketch(&growth));
        let left = lab.processes("c");
        let mut faults = [runs.faults, lines.faults].concat();
        faults.extend(grown(&growth));
        if !left.trim().is_empty() {
            faults.push(format!("processes are left: {left}"));
        }
        lab.down().unwrap();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    });
}

/// s has thousands of addresses, and certificates for the way back.
pub(super) fn prepared() -> Lab {
    let lab = up("clear", Family::V4, &["--mx", "--tls starttls", "--delay", "5"]);
    lab.shell("s", "ip route add local 10.64.0.0/16 dev lo; ip -6 route add local fd64::/32 dev lo");
    for (node, next) in [("c", Node::R1), ("r1", Node::R2), ("r2", Node::R3), ("r3", Node::S)] {
        let [v4, v6] = [Family::V4, Family::V6].map(|family| next.near_address(family));
        lab.shell(node, &format!("ip route add 10.64.0.0/16 via {v4}; ip -6 route add fd64::/32 via {v6}"));
    }
    lab.shell(
        "r2",
        "nft 'add table inet soak; add chain inet soak there; add chain inet soak back
              add chain inet soak forward { type filter hook forward priority 0; }
              add rule inet soak forward iifname e0 jump there; add rule inet soak forward iifname e1 jump back'",
    );
    lab
}

pub(super) fn set(lab: &Lab, path: Path) {
    let there = match path.there {
        There::Clear | There::Told => "",
        There::Hole => "add rule inet soak there meta length > 1400 drop",
        There::Down => "add rule inet soak there drop",
    };
    let back = match path.back {
        Back::Clear => "",
        Back::Hole => "add rule inet soak back meta length > 1400 drop",
    };
    let mtu = if path.there == There::Told { "mtu lock 1400" } else { "" };
    let [v4, v6] = [Family::V4, Family::V6].map(|family| Node::R3.near_address(family));
    let [s4, s6] = [Family::V4, Family::V6].map(|family| Node::S.near_address(family));
    let routes = [
        (s4.to_string() + "/32", v4),
        ("10.64.0.0/16".into(), v4),
        (s6.to_string() + "/128", v6),
        ("fd64::/32".into(), v6),
    ];
    let routes = routes.map(|(to, via)| format!("ip route replace {to} via {via} {mtu}"));
    let rules = format!("flush chain inet soak there\nflush chain inet soak back\n{there}\n{back}");
    lab.shell("r2", &format!("nft '{rules}'\n{}", routes.join("\n")));
}

/// Long quiet times, so that most verdicts are about one state, and some where it changes within a run.
fn change(lab: &Lab, diary: &Diary, stop: &AtomicBool) {
    let mut random = Random::new(15);
    let mut now = USUAL;
    while !stop.load(Ordering::Relaxed) {
        let quiet = if random.chance(0.3) { 0.02 + 0.3 * random.unit() } else { 0.5 + 5.0 * random.unit() };
        let end = Instant::now() + Duration::from_secs_f64(quiet);
        while Instant::now() < end && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let choice = random.next() % 8;
        let there =
            [There::Clear, There::Hole, There::Told, There::Down, There::Hole, There::Told, There::Clear, There::Hole];
        let back = if random.chance(0.3) { Back::Hole } else { Back::Clear };
        let next = Path { there: there[usize::try_from(choice).unwrap_or_default()], back };
        // Both, and whatever lies between, from before the first rule changes until after the last.
        let between = [now.there, There::Clear, next.there]
            .map(|there| [now.back, Back::Clear, next.back].map(|back| Path { there, back }));
        diary.begin(&between.concat());
        set(lab, next);
        diary.settle(next);
        now = next;
    }
}

/// Verdicts, and which were about one state of the path.
#[derive(Default)]
struct Tally {
    all: usize,
    steady: usize,
    undecided: usize,
    faults: Vec<String>,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { all, steady, undecided, faults } = self;
        write!(f, "{all}, on one state {steady}, of these inconclusive {undecided}; wrong {}", faults.len())
    }
}

impl Tally {
    fn take(&mut self, address: &Value, paths: &[Path]) {
        self.all += 1;
        let first = paths.first().copied().unwrap_or(USUAL);
        let is_steady = paths.iter().all(|path| path.there == first.there);
        self.steady += usize::from(is_steady);
        let verdict = address["verdict"].as_str().unwrap_or_default();
        let is_doubt = verdict == "inconclusive";
        self.undecided += usize::from(is_doubt && is_steady);
        let is_right = is_doubt || paths.iter().any(|path| is_true_there(address, path.there));
        if !is_right {
            self.faults.push(format!("while the path was {:?}: {}", there_of(paths), brief(address)));
        }
        if !is_true_back(&address["reverse"], paths) {
            self.faults.push(format!("while the path was {paths:?}: {}", address["reverse"]));
        }
    }
}

fn there_of(paths: &[Path]) -> Vec<There> {
    let mut there: Vec<There> = paths.iter().map(|path| path.there).collect();
    there.dedup();
    there
}

fn brief(address: &Value) -> String {
    let keys = ["address", "verdict", "cause", "path_mtu", "first_lost_size", "reason", "elapsed_ms", "methods", "ptb"];
    keys.map(|key| format!("{key} {}", address[key])).join(", ")
}

fn is_true_there(address: &Value, there: There) -> bool {
    let (verdict, size) = (address["verdict"].as_str().unwrap_or_default(), address["path_mtu"].as_u64());
    match there {
        There::Clear => (verdict, size) == ("clear", Some(1500)),
        There::Hole => (verdict, size) == ("black_hole", Some(1400)),
        There::Told => (verdict, size) == ("discoverable", Some(1400)),
        There::Down => verdict == "unreachable",
    }
}

/// Nothing is wrong about a way that was not examined, or of which nothing is said.
fn is_true_back(reverse: &Value, paths: &[Path]) -> bool {
    let is_silent = |word: &str| ["untested", "inconclusive"].contains(&word);
    match reverse["verdict"].as_str().unwrap_or_default() {
        word if is_silent(word) => true,
        "clear" => paths.iter().any(|path| path.back == Back::Clear),
        // Whose size passed for an instant, between two states, is larger.
        "black_hole" => {
            let is_steady = paths.iter().all(|path| path.back == Back::Hole);
            let size = reverse["path_mtu"].as_u64();
            paths.iter().any(|path| path.back == Back::Hole) && (size == Some(1400) || !is_steady && size < Some(1500))
        }
        // The hole healed while the server sent again.
        "recovers" => {
            paths.iter().any(|path| path.back == Back::Hole) && paths.iter().any(|path| path.back == Back::Clear)
        }
        _ => false,
    }
}

fn run_again_and_again(lab: &Lab, diary: &Diary, end: Instant) -> Tally {
    let mut tally = Tally::default();
    for number in 0.. {
        if Instant::now() > end {
            break;
        }
        let target = Node::S.near_address([Family::V4, Family::V6][number % 2]).to_string();
        let direction = if number % 4 < 2 { "both" } else { "forward" };
        let begin = Instant::now();
        let ran = lab.probe(&["--json", "--direction", direction, &target]);
        let paths = diary.between(begin, Instant::now());
        match verify::document(&ran) {
            Ok(document) => tally.take(&document["addresses"][0], &paths),
            Err(fault) => tally.faults.push(fault),
        }
        // At low load: most of an hour is waiting.
        std::thread::sleep(Duration::from_millis(200));
    }
    tally
}

/// One process, an address every half second, each new to it. Returns what it took: KiB resident and descriptors, once a second.
fn one_long_run(lab: &Lab, diary: &Diary, end: Instant) -> (Tally, Vec<(u64, usize)>) {
    let mut command = lab.command("c", program());
    command.args(["--direction", "forward", "--targets", "-", "--jsonl", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let pid = child.id();
    let (mut list, results) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let begun = Mutex::new(std::collections::HashMap::new());
    let (mut tally, mut growth) = (Tally::default(), Vec::new());
    std::thread::scope(|scope| {
        let (begun, growth) = (&begun, &mut growth);
        scope.spawn(move || {
            for number in 0_u32.. {
                let target = if number % 2 == 0 {
                    format!("10.64.{}.{}", number / 400, number / 2 % 200 + 1)
                } else {
                    format!("fd64::{number:x}")
                };
                begun.lock().unwrap_or_else(PoisonError::into_inner).insert(target.clone(), Instant::now());
                if Instant::now() > end || writeln!(list, "{target}").and_then(|()| list.flush()).is_err() {
                    break;
                }
                if number % 2 == 0 {
                    growth.extend(taken(pid));
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        for line in BufReader::new(results).lines().map_while(Result::ok) {
            let now = Instant::now();
            let Ok(document) = serde_json::from_str::<Value>(&line) else {
                tally.faults.push(format!("no document: {line}"));
                continue;
            };
            let target = document["target"].as_str().unwrap_or_default();
            let since = begun.lock().unwrap_or_else(PoisonError::into_inner).remove(target);
            match since {
                Some(since) => tally.take(&document["addresses"][0], &diary.between(since, now)),
                None => tally.faults.push(format!("{target} has a line that nobody waits for")),
            }
        }
    });
    let ran = finish(child);
    // The last one was noted and not sent.
    let missing = begun.into_inner().unwrap_or_else(PoisonError::into_inner).len().saturating_sub(1);
    if missing > 0 {
        tally.faults.push(format!("{missing} targets without a line; {}", ran.stderr));
    }
    (tally, growth)
}

/// KiB resident, and open descriptors.
pub(super) fn taken(pid: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().trim_end_matches(" kB").parse().ok()?;
    Some((kib, fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count()))
}

/// The first third is warming up: after it, memory and descriptors stay where they are, but for what is remembered of the last
/// 4096 addresses.
pub(super) fn grown(growth: &[(u64, usize)]) -> Option<String> {
    let warm = (growth.len() / 3).max(1).min(growth.len());
    let (early, late) = growth.split_at(warm);
    let most = |part: &[(u64, usize)]| part.iter().map(|one| one.0).max().unwrap_or_default();
    // How many connections are open at a time is chance; what is never closed is open at the quietest moment as well.
    let least = |part: &[(u64, usize)]| part.iter().skip(1).map(|one| one.1).min().unwrap_or_default();
    let (kib, kib_later, files, files_later) = (most(early), most(late), least(early), least(late));
    let has_grown = kib_later > kib + 8 * 1024 || files > 0 && files_later > files + 3;
    has_grown.then(|| format!("{kib} KiB and {files} descriptors grew to {kib_later} and {files_later}"))
}

pub(super) fn sketch(growth: &[(u64, usize)]) -> String {
    let step = (growth.len() / 12).max(1);
    growth.iter().step_by(step).map(|(kib, files)| format!("{kib} KiB/{files}")).collect::<Vec<_>>().join(" ")
}

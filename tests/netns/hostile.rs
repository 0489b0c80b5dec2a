//! Servers that mean harm, on paths with a hole and without, in both families. `PMTU_HOSTILE=1` is the long form: every server on
//! every path; without, each server on one path, in turn.
//!
//! Whatever a server does: the verdict is that of the path, or none; the time limit of the run holds; the program takes less than
//! 30 MiB; and no byte of the output steers a terminal.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lab::{Lab, lab_program, program, run, with_labs};
use super::paths::{Path, numbers, with_paths};
use super::scenario::Family;
use super::verify;

#[path = "hostile/raw.rs"]
mod raw;
#[path = "hostile/servers.rs"]
mod servers;

/// What the program may take for one address.
const MOST_KIB: u64 = 30 * 1024;
/// What it takes at most to close what is open, behind the limit of a run.
const CLOSING: Duration = Duration::from_secs(6);
const AT_A_TIME: usize = 12;

/// The limit of a run: the default one, or a shorter one.
fn limit() -> Duration {
    Duration::from_secs(if is_long() { 30 } else { 10 })
}

fn is_long() -> bool {
    std::env::var_os("PMTU_HOSTILE").is_some()
}

/// A server on a path.
#[derive(Clone, Copy, Debug)]
struct Case {
    kind: Kind,
    number: usize,
    path: Path,
    family: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Of the kernel's TCP.
    Server,
    /// With a TCP of its own.
    Peer,
}

impl Case {
    fn name(self) -> &'static str {
        match self.kind {
            Kind::Server => servers::ALL[self.number].name,
            Kind::Peer => raw::ALL[self.number].name,
        }
    }

    fn address(self) -> IpAddr {
        self.path.address(self.family, self.kind as u8, self.number as u8 + 1)
    }
}

fn number_of(address: IpAddr, kind: Kind) -> Option<usize> {
    let (found, number) = numbers(address);
    (found == kind as u8).then(|| usize::from(number).checked_sub(1)).flatten()
}

#[test]
fn no_server_gets_more_than_its_time_and_memory_and_none_a_wrong_verdict() {
    with_labs("hostile::no_server_gets_more_than_its_time_and_memory_and_none_a_wrong_verdict", || {
        let lab = with_hostile_servers();
        let stop = Arc::new(AtomicBool::new(false));
        let stop_there = Arc::clone(&stop);
        lab.inside("s", || {
            servers::listen(|address| number_of(address, Kind::Server));
            raw::answer(|address| number_of(address, Kind::Peer), stop_there);
        });
        let only = std::env::var("PMTU_NETNS_ONLY").unwrap_or_default();
        let cases: Vec<Case> = cases().into_iter().filter(|case| case.name().contains(&only)).collect();
        let (next, done) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..AT_A_TIME {
                scope.spawn(|| {
                    loop {
                        let Some(case) = next.lock().expect("nobody panics with it").next() else { return };
                        let ended = examine(&lab, *case);
                        done.lock().expect("nobody panics with it").push(ended);
                    }
                });
            }
        });
        stop.store(true, Ordering::Relaxed);
        let done = done.into_inner().expect("nobody panics with it");
        let inconclusive = done.iter().filter(|ended| ended.verdict == "inconclusive").count();
        let most = done.iter().map(|ended| ended.kib).max().unwrap_or_default();
        let longest = done.iter().map(|ended| ended.took).max().unwrap_or_default();
        println!("{} runs, {inconclusive} inconclusive, {most} KiB at most, {longest:?} at most", done.len());
        let faults: Vec<String> = done.into_iter().flat_map(|ended| ended.faults).collect();
        assert_eq!(lab.processes("c").trim(), "");
        lab.down().unwrap();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    });
}

fn cases() -> Vec<Case> {
    let servers = (0..servers::ALL.len()).map(|number| (Kind::Server, number));
    let peers = (0..raw::ALL.len()).map(|number| (Kind::Peer, number));
    let paths =
        [(Path::Hole, Family::V4), (Path::Clear, Family::V6), (Path::Hole, Family::V6), (Path::Clear, Family::V4)];
    let is_long = is_long();
    let of = |(turn, (kind, number)): (usize, (Kind, usize))| {
        let chosen = paths.into_iter().enumerate().filter(move |(n, _)| is_long || *n == turn % paths.len());
        chosen.map(move |(_, (path, family))| Case { kind, number, path, family })
    };
    servers.chain(peers).enumerate().flat_map(of).collect()
}

fn with_hostile_servers() -> Lab {
    let lab = with_paths("none");
    // What has a TCP of its own gets no answer of the kernel's.
    lab.shell(
        "s",
        "nft 'add table inet raw; add chain inet raw in { type filter hook input priority 0; }
              add rule inet raw in ip daddr { 10.64.1.0/24, 10.65.1.0/24, 10.66.1.0/24 } tcp dport 25 drop
              add rule inet raw in ip6 daddr { fd64::1:0/112, fd65::1:0/112, fd66::1:0/112 } tcp dport 25 drop'",
    );
    lab
}

/// How a run ended.
struct Ended {
    verdict: String,
    took: Duration,
    kib: u64,
    faults: Vec<String>,
}

fn examine(lab: &Lab, case: Case) -> Ended {
    let note = lab.folder().join(format!("measured-{}", case.address()));
    let mut command = lab.command("c", lab_program());
    command.arg("measure").arg("--to").arg(&note).arg("--").arg(program());
    command.args(["--json", "-v", "--timeout", &limit().as_secs().to_string(), &case.address().to_string()]);
    let begin = Instant::now();
    let ran = run(&mut command);
    let took = begin.elapsed();
    let mut faults = Vec::new();
    if took > limit() + CLOSING {
        faults.push(format!("it took {took:?}"));
    }
    let measured = fs::read_to_string(&note).unwrap_or_default();
    let kib = measured.split_whitespace().nth(3).and_then(|kib| kib.parse().ok()).unwrap_or(u64::MAX);
    if kib >= MOST_KIB {
        faults.push(format!("{kib} KiB of memory"));
    }
    let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    if let Some(sign) = ran.stdout.chars().chain(ran.stderr.chars()).find(|&c| steers(c)) {
        faults.push(format!("{sign:?} in the output"));
    }
    let address = match verify::document(&ran) {
        Ok(document) => document["addresses"][0].clone(),
        Err(fault) => {
            faults.push(fault);
            Value::Null
        }
    };
    let verdict = address["verdict"].as_str().unwrap_or_default().to_owned();
    let may_lie = case.kind == Kind::Peer && raw::ALL[case.number].may_lie();
    let is_lie = may_lie && verdict == "clear";
    if !is_true(&address, case.path) && !is_lie {
        faults.push(format!("{verdict} {}, {}; {}", address["path_mtu"], address["reason"], address["methods"]));
    }
    let back = address["reverse"]["verdict"].as_str().unwrap_or_default();
    if back == "black_hole" || back == "recovers" {
        faults.push(format!("the way back has no hole: {}", address["reverse"]));
    }
    let (path, family) = (format!("{:?}", case.path), case.family);
    println!(
        "{:40} {path:5} {family} {verdict:12} back {back:12} {kib:6} KiB {:5.1} s {}",
        case.name(),
        took.as_secs_f64(),
        address["reason"]
    );
    let told = |fault| format!("{} {path} {family}: {fault}", case.name());
    Ended { verdict, took, kib, faults: faults.into_iter().map(told).collect() }
}

/// What the path is, whoever stands at its end. A peer that announces a small MSS masks the hole: mail never fills a packet.
fn is_true(address: &Value, path: Path) -> bool {
    let is_masked = address["verdict"] == "masked" && address["path_mtu"] == 1400 && path == Path::Hole;
    address["verdict"] == "inconclusive" || path.is_told_by(address) || is_masked
}

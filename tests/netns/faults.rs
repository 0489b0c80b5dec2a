//! Faults of the host on which the program runs: it is stopped, its interface goes away, limits, disks and descriptors run out.
//! `PMTU_FAULTS=1` is the long form of all.

use std::fs;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use serde_json::Value;

use super::cases::spawn;
use super::lab::{Lab, finish, with_labs};
use super::paths::{Path, with_paths};
use super::scenario::{Family, Random};
use super::verify;

pub(crate) fn is_long() -> bool {
    std::env::var_os("PMTU_FAULTS").is_some()
}

/// A run, and what was wrong with it.
pub(crate) type Told = Vec<String>;

/// Does all pieces of work, some at a time, and fails with everything that was wrong.
pub(crate) fn all_of<T: Sync>(work: &[T], at_a_time: usize, one: impl Fn(usize, &T) -> Told + Sync) {
    let (next, faults) = (Mutex::new(work.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                loop {
                    let Some((number, piece)) = next.lock().expect("nobody panics with it").next() else { return };
                    let told = one(number, piece);
                    faults.lock().expect("nobody panics with it").extend(told);
                }
            });
        }
    });
    let faults = faults.into_inner().expect("nobody panics with it");
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), work.len(), faults.join("\n"));
}

/// Who sleeps has heard nothing, but nothing was silent: what came meanwhile waits, and what was sent last is still answered.
#[test]
fn a_process_that_was_stopped_reads_no_silence_into_its_sleep() {
    with_labs("faults::a_process_that_was_stopped_reads_no_silence_into_its_sleep", || {
        let lab = with_paths("--tls starttls");
        let mut random = Random::new(3);
        let count = if is_long() { 240 } else { 18 };
        let longest = if is_long() { 20.0 } else { 4.0 };
        let mut stops = Vec::new();
        for number in 0..count {
            let path = Path::ALL[number % 3];
            let family = [Family::V4, Family::V6][number / 3 % 2];
            let address = path.address(family, (number / 200) as u8, (number % 200 + 1) as u8);
            // A clear path is known after 30 ms, a hole after 700.
            let moments = (0..=(random.next() % 3)).map(|_| {
                (
                    Duration::from_secs_f64(0.3 * random.unit().powi(2)),
                    Duration::from_secs_f64(0.1 + (longest - 0.1) * random.unit().powi(2)),
                )
            });
            stops.push((path, address, moments.collect::<Vec<_>>()));
        }
        all_of(&stops, if is_long() { 24 } else { 8 }, |_, (path, address, moments)| {
            stopped(&lab, *path, *address, moments)
        });
        lab.down().unwrap();
    });
}

/// As on a machine that is suspended again and again: it runs for some milliseconds and is stopped for some hundred.
#[test]
fn a_process_that_hardly_runs_gets_nothing_wrong() {
    with_labs("faults::a_process_that_hardly_runs_gets_nothing_wrong", || {
        let lab = with_paths("");
        let mut random = Random::new(7);
        let count = if is_long() { 240 } else { 6 };
        let mut stops = Vec::new();
        for number in 0..count {
            let path = Path::ALL[number % 3];
            let address =
                path.address([Family::V4, Family::V6][number / 3 % 2], (number / 200) as u8, (number % 200 + 1) as u8);
            let moments = (0..if is_long() { 25 } else { 12 }).map(|_| {
                (
                    Duration::from_secs_f64(0.001 + 0.004 * random.unit()),
                    Duration::from_secs_f64(0.15 + 0.5 * random.unit()),
                )
            });
            stops.push((path, address, moments.collect::<Vec<_>>()));
        }
        all_of(&stops, 12, |_, (path, address, moments)| stopped(&lab, *path, *address, moments));
        lab.down().unwrap();
    });
}

/// The limit is one of time in which the program runs.
#[test]
fn no_time_limit_runs_while_the_process_is_stopped() {
    with_labs("faults::no_time_limit_runs_while_the_process_is_stopped", || {
        let lab = with_paths("");
        for family in [Family::V4, Family::V6] {
            let address = Path::Hole.address(family, 2, 1).to_string();
            let connections =
                || fs::read_to_string(lab.folder().join("mx.log")).unwrap_or_default().matches("connect ").count();
            let before = connections();
            let child = spawn(&lab, &["--json", "--timeout", "3", "--direction", "forward", &address]);
            let pid = Pid::from_child(&child);
            // A hole is not known for half a second after the connection stands.
            while connections() == before {
                std::thread::sleep(Duration::from_millis(2));
            }
            let _ = kill_process(pid, Signal::STOP);
            std::thread::sleep(Duration::from_secs(4));
            let _ = kill_process(pid, Signal::CONT);
            let document = verify::document(&finish(child)).unwrap_or_else(|fault| panic!("{fault}"));
            assert!(Path::Hole.is_told_by(&document["addresses"][0]), "{}", document["addresses"][0]["reason"]);
        }
        lab.down().unwrap();
    });
}

/// Runs, and is stopped: each time after a while, for a while.
fn stopped(lab: &Lab, path: Path, address: IpAddr, moments: &[(Duration, Duration)]) -> Told {
    let child = spawn(lab, &["--json", "--direction", "both", &address.to_string()]);
    let pid = Pid::from_child(&child);
    wait_for_program(pid);
    for (after, pause) in moments {
        std::thread::sleep(*after);
        let _ = kill_process(pid, Signal::STOP);
        std::thread::sleep(*pause);
        let _ = kill_process(pid, Signal::CONT);
    }
    let ran = finish(child);
    let told = |what: String| vec![format!("{path:?} {address} {moments:?}: {what}")];
    match verify::document(&ran) {
        Ok(document) if path.is_told_by(&document["addresses"][0]) && is_true_back(&document) => Vec::new(),
        Ok(document) => {
            let address = &document["addresses"][0];
            told(format!(
                "{} {} {} {} {}",
                address["verdict"], address["path_mtu"], address["reason"], address["reverse"], address["methods"]
            ))
        }
        Err(fault) => told(fault),
    }
}

/// Nothing is lost on the way back.
fn is_true_back(document: &Value) -> bool {
    let told = document["addresses"][0]["reverse"]["verdict"].as_str();
    told.is_some_and(|told| ["clear", "untested", "inconclusive"].contains(&told))
}

/// Until the lab's program has become the program.
fn wait_for_program(pid: Pid) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let name = || fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default();
    while name().trim() != "pmtu-probe" && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}

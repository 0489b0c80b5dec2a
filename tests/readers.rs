//! Every reader of bytes that strangers write, on a stable compiler and without libFuzzer: the saved inputs, and damage to them.
//!
//!     PMTU_FUZZ_SECONDS=600 PMTU_FUZZ_NAMES=logs cargo test --test readers damaged -- --nocapture

#[path = "fuzz/targets/mod.rs"]
mod targets;

#[path = "readers/damage.rs"]
mod damage;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use damage::Hunt;
use targets::{TARGETS, Target};

/// For all targets together, of one processor.
const SECONDS: f64 = 45.0;
/// A change is judged by itself: the same damage each time. Who hunts for longer draws a seed.
const SEED: u64 = 20_261_130;
/// What all readers together may take at most, this program included.
const MEMORY_MIB: u64 = 300;

fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a readable file"))).collect()
}

fn chosen() -> impl Iterator<Item = &'static Target> {
    let only = std::env::var("PMTU_FUZZ_NAMES").unwrap_or_default();
    TARGETS.iter().filter(move |target| target.name.contains(&only))
}

/// The name of an input is printed before it is read: the last one is at fault.
#[test]
fn saved_inputs_are_read() {
    for target in chosen() {
        let inputs = corpus(target);
        for (path, bytes) in &inputs {
            println!("{}", path.display());
            (target.check)(bytes);
        }
        assert!(inputs.len() >= 5, "{}: {} inputs", target.name, inputs.len());
    }
}

#[test]
fn damaged_inputs_do_no_harm() {
    let hunted: Option<f64> = std::env::var("PMTU_FUZZ_SECONDS").ok().map(|text| text.parse().expect("seconds"));
    let seconds = hunted.unwrap_or(SECONDS);
    let seed = match std::env::var("PMTU_FUZZ_SEED") {
        Ok(text) => text.parse().expect("a seed"),
        Err(_) if hunted.is_some() => damage::any_seed(),
        Err(_) => SEED,
    };
    let targets: Vec<&Target> = chosen().collect();
    let share = Duration::from_secs_f64(seconds) / targets.len().max(1) as u32;
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let inputs: Vec<Vec<u8>> = corpus(target).into_iter().map(|(_, bytes)| bytes).collect();
            let hunt = Hunt { inputs: &inputs, longest: target.longest, check: target.check, seed };
            let executions = hunt.until(Instant::now() + share).unwrap_or_else(|fault| {
                panic!("{}: {fault}\nreplay: PMTU_FUZZ_NAMES={} PMTU_FUZZ_SEED={seed}", target.name, target.name)
            });
            println!("{:<14} {executions:>9} executions, seed {seed}", target.name);
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        for other in others {
            if let Err(panic) = other.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let peak = peak_mib();
    println!("peak: {peak} MiB");
    assert!(peak <= MEMORY_MIB, "{peak} MiB");
}

/// The most memory that this process has held, as the kernel counts it.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib >> 10
}

/// The bytes of which the hunt has to make the fault are near, and nowhere in the corpus.
#[test]
fn a_planted_fault_is_found() {
    fn reader(bytes: &[u8]) {
        let number = bytes.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<u64>().ok());
        assert!(number.is_none_or(|number| number < 1 << 32), "the planted fault");
    }
    let inputs = [b"size 1400 of mx.example.com".to_vec(), b"size 7".to_vec()];
    let hunt = |seed| Hunt { inputs: &inputs, longest: 100, check: reader, seed };
    let fault = hunt(1).until(Instant::now() + Duration::from_secs(60)).expect_err("a fault");
    assert!(fault.contains("the planted fault"), "{fault}");
    let again = hunt(1).until(Instant::now() + Duration::from_secs(60)).expect_err("the same fault");
    assert_eq!(fault, again, "the same seed finds the same");
    for input in &inputs {
        reader(input);
    }
}

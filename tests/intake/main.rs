//! Mail logs and queues: who is suspected, who is not, and what garbage does.

mod corpus;
mod fuzzed;
mod garbage;
mod list;
mod meanings;
mod order;
mod properties;
mod real;
mod samples;
mod volume;
mod wrappings;

use std::path::PathBuf;

use jiff::Timestamp;
use pmtu_probe::intake::log::Log;
use pmtu_probe::model::Suspects;

/// When the logs of the corpus are read.
fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().expect("a time")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/logs")
}

fn file(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whom a text accuses.
fn suspects(text: &[u8]) -> Suspects {
    let mut log = Log::new(now());
    log.read(text, "text").expect("a text can be read");
    log.suspects()
}

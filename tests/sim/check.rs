//! Compares what a run found with what its scenario expects.

use std::fmt;

use pmtu_probe::model::{Cause as FoundCause, Examined, Finding, PacketSize, Verdict as FoundVerdict};

use super::run::Run;
use crate::scenario::{Cause, Family, Outcome, Verdict};

/// How much of an outcome has to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Everything, manners included.
    Whole,
    /// The verdict, its cause and its sizes; `inconclusive` is no mistake. For paths with added loss.
    Verdict,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Right,
    Inconclusive,
    /// The verdict is right, something else is not.
    Flawed,
    /// The verdict, or a size it rests on, is not true of the path.
    Wrong,
}

/// Class and reasons.
pub fn check(run: &Run, expected: &Outcome, family: Family, strictness: Strictness) -> (Class, Vec<String>) {
    let mut notes = run.faults.clone();
    let Some(examined) = &run.examined else { return (Class::Wrong, notes) };
    if !notes.is_empty() {
        return (Class::Wrong, notes);
    }
    let verdict = verdict_of(examined.verdict);
    if verdict == Verdict::Inconclusive {
        if strictness == Strictness::Whole && !expected.may_be_inconclusive {
            notes.push(format!("inconclusive, not {}: {}", expected.verdict.word(), examined.reason));
        }
        return (Class::Inconclusive, notes);
    }
    notes.extend(wrong_facts(examined, expected, verdict));
    if !notes.is_empty() {
        return (Class::Wrong, notes);
    }
    let causes: Vec<Cause> = examined.cause.map(cause_of).into_iter().collect();
    let is_expected = |cause| expected.cause.contains(cause);
    if causes.is_empty() != expected.cause.is_empty() || !causes.iter().all(is_expected) {
        notes.push(format!("cause {causes:?}, not {:?}", expected.cause));
    }
    if strictness == Strictness::Whole {
        notes.extend(other_facts(examined, expected, family));
        notes.extend(run.complaints.iter().cloned());
    }
    (if notes.is_empty() { Class::Right } else { Class::Flawed }, notes)
}

fn wrong_facts(examined: &Examined, expected: &Outcome, verdict: Verdict) -> Vec<String> {
    let mut notes = Vec::new();
    if verdict == expected.verdict {
        differs(&mut notes, "path_mtu", bytes(examined.path_mtu), expected.path_mtu);
        differs(&mut notes, "first_lost_size", bytes(examined.first_lost_size), expected.first_lost_size);
    } else {
        notes.push(format!("{}, not {}: {}", verdict.word(), expected.verdict.word(), examined.reason));
    }
    notes
}

fn other_facts(examined: &Examined, expected: &Outcome, family: Family) -> Vec<String> {
    let mut notes = Vec::new();
    differs(&mut notes, "exit code", examined.exit_code(), expected.exit_code);
    let found: Vec<String> = examined.findings.iter().map(|finding| word(*finding)).collect();
    for finding in expected.findings.iter().filter(|finding| !found.contains(finding)) {
        notes.push(format!("finding {finding} is missing from [{}]", found.join(", ")));
    }
    if let Some(node) = expected.located_at {
        let last_hop = examined.location.as_ref().and_then(|location| location.last_hop.as_ref());
        differs(&mut notes, "last_hop", last_hop.map(|hop| hop.address), Some(node.near_address(family)));
    }
    notes
}

fn differs<T: PartialEq + fmt::Debug + Copy>(notes: &mut Vec<String>, what: &str, found: T, expected: T) {
    if found != expected {
        notes.push(format!("{what} {found:?}, not {expected:?}"));
    }
}

fn bytes(size: Option<PacketSize>) -> Option<u32> {
    size.map(PacketSize::bytes)
}

/// A finding in the words of the JSON contract: `snake_case`.
pub fn word(finding: Finding) -> String {
    let mut word = String::new();
    for letter in format!("{finding:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

fn verdict_of(found: FoundVerdict) -> Verdict {
    match found {
        FoundVerdict::Clear => Verdict::Clear,
        FoundVerdict::Discoverable => Verdict::Discoverable,
        FoundVerdict::Masked => Verdict::Masked,
        FoundVerdict::BlackHole => Verdict::BlackHole,
        FoundVerdict::Unreachable => Verdict::Unreachable,
        FoundVerdict::Inconclusive => Verdict::Inconclusive,
    }
}

fn cause_of(found: FoundCause) -> Cause {
    match found {
        FoundCause::NoPtb => Cause::NoPtb,
        FoundCause::LocalFirewall => Cause::LocalFirewall,
        FoundCause::BadPtb => Cause::BadPtb,
        FoundCause::LinkMismatch => Cause::LinkMismatch,
    }
}

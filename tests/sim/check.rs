//! Compares what a run found with what its scenario expects.

use std::fmt;

use pmtu_probe::model::{
    Cause as FoundCause, Examined, Finding, Hop, LocationPoint, PacketSize, PortState as FoundPort,
    Verdict as FoundVerdict,
};
use pmtu_probe::report::words::verdict_reason;

use super::run::Run;
use super::{back, flows};
use crate::scenario::{
    self, Cause, Family, Found, FoundHop, Outcome, Place, Placing, Point, PortState, Scenario, TakesTcp, Verdict,
};

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
    /// The verdict is right, and its cause is left open.
    Causeless,
    Inconclusive,
    /// The verdict is right, something else is not.
    Flawed,
    /// The verdict is right, its cause is not true of the path.
    WrongCause,
    /// The verdict, a size it rests on, or a place that is named, is not true of the path.
    Wrong,
}

/// Class and reasons.
pub fn check(run: &Run, scenario: &Scenario, family: Family, strictness: Strictness) -> (Class, Vec<String>) {
    let expected = &flows::expected(run, scenario, family);
    let mut notes = run.faults.clone();
    let Some(examined) = &run.examined else { return (Class::Wrong, notes) };
    if !notes.is_empty() {
        return (Class::Wrong, notes);
    }
    let placing = placing(examined, run.member, scenario, family);
    if let Some(Placing::Wrong(wrong)) = &placing {
        notes.push(wrong.clone());
    }
    notes.extend(wrong_hops(examined, run.member, scenario, family));
    let wrong_fates = |flows| flows::wrong_fates(run, flows, scenario);
    notes.extend(examined.flows.as_ref().map(wrong_fates).unwrap_or_default());
    if !notes.is_empty() {
        return (Class::Wrong, notes);
    }
    let verdict = verdict_of(examined.verdict);
    if verdict == Verdict::Inconclusive && expected.verdict != Verdict::Inconclusive {
        // Whatever is not known of the path, what is said of the port is true.
        notes.extend(wrong_port(examined, scenario));
        if !notes.is_empty() {
            return (Class::Wrong, notes);
        }
        if strictness == Strictness::Whole && !expected.may_be_inconclusive {
            notes.push(format!("inconclusive, not {}: {}", expected.verdict.word(), verdict_reason(&examined.reason)));
        }
        return (Class::Inconclusive, notes);
    }
    if strictness == Strictness::Verdict && is_less_than_could_be_known(run, examined, scenario, expected) {
        return (Class::Inconclusive, notes);
    }
    notes.extend(wrong_facts(examined, expected, verdict));
    notes.extend(back::wrong(run, examined, scenario, expected, strictness));
    notes.extend(wrong_port(examined, scenario));
    if !notes.is_empty() {
        return (Class::Wrong, notes);
    }
    if let Some(reason) = back::undecided(examined, expected) {
        let may = expected.reverse.as_ref().is_some_and(|back| back.may_be_inconclusive);
        if strictness == Strictness::Whole && !may {
            notes.push(reason);
        }
        return (Class::Inconclusive, notes);
    }
    notes.extend(wrong_cause(examined, expected));
    if !notes.is_empty() {
        return (Class::WrongCause, notes);
    }
    let is_open = examined.cause.is_none() && !expected.cause.is_empty();
    if is_open && strictness == Strictness::Verdict {
        return (Class::Causeless, notes);
    }
    if is_open {
        notes.push(format!("no cause, not {:?}", expected.cause));
    }
    if strictness == Strictness::Whole {
        notes.extend(other_facts(examined, expected, family));
        notes.extend(back::vague(examined, expected));
        notes.extend(flows::unsaid(run, examined, expected, scenario));
        if let Some(Placing::Vague(vague)) = placing {
            notes.push(vague);
        }
        let next = examined.location.as_ref().and_then(|location| location.next_hop.as_ref()).map(point);
        notes.extend(scenario::missing_hops(&hops(examined), next));
        notes.extend(run.complaints.iter().cloned());
    }
    (if notes.is_empty() { Class::Right } else { Class::Flawed }, notes)
}

/// What is said of the port, and is not true. Where nothing is said, too many packets were lost.
fn wrong_port(examined: &Examined, scenario: &Scenario) -> Option<String> {
    let found = examined.port_state.map(|state| match state {
        FoundPort::Open => PortState::Open,
        FoundPort::Refused => PortState::Refused,
        FoundPort::Filtered(_) => PortState::Filtered,
        FoundPort::ForbiddenHere => PortState::ForbiddenHere,
    });
    let is_lossless = !scenario.is_lossy();
    let is_true = found == scenario.port_state() || (found.is_none() && !is_lossless);
    (!is_true).then(|| format!("port_state {found:?}, not {:?}", scenario.port_state()))
}

/// Who takes TCP halfway is told by the server's echo replies alone (`docs/verdicts.md`, who answers).
fn is_unseen_proxy(examined: &Examined, scenario: &Scenario, expected: &Outcome) -> bool {
    let is_taken = scenario.routers()[1..].iter().any(|(_, router)| router.takes_tcp != TakesTcp::No);
    is_taken && expected.verdict == Verdict::Inconclusive && examined.findings.contains(&Finding::EchoUnanswered)
}

/// Where packets are lost by chance, a verdict may be true and say less: nothing was heard of the host at all, or all that is known is that whatever this host's route allows gets there.
fn is_less_than_could_be_known(run: &Run, examined: &Examined, scenario: &Scenario, expected: &Outcome) -> bool {
    match examined.verdict {
        _ if is_unseen_proxy(examined, scenario, expected) => true,
        FoundVerdict::Unreachable => expected.verdict != Verdict::Unreachable && !run.was_heard,
        FoundVerdict::Clear => {
            let route = scenario.host.route_mtu;
            expected.verdict == Verdict::Masked && route.is_some() && bytes(examined.path_mtu) == route
        }
        _ => false,
    }
}

/// A cause, or what masks the hole, that is not true of the path. Nothing is said where it is left open.
fn wrong_cause(examined: &Examined, expected: &Outcome) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(cause) = examined.cause.map(cause_of).filter(|cause| !expected.cause.contains(cause)) {
        notes.push(format!("cause {cause:?}, not {:?}: {}", expected.cause, verdict_reason(&examined.reason)));
    }
    if let (Some(found), Some(wanted)) = (masked_by(examined), &expected.masked_by)
        && found != *wanted
    {
        notes.push(format!("masked_by {found}, not {wanted}"));
    }
    notes
}

fn masked_by(examined: &Examined) -> Option<String> {
    examined.masked_by.map(|found| snake_case(&format!("{found:?}")))
}

fn wrong_facts(examined: &Examined, expected: &Outcome, verdict: Verdict) -> Vec<String> {
    let mut notes = Vec::new();
    if verdict == expected.verdict {
        // What is not known may be less, too, where packets are lost.
        let is_enough = verdict == Verdict::Inconclusive && bytes(examined.path_mtu) <= expected.path_mtu;
        if !is_enough {
            differs(&mut notes, "path_mtu", bytes(examined.path_mtu), expected.path_mtu);
        }
        differs(&mut notes, "first_lost_size", bytes(examined.first_lost_size), expected.first_lost_size);
    } else {
        notes.push(format!(
            "{}, not {}: {}",
            verdict.word(),
            expected.verdict.word(),
            verdict_reason(&examined.reason)
        ));
    }
    notes
}

/// How true and how good the place is; `None` where nothing is lost, or c itself refuses what is.
pub fn placing(examined: &Examined, member: usize, scenario: &Scenario, family: Family) -> Option<Placing> {
    let places = scenario::places(scenario, member, bytes(examined.first_lost_size)?);
    let location = examined.location.as_ref();
    let last = location.and_then(|location| location.last_hop.as_ref()).map(point);
    let next = location.and_then(|location| location.next_hop.as_ref()).map(point);
    let rests_on_ptb = last.is_some_and(|(ttl, from)| ttl.is_none() && examined.ptb.iter().any(|ptb| ptb.from == from));
    scenario::judge_place(&places, Found { last, next, rests_on_ptb }, scenario, family)
}

fn point(point: &LocationPoint) -> Point {
    (point.ttl.map(|ttl| ttl.0), point.address)
}

/// The smallest size that is said to be lost, and where it really ends.
fn lost_at(examined: &Examined, member: usize, scenario: &Scenario) -> Option<(u32, Place)> {
    let size = bytes(examined.first_lost_size)?;
    Some((size, scenario::place(scenario, member, size)?))
}

fn hops(examined: &Examined) -> Vec<FoundHop> {
    let hop =
        |hop: &Hop| FoundHop { ttl: hop.ttl.0, address: hop.address, largest_answered: bytes(hop.largest_answered) };
    examined.hops.iter().map(hop).collect()
}

fn wrong_hops(examined: &Examined, member: usize, scenario: &Scenario, family: Family) -> Vec<String> {
    scenario::wrong_hops(&hops(examined), lost_at(examined, member, scenario), scenario, family)
}

fn other_facts(examined: &Examined, expected: &Outcome, family: Family) -> Vec<String> {
    let mut notes = Vec::new();
    differs(&mut notes, "exit code", examined.exit_code(), expected.exit_code);
    if expected.masked_by.is_some() {
        differs(&mut notes, "masked_by", masked_by(examined).as_deref(), expected.masked_by.as_deref());
    }
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
    snake_case(&format!("{finding:?}"))
}

fn snake_case(name: &str) -> String {
    let mut word = String::new();
    // Without what it carries.
    for letter in name.chars().take_while(char::is_ascii_alphanumeric) {
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
        FoundVerdict::Recovers => Verdict::Recovers,
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

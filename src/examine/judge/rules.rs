//! The decision table of `docs/verdicts.md` in code: evidence in, verdict out. No state, no time.

use crate::model::{Cause, PacketSize, PtbFault, Technique, Verdict};

use super::super::ptb_log::KernelPmtu;
use super::super::reach::Silence;
use super::super::search::{Pair, Proof};
use super::super::technique::{NoDfOutcome, RealBytesOutcome};
use super::evidence::{Carried, Evidence};
use super::opinion::Second;

/// A verdict with its ground.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) cause: Option<Cause>,
    pub(super) reason: String,
    pub(super) confidence: Option<f64>,
    pub(super) path_mtu: Option<PacketSize>,
    pub(super) first_lost: Option<PacketSize>,
}

/// Judges.
pub(super) fn judge(evidence: &Evidence) -> Judgement {
    let Some((technique, carried)) = evidence.carried else {
        return if evidence.reached {
            inconclusive("the target answers, but to no kind of probe whose size could be varied".into())
        } else {
            unreachable(&evidence.silence)
        };
    };
    match carried {
        Carried::Full if evidence.sends_larger => Judgement {
            path_mtu: Some(evidence.start),
            ..inconclusive(format!(
                "packets up to {} bytes pass; larger ones, which this host would send, were not tried: leave out \
                 --max-size",
                evidence.start
            ))
        },
        Carried::Full => clear(evidence.start, technique),
        Carried::Discoverable(pair) => discoverable(pair, evidence),
        Carried::Proven(proof) => broken(technique, proof, evidence),
        Carried::Noisy(proof) => Judgement {
            path_mtu: Some(proof.pair.passes),
            confidence: Some(1.0 - proof.p),
            ..inconclusive(format!(
                "{} byte packets were answered and {} byte packets were not, but too many small packets are lost to \
                 tell size from chance (p = {:.4})",
                proof.pair.passes, proof.suspect, proof.p
            ))
        },
        Carried::Unfinished(passes) => {
            Judgement { path_mtu: passes, ..inconclusive("the run was cut short before the sizes were settled".into()) }
        }
    }
}

fn unreachable(silence: &Silence) -> Judgement {
    let reason = match silence {
        Silence::Plain => "nothing answered: neither the TCP port nor small ICMP echo requests".into(),
        Silence::CutShort => return inconclusive("the run was cut short before anything was answered".into()),
        Silence::Explained(words) => words.clone(),
        Silence::Forbidden => {
            return inconclusive("a firewall rule on this host refuses to send the probes".into());
        }
    };
    Judgement { verdict: Verdict::Unreachable, ..inconclusive(reason) }
}

fn inconclusive(reason: String) -> Judgement {
    Judgement {
        verdict: Verdict::Inconclusive,
        cause: None,
        reason,
        confidence: None,
        path_mtu: None,
        first_lost: None,
    }
}

fn clear(start: PacketSize, technique: Technique) -> Judgement {
    Judgement {
        verdict: Verdict::Clear,
        path_mtu: Some(start),
        confidence: Some(1.0),
        ..inconclusive(format!("a {start} byte packet that must not be fragmented was answered ({})", words(technique)))
    }
}

fn discoverable(pair: Pair, evidence: &Evidence) -> Judgement {
    Judgement {
        verdict: Verdict::Discoverable,
        path_mtu: Some(pair.passes),
        first_lost: Some(pair.lost),
        confidence: Some(1.0),
        ..inconclusive(format!(
            "{} byte packets pass, larger ones are refused by a router whose message reaches this host's kernel, \
             starting from {}",
            pair.passes, evidence.start
        ))
    }
}

/// Something vanishes: whom does it hurt, and is it proven?
fn broken(technique: Technique, proof: Proof, evidence: &Evidence) -> Judgement {
    let sizes = |judgement: Judgement| Judgement {
        path_mtu: Some(proof.pair.passes),
        first_lost: Some(proof.pair.lost),
        confidence: Some(1.0 - proof.p),
        ..judgement
    };
    let above = evidence.tcp_limit.filter(|&limit| above_limit(proof, limit, evidence));
    let guilt = if above.is_some() { Verdict::Masked } else { Verdict::BlackHole };
    match technique {
        Technique::Echo => sizes(broken_by_echo(guilt, proof, evidence)),
        Technique::SynData => match second_technique(evidence, Technique::SynData) {
            Some(second) => sizes(guilty(guilt, proof, evidence, words(second))),
            None => sizes(one_witness(proof, "SYN segments with data", "no second technique could confirm it")),
        },
        Technique::OldData | Technique::SmtpData => match above {
            Some(limit) => beyond_mss(proof, limit, evidence),
            None => sizes(broken_for_tcp(proof, evidence)),
        },
    }
}

/// Whether TCP, as negotiated, never sends what vanishes, or recovers by PTBs that do arrive.
fn above_limit(proof: Proof, limit: PacketSize, evidence: &Evidence) -> bool {
    proof.suspect > limit || evidence.tcp_end.is_some_and(|end| end.stuck_at().is_none())
}

fn broken_for_tcp(proof: Proof, evidence: &Evidence) -> Judgement {
    match evidence.real_bytes {
        Some(RealBytesOutcome::Stalls) => {
            guilty(Verdict::BlackHole, proof, evidence, "in-order SMTP bytes of that size stall, and pass when cut")
        }
        Some(RealBytesOutcome::Passes) => one_witness(
            proof,
            "repeated old segments",
            "in-order SMTP bytes of that size pass: something on the way treats repeated segments differently",
        ),
        Some(RealBytesOutcome::Unusable) | None => match second_technique(evidence, Technique::OldData) {
            Some(second) => guilty(Verdict::BlackHole, proof, evidence, words(second)),
            None if refuted(evidence) => {
                one_witness(proof, "repeated old segments", "another technique passes packets of that size")
            }
            None => one_witness(proof, "repeated old segments", evidence.dialogue_trouble),
        },
    }
}

/// Segments above the peer's MSS may be dropped by a normaliser, so other packets must say whether the path carries them.
fn beyond_mss(proof: Proof, limit: PacketSize, evidence: &Evidence) -> Judgement {
    let opinions = || evidence.second.iter().copied();
    if let Some((technique, _)) = opinions().find(|(_, second)| *second == Second::Refutes) {
        return clear(evidence.start, technique);
    }
    let best = opinions().find_map(|(technique, second)| match second {
        Second::Agrees(p) => Some((technique, Proof { p: proof.p.max(p), ..proof })),
        // A technique that passes less than old data did is filtered for a reason of its own.
        Second::Differs(other) if other.pair.passes > proof.pair.passes => Some((technique, other)),
        Second::Differs(_) | Second::Refutes | Second::Mute => None,
    });
    match best {
        Some((technique, proven)) => Judgement {
            path_mtu: Some(proven.pair.passes),
            first_lost: Some(proven.pair.lost),
            confidence: Some(1.0 - proven.p),
            ..guilty(Verdict::Masked, proven, evidence, words(technique))
        },
        None => Judgement {
            path_mtu: Some(proof.pair.passes),
            ..inconclusive(format!(
                "packets up to {} bytes pass, which is all that TCP sends here (limit {limit}); larger TCP segments \
                 vanish, but a firewall may drop them for exceeding the peer's MSS, and no other technique was answered",
                proof.pair.passes
            ))
        },
    }
}

/// Echo alone: its answer is as large as its question, and filters on large echo are common.
fn broken_by_echo(guilt: Verdict, proof: Proof, evidence: &Evidence) -> Judgement {
    if evidence.no_df == NoDfOutcome::Passes {
        return guilty(
            guilt,
            proof,
            evidence,
            "the same packet passes when routers may fragment it, so its size is the matter and not its kind",
        );
    }
    one_witness(
        proof,
        "ICMP echo requests",
        "echo alone cannot tell a hole from a firewall that drops large echo, nor the way there from the way back",
    )
}

fn one_witness(proof: Proof, witness: &str, why: &str) -> Judgement {
    inconclusive(format!(
        "{witness} of {} bytes are answered and of {} bytes are not, but {why}",
        proof.pair.passes, proof.suspect
    ))
}

fn second_technique(evidence: &Evidence, not: Technique) -> Option<Technique> {
    evidence.second.iter().find(|(t, second)| *t != not && matches!(second, Second::Agrees(_))).map(|(t, _)| *t)
}

fn refuted(evidence: &Evidence) -> bool {
    evidence.second.iter().any(|(_, second)| *second == Second::Refutes)
}

fn guilty(verdict: Verdict, proof: Proof, evidence: &Evidence, corroboration: &str) -> Judgement {
    let end = if verdict == Verdict::BlackHole { evidence.tcp_end.or(evidence.path_end) } else { evidence.path_end };
    let (cause, what) = match end.or(evidence.path_end) {
        Some(KernelPmtu::Firewalled { .. }) => (
            Cause::LocalFirewall,
            "the routers' messages reach this host's interface but not its kernel: its own firewall drops them",
        ),
        Some(KernelPmtu::Misled { fault, .. }) => (Cause::BadPtb, fault_words(fault)),
        _ if evidence.no_df == NoDfOutcome::Lost => {
            (Cause::LinkMismatch, "copies that may be fragmented vanish as well, so no router refuses them")
        }
        _ => (Cause::NoPtb, "nothing tells the sender"),
    };
    Judgement {
        verdict,
        cause: Some(cause),
        ..inconclusive(format!(
            "{} byte packets are answered, {} byte packets never are, and {what}; confirmed: {corroboration}",
            proof.pair.passes, proof.suspect
        ))
    }
}

fn fault_words(fault: PtbFault) -> &'static str {
    match fault {
        PtbFault::MtuZero => "the router's message states no MTU",
        PtbFault::StatedSizeLost => "the router's message states a size that is lost as well",
        PtbFault::NotSmaller => "the router's message states a size that is not smaller than what it refuses",
        PtbFault::TooLow => "the router's message states too little",
        PtbFault::BelowMinimum => "the router's message states less than any kernel accepts",
        PtbFault::BadChecksum => "the router's message has a wrong checksum, so kernels discard it",
    }
}

fn words(technique: Technique) -> &'static str {
    match technique {
        Technique::OldData => "repeated TCP segments",
        Technique::SmtpData => "repeated SMTP bytes",
        Technique::SynData => "SYN segments with data",
        Technique::Echo => "ICMP echo requests",
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

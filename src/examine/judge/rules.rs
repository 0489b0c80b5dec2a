//! The decision table of `docs/verdicts.md` in code: evidence in, verdict out. No state, no time.

use crate::model::{
    Cause, Confirmation, CutShort, Doubt, Ground, MaskedBy, PacketSize, PtbOutcome, Technique, Verdict,
};

use super::super::ptb_log::KernelPmtu;
use super::super::reach::Silence;
use super::super::search::{Pair, Proof};
use super::super::technique::{NoDfOutcome, RealBytesOutcome};
use super::evidence::{Carried, Evidence};
use super::masking::Masking;
use super::opinion::Second;

/// A verdict with its ground.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) cause: Option<Cause>,
    pub(super) masked_by: Option<MaskedBy>,
    pub(super) ground: Ground,
    pub(super) confidence: Option<f64>,
    pub(super) path_mtu: Option<PacketSize>,
    pub(super) first_lost: Option<PacketSize>,
}

/// Judges.
pub(super) fn judge(evidence: &Evidence) -> Judgement {
    let judgement = judge_as_it_stands(evidence);
    let is_by_tcp = evidence.carried.is_none_or(|(technique, _)| technique != Technique::Echo);
    let is_hole = matches!(judgement.verdict, Verdict::BlackHole | Verdict::Masked);
    match (evidence.tcp_ends_at, judgement.cause) {
        // No hole for want of a message that may still come.
        (_, cause) if is_hole && cause != Some(Cause::LocalFirewall) && evidence.awaits_ptb => {
            Judgement { path_mtu: judgement.path_mtu, ..inconclusive(Ground::CutShort(CutShort::BeforeSizesSettled)) }
        }
        // A hole on the way to whoever answers is one, whoever it is: mail hangs there.
        (Some(hop), _) if is_by_tcp && judgement.verdict != Verdict::BlackHole => {
            inconclusive(Ground::TcpEndsAtHop { hop })
        }
        _ => judgement,
    }
}

fn judge_as_it_stands(evidence: &Evidence) -> Judgement {
    let Some((technique, carried)) = evidence.carried else {
        return evidence.silence.as_ref().map_or_else(|| inconclusive(Ground::NoSizedAnswer), unreachable);
    };
    match carried {
        Carried::Full | Carried::Refused if evidence.sends_larger => Judgement {
            path_mtu: Some(evidence.start),
            ..inconclusive(Ground::LargerNotTried { size: evidence.start })
        },
        Carried::Refused => inconclusive(Ground::OnlyRefused { size: evidence.start }),
        Carried::Full => clear(evidence.start, technique),
        Carried::Changed(size) => inconclusive(Ground::PathChanged { size }),
        // Filters on large echo are common, and a kernel that was told less than this stays below whatever else takes packets.
        Carried::Discoverable(pair) if technique == Technique::Echo && !is_told_or_cut(evidence) => {
            let Pair { passes, lost } = pair;
            inconclusive(Ground::OneTechnique { technique, passes, lost, doubt: Doubt::EchoAlone })
        }
        Carried::Discoverable(pair) => discoverable(pair, evidence),
        Carried::Proven(proof) => broken(technique, proof, evidence),
        Carried::Noisy(proof) => Judgement {
            path_mtu: Some(proof.pair.passes),
            confidence: Some(1.0 - proof.p),
            ..inconclusive(Ground::TooLossy { passes: proof.pair.passes, lost: proof.suspect, p: proof.p })
        },
        Carried::Unfinished(passes) => {
            let when = evidence.spent.map_or(CutShort::BeforeSizesSettled, CutShort::AfterMostProbes);
            Judgement { path_mtu: passes, ..inconclusive(Ground::CutShort(when)) }
        }
    }
}

/// Whether somebody else than echo tells where packets end: a PTB about the lost size, or a copy of it without DF that passes.
fn is_told_or_cut(evidence: &Evidence) -> bool {
    evidence.is_lost_size_told || evidence.no_df == NoDfOutcome::Passes
}

fn unreachable(silence: &Silence) -> Judgement {
    let ground = match silence {
        Silence::Plain => Ground::NothingAnswered,
        Silence::CutShort => return inconclusive(Ground::CutShort(CutShort::BeforeAnyAnswer)),
        Silence::Explained(obstacle) => Ground::Unreachable(*obstacle),
        Silence::Forbidden => return inconclusive(Ground::SendingForbidden),
    };
    Judgement { verdict: Verdict::Unreachable, ..inconclusive(ground) }
}

fn inconclusive(ground: Ground) -> Judgement {
    Judgement {
        verdict: Verdict::Inconclusive,
        cause: None,
        masked_by: None,
        ground,
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
        ..inconclusive(Ground::FullSizeAnswered { size: start, technique })
    }
}

fn discoverable(pair: Pair, evidence: &Evidence) -> Judgement {
    Judgement {
        verdict: Verdict::Discoverable,
        path_mtu: Some(pair.passes),
        first_lost: Some(pair.lost),
        confidence: Some(1.0),
        ..inconclusive(Ground::RefusedByRouter { passes: pair.passes, start: evidence.start })
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
            Some(second) => sizes(guilty(guilt, proof, evidence, Confirmation::Technique(second))),
            None => sizes(one_technique(proof, technique, Doubt::NoSecondTechnique)),
        },
        Technique::OldData | Technique::SmtpData | Technique::RealBytes => match above {
            Some(limit) => beyond_mss(proof, limit, evidence),
            None => sizes(broken_for_tcp(technique, proof, evidence)),
        },
    }
}

/// Whether TCP, as negotiated, never sends what vanishes, or recovers by PTBs that do arrive.
fn above_limit(proof: Proof, limit: PacketSize, evidence: &Evidence) -> bool {
    proof.suspect > limit || evidence.tcp_end.is_some_and(|end| end.stuck_at().is_none())
}

fn broken_for_tcp(technique: Technique, proof: Proof, evidence: &Evidence) -> Judgement {
    match evidence.real_bytes {
        Some(RealBytesOutcome::Stalls) => guilty(Verdict::BlackHole, proof, evidence, Confirmation::RealBytes),
        Some(RealBytesOutcome::Passes) => one_technique(proof, technique, Doubt::RealBytesPass),
        Some(RealBytesOutcome::Unusable) | None => match second_technique(evidence, Technique::OldData) {
            Some(second) => guilty(Verdict::BlackHole, proof, evidence, Confirmation::Technique(second)),
            None if refuted(evidence) => one_technique(proof, technique, Doubt::OtherTechniquePasses),
            None => one_technique(proof, technique, Doubt::NoRealBytes(evidence.dialogue_trouble)),
        },
    }
}

/// Segments above the peer's MSS may be dropped by a normaliser, so other packets must say whether the path carries them, or
/// smaller ones that make up the same segment.
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
    let by_technique = best.map(|(technique, proven)| (Confirmation::Technique(technique), proven));
    match by_technique.or(evidence.smaller_packets.map(|confirmation| (confirmation, proof))) {
        Some((confirmation, proven)) => Judgement {
            path_mtu: Some(proven.pair.passes),
            first_lost: Some(proven.pair.lost),
            confidence: Some(1.0 - proven.p),
            ..guilty(Verdict::Masked, proven, evidence, confirmation)
        },
        None => Judgement {
            path_mtu: Some(proof.pair.passes),
            ..inconclusive(Ground::AboveMssOnly { passes: proof.pair.passes, limit })
        },
    }
}

/// Echo alone: its answer is as large as its question, and filters on large echo are common.
fn broken_by_echo(guilt: Verdict, proof: Proof, evidence: &Evidence) -> Judgement {
    if evidence.no_df == NoDfOutcome::Passes {
        return guilty(guilt, proof, evidence, Confirmation::NoDfCopyPasses);
    }
    one_technique(proof, Technique::Echo, Doubt::EchoAlone)
}

fn one_technique(proof: Proof, technique: Technique, doubt: Doubt) -> Judgement {
    inconclusive(Ground::OneTechnique { technique, passes: proof.pair.passes, lost: proof.suspect, doubt })
}

fn second_technique(evidence: &Evidence, not: Technique) -> Option<Technique> {
    evidence.second.iter().find(|(t, second)| *t != not && matches!(second, Second::Agrees(_))).map(|(t, _)| *t)
}

fn refuted(evidence: &Evidence) -> bool {
    evidence.second.iter().any(|(_, second)| *second == Second::Refutes)
}

/// A small MSS that may be gone in some minutes hides the hole, and masks nothing.
fn guilty(verdict: Verdict, proof: Proof, evidence: &Evidence, confirmation: Confirmation) -> Judgement {
    let judgement = guilty_now(verdict, proof, evidence, confirmation);
    match (verdict, evidence.masking, judgement.ground.clone()) {
        (Verdict::Masked, Some(Masking::By(by)), _) => Judgement { masked_by: Some(by), ..judgement },
        (
            Verdict::Masked,
            Some(Masking::Memory { is_place_lost }),
            Ground::Vanishes { passes, lost, ptb, confirmation },
        ) => {
            let limit = evidence.tcp_limit.unwrap_or(passes);
            if is_place_lost && limit == passes {
                return Judgement { path_mtu: Some(passes), ..inconclusive(Ground::MayMask { passes, lost, limit }) };
            }
            let ground = Ground::Hidden { passes, lost, ptb, confirmation, limit };
            Judgement { verdict: Verdict::BlackHole, ground, ..judgement }
        }
        _ => judgement,
    }
}

fn guilty_now(verdict: Verdict, proof: Proof, evidence: &Evidence, confirmation: Confirmation) -> Judgement {
    let end = if verdict == Verdict::BlackHole { evidence.tcp_end.or(evidence.path_end) } else { evidence.path_end };
    let (cause, ptb) = match end.or(evidence.path_end) {
        Some(KernelPmtu::Firewalled { .. }) => (Some(Cause::LocalFirewall), PtbOutcome::DroppedHere),
        Some(KernelPmtu::Misled { fault, .. }) => (Some(Cause::BadPtb), PtbOutcome::Faulty(fault)),
        _ if evidence.only_others_told => (Some(Cause::NoPtb), PtbOutcome::OnlyAboutOthers),
        _ => silence(evidence.no_df),
    };
    Judgement {
        verdict,
        cause,
        ..inconclusive(Ground::Vanishes { passes: proof.pair.passes, lost: proof.suspect, ptb, confirmation })
    }
}

/// No PTB came. Where the size passes in pieces a router keeps silent, or what it says is lost; where it does not, none is due.
fn silence(no_df: NoDfOutcome) -> (Option<Cause>, PtbOutcome) {
    match no_df {
        NoDfOutcome::Lost => (Some(Cause::LinkMismatch), PtbOutcome::NoneDue),
        // Where no fragment gets through, nothing more can be known from here.
        NoDfOutcome::Passes | NoDfOutcome::NoSuchCopies | NoDfOutcome::FragmentsLost => {
            (Some(Cause::NoPtb), PtbOutcome::NoneCame)
        }
        NoDfOutcome::Unclear | NoDfOutcome::Untested => (None, PtbOutcome::Unexplained),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! What a scenario expects: `[expect]`, with `[expect.v4]` and `[expect.v6]` for what differs by family.

use serde::Deserialize;

use super::{Family, Node};

/// The `[expect]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    verdict: Option<Verdict>,
    cause: Option<OneOrMany>,
    masked_by: Option<String>,
    path_mtu: Option<u32>,
    first_lost_size: Option<u32>,
    exit_code: Option<u8>,
    findings: Option<Vec<String>>,
    located_at: Option<Node>,
    may_be_inconclusive: Option<bool>,
    /// What is expected of the way back; without, the way back is not examined.
    reverse: Option<Reverse>,
    /// Parallel links: what is expected when the connection runs over the first, the second, ... Each stands for itself.
    over: Vec<Expect>,
    v4: Option<Box<Expect>>,
    v6: Option<Box<Expect>>,
}

/// What is expected in one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The cause is one of these; empty: `null`. More than one only where the design's words fit both.
    pub cause: Vec<Cause>,
    /// What masks the hole, in the words of the JSON contract; `None`: not checked.
    pub masked_by: Option<String>,
    /// The largest packet that passes; `None`: `null`.
    pub path_mtu: Option<u32>,
    /// The smallest size that is lost; in a file by default `path_mtu + 1`, and none if `clear`.
    pub first_lost_size: Option<u32>,
    /// The exit code; in a file by default that of the verdict.
    pub exit_code: u8,
    /// Findings that must be present, among others.
    pub findings: Vec<String>,
    /// The `last_hop` of `location`; `None`: not checked. Only meant for runs without loss.
    pub located_at: Option<Node>,
    /// Whether `inconclusive` (exit code 3) is right as well.
    pub may_be_inconclusive: bool,
    /// What is expected of the way back; `None`: it is not examined.
    pub reverse: Option<Reverse>,
}

impl Outcome {
    /// The exit code of both ways together.
    pub fn exit_code_with(&self, back: ReverseVerdict) -> u8 {
        worse(self.verdict.exit_code(), back.exit_code())
    }
}

/// What is expected of the way back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reverse {
    /// The verdict.
    pub verdict: ReverseVerdict,
    /// This verdict is right as well.
    pub or: Option<ReverseVerdict>,
    /// The largest packet that arrives, or could: no size up to it may be called lost.
    pub path_mtu: Option<u32>,
    /// Only a bound: `path_mtu` may be less, but never more.
    #[serde(default)]
    pub at_most: bool,
    /// `inconclusive` is right as well.
    #[serde(default)]
    pub may_be_inconclusive: bool,
}

/// The verdict on the way back in the words of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReverseVerdict {
    Clear,
    Discoverable,
    BlackHole,
    Recovers,
    Untested,
    Inconclusive,
}

impl ReverseVerdict {
    /// The exit code that the contract gives it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clear | Self::Discoverable | Self::Untested => 0,
            Self::Recovers => 1,
            Self::BlackHole => 2,
            Self::Inconclusive => 3,
        }
    }

    /// The word in the JSON document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Discoverable => "discoverable",
            Self::BlackHole => "black_hole",
            Self::Recovers => "recovers",
            Self::Untested => "untested",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The verdict in the words of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Clear,
    Discoverable,
    Masked,
    BlackHole,
    Recovers,
    Unreachable,
    Inconclusive,
}

impl Verdict {
    /// The exit code that the contract gives it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clear | Self::Discoverable => 0,
            Self::Masked | Self::Recovers => 1,
            Self::BlackHole => 2,
            Self::Unreachable | Self::Inconclusive => 3,
        }
    }

    /// The word in the JSON document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Discoverable => "discoverable",
            Self::Masked => "masked",
            Self::BlackHole => "black_hole",
            Self::Recovers => "recovers",
            Self::Unreachable => "unreachable",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The cause in the words of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    NoPtb,
    LocalFirewall,
    BadPtb,
    LinkMismatch,
}

impl Cause {
    /// The word in the JSON document.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoPtb => "no_ptb",
            Self::LocalFirewall => "local_firewall",
            Self::BadPtb => "bad_ptb",
            Self::LinkMismatch => "link_mismatch",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Cause),
    Many(Vec<Cause>),
}

impl Expect {
    /// An expectation that is the same in both families.
    pub fn always(outcome: Outcome) -> Self {
        Self {
            verdict: Some(outcome.verdict),
            cause: Some(OneOrMany::Many(outcome.cause)),
            masked_by: outcome.masked_by,
            path_mtu: outcome.path_mtu,
            first_lost_size: outcome.first_lost_size,
            exit_code: Some(outcome.exit_code),
            findings: Some(outcome.findings),
            located_at: outcome.located_at,
            may_be_inconclusive: Some(outcome.may_be_inconclusive),
            reverse: outcome.reverse,
            over: Vec::new(),
            v4: None,
            v6: None,
        }
    }

    /// How many parallel links the expectation tells apart; 0 if none.
    pub fn members(&self) -> usize {
        self.over.len()
    }

    /// What is expected if the connection runs over this one of the parallel links.
    pub fn outcome_over(&self, member: usize, family: Family) -> Outcome {
        self.over.get(member).unwrap_or(self).outcome(family)
    }

    /// What is expected if the connection runs over one parallel link, and further flows over others are compared with it: a
    /// hole on any of them is a hole, and one that spares some is told as such. That the connection alone is hit may be due to
    /// the different ways of probing.
    pub fn outcome_of_flows(&self, main: usize, flows: &[usize], family: Family) -> Outcome {
        let main = self.outcome_over(main, family);
        let others: Vec<Outcome> = flows.iter().map(|flow| self.outcome_over(*flow, family)).collect();
        let is_hole = |outcome: &&Outcome| outcome.verdict == Verdict::BlackHole;
        let hit = others.iter().filter(is_hole).count();
        let mut outcome = [&main].into_iter().chain(&others).find(is_hole).unwrap_or(&main).clone();
        if hit > 0 && hit + usize::from(is_hole(&&main)) <= others.len() {
            outcome.findings.push("hole_on_some_flows".into());
        }
        outcome
    }

    /// What is expected in a family. Of parallel links, the first. A field of the family's own table replaces the common one.
    pub fn outcome(&self, family: Family) -> Outcome {
        if let Some(first) = self.over.first() {
            return first.outcome(family);
        }
        let own = match family {
            Family::V4 => self.v4.as_deref(),
            Family::V6 => self.v6.as_deref(),
        };
        let verdict = own.and_then(|own| own.verdict).or(self.verdict).unwrap_or(Verdict::Inconclusive);
        let cause = own.and_then(|own| own.cause.clone()).or_else(|| self.cause.clone());
        let path_mtu = own.and_then(|own| own.path_mtu).or(self.path_mtu);
        let first_lost_size = own.and_then(|own| own.first_lost_size).or(self.first_lost_size);
        let reverse = own.and_then(|own| own.reverse.clone()).or_else(|| self.reverse.clone());
        let back = reverse.as_ref().map_or(0, |reverse| reverse.verdict.exit_code());
        let may_be_inconclusive = own.and_then(|own| own.may_be_inconclusive).or(self.may_be_inconclusive);
        Outcome {
            verdict,
            cause: match cause {
                None => Vec::new(),
                // A family without a fault ignores the cause that stands for the other.
                Some(_) if !matches!(verdict, Verdict::Masked | Verdict::BlackHole | Verdict::Recovers) => Vec::new(),
                Some(OneOrMany::One(cause)) => vec![cause],
                Some(OneOrMany::Many(causes)) => causes,
            },
            masked_by: own
                .and_then(|own| own.masked_by.clone())
                .or_else(|| self.masked_by.clone())
                .filter(|_| verdict == Verdict::Masked),
            path_mtu,
            first_lost_size: match verdict {
                Verdict::Clear => None,
                Verdict::Inconclusive => first_lost_size,
                _ => first_lost_size.or(path_mtu.map(|size| size + 1)),
            },
            exit_code: own
                .and_then(|own| own.exit_code)
                .or(self.exit_code)
                .unwrap_or_else(|| worse(verdict.exit_code(), back)),
            findings: own.and_then(|own| own.findings.clone()).or_else(|| self.findings.clone()).unwrap_or_default(),
            located_at: own.and_then(|own| own.located_at).or(self.located_at),
            may_be_inconclusive: may_be_inconclusive.unwrap_or(false),
            reverse,
        }
    }
}

/// The worse of two exit codes: 2 before 1 before 3 before 0.
fn worse(one: u8, other: u8) -> u8 {
    [2, 1, 3].into_iter().find(|code| [one, other].contains(code)).unwrap_or(0)
}

/// What makes no sense.
pub(super) fn check(outcome: &Outcome) -> Result<(), String> {
    if outcome.reverse.as_ref().is_some_and(|back| back.path_mtu.is_none()) {
        return Err("expect.reverse needs a path_mtu".into());
    }
    let broken = matches!(outcome.verdict, Verdict::Masked | Verdict::BlackHole | Verdict::Recovers);
    let small = broken || outcome.verdict == Verdict::Discoverable;
    match outcome {
        Outcome { verdict: Verdict::Inconclusive, findings, .. } if findings.is_empty() => {
            Err("expect names no verdict, or none that proves anything, and no finding that says why".into())
        }
        Outcome { cause, .. } if broken && cause.is_empty() => Err("masked and black_hole need a cause".into()),
        Outcome { path_mtu: None, .. } if small || outcome.verdict == Verdict::Clear => {
            Err("expect needs a path_mtu".into())
        }
        _ => Ok(()),
    }
}

//! What a result says of one direction, as far as results are alike.

use crate::model::{Cause, FailureKind, ReverseVerdict, Verdict};

/// What is the matter, or that nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// The way there.
    There(There),
    /// The way back.
    Back(ReverseVerdict),
    /// A target of which nothing could be examined.
    NotExamined(FailureKind),
}

/// What is said of the way there. Words are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct There {
    pub(super) verdict: Verdict,
    pub(super) cause: Option<Cause>,
    pub(super) masked_by: Option<&'static str>,
    /// The state of a port that takes no connections, where that is not the lesser news.
    pub(super) port_state: Option<&'static str>,
    /// A faulty message that PMTUD survives.
    pub(super) fault: Option<&'static str>,
}

/// What two vantages may disagree about. They do not where one of them does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passes,
    /// The path carries packets, and the port takes no connections.
    Closed,
    Vanishes,
    Unreachable,
    Unknown,
}

impl What {
    /// 0 is the worst.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::There(there) => match there.verdict {
                Verdict::BlackHole => 0,
                Verdict::Recovers => 2,
                Verdict::Masked => 4,
                Verdict::Discoverable if there.fault.is_some() => 5,
                Verdict::Clear | Verdict::Discoverable if there.port_state.is_some() => 6,
                Verdict::Unreachable => 7,
                Verdict::Inconclusive => 8,
                Verdict::Discoverable => 11,
                Verdict::Clear => 13,
            },
            Self::Back(verdict) => match verdict {
                ReverseVerdict::BlackHole => 1,
                ReverseVerdict::Recovers => 3,
                ReverseVerdict::Inconclusive => 9,
                ReverseVerdict::Discoverable => 12,
                ReverseVerdict::Clear | ReverseVerdict::Untested => 14,
            },
            Self::NotExamined(_) => 10,
        }
    }

    /// What a run that found only this would exit with.
    pub(super) fn exit_code(self) -> u8 {
        match self.rank() {
            0 | 1 => 2,
            2..=5 if !self.is_closed() => 1,
            2..=10 => 3,
            _ => 0,
        }
    }

    /// Whether nobody has to do anything.
    pub(super) fn is_fine(self) -> bool {
        self.rank() > 10
    }

    pub(super) fn fate(self) -> Fate {
        match self {
            Self::There(There { verdict: Verdict::Unreachable, .. }) => Fate::Unreachable,
            Self::There(There { verdict: Verdict::Inconclusive, .. })
            | Self::Back(ReverseVerdict::Inconclusive | ReverseVerdict::Untested)
            | Self::NotExamined(_) => Fate::Unknown,
            Self::There(There { verdict: Verdict::BlackHole | Verdict::Recovers | Verdict::Masked, .. })
            | Self::Back(ReverseVerdict::BlackHole | ReverseVerdict::Recovers) => Fate::Vanishes,
            Self::There(_) if self.is_closed() => Fate::Closed,
            Self::There(_) | Self::Back(_) => Fate::Passes,
        }
    }

    fn is_closed(self) -> bool {
        matches!(self, Self::There(There { port_state: Some(_), .. }))
    }
}

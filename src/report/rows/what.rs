//! What a result says of one direction, as far as results are alike.

use crate::model::{Cause, FailureKind, PortState, PtbFault, ReverseVerdict, Verdict};
use crate::report::words::Word;

/// What is the matter, or that nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The way there.
    There(There),
    /// The way back.
    Back(ReverseVerdict),
    /// A target of which nothing could be examined.
    NotExamined(FailureKind),
}

/// What is said of the way there. Words are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct There {
    pub verdict: Verdict,
    pub(in crate::report) cause: Option<Cause>,
    pub(in crate::report) masked_by: Option<&'static str>,
    /// The state of a port that takes no connections, where that is not the lesser news.
    pub(in crate::report) port_state: Option<&'static str>,
    /// A faulty message that PMTUD survives.
    pub(in crate::report) fault: Option<&'static str>,
}

/// What two vantages may disagree about. They do not where one of them does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Fate {
    Passes,
    /// The path carries packets, and the port takes no connections.
    Closed,
    Vanishes,
    Unreachable,
    Unknown,
}

impl There {
    /// As a report or its line has it: the verdict and its cause, what hides a hole, the state of the port, and the faults of PTBs.
    pub(in crate::report) fn of(
        (verdict, cause): (Verdict, Option<Cause>),
        masked_by: Option<&'static str>,
        port_state: Option<&'static str>,
        mut faults: impl Iterator<Item = PtbFault>,
    ) -> Self {
        // What vanishes or reaches nobody is the graver news.
        let is_lesser = !matches!(verdict, Verdict::BlackHole | Verdict::Unreachable);
        let port_state = port_state.filter(|state| *state != PortState::Open.word() && is_lesser);
        let is_survived =
            |fault: &PtbFault| matches!(fault, PtbFault::MtuZero | PtbFault::TooLow | PtbFault::BelowMinimum);
        let fault = faults.find(is_survived).filter(|_| verdict == Verdict::Discoverable).map(Word::word);
        Self { verdict, cause, masked_by, port_state, fault }
    }

    pub(super) fn has_place(self) -> bool {
        !matches!(self.verdict, Verdict::Clear | Verdict::Unreachable | Verdict::Inconclusive)
    }
}

impl What {
    /// 0 is the worst.
    pub(in crate::report) fn rank(self) -> u8 {
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
    pub(in crate::report) fn exit_code(self) -> u8 {
        match self.rank() {
            0 | 1 => 2,
            2..=5 if !self.is_closed() => 1,
            2..=10 => 3,
            _ => 0,
        }
    }

    /// Whether nobody has to do anything.
    pub(in crate::report) fn is_fine(self) -> bool {
        self.rank() > 10
    }

    pub(in crate::report) fn fate(self) -> Fate {
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

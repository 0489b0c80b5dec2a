//! How a report looks and how much it says.

use crate::report::layout::Width;

/// How a report looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colour.
    pub color: bool,
    /// How much to say.
    pub detail: Detail,
    /// How wide its prose may be. Commands are never broken.
    pub width: Width,
}

/// How much a report says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// One line per address, never wrapped.
    VerdictOnly,
    /// Verdict, what a mail admin needs to know of the evidence, advice.
    #[default]
    Normal,
    /// The same, with advice for every kind of system.
    AllAdvice,
    /// All of the evidence: methods, counts, timing, every size and hop.
    Full,
}

impl Detail {
    /// Whether advice comes in full: every way to the same end, on every kind of system.
    pub(super) fn has_all_advice(self) -> bool {
        matches!(self, Self::AllAdvice | Self::Full)
    }
}

/// What a report in so much detail leaves out, and how to see it.
pub fn more(style: &Style) -> &'static str {
    match style.detail {
        Detail::Normal | Detail::AllAdvice => "\n-v shows methods, counts and timing, and all remarks.\n",
        Detail::VerdictOnly | Detail::Full => "",
    }
}

//! How a report looks and how much it says.

/// How a report looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colour.
    pub color: bool,
    /// How much to say.
    pub detail: Detail,
}

/// How much a report says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// One line per address, never wrapped.
    VerdictOnly,
    /// Verdict, evidence, advice.
    #[default]
    Normal,
    /// Every size and hop as well.
    Full,
}

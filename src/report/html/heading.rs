//! Headings in their order: none is left out on the way down.

use super::element::Element;

/// How deep a heading stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Page,
    Part,
    Address,
    Piece,
}

impl Level {
    /// The next one down.
    pub(super) fn below(self) -> Self {
        match self {
            Self::Page => Self::Part,
            Self::Part => Self::Address,
            Self::Address | Self::Piece => Self::Piece,
        }
    }

    /// A heading.
    pub(super) fn heading(self, text: &str) -> Element {
        Element::new(self.name()).text(text)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Page => "h1",
            Self::Part => "h2",
            Self::Address => "h3",
            Self::Piece => "h4",
        }
    }
}

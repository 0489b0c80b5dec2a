//! How good or bad a verdict is, in a colour and in a sign beside it.

use super::element::Element;
use super::heading::Level;

/// By exit code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Bad,
    Doubt,
}

impl Tone {
    pub(super) fn of(exit_code: u8) -> Self {
        match exit_code {
            0 => Self::Good,
            1 => Self::Warning,
            2 => Self::Bad,
            _ => Self::Doubt,
        }
    }

    /// The class of what has this tone.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Doubt => "doubt",
        }
    }

    /// A heading with the sign before it.
    pub(super) fn headline(self, level: Level, text: &str) -> Element {
        let class = format!("headline {}", self.class());
        Element::of_class(level.name(), &class).child(self.sign()).text(&format!(" {text}"))
    }

    /// The words say it as well.
    pub(super) fn sign(self) -> Element {
        let sign = match self {
            Self::Good => "\u{2713}",
            Self::Warning => "!",
            Self::Bad => "\u{2715}",
            Self::Doubt => "?",
        };
        Element::of_class("span", "sign").attribute("aria-hidden", "true").text(sign)
    }
}

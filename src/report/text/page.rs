//! What a report is written on: so wide, with colour or without. What colour says is said in words as well.

use anstyle::{AnsiColor, Style as Ansi};

use super::style::Style;
use crate::report::layout::{Width, wrap};

/// The parts of a report that get a colour.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Good,
    Warning,
    Bad,
    Doubt,
    Title,
    Label,
    Command,
}

/// Breaks lines, and applies colours or leaves text alone.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) color: bool,
    pub(super) width: Width,
}

impl Page {
    pub(super) fn of(style: &Style) -> Self {
        Self { color: style.color, width: style.width }
    }

    /// Prose in lines: the first starts with `first`, the others with `rest`, both as wide as they are long.
    pub(super) fn wrap(self, prose: &str, first: &str, rest: &str) -> Vec<String> {
        wrap(self.width, prose, first, rest)
    }

    pub(super) fn paint(self, ink: Ink, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let style = ink.style();
        format!("{style}{text}{style:#}")
    }
}

impl Ink {
    /// Exit code 0 is good, 1 a warning, 2 bad, anything else doubt.
    pub(super) fn of_exit_code(code: u8) -> Self {
        match code {
            0 => Self::Good,
            1 => Self::Warning,
            2 => Self::Bad,
            _ => Self::Doubt,
        }
    }

    fn style(self) -> Ansi {
        let colored = |color: AnsiColor| Ansi::new().fg_color(Some(color.into()));
        match self {
            Self::Good => colored(AnsiColor::Green).bold(),
            Self::Warning => colored(AnsiColor::Yellow).bold(),
            Self::Bad => colored(AnsiColor::Red).bold(),
            Self::Doubt => colored(AnsiColor::Magenta).bold(),
            Self::Title => Ansi::new().bold(),
            Self::Label => Ansi::new().dimmed(),
            Self::Command => colored(AnsiColor::Cyan),
        }
    }
}

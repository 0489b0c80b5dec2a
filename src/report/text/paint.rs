//! Colour, where the user wants it. What colour says is said in words as well.

use anstyle::{AnsiColor, Style};

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

/// Applies colours, or leaves text alone.
#[derive(Clone, Copy)]
pub(super) struct Painter {
    pub(super) color: bool,
}

impl Painter {
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

    fn style(self) -> Style {
        let colored = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Good => colored(AnsiColor::Green).bold(),
            Self::Warning => colored(AnsiColor::Yellow).bold(),
            Self::Bad => colored(AnsiColor::Red).bold(),
            Self::Doubt => colored(AnsiColor::Magenta).bold(),
            Self::Title => Style::new().bold(),
            Self::Label => Style::new().dimmed(),
            Self::Command => colored(AnsiColor::Cyan),
        }
    }
}

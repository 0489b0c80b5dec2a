//! The layout of a letter: 72 columns, as mail likes it.

use crate::report::layout::{columns, wrap_at};
use crate::report::printable::printable;

/// RFC 5322, 2.1.1 recommends 78 at most; a quoted reply adds to it.
pub(super) const WIDTH: usize = 72;

/// What commands are indented by.
const CODE: &str = "    ";

/// A part of a letter; an empty line separates one from the next.
pub(super) enum Block {
    /// A header line as mail has it: a name, and what stands after its colon.
    Header(Vec<(&'static str, String)>),
    /// A paragraph.
    Prose(String),
    /// Labels and values.
    Table(Vec<(&'static str, String)>),
    /// Lines to paste, never broken.
    Code(Vec<String>),
    /// Lines that stay as they are.
    Close(&'static str, &'static str),
}

pub(super) fn lay_out(blocks: &[Block], width: usize) -> String {
    let laid_out: Vec<String> = blocks.iter().map(|block| block.lines(width)).collect();
    laid_out.join("\n")
}

impl Block {
    fn lines(&self, width: usize) -> String {
        match self {
            Self::Header(rows) => {
                rows.iter().map(|(name, value)| lines(width, value, &format!("{name}: "), "    ")).collect()
            }
            Self::Prose(text) => lines(width, text, "", ""),
            Self::Table(rows) => table(width, rows),
            Self::Code(code) => code.iter().fold(String::new(), |text, line| text + CODE + &printable(line) + "\n"),
            Self::Close(regards, name) => format!("{regards}\n{name}\n"),
        }
    }
}

fn table(width: usize, rows: &[(&'static str, String)]) -> String {
    let widest = rows.iter().map(|(label, _)| columns(label)).max().unwrap_or(0);
    let rest = " ".repeat(2 + widest + 2);
    let row = |(label, value): &(&'static str, String)| {
        let padding = " ".repeat(widest - columns(label));
        lines(width, value, &format!("  {label}{padding}  "), &rest)
    };
    rows.iter().map(row).collect()
}

fn lines(width: usize, text: &str, first: &str, rest: &str) -> String {
    wrap_at(width, &printable(text), first, rest).into_iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

//! A letter to whoever runs the place where large packets end: what was measured, why it breaks mail, what to change.
//!
//! `facts` gathers what is to be said, each language says it, and what they share is laid out here: 72 columns, as mail
//! likes it. An address may give more than one letter: one for each complaint.

mod english;
mod facts;
mod german;

use facts::{Facts, complaints};

use super::layout::{columns, wrap_at};
use super::printable::printable;
use crate::model::Report;

/// What letters are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// RFC 5322, 2.1.1 recommends 78 at most; a quoted reply adds to it.
const WIDTH: usize = 72;

/// What commands are indented by.
const CODE: &str = "    ";

/// All letters that the report asks for, and a line for each address that needs none.
pub fn render(report: &Report, language: Language) -> String {
    let mut letters = Vec::new();
    let mut none = String::new();
    for address in &report.addresses {
        let found = complaints(address);
        if found.is_empty() {
            none.push_str(&printable(&language.no_letter(address)));
            none.push('\n');
        }
        letters.extend(found.into_iter().map(|complaint| {
            let facts = Facts::of(report, address, complaint);
            lay_out(&language.letter(&facts))
        }));
    }
    if !none.is_empty() || report.addresses.is_empty() {
        letters.push(none);
    }
    letters.join(&format!("\n{}\n\n", "-".repeat(WIDTH)))
}

impl Language {
    fn letter(self, facts: &Facts<'_>) -> Vec<Block> {
        match self {
            Self::English => english::letter(facts),
            Self::German => german::letter(facts),
        }
    }

    fn no_letter(self, address: &crate::model::AddressReport) -> String {
        match self {
            Self::English => english::no_letter(address),
            Self::German => german::no_letter(address),
        }
    }
}

/// A part of a letter; an empty line separates one from the next.
enum Block {
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

fn lay_out(blocks: &[Block]) -> String {
    let laid_out: Vec<String> = blocks.iter().map(Block::lines).collect();
    laid_out.join("\n")
}

impl Block {
    fn lines(&self) -> String {
        match self {
            Self::Header(rows) => rows.iter().map(|(name, value)| lines(value, &format!("{name}: "), "    ")).collect(),
            Self::Prose(text) => lines(text, "", ""),
            Self::Table(rows) => table(rows),
            Self::Code(code) => code.iter().fold(String::new(), |text, line| text + CODE + &printable(line) + "\n"),
            Self::Close(regards, name) => format!("{regards}\n{name}\n"),
        }
    }
}

fn table(rows: &[(&'static str, String)]) -> String {
    let widest = rows.iter().map(|(label, _)| columns(label)).max().unwrap_or(0);
    let rest = " ".repeat(2 + widest + 2);
    let row = |(label, value): &(&'static str, String)| {
        let padding = " ".repeat(widest - columns(label));
        lines(value, &format!("  {label}{padding}  "), &rest)
    };
    rows.iter().map(row).collect()
}

fn lines(text: &str, first: &str, rest: &str) -> String {
    wrap_at(WIDTH, &printable(text), first, rest).into_iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

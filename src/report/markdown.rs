//! Markdown for issue trackers and step summaries. All that others have written stands in code, where it cannot become a link, a
//! mention or an element.

use std::fmt::Write;

use super::checks::{Check, Outcome};
use super::printable::printable;

/// A page that grows with the checks and stays below a size: what is wrong in a heading, a table, then what there is to read about
/// each that is not fine.
#[derive(Clone, Debug)]
pub struct Page {
    rows: String,
    blocks: String,
    limit: usize,
    counts: [u64; 5],
    rows_left_out: u64,
    blocks_left_out: u64,
}

/// The outcomes, worst first, and what they are called in the heading.
const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Broken, "where mail hangs"),
    (Outcome::Faulty, "with a fault"),
    (Outcome::Unknown, "not judged"),
    (Outcome::Passed, "fine"),
    (Outcome::Skipped, "left out"),
];

/// Room for heading, table head and last lines.
const FRAME: usize = 1024;

impl Page {
    /// An empty page of at most so many bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            rows: String::new(),
            blocks: String::new(),
            limit: limit.saturating_sub(FRAME),
            counts: [0; 5],
            rows_left_out: 0,
            blocks_left_out: 0,
        }
    }

    /// Adds a check.
    pub fn add(&mut self, check: &Check) {
        if let Some(place) = OUTCOMES.iter().position(|(outcome, _)| *outcome == check.outcome) {
            self.counts[place] += 1;
        }
        let row = format!("| {} | {} | {} |\n", sign(check.outcome), code(&check.name), cell(check));
        if self.has_room(row.len()) {
            self.rows.push_str(&row);
        } else {
            self.rows_left_out += 1;
        }
        if check.outcome.is_good() || check.details.is_empty() {
            return;
        }
        let block = format!("\n### {}\n\n{}", code(&check.name), fenced(&check.details));
        if self.has_room(block.len()) {
            self.blocks.push_str(&block);
        } else {
            self.blocks_left_out += 1;
        }
    }

    fn has_room(&self, more: usize) -> bool {
        self.rows.len() + self.blocks.len() + more <= self.limit
    }

    /// The page.
    pub fn finish(&self) -> String {
        let counted = OUTCOMES.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let counted: Vec<String> = counted.map(|((_, words), count)| format!("{count} {words}")).collect();
        let counted = if counted.is_empty() { "nothing to examine".into() } else { counted.join(", ") };
        let mut out = format!("## Path MTU: {counted}\n");
        if !self.rows.is_empty() {
            let _ = write!(out, "\n| | Address | Result |\n| --- | --- | --- |\n{}", self.rows);
        }
        if self.rows_left_out > 0 {
            let _ = write!(out, "\nThe table had no room for {} more.\n", self.rows_left_out);
        }
        out.push_str(&self.blocks);
        if self.blocks_left_out > 0 {
            let _ = write!(out, "\nThere was no room for the reports on {} more.\n", self.blocks_left_out);
        }
        out
    }
}

fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Broken => "❌",
        Outcome::Faulty => "⚠️",
        Outcome::Unknown => "❔",
        Outcome::Passed => "✅",
        Outcome::Skipped => "➖",
    }
}

/// The result without the name, which stands in the cell before.
fn cell(check: &Check) -> String {
    match check.headline.split_once(": ") {
        Some((name, result)) if check.name.ends_with(name) => code(result),
        _ => code(&check.headline),
    }
}

/// One line as a code span that nothing in it can end, in a cell of a table either.
fn code(text: &str) -> String {
    let mut out = String::from("`");
    for c in printable(text).chars() {
        match c {
            // Written as what cannot be printed is: there is no way to escape them that all readers share.
            '`' | '|' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    // A blank keeps the delimiters apart where there is nothing between them.
    if out.len() == 1 {
        out.push(' ');
    }
    out.push('`');
    out
}

/// Lines as a block that none of them can end.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

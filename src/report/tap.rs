//! Test Anything Protocol: a line for each check.
//!
//! The lines are the same in version 14, whose readers take version 13 as well. Perl's of today refuse the number 14, so 13 is said.

use std::fmt::Write;

use super::checks::{Check, Outcome};

/// The first line of all.
pub const VERSION: &str = "TAP version 13\n";

/// Numbers checks as they come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tap {
    number: u64,
}

impl Tap {
    /// The lines of the next check.
    pub fn lines(&mut self, check: &Check) -> String {
        self.number += 1;
        let mut out = String::new();
        push(&mut out, self.number, check);
        out
    }

    /// How many there were, and so that none is missing. It may stand at the end.
    pub fn plan(&self) -> String {
        match self.number {
            0 => "1..0 # SKIP nothing to examine\n".into(),
            number => format!("1..{number}\n"),
        }
    }
}

fn push(out: &mut String, number: u64, check: &Check) {
    let ok = if check.outcome.is_good() { "ok" } else { "not ok" };
    let name = escaped(&check.name);
    let skip = if check.outcome == Outcome::Skipped { " # SKIP " } else { "" };
    let why = if skip.is_empty() { String::new() } else { escaped(&check.headline) };
    // Writing into a String cannot fail.
    let _ = writeln!(out, "{ok} {number} - {name}{skip}{why}");
    if check.outcome == Outcome::Skipped {
        return;
    }
    let _ = writeln!(out, "  ---\n  message: {}\n  verdict: {}", quoted(&check.headline), check.word);
    let _ = writeln!(out, "  severity: {}", severity(check.outcome));
    let _ = writeln!(out, "  duration_ms: {:.3}", check.elapsed.as_secs_f64() * 1e3);
    if !check.outcome.is_good() && !check.details.is_empty() {
        // The first line has no blanks in front, so the block begins at the fourth column. Empty lines get there too: Perl's reader
        // would take them for the end.
        out.push_str("  report: |\n");
        for line in check.details.trim().lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    out.push_str("  ...\n");
}

fn severity(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed | Outcome::Skipped => "none",
        Outcome::Faulty => "warning",
        Outcome::Broken => "fail",
        Outcome::Unknown => "unknown",
    }
}

/// A description: `#` would begin a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}

/// A string that all readers of YAML understand alike. There is nothing in it that cannot be printed.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

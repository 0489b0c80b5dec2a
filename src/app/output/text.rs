//! Text on stdout for people: what a run prints unless it is told otherwise.

use std::io;

use super::format::{Destination, Format, Runs};
use super::result_sink::{ResultSink, RunResult};
use super::stdout;
use crate::app::verdict_counts::VerdictCounts;
use crate::report::text::{self, Detail, Style};

pub(super) static FORMAT: Format = Format {
    name: "text",
    option: None,
    destination: Destination::Stdout,
    streams: true,
    runs: Runs::Any,
    open: |_, opening| {
        let style = opening.style;
        Ok(if opening.is_list { Box::new(TextLines::new(style)) } else { Box::new(TextReport { style }) })
    },
};

/// One report.
struct TextReport {
    style: Style,
}

/// A line for each address of a list, then the summary.
struct TextLines {
    style: Style,
    has_summary: bool,
}

impl ResultSink for TextReport {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        let words = match result.suspects {
            Some(suspects) => suspects.render(result.report, self.style),
            None => text::render(result.report, &self.style),
        };
        stdout::print(&words)
    }

    fn writes_words(&self) -> bool {
        true
    }
}

impl TextLines {
    fn new(style: Style) -> Self {
        let has_summary = style.detail != Detail::VerdictOnly;
        Self { style: Style { detail: Detail::VerdictOnly, ..style }, has_summary }
    }
}

impl ResultSink for TextLines {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        stdout::print(&text::render(result.report, &self.style))
    }

    fn writes_words(&self) -> bool {
        true
    }

    fn finish(&mut self, counts: &VerdictCounts) -> io::Result<()> {
        if self.has_summary {
            // The results have reached their reader, so a summary that does not is no failure.
            let _ = stdout::print(&format!("\n{}", counts.summary()));
        }
        Ok(())
    }
}

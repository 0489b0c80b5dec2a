//! Text on stdout for people: what a run prints unless it is told otherwise.

use std::io::{self, IsTerminal};

use super::format::{Destination, Format, Runs};
use super::result_sink::{ResultSink, RunResult};
use super::stdout;
use crate::model::AddressReport;
use crate::report::text::{self, Detail, Style};
use crate::report::verdict_counts::VerdictCounts;

pub(super) static FORMAT: Format = Format {
    name: "text",
    option: None,
    word: Some("what people read, the default"),
    destination: Destination::Stdout,
    streams: true,
    runs: Runs::Any,
    tells_failures: false,
    open: |_, opening| {
        let style = opening.style;
        Ok(if opening.is_list { Box::new(TextLines::new(style)) } else { Box::new(TextReport::new(style)) })
    },
};

/// One report. On a terminal the way there is shown as soon as it stands.
struct TextReport {
    style: Style,
    is_live: bool,
    /// What was shown of the way there, if it was the only address.
    shown: Option<AddressReport>,
}

/// A line for each address of a list, then the summary.
struct TextLines {
    style: Style,
    has_summary: bool,
}

impl TextReport {
    fn new(style: Style) -> Self {
        let is_live = io::stdout().is_terminal() && style.detail != Detail::VerdictOnly;
        Self { style, is_live, shown: None }
    }
}

impl ResultSink for TextReport {
    fn shows_the_way_there(&self) -> bool {
        self.is_live
    }

    fn way_there(&mut self, report: &AddressReport, is_alone: bool) -> io::Result<()> {
        if !self.is_live {
            return Ok(());
        }
        if !is_alone {
            return stdout::print(&text::way_there_in_a_line(report, &self.style));
        }
        let words = match &self.shown {
            None => text::way_there(report, &self.style),
            Some(_) => text::correction(report, &self.style),
        };
        self.shown = Some(report.clone());
        stdout::print(&words)
    }

    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        let words = match (result.cases, &self.shown, &result.report.addresses[..]) {
            (Some(cases), ..) => cases.render(result.report, self.style),
            (None, Some(shown), [address]) => text::rest(shown, address, &self.style),
            (None, ..) => text::render(result.report, &self.style),
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

//! What formats for continuous integration share: results become checks, and at the end a run says whether it was whole.

use std::io;

use super::result_sink::{ResultSink, RunResult};
use crate::model::{Report, TargetFailure};
use crate::report::checks::{Check, Tally, checks, checks_of_failures};
use crate::report::verdict_counts::VerdictCounts;

/// Writes checks in a format.
pub(super) trait CheckWriter {
    /// The next check.
    fn check(&mut self, check: &Check) -> io::Result<()>;

    /// No other follows.
    fn end(&mut self) -> io::Result<()>;

    /// Whether results stay where it writes them.
    fn keeps_results(&self) -> bool {
        false
    }
}

/// Hands checks on as results come.
pub(super) struct CheckSink<W> {
    writer: W,
    tally: Tally,
    /// Whether more results come.
    is_list: bool,
}

impl<W: CheckWriter> CheckSink<W> {
    pub(super) fn new(writer: W, is_list: bool) -> Self {
        Self { writer, tally: Tally::default(), is_list }
    }

    fn write(&mut self, checks: &[Check]) -> io::Result<()> {
        for check in checks {
            self.tally.note(check);
            self.writer.check(check)?;
        }
        Ok(())
    }
}

impl<W: CheckWriter> ResultSink for CheckSink<W> {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        self.write(&checks(result.report))?;
        if self.is_list { Ok(()) } else { self.writer.end() }
    }

    fn without_result(&mut self, failures: &[TargetFailure]) {
        // Where it cannot be written, the next result cannot be either, and says so.
        let _ = self.write(&checks_of_failures(failures));
    }

    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        self.write(&checks(report))?;
        self.writer.end()
    }

    fn keeps_results(&self) -> bool {
        self.writer.keeps_results()
    }

    fn cut_short(&mut self) {
        self.tally.cut_short();
    }

    fn finish(&mut self, counts: &VerdictCounts) -> io::Result<()> {
        if let Some(check) = self.tally.end(counts.exit_code()) {
            self.writer.check(&check)?;
        }
        self.writer.end()
    }
}

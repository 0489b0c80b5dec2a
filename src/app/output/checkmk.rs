//! `--format checkmk`: local checks, one service for each address.

use std::io;

use super::format::{Destination, Format, Runs};
use super::result_sink::{ResultSink, RunResult};
use super::stdout;
use crate::model::Report;
use crate::report::monitoring::checkmk;

pub(super) static FORMAT: Format = Format {
    name: "checkmk",
    option: None,
    word: Some("a line per address, as a local check of Checkmk"),
    destination: Destination::StdoutForPrograms,
    streams: true,
    runs: Runs::Any,
    tells_failures: true,
    open: |_, _| Ok(Box::new(LocalCheck)),
};

struct LocalCheck;

impl ResultSink for LocalCheck {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        stdout::print(&checkmk(result.report))
    }

    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        stdout::print(&checkmk(report))
    }
}

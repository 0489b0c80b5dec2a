//! `--format nagios`: the answer of a plugin.

use std::io;

use super::format::{Destination, Format, Runs};
use super::result_sink::{ResultSink, RunResult};
use super::stdout;
use crate::model::Report;
use crate::report::monitoring::nagios;

pub(super) static FORMAT: Format = Format {
    name: "nagios",
    option: None,
    word: Some("a line with state and metrics, as a plugin of Nagios or Icinga"),
    destination: Destination::StdoutForPrograms,
    streams: false,
    runs: Runs::Any,
    tells_failures: true,
    open: |_, _| Ok(Box::new(Plugin)),
};

struct Plugin;

impl ResultSink for Plugin {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        stdout::print(&nagios(result.report))
    }

    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        stdout::print(&nagios(report))
    }

    /// Icinga puts stderr into the answer.
    fn is_heard_with_stderr(&self) -> bool {
        true
    }
}

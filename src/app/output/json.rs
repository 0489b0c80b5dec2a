//! `--json`: one document on stdout.

use std::io;

use super::format::{Destination, Format, FormatOption, Runs};
use super::result_sink::{ResultSink, RunResult};
use super::stdout;
use crate::model::Report;
use crate::report::json;

pub(super) static FORMAT: Format = Format {
    name: "json",
    option: Some(FormatOption {
        help: "Print one JSON document instead of text",
        details: "",
        words: None,
        excludes: &[],
    }),
    destination: Destination::StdoutForPrograms,
    streams: false,
    runs: Runs::Any,
    open: |_, _| Ok(Box::new(JsonDocument)),
};

struct JsonDocument;

impl ResultSink for JsonDocument {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        stdout::print(&json::render(result.report))
    }

    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        stdout::print(&json::render(report))
    }
}

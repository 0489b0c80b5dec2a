//! `--json`: one document, on stdout or in a file.

use std::io;

use super::document::Document;
use super::format::{Destination, Format, FormatOption, Runs};
use super::result_sink::{ResultSink, RunResult};
use crate::model::Report;
use crate::net::publish::Readers;
use crate::report::json;

pub(super) static FORMAT: Format = Format {
    name: "json",
    option: Some(FormatOption {
        help: "Print JSON instead of text, or write it to a file",
        details: "One document; docs/report.schema.json describes it. With =FILE the text stays on stdout, and the file is replaced in \
                  one step at the end.",
        words: None,
        excludes: &[],
    }),
    word: Some("one JSON document, as --json"),
    destination: Destination::StdoutOrFile,
    streams: false,
    runs: Runs::Any,
    tells_failures: true,
    open: |argument, _| Ok(Box::new(JsonDocument(Document::open(argument, "json", Readers::ByUmask)?))),
};

struct JsonDocument(Document);

impl ResultSink for JsonDocument {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        let connections = result.cases.and_then(|cases| cases.connections(result.report));
        let document = match connections {
            Some(connections) => json::render_with_connections(result.report, &connections),
            None => json::render(result.report),
        };
        self.0.put(&document)
    }

    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        self.0.put(&json::render(report))
    }

    fn keeps_results(&self) -> bool {
        self.0.is_kept()
    }
}

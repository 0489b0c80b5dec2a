//! `--html FILE`: the report as a page for a ticket.

use std::io;

use super::document::Document;
use super::format::{Destination, Format, FormatOption, Runs};
use super::result_sink::{ResultSink, RunResult};
use crate::app::cases::Cases;
use crate::model::Report;
use crate::net::publish::Readers;
use crate::report::html;

pub(super) static FORMAT: Format = Format {
    name: "html",
    option: Some(FormatOption {
        help: "Write the report as one page, for a ticket, as well",
        details: "Verdicts, the drawn path, evidence, advice, letters in English and German, and the JSON document. The page needs \
                  nothing from elsewhere. The file is replaced in one step at the end.",
        words: None,
        excludes: &[],
    }),
    word: None,
    destination: Destination::File,
    streams: false,
    runs: Runs::Any,
    // The page of the last run would tell of another one.
    tells_failures: true,
    open: |argument, _| Ok(Box::new(HtmlPage(Document::open(argument, "html", Readers::ByUmask)?))),
};

struct HtmlPage(Document);

impl ResultSink for HtmlPage {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        let page = match result.cases {
            Some(Cases::Suspects(cases)) => html::render(result.report, Some(&cases.answers(result.report))),
            Some(cases @ (Cases::Connections(_) | Cases::Watched(_))) => {
                let connections = cases.connections(result.report).unwrap_or_default();
                html::render_with_connections(result.report, &connections)
            }
            None => html::render(result.report, None),
        };
        self.0.put(&page)
    }

    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        self.0.put(&html::render(report, None))
    }

    fn keeps_results(&self) -> bool {
        self.0.is_kept()
    }
}

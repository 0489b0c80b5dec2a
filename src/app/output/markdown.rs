//! `--format markdown`: for issue trackers.

use std::io;

use super::check_sink::{CheckSink, CheckWriter};
use super::format::{Destination, Format, Runs};
use super::stdout;
use crate::report::checks::Check;
use crate::report::markdown::Page;

pub(super) static FORMAT: Format = Format {
    name: "markdown",
    option: None,
    word: Some("a table and the reports, for issue trackers"),
    destination: Destination::StdoutForPrograms,
    streams: true,
    runs: Runs::Any,
    tells_failures: true,
    open: |_, opening| Ok(Box::new(CheckSink::new(MarkdownPage(Page::new(LIMIT)), opening.is_list))),
};

/// GitHub takes no more than 65,536 characters as an issue.
const LIMIT: usize = 65_000;

struct MarkdownPage(Page);

impl CheckWriter for MarkdownPage {
    fn check(&mut self, check: &Check) -> io::Result<()> {
        self.0.add(check);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        stdout::print(&self.0.finish())
    }
}

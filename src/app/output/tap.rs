//! `--format tap`: a line for each address, for harnesses of tests.

use std::io;

use super::check_sink::{CheckSink, CheckWriter};
use super::format::{Destination, Format, Runs};
use super::stdout;
use crate::report::checks::Check;
use crate::report::tap::{Tap, VERSION};

pub(super) static FORMAT: Format = Format {
    name: "tap",
    option: None,
    word: Some("Test Anything Protocol, as prove reads it"),
    destination: Destination::StdoutForPrograms,
    streams: true,
    runs: Runs::Any,
    tells_failures: true,
    open: |_, opening| Ok(Box::new(CheckSink::new(TapLines::default(), opening.is_list))),
};

#[derive(Default)]
struct TapLines {
    tap: Tap,
    has_begun: bool,
}

impl TapLines {
    fn print(&mut self, lines: &str) -> io::Result<()> {
        let version = if std::mem::replace(&mut self.has_begun, true) { "" } else { VERSION };
        stdout::print(&format!("{version}{lines}"))
    }
}

impl CheckWriter for TapLines {
    fn check(&mut self, check: &Check) -> io::Result<()> {
        let lines = self.tap.lines(check);
        self.print(&lines)
    }

    fn end(&mut self) -> io::Result<()> {
        let plan = self.tap.plan();
        self.print(&plan)
    }
}

//! `--jsonl`: a JSON document per target and line, as soon as the target is done.

use std::io;
use std::path::Path;

use super::format::{Destination, Format, FormatOption, OpenError, Runs};
use super::result_sink::{ResultSink, RunResult};
use super::results_file::ResultsFile;
use crate::report::json;

pub(super) static FORMAT: Format = Format {
    name: "jsonl",
    option: Some(FormatOption {
        help: "With --targets, --watch: a JSON document per target and line; -: stdout",
        details: "Each line is the document that --json prints for that target alone, written as soon as the target is \
                  done; with --watch when something about it changed, and once a day.",
        words: None,
        excludes: &[],
    }),
    word: None,
    destination: Destination::FileOrStdout,
    streams: true,
    runs: Runs::Lists,
    tells_failures: false,
    open: |argument, opening| {
        let path = argument.file().unwrap_or(Path::new("-"));
        let (file, earlier) = ResultsFile::open(path, opening.resume).map_err(OpenError::new)?;
        opening.earlier = Some(earlier);
        let is_stdout = path.as_os_str() == "-";
        Ok(Box::new(JsonLines { file, is_stdout, is_closed: false }))
    },
};

struct JsonLines {
    file: ResultsFile,
    is_stdout: bool,
    is_closed: bool,
}

impl ResultSink for JsonLines {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let line = match result.cases.and_then(|cases| cases.connections(result.report)) {
            Some(connections) => json::render_line_with_connections(result.report, &connections),
            None => json::render_line(result.report),
        };
        self.file.write(&line)
    }

    fn keeps_results(&self) -> bool {
        !self.is_stdout && !self.is_closed
    }

    /// A result that is cut short has no line, so a run with --resume examines the target again. Behind a line that could
    /// not be written whole, no other may follow.
    fn cut_short(&mut self) {
        self.is_closed = true;
    }
}

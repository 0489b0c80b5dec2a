//! The progress line: on stderr, on a terminal, gone at the end.

use std::io::{self, Write};

use super::progress_line::LineProgress;
use super::result_sink::ResultSink;
use super::width;
use crate::report::printable;

/// Where output goes: what decides on a progress line.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts, not states
pub(super) struct Streams {
    /// Whether stderr is a terminal.
    pub(super) stderr_is_terminal: bool,
    /// Whether stdout is a terminal.
    pub(super) stdout_is_terminal: bool,
    /// Whether the terminal is `TERM=dumb`: it cannot erase.
    pub(super) dumb: bool,
    /// `-q`.
    pub(super) quiet: bool,
    /// A transcript or log lines go to stderr: they would tear the progress line.
    pub(super) logging: bool,
    /// Stdout carries a format for a program.
    pub(super) stdout_feeds_a_program: bool,
}

/// Whether a progress line helps and cannot spoil anything.
pub(super) fn is_wanted(streams: Streams) -> bool {
    let mixes_with_results = streams.stdout_feeds_a_program && streams.stdout_is_terminal;
    streams.stderr_is_terminal && !streams.dumb && !streams.quiet && !streams.logging && !mixes_with_results
}

/// Columns of the terminal on stderr, 80 if it does not say.
fn stderr_columns() -> usize {
    const USUAL: usize = 80;
    width::of_terminal(io::stderr()).unwrap_or(USUAL)
}

/// Draws the line over itself.
pub(super) struct ProgressSink<W: Write> {
    out: W,
    is_drawn: bool,
}

impl<W: Write> ProgressSink<W> {
    /// A line on this stream, not drawn yet.
    pub(super) fn new(out: W) -> Self {
        Self { out, is_drawn: false }
    }

    fn draw(&mut self, line: &str) -> io::Result<()> {
        self.is_drawn = true;
        write!(self.out, "{ERASE}{}", printable(line))?;
        self.out.flush()
    }

    fn erase(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.is_drawn) {
            return Ok(());
        }
        self.out.write_all(ERASE.as_bytes())?;
        self.out.flush()
    }
}

/// Progress is a courtesy, so errors do not matter: the results do not depend on it.
impl<W: Write> ResultSink for ProgressSink<W> {
    fn progress(&mut self, progress: &LineProgress) {
        let _ = self.draw(&progress.line(stderr_columns()));
    }

    fn make_way(&mut self) {
        let _ = self.erase();
    }

    fn verdicts_stand(&mut self) {
        let _ = self.erase();
    }
}

impl<W: Write> Drop for ProgressSink<W> {
    fn drop(&mut self) {
        // Nobody is left to hear of an error.
        let _ = self.erase();
    }
}

/// Return to the first column, erase to the end of the line (ECMA-48 EL).
pub(in crate::app) const ERASE: &str = "\r\x1b[K";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_at_the_end() {
        let mut screen = Vec::new();
        let mut progress = ProgressSink::new(&mut screen);
        progress.draw("mx.example.com: probing").unwrap();
        drop(progress);
        assert!(screen.ends_with(ERASE.as_bytes()));
    }

    #[test]
    fn nothing_is_written_where_nothing_was_drawn() {
        let mut screen = Vec::new();
        drop(ProgressSink::new(&mut screen));
        assert!(screen.is_empty());
    }

    #[test]
    fn only_an_idle_terminal_gets_a_line() {
        let good = Streams {
            stderr_is_terminal: true,
            stdout_is_terminal: true,
            dumb: false,
            quiet: false,
            logging: false,
            stdout_feeds_a_program: false,
        };
        assert!(is_wanted(good));
        assert!(is_wanted(Streams { stdout_feeds_a_program: true, stdout_is_terminal: false, ..good }));
        for bad in [
            Streams { stderr_is_terminal: false, ..good },
            Streams { dumb: true, ..good },
            Streams { quiet: true, ..good },
            Streams { logging: true, ..good },
            Streams { stdout_feeds_a_program: true, ..good },
        ] {
            assert!(!is_wanted(bad), "{bad:?}");
        }
    }
}

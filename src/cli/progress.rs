//! The progress line: on stderr, on a terminal, gone at the end.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use crate::model::PacketSize;

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is examined: `mx.example.com 192.0.2.25`, or the target while its name is looked up.
    pub label: String,
    /// Addresses examined so far, and in all.
    pub addresses: (usize, usize),
    /// The sizes still in question, if known.
    pub range: Option<(PacketSize, PacketSize)>,
    /// Probes sent so far.
    pub probes: u64,
    /// Since the start.
    pub elapsed: Duration,
}

/// Where output goes: what decides on a progress line.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts, not states
pub struct Streams {
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether the terminal is `TERM=dumb`: it cannot erase.
    pub dumb: bool,
    /// `-q`.
    pub quiet: bool,
    /// A transcript or log lines go to stderr: they would tear the progress line.
    pub logging: bool,
    /// `--json`.
    pub json: bool,
}

/// Whether a progress line helps and cannot spoil anything.
pub fn is_wanted(streams: Streams) -> bool {
    let mixes_with_json = streams.json && streams.stdout_is_terminal;
    streams.stderr_is_terminal && !streams.dumb && !streams.quiet && !streams.logging && !mixes_with_json
}

/// Columns of the terminal on stderr, 80 if it does not say.
pub fn stderr_columns() -> usize {
    const USUAL: usize = 80;
    rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|n| *n > 0)
        .unwrap_or(USUAL)
}

/// The line, cut so that it does not wrap: a wrapped line cannot be erased.
pub fn line(progress: &Progress, columns: usize) -> String {
    let (done, all) = progress.addresses;
    let what = if all > 1 {
        format!("{}: {done} of {all} addresses done", progress.label)
    } else {
        match progress.range {
            Some((low, high)) => format!("{}: probing {low}..{high}", progress.label),
            None => format!("{}: probing", progress.label),
        }
    };
    let seconds = progress.elapsed.as_secs_f64();
    let tail = format!(", {} probes, {seconds:.1} s", progress.probes);
    let room = columns.saturating_sub(1);
    let head = cut(&what, room.saturating_sub(tail.len()));
    cut(&format!("{head}{tail}"), room)
}

/// Where a run over many targets stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bulk {
    /// Targets that are done.
    pub done: u64,
    /// Targets that are not, where the length of the list is known.
    pub left: Option<u64>,
    /// Addresses that are examined at the moment.
    pub in_work: usize,
    /// How often each verdict was given, in words.
    pub counts: String,
    /// Probes sent so far.
    pub probes: u64,
    /// Since the start.
    pub elapsed: Duration,
}

/// The line of a run over many targets, cut so that it does not wrap.
#[allow(clippy::cast_precision_loss)] // nobody reads so many digits
pub fn bulk_line(progress: &Bulk, columns: usize) -> String {
    let seconds = progress.elapsed.as_secs_f64();
    let per_second = if seconds > 0.0 { progress.done as f64 / seconds } else { 0.0 };
    let mut what = match progress.left {
        Some(left) => format!("{} of {} done", progress.done, progress.done + left),
        None => format!("{} done", progress.done),
    };
    // Writing into a String cannot fail.
    let _ = write!(what, ", {} running, {per_second:.0}/s", progress.in_work);
    if let Some(left) = progress.left.filter(|_| progress.done > 0) {
        let _ = write!(what, ", {} left", span(left as f64 / per_second));
    }
    if !progress.counts.is_empty() {
        let _ = write!(what, ": {}", progress.counts);
    }
    cut(&what, columns.saturating_sub(1))
}

/// `12 s`, `3 min 20 s`, `2 h 5 min`.
fn span(seconds: f64) -> String {
    #[allow(clippy::cast_sign_loss)] // just made positive
    let whole = seconds.ceil().clamp(0.0, 1e9) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// At most `room` columns; what a terminal might act on, or show wide, becomes a question mark.
fn cut(text: &str, room: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    match room.checked_sub(2) {
        _ if plain.len() <= room => plain,
        Some(shorter) => format!("{}..", &plain[..shorter]),
        None => String::new(),
    }
}

/// Draws the line over itself.
#[derive(Debug)]
pub struct ProgressLine<W: Write> {
    out: W,
    drawn: bool,
}

impl<W: Write> ProgressLine<W> {
    /// A line on this stream, not drawn yet.
    pub fn new(out: W) -> Self {
        Self { out, drawn: false }
    }

    /// Draws the state in place of the one before.
    ///
    /// # Errors
    /// The stream's own. Progress is a courtesy: a caller may ignore them.
    pub fn draw(&mut self, progress: &Progress, columns: usize) -> io::Result<()> {
        self.drawn = true;
        write!(self.out, "{ERASE}{}", line(progress, columns))?;
        self.out.flush()
    }

    /// As [`draw`](Self::draw), for many targets.
    ///
    /// # Errors
    /// The stream's own.
    pub fn draw_bulk(&mut self, progress: &Bulk, columns: usize) -> io::Result<()> {
        self.drawn = true;
        write!(self.out, "{ERASE}{}", bulk_line(progress, columns))?;
        self.out.flush()
    }

    /// Removes the line.
    ///
    /// # Errors
    /// The stream's own.
    pub fn erase(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.drawn) {
            return Ok(());
        }
        self.out.write_all(ERASE.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for ProgressLine<W> {
    fn drop(&mut self) {
        // Nobody is left to hear of an error.
        let _ = self.erase();
    }
}

/// Return to the first column, erase to the end of the line (ECMA-48 EL).
pub(super) const ERASE: &str = "\r\x1b[K";

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Progress {
        Progress {
            label: "mx.example.com 192.0.2.25".into(),
            addresses: (0, 1),
            range: Some((PacketSize::new(1400), PacketSize::new(1500))),
            probes: 34,
            elapsed: Duration::from_millis(120),
        }
    }

    #[test]
    fn the_line_says_what_is_known() {
        assert_eq!(line(&state(), 80), "mx.example.com 192.0.2.25: probing 1400..1500, 34 probes, 0.1 s");
        let unknown = Progress { range: None, ..state() };
        assert_eq!(line(&unknown, 80), "mx.example.com 192.0.2.25: probing, 34 probes, 0.1 s");
        let many = Progress { label: "mx.example.com".into(), addresses: (2, 5), ..state() };
        assert_eq!(line(&many, 80), "mx.example.com: 2 of 5 addresses done, 34 probes, 0.1 s");
    }

    #[test]
    fn the_line_of_many_says_how_fast_and_how_long() {
        let bulk = Bulk {
            done: 300,
            left: Some(9700),
            in_work: 200,
            counts: "150 black hole, 150 clear".into(),
            probes: 20_000,
            elapsed: Duration::from_secs(2),
        };
        let line = "300 of 10000 done, 200 running, 150/s, 1 min 5 s left: 150 black hole, 150 clear";
        assert_eq!(bulk_line(&bulk, 100), line);
        assert_eq!(bulk_line(&bulk, 31), "300 of 10000 done, 200 runni..");
        let pipe = Bulk { left: None, counts: String::new(), ..bulk.clone() };
        assert_eq!(bulk_line(&pipe, 100), "300 done, 200 running, 150/s");
        let start = Bulk { done: 0, elapsed: Duration::ZERO, counts: String::new(), ..bulk };
        assert_eq!(bulk_line(&start, 100), "0 of 9700 done, 200 running, 0/s");
        assert_eq!([span(0.2), span(3600.0 * 2.0 + 61.0)], ["1 s", "2 h 1 min"]);
    }

    #[test]
    fn the_line_never_reaches_the_last_column() {
        for columns in 0..100 {
            assert!(line(&state(), columns).len() < columns.max(1), "{columns}");
        }
        assert_eq!(line(&state(), 50), "mx.example.com 192.0.2.25: pr.., 34 probes, 0.1 s");
    }

    #[test]
    fn a_hostile_name_cannot_steer_the_terminal() {
        let hostile = Progress { label: "\u{1b}[2J\u{9b}m\u{fc}x".into(), ..state() };
        assert_eq!(line(&hostile, 80), "?[2J?m?x: probing 1400..1500, 34 probes, 0.1 s");
    }

    #[test]
    fn nothing_is_left_at_the_end() {
        let mut screen = Vec::new();
        let mut progress = ProgressLine::new(&mut screen);
        progress.draw(&state(), 80).unwrap();
        drop(progress);
        assert!(screen.ends_with(ERASE.as_bytes()));
    }

    #[test]
    fn nothing_is_written_where_nothing_was_drawn() {
        let mut screen = Vec::new();
        drop(ProgressLine::new(&mut screen));
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
            json: false,
        };
        assert!(is_wanted(good));
        assert!(is_wanted(Streams { json: true, stdout_is_terminal: false, ..good }));
        for bad in [
            Streams { stderr_is_terminal: false, ..good },
            Streams { dumb: true, ..good },
            Streams { quiet: true, ..good },
            Streams { logging: true, ..good },
            Streams { json: true, ..good },
        ] {
            assert!(!is_wanted(bad), "{bad:?}");
        }
    }
}

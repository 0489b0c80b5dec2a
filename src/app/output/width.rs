//! How wide text may be: the environment first, then the terminal.

use std::io;
use std::os::fd::AsFd;

use crate::report::Width;

/// That of prose on stdout.
pub(crate) fn of_stdout() -> Width {
    let columns = std::env::var("COLUMNS").ok();
    decide(columns.as_deref(), of_terminal(io::stdout()))
}

/// Columns of a terminal; `None`: it is none, or does not say.
pub(super) fn of_terminal(stream: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// `COLUMNS` is what POSIX has users overrule the terminal with (XBD, 8.3); what is no number above 0 says nothing.
fn decide(columns: Option<&str>, terminal: Option<usize>) -> Width {
    let asked_for = columns.and_then(|columns| columns.trim().parse().ok()).filter(|columns| *columns > 0);
    asked_for.or(terminal).map_or(Width::USUAL, Width::of_terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_beats_the_terminal_and_both_are_kept_in_bounds() {
        let rows = [
            (None, None, 80),
            (None, Some(72), 72),
            (None, Some(200), 100),
            (None, Some(20), 60),
            (Some("90"), Some(72), 90),
            (Some("90"), None, 90),
            (Some("1000"), None, 100),
            (Some("0"), Some(72), 72),
            (Some(""), Some(72), 72),
            (Some("wide"), None, 80),
        ];
        for (columns, terminal, expected) in rows {
            assert_eq!(decide(columns, terminal).columns(), expected, "{columns:?} {terminal:?}");
        }
    }
}

//! Errors, warnings and other words for people on stderr.
//!
//! All of them leave here or through [`super::log`], where what a terminal would act on is shown in place of being done: names of
//! files, arguments and variables, and words of other programs and of strangers may hold anything.

use std::io::{self, Write};

use crate::report::{printable, printable_lines};

/// One line on stderr.
pub fn complain(what: &str) {
    // An error of stderr cannot be reported anywhere.
    let _ = writeln!(io::stderr(), "pmtu-probe: {}", printable(what));
}

/// Lines, at once and whole.
pub(super) fn say(words: &str) -> io::Result<()> {
    io::stderr().lock().write_all(printable_lines(words).as_bytes())
}

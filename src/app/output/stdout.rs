//! Words on stdout.

use std::io::{self, Write};

use crate::report::printable_lines;

/// Writes at once. What a terminal would act on is shown, but for line ends, tabs and colours.
pub(crate) fn print(words: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(printable_lines(words).as_bytes())?;
    stdout.flush()
}

//! Words on stdout.

use std::io::{self, Write};

/// Writes at once.
pub(crate) fn print(words: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(words.as_bytes())?;
    stdout.flush()
}

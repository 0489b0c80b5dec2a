//! Errors and warnings as plain lines on stderr.

use std::io::{self, Write};

/// One line on stderr.
pub fn complain(what: &str) {
    // An error of stderr cannot be reported anywhere.
    let _ = writeln!(io::stderr(), "pmtu-probe: {what}");
}

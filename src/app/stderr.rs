//! Errors and warnings as plain lines on stderr.

use std::io::{self, Write};

/// One line on stderr.
pub fn complain(what: &str) {
    // Nobody is left to hear of an error here.
    let _ = writeln!(io::stderr(), "pmtu-probe: {what}");
}

//! What the mail server notes on stdout.

use std::io::{self, Write};
use std::sync::Mutex;

/// One whole line at a time, whoever speaks.
pub(super) fn note(line: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let mut out = io::stdout().lock();
    // Nobody reads any more: the log ends, the server goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

//! The summary of a list on stderr, where results go to stdout for a program.

use std::io;

use super::result_sink::ResultSink;
use crate::app::stderr;
use crate::report::verdict_counts::VerdictCounts;

pub(super) struct SummaryOnStderr;

impl ResultSink for SummaryOnStderr {
    fn finish(&mut self, counts: &VerdictCounts) -> io::Result<()> {
        // An error of stderr cannot be reported anywhere.
        let _ = stderr::say(&counts.summary());
        Ok(())
    }
}

//! The one way in which results, packets and progress reach the outputs.

use std::io;

use super::progress_line::LineProgress;
use crate::app::cases::Cases;
use crate::model::{AddressReport, PacketEvent, Report, TargetFailure};
use crate::report::verdict_counts::VerdictCounts;

/// Takes what a run tells. Calls come in this order: `begin`; `packet` and `progress` while examinations run;
/// `verdicts_stand` and `result` for one report, or `result` for each target of a list; `finish` for a list.
pub(crate) trait ResultSink {
    /// The clock of the run starts now. The labels are those of the addresses, by number of the job; a list has none yet.
    fn begin(&mut self, labels: &[String]) {
        let _ = labels;
    }

    /// A packet was sent, was refused or arrived.
    fn packet(&mut self, event: &PacketEvent<'_>) {
        let _ = event;
    }

    /// Called a few times a second.
    fn progress(&mut self, progress: &LineProgress) {
        let _ = progress;
    }

    /// Others are about to write to the terminal.
    fn make_way(&mut self) {}

    /// Whether it shows the way there while the way back is examined.
    fn shows_the_way_there(&self) -> bool {
        false
    }

    /// The way there stands, or has changed, while the way back is examined. `is_alone`: no other address is examined.
    fn way_there(&mut self, report: &AddressReport, is_alone: bool) -> io::Result<()> {
        let _ = (report, is_alone);
        Ok(())
    }

    /// The last verdict stands, and the report comes next.
    fn verdicts_stand(&mut self) {}

    /// A report is whole: that of the run, or that of one target of a list.
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        let _ = result;
        Ok(())
    }

    /// A target of a list could not be examined for now: it has no result, and the next run tries again.
    fn without_result(&mut self, failures: &[TargetFailure]) {
        let _ = failures;
    }

    /// Nothing could be examined: the report says why. For programs; people are told on stderr.
    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        let _ = report;
        Ok(())
    }

    /// Whether its reader takes stderr for a part of the answer, so that nobody is warned there.
    fn is_heard_with_stderr(&self) -> bool {
        false
    }

    /// Whether results stay where it writes them, so that a run goes on for it although nobody reads stdout.
    fn keeps_results(&self) -> bool {
        false
    }

    /// Whether `result` writes words that would mix with a progress line.
    fn writes_words(&self) -> bool {
        false
    }

    /// How all addresses of a watch stand now, in place of what was told of them before, and what cannot be examined.
    fn standing(&mut self, addresses: &[&AddressReport], failures: &[TargetFailure]) -> io::Result<()> {
        let _ = (addresses, failures);
        Ok(())
    }

    /// The run ends early, so results that follow are incomplete, or cannot be written.
    fn cut_short(&mut self) {}

    /// The list is done.
    fn finish(&mut self, counts: &VerdictCounts) -> io::Result<()> {
        let _ = counts;
        Ok(())
    }
}

/// A report, and what it is about.
pub(crate) struct RunResult<'a> {
    pub(crate) report: &'a Report,
    /// The suspects, or the connections, whose addresses were examined.
    pub(crate) cases: Option<&'a Cases<'a>>,
}

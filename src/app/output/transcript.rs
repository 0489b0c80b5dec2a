//! The transcript of `-v`: a line on stderr for each packet.

use std::io::{self, IsTerminal};

use super::result_sink::{ResultSink, RunResult};
use crate::app::stderr;
use crate::model::PacketEvent;
use crate::report::transcript::Transcript;

/// Begins with the run, whose addresses it names.
#[derive(Default)]
pub(super) struct TranscriptSink {
    transcript: Option<Transcript>,
}

impl ResultSink for TranscriptSink {
    fn begin(&mut self, labels: &[String]) {
        let transcript = Transcript::new(labels.to_vec());
        say(&transcript.heading());
        self.transcript = Some(transcript);
    }

    fn packet(&mut self, event: &PacketEvent<'_>) {
        if let Some(line) = self.transcript.as_mut().and_then(|transcript| transcript.line(event)) {
            say(&line);
        }
    }

    fn verdicts_stand(&mut self) {
        if let Some(transcript) = &self.transcript {
            say(&format!("{}{}", transcript.verdict(), gap()));
        }
    }

    fn result(&mut self, _: &RunResult<'_>) -> io::Result<()> {
        say(gap());
        Ok(())
    }
}

/// The report comes in between, if both go to one terminal.
fn gap() -> &'static str {
    if io::stdout().is_terminal() && io::stderr().is_terminal() { "\n" } else { "" }
}

/// At once and whole, so that log lines stay in order.
fn say(line: &str) {
    // A courtesy; the report does not depend on it.
    let _ = stderr::say(line);
}

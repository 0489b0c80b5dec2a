//! Who looks over the shoulder of a run: the transcript of `-v`, the capture of `--pcapng`.

use std::io::{self, IsTerminal, Write};

use super::recording::Recording;
use crate::model::{Examined, PacketEvent};
use crate::report::transcript::Transcript;
use crate::runner::{Observer, RunProgress};

/// An observer, and what is written about each packet before it hears of anything.
pub(super) struct Witness<O> {
    observer: O,
    transcript: Option<Transcript>,
    recording: Option<Recording>,
}

impl<O> Witness<O> {
    /// A witness of the run that begins now.
    pub(super) fn new(observer: O, transcript: Option<Transcript>, mut recording: Option<Recording>) -> Self {
        if let Some(recording) = &mut recording {
            recording.start();
        }
        if let Some(transcript) = &transcript {
            say(&transcript.heading());
        }
        Self { observer, transcript, recording }
    }

    /// The observer, when the run is over.
    pub(super) fn into_observer(self) -> O {
        self.observer
    }
}

impl<O: Observer> Observer for Witness<O> {
    fn on_packet(&mut self, event: &PacketEvent<'_>) {
        if let Some(recording) = &mut self.recording {
            recording.record(event);
        }
        if let Some(line) = self.transcript.as_mut().and_then(|transcript| transcript.line(event)) {
            say(&line);
        }
        self.observer.on_packet(event);
    }

    fn progress(&mut self, standing: &RunProgress) {
        if let Some(recording) = &mut self.recording {
            recording.flush();
        }
        self.observer.progress(standing);
    }

    fn judged(&mut self, job: usize, examined: Examined) {
        self.observer.judged(job, examined);
    }

    fn all_judged(&mut self) {
        if let Some(recording) = &mut self.recording {
            recording.flush();
        }
        let Some(transcript) = &self.transcript else { return self.observer.all_judged() };
        // The report comes in between, if both go to one terminal.
        let apart = if io::stdout().is_terminal() && io::stderr().is_terminal() { "\n" } else { "" };
        say(&format!("{}{apart}", transcript.verdict()));
        self.observer.all_judged();
        say(apart);
    }

    fn interrupted(&mut self) {
        self.observer.interrupted();
    }
}

/// At once and whole, so that log lines stay in order.
fn say(line: &str) {
    // A courtesy; the report does not depend on it.
    let _ = io::stderr().write_all(line.as_bytes());
}

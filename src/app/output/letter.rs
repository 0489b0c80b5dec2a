//! `--letter`: the fault as a letter to those who have to repair it.

use std::io;

use super::format::{Destination, Format, FormatArgument, FormatOption, FormatWords, Runs};
use super::result_sink::{ResultSink, RunResult};
use super::stdout;
use crate::report::letter::{self, Language};

pub(super) static FORMAT: Format = Format {
    name: "letter",
    option: Some(FormatOption {
        help: "Print a letter to whoever has to repair it: en or de",
        details: "In place of the report, one for each network with a fault: what was measured, why it breaks mail, what \
                  to change. Without =LANG: en.",
        words: Some(FormatWords { value_name: "LANG", words: &["en", "de"] }),
        excludes: &["quiet"],
    }),
    word: None,
    destination: Destination::Stdout,
    streams: false,
    runs: Runs::Any,
    tells_failures: false,
    open: |argument, _| Ok(Box::new(Letter { language: language(argument) })),
};

struct Letter {
    language: Language,
}

impl ResultSink for Letter {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        stdout::print(&letter::render(result.report, self.language))
    }
}

fn language(argument: &FormatArgument) -> Language {
    match argument {
        FormatArgument::Word(word) if word == "de" => Language::German,
        _ => Language::English,
    }
}

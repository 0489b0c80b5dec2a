//! `--merge`: results of earlier runs are read and summed up. Nothing is sent, so no privilege is needed.

mod read;

use std::io;

use super::exit_code::NOTHING_TO_REPORT;
use super::output::document::Document;
use super::output::format::FormatArgument;
use super::output::outputs::NOBODY_READS;
use super::plan::{MergeOptions, OutputOptions};
use super::stderr::complain;
use crate::net::privilege::{self, Reading};
use crate::net::publish::Readers;
use crate::report::merge::{Summary, render_json, render_text};
use crate::report::text::{Detail, printable};

pub(super) use read::MergeError;

/// Reads, and prints the summary. Returns the exit code.
pub(super) fn run(options: &MergeOptions, output: &OutputOptions) -> Result<u8, MergeError> {
    let mut document = document(options, output)?;
    // Strangers have a hand in what is read.
    let (summary, remarks) = privilege::only_reading(Reading::Files, || read::read(&options.files))??;
    for remark in remarks {
        complain(&printable(&remark));
    }
    if summary.is_empty() {
        complain("the files hold no results");
    }
    match document.put(&words(&summary, options, output)) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => complain(NOBODY_READS),
        printed => printed.map_err(MergeError::Write)?,
    }
    Ok(if summary.is_empty() { NOTHING_TO_REPORT } else { summary.exit_code() })
}

/// What is printed of one file.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<(String, String)> {
    let summary = read::of_bytes(bytes).ok()?;
    Some((render_text(&summary, Detail::default()), render_json(&summary)))
}

/// Where the summary goes: stdout, unless `--json` names a file.
fn document(options: &MergeOptions, output: &OutputOptions) -> Result<Document, MergeError> {
    let json = output.formats.iter().find(|choice| options.json && choice.argument.file().is_some());
    let argument = json.map_or(&FormatArgument::Nothing, |choice| &choice.argument);
    Ok(Document::open(argument, "json", Readers::ByUmask)?)
}

fn words(summary: &Summary, options: &MergeOptions, output: &OutputOptions) -> String {
    if options.json { render_json(summary) } else { render_text(summary, output.detail) }
}

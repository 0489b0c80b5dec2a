//! `--format github`: annotations of a workflow on stdout, and a page in the summary of its step.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::check_sink::{CheckSink, CheckWriter};
use super::format::{Destination, Format, OpenError, Runs};
use super::stdout;
use crate::app::{output_file, set_user_id};
use crate::report::checks::Check;
use crate::report::github::annotation;
use crate::report::markdown::Page;

pub(super) static FORMAT: Format = Format {
    name: "github",
    option: None,
    word: Some("annotations of GitHub Actions, and a step summary"),
    destination: Destination::StdoutForPrograms,
    streams: true,
    runs: Runs::Any,
    tells_failures: true,
    open: |_, opening| {
        let summary = StepSummary::open().map_err(OpenError::new)?;
        Ok(Box::new(CheckSink::new(Workflow { summary }, opening.is_list)))
    },
};

/// The summary of a step cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}, which GITHUB_STEP_SUMMARY names: {source}; unset it to do without", path.display())]
struct SummaryError {
    path: PathBuf,
    source: io::Error,
}

struct Workflow {
    summary: Option<StepSummary>,
}

/// The file to which a step adds what its summary shows.
struct StepSummary {
    file: File,
    page: Page,
}

/// A larger summary is refused whole by the runner.
const MOST: u64 = 1 << 20;
/// Left to other commands of the step.
const SPARE: u64 = 1 << 16;

impl StepSummary {
    /// To be called before privileges are given up. `None`: no step of a workflow, or a set-user-ID program, which must not write
    /// where its caller's environment says.
    fn open() -> Result<Option<Self>, SummaryError> {
        let path = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from);
        let Some(path) = path.filter(|_| !set_user_id::is_in_force()) else { return Ok(None) };
        let opened = output_file::open(&path, OpenOptions::new().append(true));
        let opened = opened.and_then(|file| file.metadata().map(|metadata| (file, metadata.len())));
        let (file, length) = opened.map_err(|source| SummaryError { path, source })?;
        let room = MOST.saturating_sub(SPARE).saturating_sub(length);
        Ok(Some(Self { file, page: Page::new(usize::try_from(room).unwrap_or(usize::MAX)) }))
    }
}

impl CheckWriter for Workflow {
    fn check(&mut self, check: &Check) -> io::Result<()> {
        if let Some(summary) = &mut self.summary {
            summary.page.add(check);
        }
        stdout::print(&annotation(check))
    }

    fn end(&mut self) -> io::Result<()> {
        match &mut self.summary {
            Some(summary) => summary.file.write_all(summary.page.finish().as_bytes()),
            None => Ok(()),
        }
    }
}

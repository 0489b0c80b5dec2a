//! Targets that a log or a queue accuses: the suspects are shown, examined, and each is told what its verdict means.

mod cases;
mod plan;

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;

use super::invocation::Invocation;
use super::session::{Fault, INTERRUPTED, Session, complain, interrupted};
use crate::intake::{log, queue};
use crate::model::Suspects;
use crate::net::privilege;
use crate::report::suspects;
use crate::report::text::Detail;

pub(super) use cases::Cases;

/// What accuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Mail logs; `-` is standard input.
    Logs(Vec<PathBuf>),
    /// The queue of Postfix.
    Queue,
}

/// A log cannot be read for this user.
#[derive(Debug, thiserror::Error)]
#[error("{0} is refused where the program is set-user-ID: use sudo, or \"--from-log - <FILE\"")]
pub(super) struct SetUserId(&'static str);

impl Evidence {
    pub(super) fn of(logs: &[PathBuf], queue: bool) -> Option<Self> {
        match logs {
            [] => queue.then_some(Self::Queue),
            logs => Some(Self::Logs(logs.to_vec())),
        }
    }

    /// What the report is about.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Logs(logs) => logs.iter().map(|log| log.display().to_string()).collect::<Vec<_>>().join(" "),
            Self::Queue => "postqueue -j".into(),
        }
    }

    fn read(&self) -> Result<Suspects, Fault> {
        self.check_user()?;
        let now = Timestamp::now();
        let read = privilege::only_reading(|| match self {
            Self::Logs(logs) => {
                let mut sources: Vec<_> = logs.iter().map(log::Source::new).collect();
                let mut seen = std::collections::HashSet::new();
                // The same lines twice would count twice.
                sources.retain(|source| seen.insert(source.clone()));
                log::read(&sources, now)
            }
            Self::Queue => queue::read(now),
        })?;
        Ok(read?)
    }

    /// A set-user-ID program would read what its user may not.
    fn check_user(&self) -> Result<(), SetUserId> {
        let is_own = rustix::process::getuid() == rustix::process::geteuid();
        match self {
            _ if is_own => Ok(()),
            Self::Logs(logs) if logs.iter().all(|log| log.as_os_str() == "-") => Ok(()),
            Self::Logs(_) => Err(SetUserId("--from-log FILE")),
            Self::Queue => Err(SetUserId("--from-queue")),
        }
    }
}

/// Reads, shows, and unless that is all, examines. Returns the exit code.
pub(super) fn run(invocation: &Invocation, evidence: &Evidence) -> Result<u8, Fault> {
    if !invocation.list_only {
        // Better said before a gigabyte is read.
        privilege::require_raw_sockets()?;
    }
    let suspects = evidence.read()?;
    match show(invocation, &suspects) {
        // Whoever read the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
        shown => shown.map_err(Fault::Write)?,
    }
    if invocation.list_only || suspects.list.is_empty() {
        return Ok(0);
    }
    Session::begin(invocation)?.conduct_with(&suspects)
}

/// Where stdout carries JSON or letters, the list stays out of it.
fn show(invocation: &Invocation, suspects: &Suspects) -> io::Result<()> {
    let is_quiet = invocation.detail == Detail::VerdictOnly;
    let words = match (is_quiet, invocation.list_only) {
        _ if suspects.list.is_empty() => suspects::render(suspects),
        (false, _) => suspects::render(suspects),
        (true, true) => suspects::render_short(suspects),
        (true, false) => return Ok(()),
    };
    if invocation.json || invocation.letter.is_some() {
        return io::stderr().lock().write_all(words.as_bytes());
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(words.as_bytes())?;
    stdout.flush()
}

/// Examines all suspects.
pub(super) async fn examine(session: &Session<'_>, suspects: &Suspects) -> Result<u8, Fault> {
    let interrupt = interrupted();
    tokio::pin!(interrupt);
    let (planned, cases) = tokio::select! {
        plan = plan::plan(session, suspects) => plan?,
        () = &mut interrupt => return Ok(INTERRUPTED),
    };
    let mut errors = cases.errors();
    if planned.is_empty() {
        let first = errors.next().unwrap_or_default();
        errors.for_each(|error| complain(&error));
        return Err(Fault::NothingToExamine(first));
    }
    errors.for_each(|error| complain(&error));
    session.probe(planned, Some(&cases), cases.is_incomplete(), interrupt).await
}

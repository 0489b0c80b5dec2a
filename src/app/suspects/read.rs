//! The suspects of logs or of a queue, read before anything else is opened.

use std::collections::HashSet;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::app::plan::SuspectSource;
use crate::app::set_user_id;
use crate::intake::queue::{self, Environment};
use crate::intake::{IntakeError, log};
use crate::model::Suspects;
use crate::net::NetError;
use crate::net::privilege::{self, Reading};

/// Suspects cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum SuspectsError {
    /// The log or the queue cannot be read.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The thread cannot give its privileges up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A set-user-ID program would read what its user may not.
    #[error("{0} is refused where the program is set-user-ID: use sudo, or \"--from-log - <FILE\"")]
    SetUserId(&'static str),
}

/// Reads in a thread without capabilities but the one to read.
pub(super) fn read(source: &SuspectSource) -> Result<Suspects, SuspectsError> {
    check_user(source)?;
    let now = Timestamp::now();
    let what = match source {
        SuspectSource::Logs(..) => Reading::Files,
        SuspectSource::Queue => Reading::Program,
    };
    let environment = if privilege::come_from_the_file() { Environment::Untrusted } else { Environment::Trusted };
    let read = privilege::only_reading(what, || match source {
        SuspectSource::Logs(logs, period) => log::read(&each_once(logs), *period, now),
        SuspectSource::Queue => queue::read(environment, now),
    })?;
    Ok(read?)
}

/// The same lines twice would count twice.
fn each_once(logs: &[PathBuf]) -> Vec<log::Source> {
    let mut sources: Vec<_> = logs.iter().map(log::Source::new).collect();
    let mut seen = HashSet::new();
    sources.retain(|source| seen.insert(source.clone()));
    sources
}

fn check_user(source: &SuspectSource) -> Result<(), SuspectsError> {
    match source {
        _ if !set_user_id::is_in_force() => Ok(()),
        SuspectSource::Logs(logs, _) if logs.iter().all(|log| log.as_os_str() == "-") => Ok(()),
        SuspectSource::Logs(..) => Err(SuspectsError::SetUserId("--from-log FILE")),
        SuspectSource::Queue => Err(SuspectsError::SetUserId("--from-queue")),
    }
}

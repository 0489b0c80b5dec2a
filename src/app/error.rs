//! Why a run cannot begin or go on, in one line.

use std::io;

use super::known_states::KnownError;
use super::list::target_list::ListError;
use super::merge::MergeError;
use super::numbered_shard::NumberError;
use super::output::format::OpenError;
use super::plan_error::{PlanError, failure_kind};
use super::suspects::read::SuspectsError;
use super::track::TrackError;
use crate::model::{FailureKind, TargetFailure};
use crate::net::NetError;

/// Why a run has no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No privilege, no socket, no such interface.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The list of targets cannot be read.
    #[error(transparent)]
    List(#[from] ListError),
    /// No engine, or more than one, says which part of the list is meant.
    #[error(transparent)]
    Shard(#[from] NumberError),
    /// The file of `--known` cannot be used.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// The file of an output cannot be written.
    #[error(transparent)]
    Output(#[from] OpenError),
    /// What a watch has told before cannot be read.
    #[error("cannot read the history of --jsonl: {0}; name another file")]
    History(io::Error),
    /// The results of the last run cannot be read, or not be replaced.
    #[error(transparent)]
    Track(#[from] TrackError),
    /// The log or the queue cannot be read.
    #[error(transparent)]
    Suspects(#[from] SuspectsError),
    /// Results cannot be summed up.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The event loop does not start.
    #[error("cannot start the event loop: {0}")]
    Runtime(io::Error),
    /// The limits of this process are too tight.
    #[error("too little room for a run: {0}; `ulimit -a` shows the limits of this process")]
    NoRoom(io::Error),
    /// The sockets fail while examinations run.
    #[error("cannot receive packets: {0}")]
    Receive(io::Error),
    /// No target leads to an address that can be examined.
    #[error("{text}")]
    NothingToExamine {
        /// The first reason.
        text: String,
        /// All of them, each with its target.
        failures: Vec<TargetFailure>,
    },
    /// The results cannot be written.
    #[error("cannot write the report: {0}")]
    Write(io::Error),
    /// One of these, of which the open outputs have been told.
    #[error(transparent)]
    Told(Box<RunError>),
}

impl RunError {
    /// The failures for programs. `subject`: what the run is about, where no target is to blame.
    pub(super) fn failures(&self, subject: &str) -> Vec<TargetFailure> {
        let kind = match self {
            Self::NothingToExamine { failures, .. } if !failures.is_empty() => return failures.clone(),
            Self::NothingToExamine { .. } => FailureKind::Unresolved,
            Self::Net(error) => failure_kind(error),
            Self::List(_)
            | Self::Shard(_)
            | Self::Merge(_)
            | Self::Known(_)
            | Self::Output(_)
            | Self::History(_)
            | Self::Track(_)
            | Self::Suspects(_)
            | Self::Runtime(_)
            | Self::NoRoom(_)
            | Self::Receive(_)
            | Self::Write(_) => FailureKind::System,
            Self::Told(error) => return error.failures(subject),
        };
        vec![TargetFailure { target: subject.to_owned(), kind, text: self.to_string() }]
    }
}

/// What all targets need is missing.
impl From<PlanError> for RunError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Net(error) => Self::Net(error),
            error => Self::NothingToExamine { text: error.to_string(), failures: Vec::new() },
        }
    }
}

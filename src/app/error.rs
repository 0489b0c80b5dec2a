//! Why a run cannot begin or go on, in one line.

use std::io;

use super::list::target_list::ListError;
use super::output::format::OpenError;
use super::plan_error::PlanError;
use super::suspects::read::SuspectsError;
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
    /// The file of an output cannot be written.
    #[error(transparent)]
    Output(#[from] OpenError),
    /// The log or the queue cannot be read.
    #[error(transparent)]
    Suspects(#[from] SuspectsError),
    /// The event loop does not start.
    #[error("cannot start the event loop: {0}")]
    Runtime(io::Error),
    /// The sockets fail while examinations run.
    #[error("cannot receive packets: {0}")]
    Receive(io::Error),
    /// No target leads to an address that can be examined.
    #[error("{0}")]
    NothingToExamine(String),
    /// The results cannot be written.
    #[error("cannot write the report: {0}")]
    Write(io::Error),
}

/// What all targets need is missing.
impl From<PlanError> for RunError {
    fn from(error: PlanError) -> Self {
        Self::NothingToExamine(error.to_string())
    }
}

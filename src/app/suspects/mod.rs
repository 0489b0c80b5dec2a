//! Targets that a log or a queue makes suspect.

mod planning;
pub(super) mod read;
mod run;
mod show;

pub(super) use planning::target_of;
pub(super) use run::run;

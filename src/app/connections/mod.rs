//! Targets that this host's own connections make suspect.

pub(super) mod planning;
pub(super) mod read;
mod run;
mod show;

pub(super) use run::run;

//! Targets that this host's own connections make suspect.

mod planning;
mod read;
mod run;
mod show;

pub(super) use run::run;

//! `--watch --from-sockets`: this host's connections are looked at again and again; one that begins to hang is told with the reason, and
//! again when it moves or ends. What hangs is judged in `intake/connections`, what follows in `crate::watch`.
//!
//! * `run` opens what is needed, and ends; `feed` is the loop beside the runner's; `looker` looks; `desk` owns all that is known.

mod desk;
mod feed;
mod looker;
mod run;

pub(in crate::app) use run::run;

//! A list of targets of any length: it is read as it is needed, and results leave as they come.

mod admission;
mod aggregator;
mod asking;
mod bell;
mod known_addresses;
mod observer;
mod run;
mod second_look;
pub(super) mod target_list;

pub(super) use run::run;

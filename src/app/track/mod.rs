//! `--track`: the results of a list are kept for the next run, which tells what has changed.

mod changes;
mod error;
mod former;
mod standing;
mod tracker;

pub(super) use error::TrackError;
pub(super) use tracker::Tracker;

//! `--track`: the results of a list are kept for the next run, which tells what has changed.

mod changes;
mod error;
mod former;
mod standing;
mod tracker;

use standing::Standing;

pub(super) use error::TrackError;
pub(super) use tracker::Tracker;

/// What is told of two lines about one target. `None`: one of them is no line of results.
pub(super) fn told(before: &[u8], now: &[u8]) -> Option<Vec<String>> {
    let before = Standing::of_line(before)?;
    Some(changes::changes(Some(&before), &Standing::of_line(now)?))
}

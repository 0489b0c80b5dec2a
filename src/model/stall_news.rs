//! What a watch over this host's connections tells.

use std::time::Duration;

use super::connection::{Afterwards, StalledConnection};
use super::watch::Sighting;

/// Something that is told of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct StallNews {
    /// What it is.
    pub what: StallEvent,
    /// The connection, as it was when it was last seen to stand still.
    pub connection: StalledConnection,
    /// For how long it has stood still.
    pub hung: Duration,
    /// What the examination of its peer says that is told; `None`: it could not be examined, or nobody wanted it to be.
    pub peer: Option<Sighting>,
    /// What the last look saw of it.
    pub afterwards: Afterwards,
}

/// What is told of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StallEvent {
    /// It stands still.
    Stalled,
    /// It still does, and its peer's path is not as it was told.
    Changed {
        /// What was told.
        was: Option<Sighting>,
    },
    /// It moves again.
    MovesAgain,
    /// Its program has closed it. The kernel goes on with what is left, and no more is told of it.
    GivenUp,
    /// It is no more.
    Ended,
}

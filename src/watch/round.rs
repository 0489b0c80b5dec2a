//! A target's round: from the look-up of its name to the verdict on the last of its addresses.

use std::collections::HashSet;

use super::addresses::Place;
use super::terms::{RoundKind, TargetId};
use crate::model::WatchedAddress;

/// A target under watch.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) id: TargetId,
    pub(super) name: String,
    /// Where it led when it was looked up last.
    pub(super) places: Vec<Place>,
    pub(super) look_up: LookUp,
    pub(super) round: Option<Round>,
    /// Whether it is on the list no more.
    pub(super) is_dropped: bool,
}

/// What became of the look-ups of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookUp {
    /// None yet.
    New,
    /// It leads somewhere.
    Works,
    /// It led nowhere the last time.
    FailedOnce,
    /// It leads nowhere, and that was told.
    Lost,
}

/// A round that is not over.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) kind: RoundKind,
    /// The addresses without a verdict; `None`: the name is being looked up.
    pub(super) open: Option<HashSet<WatchedAddress>>,
}

impl LookUp {
    /// After a look-up that failed, and whether that is told: once it is no accident.
    pub(super) fn failed(self) -> (Self, bool) {
        match self {
            Self::Works => (Self::FailedOnce, false),
            Self::New | Self::FailedOnce => (Self::Lost, true),
            Self::Lost => (Self::Lost, false),
        }
    }
}

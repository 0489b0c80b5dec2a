//! What all files here speak of.

use std::time::Duration;

/// Rounds of one address begin at least so far apart.
pub const LEAST_PAUSE: Duration = Duration::from_secs(60);

/// A target, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub usize);

/// The number of an examination, which no other has.
pub(super) type Number = u64;

/// How much a round asks of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundKind {
    /// Two packets, and the rest only where the large one is not answered.
    Light,
    /// All that an examination by hand does.
    Whole,
}

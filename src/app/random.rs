//! Numbers that differ from run to run.

use std::hash::{BuildHasher, RandomState};

/// A number that no two runs share: the standard library seeds its hash maps from the kernel's random source.
pub(super) fn seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

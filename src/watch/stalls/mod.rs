//! A watch over this host's connections: which of them begin to stand still, whom to examine for it, what is told of each and when. No
//! I/O and no clock. Whether a connection stands still is not decided here but in `intake/connections`.
//!
//! * `hanging`: one connection, from the look that finds it still to the one that finds it moving or gone;
//! * `host`: a peer's address, and when it may be examined;
//! * `stalls`: all of them together, driven from outside.

mod hanging;
mod host;
#[cfg(test)]
mod random_lives;
#[expect(clippy::module_inception, reason = "the whole has the name of its room")]
mod stalls;
#[cfg(test)]
mod stalls_tests;

pub use host::Host;
pub use stalls::{StallOrder, StallRow, Stalls};

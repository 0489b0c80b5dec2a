//! A watch: whom to examine when, and what has changed. No I/O and no clock: time is an argument, as in `examine/`.
//!
//! * `schedule`: when the round of each target is due, and whether it is a light one or a whole one;
//! * `standing`: how one address stands, and what has to be seen twice before it is told;
//! * `round`: a target's round; `addresses`: what is known of all addresses, and when each may be asked again;
//! * `watch`: all of it together, driven from outside;
//! * `stalls`: the other watch, over this host's connections instead of targets.

mod addresses;
mod round;
mod schedule;
mod stalls;
mod standing;
mod strip;
mod terms;
#[expect(clippy::module_inception, reason = "the whole has the name of its room")]
mod watch;
#[cfg(test)]
mod watch_tests;

pub use addresses::Place;
pub use schedule::Schedule;
pub use stalls::{Host, StallOrder, StallRow, Stalls};
pub use standing::{Reaction, Standing};
pub use strip::Strip;
pub use terms::{LEAST_PAUSE, RoundKind, TargetId};
pub use watch::{Order, Row, Task, Watch};

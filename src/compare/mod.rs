//! What examinations learn from each other. No I/O and no clock: time is an argument, as in `examine/`.
//!
//! A router that rations its messages looks silent to thousands of examinations at once. So a hole in which silence is the evidence is
//! held back where others asked the same hop at the same time, and examined again alone.
//!
//! * `account`: what an examination says of the messages of a hop;
//! * `hop`: what a hop told and where it is; `memory`: what is known of all hops, networks and kinds of examinations; `recent`: a table
//!   of as many as there is room for;
//! * `held`: an address that waits for its turn; `outcome` and `again`: what counts for it in the end;
//! * `comparison`: all of it together, driven from outside.

mod account;
mod again;
mod comparison;
#[cfg(test)]
mod comparison_tests;
mod held;
mod hop;
mod memory;
mod outcome;
mod recent;
#[cfg(test)]
mod sample;

pub use again::examined_again;
pub use comparison::{Comparison, Order};
pub use outcome::{Outcome, SharedPlace};

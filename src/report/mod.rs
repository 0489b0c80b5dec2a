//! Renderers: pure functions of a [`Report`](crate::model::Report). No I/O, no clock.

mod advice;
mod blockers;
pub mod json;
pub mod text;
pub(crate) mod words;

pub use advice::advise;
pub use blockers::{Message, find_blockers};

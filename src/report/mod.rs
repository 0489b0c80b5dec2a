//! Renderers: pure functions of a [`Report`](crate::model::Report). No I/O, no clock.

mod advice;
mod complete;
mod hints;
pub mod json;
mod place;
pub mod text;
pub(crate) mod words;

pub use advice::advise;
pub use complete::complete;

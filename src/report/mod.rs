//! Renderers: pure functions of a [`Report`](crate::model::Report). No I/O, no clock.

mod advice;
pub mod json;
pub mod text;
pub(crate) mod words;

pub use advice::advise;

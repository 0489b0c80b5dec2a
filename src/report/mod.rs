//! Renderers: pure functions of a [`Report`](crate::model::Report), or of a packet that went by. No I/O, no clock.

mod advice;
mod alike;
pub mod checks;
mod complete;
pub mod connections;
pub mod github;
mod hints;
pub mod html;
pub mod json;
pub mod junit;
mod language;
mod layout;
pub mod letter;
pub mod markdown;
pub mod merge;
pub mod monitoring;
mod numbers;
pub mod pcapng;
mod place;
mod printable;
pub mod prometheus;
mod refusal;
mod route;
pub mod rows;
pub mod suspects;
pub mod tap;
pub mod text;
pub mod transcript;
pub mod verdict_counts;
pub mod watch;
pub mod words;

pub use advice::{Check, advise, advise_all, check};
pub(crate) use complete::comes_in_elsewhere;
pub use complete::complete;
pub use layout::Width;
pub(crate) use printable::{printable, printable_lines};

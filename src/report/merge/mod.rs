//! Many results become one summary: the same bottleneck seen by many targets is one row, whoever saw it.
//!
//! [`Collection`] takes result lines, one after the other, and [`Collection::summary`] counts them. A result costs 40 bytes; what
//! else is kept grows with the rows.

mod collection;
mod contradiction;
mod json;
mod row;
mod summary;
mod text;
mod words;

pub use collection::{Collection, NotOurs};
pub use json::{SCHEMA, render as render_json};
pub use summary::{FileRead, Summary};
pub use text::render as render_text;

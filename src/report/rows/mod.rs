//! What many results have in common: results with one verdict, cause, place and network are one row, for `--merge` and for the summary
//! of a list.

mod found;
mod key;
mod line;
mod place;
mod tally;
mod what;
pub(super) mod words;

pub use found::Found;
pub(super) use key::{NO_ADDRESS, Named, RowKey};
pub use line::Document;
pub(super) use place::Spot;
pub(super) use tally::Tally;
pub(super) use what::Fate;
pub use what::What;

//! What `--watch` tells: a line for each change, and the table on a terminal.

mod line;
mod stand;
mod table;

pub use line::{Zone, line};
pub use table::{Line, Table, TableRow, strip_letter};

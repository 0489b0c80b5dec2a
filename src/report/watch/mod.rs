//! What `--watch` tells: a line for each change, and the table on a terminal. `stall_line` and `stall_table` are those of a watch over
//! this host's connections; `cells` is what both tables share.

mod cells;
mod line;
mod stall_line;
mod stall_table;
mod stand;
mod table;

pub use line::{Zone, line};
pub use stall_line::stall_line;
pub use stall_table::{StallTable, StallTableRow};
pub use table::{Line, Table, TableRow, strip_letter};

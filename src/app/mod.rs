//! The application: runs a plan and returns the exit code.
//!
//! Five kinds of run stand on the same small core: named targets (`named`), a list (`list`), the suspects of a log (`suspects`),
//! connections of this host that stand still (`connections`) and a watch (`watch`). `examiner` opens the sockets and gives up the privileges, `planner` turns targets into addresses to examine,
//! and `output` writes the results.

mod beginning;
mod capture_limit;
mod cases;
mod connection_cases;
mod connections;
mod earlier_results;
mod error;
mod examiner;
pub mod exit_code;
#[doc(hidden)]
pub mod fuzz;
mod hop_names;
mod host_firewall;
mod interrupt;
mod judging;
mod known_states;
mod limits;
mod list;
mod log;
mod merge;
mod named;
mod numbered_shard;
pub mod output;
mod output_file;
pub mod plan;
mod plan_error;
mod planned_address;
mod planner;
mod random;
mod result_lines;
mod run;
mod set_user_id;
mod shard;
mod shown_cases;
mod skipped;
mod stderr;
mod suspect_cases;
mod suspects;
mod target_key;
mod target_set;
mod track;
mod vantage;
mod watch;
mod watched_connection;
mod way_there_news;
mod whole_run;

pub use error::RunError;
pub use limits::has_memory;
pub use log::log_to_stderr;
pub use run::run;
pub use shard::Shard;
pub use stderr::complain;

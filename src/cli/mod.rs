//! The command line: argument vector to a plan of the run. clap stops here, and nothing is started.

mod args;
mod choices;
mod error;
mod formats;
mod generate;
mod groups;
mod manual;
mod parse;
mod to_plan;
mod values;

pub use error::UsageError;
pub use parse::{Request, format_asked_for, parse};

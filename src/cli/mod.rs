//! The command line: argument vector to [`Invocation`]. clap stops here.

mod args;
mod color;
mod error;
mod invocation;
pub mod progress;
mod values;

pub use color::{Environment, wants_color};
pub use error::UsageError;
pub use invocation::{ColorChoice, Invocation, Rate, Request};

use std::ffi::OsString;

use clap::Parser;

/// Turns an argument vector, the program's name first, into what the user asks for. Nothing is done yet.
///
/// # Errors
/// A bad argument: one line that says what is wrong and what to do.
pub fn parse(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Request, UsageError> {
    match args::Args::try_parse_from(args) {
        Ok(args) => args.into_invocation().map(|invocation| Request::Probe(Box::new(invocation))),
        Err(error) if !error.use_stderr() => Ok(Request::Show(error.render().to_string())),
        Err(error) => Err(UsageError::from_clap(&error)),
    }
}

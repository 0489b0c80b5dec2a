//! The command line: argument vector to [`Invocation`]. clap stops here.

mod args;
mod color;
mod error;
mod evidence;
mod firewall;
mod generate;
mod groups;
mod invocation;
mod manual;
pub mod many;
mod planning;
pub mod progress;
mod recording;
pub mod session;
mod skipped;
mod values;
mod witness;

pub use color::{Environment, wants_color};
pub use error::UsageError;
pub use evidence::Evidence;
pub use invocation::{ColorChoice, Invocation, Rate, Request};

use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

/// Turns an argument vector, the program's name first, into what the user asks for. Nothing is done yet.
///
/// # Errors
/// A bad argument: one line that says what is wrong and what to do.
pub fn parse(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Request, UsageError> {
    match generate::with_option(command()).try_get_matches_from(args) {
        Ok(matches) => asked_for(&matches),
        Err(error) if !error.use_stderr() => Ok(Request::Show(error.render().to_string())),
        Err(error) => Err(UsageError::from_clap(&error)),
    }
}

/// The definition that help, manual page and completions come from.
fn command() -> Command {
    groups::arrange(args::Args::command())
}

fn asked_for(matches: &ArgMatches) -> Result<Request, UsageError> {
    if let Some(text) = generate::asked_for(matches, command()) {
        return Ok(Request::Show(text));
    }
    let args = args::Args::from_arg_matches(matches).map_err(|error| UsageError::from_clap(&error))?;
    args.into_invocation().map(|invocation| Request::Probe(Box::new(invocation)))
}

/// Log lines on stderr: warnings, with `-vv` decisions, with `-vvv` every packet. `RUST_LOG` overrules.
pub fn log_to_stderr(verbosity: u8) {
    use tracing_subscriber::EnvFilter;
    let level = match verbosity {
        0 | 1 => "pmtu_probe=warn",
        2 => "pmtu_probe=debug",
        _ => "pmtu_probe=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}

/// A number that no two runs share: the standard library seeds its hash maps from the kernel's random source.
fn random_seed() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(std::process::id())
}

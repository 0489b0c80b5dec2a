//! From the argument vector to what the user asks for.

use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use super::args::Args;
use super::error::UsageError;
use super::{formats, generate, groups, to_plan};
use crate::app::plan::RunPlan;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Probe, then report.
    Run(Box<RunPlan>),
    /// Print this on stdout and exit 0: help, version, manual page or completions.
    Show(String),
}

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

/// The format that an argument vector asks for on stdout, even if the rest of it makes no sense.
pub fn format_asked_for(args: &[OsString]) -> Option<String> {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--").collect();
    let option = format!("--{}", formats::WORD_OPTION);
    args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix(option.as_str())? {
        "" => args.get(at + 1).map(ToString::to_string),
        rest => rest.strip_prefix('=').map(str::to_owned),
    })
}

/// The definition that help, manual page and completions come from.
fn command() -> Command {
    groups::arrange(Args::command())
}

fn asked_for(matches: &ArgMatches) -> Result<Request, UsageError> {
    if let Some(text) = generate::asked_for(matches, command()) {
        return Ok(Request::Show(text));
    }
    let args = Args::from_arg_matches(matches).map_err(|error| UsageError::from_clap(&error))?;
    to_plan::checked(args).map(|plan| Request::Run(Box::new(plan)))
}

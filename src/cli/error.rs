//! Usage errors: one line that says what is wrong, then what to do.

use std::error::Error;

use crate::app::exit_code::NOTHING_TO_REPORT;
use crate::report::printable;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A bad argument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

impl UsageError {
    /// What the process exits with: clap's 2 would read as a black hole.
    pub const EXIT_CODE: u8 = NOTHING_TO_REPORT;

    /// An error with this message: what is wrong, a semicolon, what to do.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(printable(&message.into()))
    }

    /// clap's message without its several lines.
    pub(super) fn from_clap(error: &clap::Error) -> Self {
        Self::new(one_line(&message(error)))
    }
}

fn message(error: &clap::Error) -> String {
    let argument = context(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(error, &argument),
        ErrorKind::MissingRequiredArgument => {
            "no target given; name a mail server, as in \"pmtu-probe mx.example.com\"".into()
        }
        ErrorKind::ArgumentConflict => conflict(error, &argument),
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("{} needs a value; see \"pmtu-probe --help\"", option(&argument))
        }
        ErrorKind::InvalidValue => {
            let valid = context(error, ContextKind::ValidValue).unwrap_or_default();
            format!("{} {value} is no choice; give one of: {valid}", option(&argument))
        }
        ErrorKind::ValueValidation => {
            let what = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{} {what}", subject(&argument, &value))
        }
        ErrorKind::TooManyValues => {
            format!("{} takes no value; leave \"={value}\" out", option(&argument))
        }
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8; retype it".into(),
        _ => fallback(error),
    }
}

fn unknown(error: &clap::Error, argument: &str) -> String {
    match context(error, ContextKind::SuggestedArg) {
        Some(similar) => format!("unknown option {argument}; did you mean {similar}?"),
        None => format!("unknown option {argument}; \"pmtu-probe --help\" lists them all"),
    }
}

fn conflict(error: &clap::Error, argument: &str) -> String {
    match context(error, ContextKind::PriorArg) {
        Some(prior) if prior == argument => format!("{} is given twice; give it once", option(argument)),
        Some(prior) if prior.is_empty() => format!("{} stands alone; leave all else out", option(argument)),
        Some(prior) => {
            let mut both = [option(&prior), option(argument)];
            both.sort_unstable();
            format!("{} and {} exclude each other; give one of them", both[0], both[1])
        }
        None => fallback(error),
    }
}

/// `--port abc`, but a target stands for itself.
fn subject(argument: &str, value: &str) -> String {
    let option = option(argument);
    if option.starts_with('-') { format!("{option} {value:?}") } else { format!("target {value:?}") }
}

/// `--port` of `--port <PORT>`, `--letter` of `--letter[=<LANG>]`, `TARGET` of `[TARGET]...`.
fn option(argument: &str) -> &str {
    let name = argument.trim_start_matches(['[', '<']);
    name.split([' ', '=', '[', ']', '>']).next().unwrap_or(name).trim_end_matches('.')
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        other => Some(other.to_string()),
    }
}

fn fallback(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let first = rendered.lines().next().unwrap_or("bad arguments").trim_start_matches("error: ");
    format!("{first}; see \"pmtu-probe --help\"")
}

/// Values are the user's own, but a line break in one would make two lines of one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

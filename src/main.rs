//! The command-line program: arguments in, exit code out.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use pmtu_probe::app::output::formats;
use pmtu_probe::app::{self, exit_code};
use pmtu_probe::cli::{self, Request};

fn main() -> ExitCode {
    // Told without any memory of its own.
    if !app::has_memory() {
        return fail("this process may have too little memory for a run: `ulimit -v` shows its limit");
    }
    let args: Vec<OsString> = std::env::args_os().collect();
    let format = cli::format_asked_for(&args);
    // What a monitoring system waits for on stdout, whatever else is the matter; to it, help is no good state.
    let answer = |why: &str| format.as_deref().and_then(|name| formats::usage_failure(name, why));
    match cli::parse(args) {
        Ok(Request::Show(words)) => match print(&words) {
            Err(error) => fail(&format!("cannot write to stdout: {error}")),
            Ok(()) if answer("").is_some() => ExitCode::from(exit_code::NOTHING_TO_REPORT),
            Ok(()) => ExitCode::SUCCESS,
        },
        Ok(Request::Run(plan)) => {
            if !plan.output.leaves_stderr_alone() || plan.output.verbosity > 0 {
                app::log_to_stderr(plan.output.verbosity);
            }
            app::run(&plan).map_or_else(|error| fail(&error.to_string()), ExitCode::from)
        }
        Err(error) => match answer(&error.to_string()) {
            Some(answer) if print(&answer).is_ok() => ExitCode::from(exit_code::NOTHING_TO_REPORT),
            _ => fail(&error.to_string()),
        },
    }
}

/// A reader that closes the pipe early has seen enough.
fn print(words: &str) -> io::Result<()> {
    let written = io::stdout().write_all(words.as_bytes()).and_then(|()| io::stdout().flush());
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

fn fail(what: &str) -> ExitCode {
    app::complain(what);
    ExitCode::from(exit_code::NOTHING_TO_REPORT)
}

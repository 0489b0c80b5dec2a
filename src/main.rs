//! The command-line program: arguments in, exit code out.

use std::io::{self, Write};
use std::process::ExitCode;

use pmtu_probe::app::{self, exit_code};
use pmtu_probe::cli::{self, Request};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(Request::Show(words)) => {
            let written = io::stdout().write_all(words.as_bytes()).and_then(|()| io::stdout().flush());
            match written {
                // A reader that closes the pipe early has seen enough.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    fail(&format!("cannot write to stdout: {error}"))
                }
                _ => ExitCode::SUCCESS,
            }
        }
        Ok(Request::Run(plan)) => {
            app::log_to_stderr(plan.output.verbosity);
            app::run(&plan).map_or_else(|error| fail(&error.to_string()), ExitCode::from)
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(what: &str) -> ExitCode {
    app::complain(what);
    ExitCode::from(exit_code::NOTHING_TO_REPORT)
}

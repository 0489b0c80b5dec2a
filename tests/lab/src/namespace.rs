//! Work inside the network namespaces of a lab.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::state::{Lab, Place};

/// Runs a job in a node's network namespace, on a thread that goes there; what the job starts stays there.
pub(crate) fn within<T: Send>(lab: &Lab, place: Place, job: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let there = scope.spawn(|| {
            enter(lab, place)?;
            job()
        });
        there.join().unwrap_or_else(|_| Err(io::Error::other(format!("the work inside {place} failed"))))
    })
}

/// Moves the calling thread into a node's network namespace.
pub(crate) fn enter(lab: &Lab, place: Place) -> io::Result<()> {
    let path = lab.namespace_file(place);
    let file = File::open(&path).map_err(|error| because(&path.display().to_string(), &error))?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|error| because(&format!("cannot enter {place}"), &error.into()))
}

/// Runs a command to its end and gives what it prints. What it complains about is the error.
pub(crate) fn output_of(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    checked(program, arguments, output)
}

/// The same for a command that reads lines.
pub(crate) fn feed(program: &str, arguments: &[&str], lines: &[String]) -> io::Result<()> {
    let piped = || Stdio::piped();
    let child = Command::new(program).args(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn();
    let mut child = child.map_err(|error| because(program, &error))?;
    let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
    // A command that ends early says why.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    checked(program, arguments, child.wait_with_output())?;
    written.unwrap_or(Ok(())).map_err(|error| because(program, &error))
}

fn checked(program: &str, arguments: &[&str], output: io::Result<Output>) -> io::Result<String> {
    let output = output.map_err(|error| because(program, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} {}: {}: {}", arguments.join(" "), output.status, complaint.trim())))
}

pub(crate) fn because(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

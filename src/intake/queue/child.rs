//! Runs `postqueue -j`, within limits of time and length.

use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::intake::IntakeError;

/// A queue of a hundred thousand mails is listed in a second or two.
const PATIENCE: Duration = Duration::from_secs(30);
/// Half a million mails.
const LIMIT: u64 = 256 << 20;
const LONGEST_COMPLAINT: u64 = 4096;

/// Where Postfix may be; the path of a daemon or of sudo often lacks the second.
const FOLDERS: [&str; 2] = ["", "/usr/sbin/"];

/// What the program prints.
pub(super) fn postqueue(program: &str) -> Result<Vec<u8>, IntakeError> {
    let mut child = start(program)?;
    let read = outputs(&mut child).and_then(|outputs| finish(&mut child, &outputs));
    // It has closed its outputs, or it is to end.
    let _ = child.kill();
    let _ = child.wait();
    read
}

fn start(program: &str) -> Result<Child, IntakeError> {
    for folder in FOLDERS {
        let child = Command::new(format!("{folder}{program}"))
            .arg("-j")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match child {
            Ok(child) => return Ok(child),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(IntakeError::PostqueueStart(error.to_string())),
        }
    }
    Err(IntakeError::NoPostqueue)
}

/// The two outputs, each as a whole as soon as it ends.
struct Outputs {
    list: mpsc::Receiver<Vec<u8>>,
    complaint: mpsc::Receiver<Vec<u8>>,
}

fn outputs(child: &mut Child) -> Result<Outputs, IntakeError> {
    let gone = || IntakeError::PostqueueFailed("its output is gone".to_owned());
    let (stdout, stderr) = child.stdout.take().zip(child.stderr.take()).ok_or_else(gone)?;
    Ok(Outputs { list: collect(stdout, LIMIT), complaint: collect(stderr, LONGEST_COMPLAINT) })
}

fn collect(from: impl Read + Send + 'static, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (done, output) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = from.take(limit + 1).read_to_end(&mut text);
        let _ = done.send(text);
    });
    output
}

fn finish(child: &mut Child, outputs: &Outputs) -> Result<Vec<u8>, IntakeError> {
    let slow = |_| IntakeError::PostqueueSlow(PATIENCE);
    let list = outputs.list.recv_timeout(PATIENCE).map_err(slow)?;
    if list.len() as u64 > LIMIT {
        return Err(IntakeError::PostqueueFailed(format!("the queue is longer than {} MiB", LIMIT >> 20)));
    }
    let complaint = outputs.complaint.recv_timeout(PATIENCE).map_err(slow)?;
    let status = child.wait().map_err(|error| IntakeError::PostqueueFailed(error.to_string()))?;
    if status.success() {
        Ok(list)
    } else {
        Err(IntakeError::PostqueueFailed(last_line(&complaint, &status.to_string())))
    }
}

/// The last line of a complaint is the fatal one; before it stand warnings.
fn last_line(complaint: &[u8], otherwise: &str) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(otherwise);
    line.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_said() {
        assert_eq!(postqueue("no-such-postqueue"), Err(IntakeError::NoPostqueue));
    }

    #[test]
    fn the_fatal_line_is_the_last() {
        assert_eq!(
            last_line(b"postqueue: warning: x\npostqueue: fatal: y\x1b[31m\n\n", "code 1"),
            "postqueue: fatal: y?[31m"
        );
        assert_eq!(last_line(b"", "exit status: 1"), "exit status: 1");
    }
}

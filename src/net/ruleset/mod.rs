//! Reads this host's firewall rules after all privilege is gone.
//!
//! Only one verdict needs the rules, and reading them takes longer than sending a packet. So a small child process is started
//! while the privilege is still there, and waits for a line on stdin. It ends when its stdin is closed, however this process
//! ends.

mod error;
mod sections;

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{privilege, sys};
use crate::model::RulesetText;
use error::{LIMIT, PATH, PATIENCE};

pub use error::RulesetError;

/// A child whose stdin is closed has nothing left to do.
const FAREWELL: Duration = Duration::from_millis(200);

const SCRIPT: &str = include_str!("list_rules.sh");

/// The child that waits for the request.
pub struct RulesetReader {
    child: Result<RulesChild, RulesetError>,
}

impl RulesetReader {
    /// Starts the child. To be called before [`super::privilege::give_up`].
    pub fn start() -> Self {
        Self { child: start_child() }
    }

    /// Has the child read the rules and waits for its end. Blocks for some milliseconds, at worst for a second and a half.
    ///
    /// `mark` is a random word.
    pub fn read(self, mark: u64) -> Result<RulesetText, RulesetError> {
        let mark = format!("{mark:016x}");
        let listed = self.child?.ask(&mark)?;
        sections::split(&listed.output, &mark, listed.ended_by)
    }
}

/// The reader of what the child prints as a function of bytes, for `tests/fuzz` alone.
#[doc(hidden)]
pub fn split(output: &[u8], mark: &str) -> Result<RulesetText, RulesetError> {
    sections::split(output, mark, None)
}

fn start_child() -> Result<RulesChild, RulesetError> {
    if !privilege::may_list_rules() {
        return Err(RulesetError::NoPrivilege);
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT]).env_clear().env("PATH", PATH).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
    // A ^C at the terminal must not reach the child, because the report of an interrupted run may still need the rules.
    command.process_group(0);
    sys::before_exec(&mut command, || privilege::only_list_rules().map_err(io::Error::other));
    command.spawn().map(RulesChild).map_err(|error| RulesetError::NoChild(error.to_string()))
}

/// What the child printed, and why it was not heard to the end.
struct Listed {
    output: Vec<u8>,
    ended_by: Option<RulesetError>,
}

/// The shell that reads the rules. Dropping it leaves no process behind.
struct RulesChild(Child);

impl RulesChild {
    fn ask(mut self, mark: &str) -> Result<Listed, RulesetError> {
        let gone = || RulesetError::Failed("/bin/sh".to_owned());
        let (mut stdin, stdout) = self.0.stdin.take().zip(self.0.stdout.take()).ok_or_else(gone)?;
        writeln!(stdin, "{mark}").map_err(|_| gone())?;
        drop(stdin);
        let (parts, output) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut stdout = stdout.take(LIMIT + 1);
            loop {
                let mut part = vec![0; 1 << 16];
                let read = stdout.read(&mut part).map(|length| part.truncate(length)).map(|()| part);
                let is_last = !read.as_ref().is_ok_and(|part| !part.is_empty());
                if parts.send(read).is_err() || is_last {
                    break;
                }
            }
        });
        let (deadline, mut listed) = (Instant::now() + PATIENCE, Vec::new());
        loop {
            match output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Err(_) => return Ok(Listed { output: listed, ended_by: Some(RulesetError::TooSlow) }),
                Ok(Err(_)) => return Err(gone()),
                Ok(Ok(part)) if part.is_empty() => return Ok(Listed { output: listed, ended_by: None }),
                Ok(Ok(part)) => listed.extend(part),
            }
            if listed.len() as u64 > LIMIT {
                return Ok(Listed { output: listed, ended_by: Some(RulesetError::TooLong) });
            }
        }
    }

    fn ends_by_itself(&mut self) -> bool {
        let deadline = Instant::now() + FAREWELL;
        while Instant::now() < deadline {
            match self.0.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(_) => return true,
            }
        }
        false
    }
}

impl Drop for RulesChild {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if !self.ends_by_itself() {
            // The child has its own group and is not reaped yet, so the number cannot mean another process.
            let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

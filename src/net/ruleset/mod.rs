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
        let output = self.child?.ask(&format!("{mark:016x}"))?;
        sections::split(&output, &format!("{mark:016x}"))
    }
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

/// The shell that reads the rules. Dropping it leaves no process behind.
struct RulesChild(Child);

impl RulesChild {
    fn ask(mut self, mark: &str) -> Result<Vec<u8>, RulesetError> {
        let gone = || RulesetError::Failed("/bin/sh".to_owned());
        let (mut stdin, stdout) = self.0.stdin.take().zip(self.0.stdout.take()).ok_or_else(gone)?;
        writeln!(stdin, "{mark}").map_err(|_| gone())?;
        drop(stdin);
        let (done, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let read = stdout.take(LIMIT + 1).read_to_end(&mut text);
            let _ = done.send(read.map(|_| text));
        });
        let output = output.recv_timeout(PATIENCE).map_err(|_| RulesetError::TooSlow)?.map_err(|_| gone())?;
        if output.len() as u64 > LIMIT { Err(RulesetError::TooLong) } else { Ok(output) }
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

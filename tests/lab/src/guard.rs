//! Takes a lab down when the process that ordered it is gone, however it ended.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The process to wait for.
    #[arg(long)]
    pid: i32,
    /// What to run then.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    wait_for_end(arguments.pid)?;
    Err(Command::new(&arguments.command[0]).args(&arguments.command[1..]).exec())
}

fn wait_for_end(pid: i32) -> io::Result<()> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        other => other?,
    };
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], None)?;
    Ok(())
}

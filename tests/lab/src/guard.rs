//! Takes a lab down when its time is over: whoever builds it is gone before it is complete, or its owner has ended, however that came.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::down::{remove_network, take_down};
use crate::state::{Lab, LabId};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The process that builds the lab.
    #[arg(long)]
    builder: i32,
    /// The process with which the lab ends; without one it stays.
    #[arg(long)]
    owner: Option<i32>,
    /// The lab.
    id: LabId,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let lab = Lab::find(arguments.id.clone())?;
    let owner = arguments.owner.map(watched).transpose()?;
    wait_for_end(watched(arguments.builder)?)?;
    if !lab.exists() {
        return Ok(());
    }
    if !lab.is_complete() {
        return take_down_what_comes(&lab);
    }
    let Some(owner) = owner else {
        lab.forget_guard();
        return Ok(());
    };
    wait_for_end(owner)?;
    if lab.exists() { take_down(&lab) } else { Ok(()) }
}

/// A command that the builder started may still make a namespace. The folder goes last, so that no other lab takes the name before.
fn take_down_what_comes(lab: &Lab) -> io::Result<()> {
    let removed = remove_network(lab);
    thread::sleep(Duration::from_millis(200));
    removed.and(remove_network(lab)).and(lab.forget())
}

/// A handle on a process; `None` if it has ended already.
fn watched(process: i32) -> io::Result<Option<OwnedFd>> {
    let pid = Pid::from_raw(process).ok_or(io::ErrorKind::InvalidInput)?;
    match pidfd_open(pid, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => Ok(None),
        other => Ok(Some(other?)),
    }
}

fn wait_for_end(process: Option<OwnedFd>) -> io::Result<()> {
    let Some(handle) = process else { return Ok(()) };
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], None)?;
    Ok(())
}

//! Takes a lab down.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, Signal, kill_process};

use crate::namespace::feed;
use crate::state::{Lab, LabId, Place};

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Arguments {
    /// The lab.
    id: Option<LabId>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    match &arguments.id {
        Some(id) => take_down(&Lab::find(id.clone())?),
        None => Lab::all().iter().try_for_each(take_down),
    }
}

pub(crate) fn take_down(lab: &Lab) -> io::Result<()> {
    end_guard(lab);
    let removed = remove_network(lab);
    lab.forget()?;
    removed
}

/// Also works on a lab that came up only in part. What still runs in it is killed: a program that hangs must not outlive its lab.
pub(crate) fn remove_network(lab: &Lab) -> io::Result<()> {
    let there: Vec<Place> = Place::ALL.into_iter().filter(|place| lab.namespace_file(*place).exists()).collect();
    end_processes(lab, &there);
    let commands: Vec<String> = there.iter().map(|place| format!("netns delete {}", lab.namespace(*place))).collect();
    if commands.is_empty() { Ok(()) } else { feed("ip", &["-force", "-batch", "-"], &commands) }
}

/// It may be the guard itself that takes the lab down.
fn end_guard(lab: &Lab) {
    let Some(process) = lab.guard().filter(|process| process.cast_unsigned() != std::process::id()) else { return };
    // The number may belong to another process by now.
    let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    if words.contains(&&b"guard"[..]) && words.contains(&lab.id().to_string().as_bytes()) {
        kill(process, Signal::TERM);
    }
}

fn end_processes(lab: &Lab, places: &[Place]) {
    let namespaces: Vec<(u64, u64)> = places
        .iter()
        .filter_map(|place| fs::metadata(lab.namespace_file(*place)).ok())
        .map(|file| (file.dev(), file.ino()))
        .collect();
    let entries = fs::read_dir("/proc").map_or_else(|_| Vec::new(), |entries| entries.flatten().collect());
    let processes = entries.iter().filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
    let lives_there = |process: &i32| {
        let file = fs::metadata(format!("/proc/{process}/ns/net"));
        file.is_ok_and(|file| namespaces.contains(&(file.dev(), file.ino())))
    };
    for process in processes.filter(lives_there) {
        kill(process, Signal::KILL);
    }
}

fn kill(process: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(process) {
        let _ = kill_process(pid, signal);
    }
}

//! Becomes a command inside a node. The machine's `/etc` stays as it is: the lab's hosts file is mounted over it for this command
//! only.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::thread::UnshareFlags;

use crate::namespace::{because, enter};
use crate::state::{Lab, LabId, Place};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The lab.
    id: LabId,
    /// c, r1, r2, r3 or s.
    node: Place,
    /// What to run there.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let lab = Lab::find(arguments.id.clone())?;
    enter(&lab, arguments.node)?;
    use_files_of(&lab)?;
    let [program, rest @ ..] = &arguments.command[..] else { return Err(io::ErrorKind::InvalidInput.into()) };
    match become_command(Command::new(program).args(rest)) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("pmtu-lab: {}: {error}", program.display());
            // As a shell says that there is no such command.
            std::process::exit(127)
        }
    }
}

fn become_command(command: &mut Command) -> io::Result<Infallible> {
    Err(command.exec())
}

#[expect(deprecated, reason = "unsafe only with UnshareFlags::FILES")]
fn use_files_of(lab: &Lab) -> io::Result<()> {
    rustix::thread::unshare(UnshareFlags::NEWNS).map_err(|error| because("a namespace for mounts", &error.into()))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    for name in ["hosts", "resolv.conf", "nsswitch.conf"] {
        // A file that the machine does not have is not looked at.
        if let Ok(target) = fs::canonicalize(format!("/etc/{name}")) {
            mount_bind(lab.file(name), &target)
                .map_err(|error| because(&target.display().to_string(), &error.into()))?;
        }
    }
    Ok(())
}

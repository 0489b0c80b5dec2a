//! What this process may do: `CAP_NET_RAW` is checked before the sockets are opened, and everything is given up right after.
//!
//! * `kept`: what could not be given up; `capabilities`: the sets; `user`: who the process is; `files`: what it may open (Landlock);
//!   `calls`: what it may ask of the kernel (seccomp).
//!
//! All of this acts on one thread, and threads inherit from the thread that starts them. So [`give_up`] belongs in the main thread
//! before any other exists.

mod calls;
mod capabilities;
mod files;
mod kept;
mod user;

use std::os::fd::BorrowedFd;

use caps::{CapSet, Capability};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::{NetError, sys};
use capabilities::Outcome;

pub use kept::Kept;

/// Keeps other processes of the same user away: no debugger, no core file, and nobody takes a socket out of this process
/// (`pidfd_getfd(2)`). To be called before the first socket is opened.
pub fn forbid_inspection() {
    // A process may always ask this of itself.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Whether the program's file gave it rights that its user does not have. Then the user's environment decides nothing.
pub fn come_from_the_file() -> bool {
    sys::is_secure_execution()
}

/// Whether the program is set-user-ID: it could open files that its user may not.
pub fn is_set_user_id() -> bool {
    sys::is_set_user_id()
}

/// Makes `CAP_NET_RAW` effective, raising it if it is only permitted (`setcap cap_net_raw+p`).
pub fn require_raw_sockets() -> Result<(), NetError> {
    if has(CapSet::Effective)? {
        return Ok(());
    }
    if has(CapSet::Permitted)? {
        return caps::raise(None, CapSet::Effective, Capability::CAP_NET_RAW).map_err(capabilities::failed("raise"));
    }
    Err(NetError::NoPrivilege { program: program() })
}

/// Gives everything up for good: all capabilities, the user root, groups, new files, new programs, new kinds of sockets. What is open
/// keeps working.
///
/// # Errors
/// A capability is left that could still be used.
pub fn give_up() -> Result<Kept, NetError> {
    let mut kept = Kept::default();
    capabilities::forbid_new(&[]);
    user::leave_root(&mut kept);
    let outcome = capabilities::reduce_to(&[])?;
    // A change of the user makes the kernel choose anew.
    forbid_inspection();
    let _ = rustix::thread::set_no_new_privs(true);
    files::only_read_what_resolvers_read(&mut kept);
    let is_fenced = calls::admit_the_event_loop(&mut kept);
    match outcome {
        Outcome::Reduced => {}
        Outcome::Refused(left) if is_fenced => {
            kept.note(format!("capset(2) is refused, so {left} stays; no system call that it serves is left"));
        }
        Outcome::Refused(left) => {
            return Err(NetError::Capabilities {
                operation: "drop",
                reason: format!("{left} stays, as capset(2) is refused"),
            });
        }
    }
    Ok(kept)
}

/// What a thread reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Files: those of all users. It takes no user of its own.
    Files,
    /// The answer of a program that asks who runs it.
    Program,
    /// Which processes hold a socket: those of all users.
    Processes,
}

impl Reading {
    /// What the thread itself may do beside what its user may.
    fn rights(self) -> &'static [Capability] {
        match self {
            // Whom a file made root reads what he may read himself.
            Self::Files if !is_set_user_id() => &[Capability::CAP_DAC_READ_SEARCH],
            // The links below /proc/PID/fd are for those who may inspect the process.
            Self::Processes if !is_set_user_id() => &[Capability::CAP_DAC_READ_SEARCH, Capability::CAP_SYS_PTRACE],
            Self::Files | Self::Program | Self::Processes => &[],
        }
    }

    /// What a program gets that the thread starts as root. Postfix reads its queue itself where it is down, as the user who owns it.
    fn rights_of_programs(self) -> &'static [Capability] {
        match self {
            Self::Files | Self::Processes => &[],
            Self::Program => &[Capability::CAP_SETUID, Capability::CAP_SETGID],
        }
    }
}

/// Runs work in a thread that may do no more than it needs, because strangers write into logs too. What this thread may do does not
/// change.
pub fn only_reading<T: Send>(what: Reading, work: impl FnOnce() -> T + Send) -> Result<T, NetError> {
    let guarded = || {
        capabilities::forbid_new(what.rights_of_programs());
        if what != Reading::Program {
            let _ = rustix::thread::set_no_new_privs(true);
            user::leave_root_but_keep_capabilities(&mut Kept::default());
        }
        capabilities::reduce_to(what.rights())?;
        Ok(work())
    };
    std::thread::scope(|scope| match std::thread::Builder::new().name("log".into()).spawn_scoped(scope, guarded) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(error) => Err(NetError::Capabilities { operation: "drop", reason: error.to_string() }),
    })
}

/// Makes this process, a child that has just been forked, one that writes files in one directory and does nothing else. It stays the
/// user that it is, who owns the files.
pub(super) fn only_write_files(directory: BorrowedFd<'_>) -> Result<(), NetError> {
    let rights = [Capability::CAP_DAC_OVERRIDE, Capability::CAP_FOWNER];
    capabilities::forbid_new(&rights);
    capabilities::reduce_to(&rights)?;
    let _ = rustix::thread::set_no_new_privs(true);
    let mut kept = Kept::default();
    files::only_write_below(directory, &mut kept);
    calls::admit_writing_files(&mut kept);
    Ok(())
}

/// Makes this process, a child that has just been forked, one that reads files below these directories and does nothing else.
pub(super) fn only_read_files(directories: &[BorrowedFd<'_>]) -> Result<(), NetError> {
    let rights = Reading::Files.rights();
    let mut kept = Kept::default();
    capabilities::forbid_new(rights);
    if !is_set_user_id() {
        user::leave_root_but_keep_capabilities(&mut kept);
    }
    capabilities::reduce_to(rights)?;
    let _ = rustix::thread::set_no_new_privs(true);
    files::only_read_below(directories, &mut kept);
    calls::admit_reading_files(&mut kept);
    Ok(())
}

/// Makes this process, a child that has just been forked, one that sees whose files are open and does nothing else. Landlock would hide
/// the processes outside of it.
pub(super) fn only_read_processes() -> Result<(), NetError> {
    let rights = Reading::Processes.rights();
    let mut kept = Kept::default();
    capabilities::forbid_new(rights);
    user::leave_root_but_keep_capabilities(&mut kept);
    capabilities::reduce_to(rights)?;
    let _ = rustix::thread::set_no_new_privs(true);
    calls::admit_reading_links(&mut kept);
    Ok(())
}

/// Makes this process, a child that has just been forked, one that asks the kernel for its firewall's rules, and lets the programs do so
/// that it starts. `/proc/net/ip_tables_names` belongs to root, and iptables opens a raw socket.
pub(super) fn only_list_rules() -> Result<(), NetError> {
    let rights = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW, Capability::CAP_DAC_READ_SEARCH];
    capabilities::forbid_new(&rights);
    user::leave_root_but_keep_capabilities(&mut Kept::default());
    capabilities::reduce_to(&rights)?;
    capabilities::hand_down()?;
    files::only_read_what_programs_read(&mut Kept::default());
    Ok(())
}

/// Whether the firewall's rules may be read.
pub(super) fn may_list_rules() -> bool {
    caps::has_cap(None, CapSet::Effective, Capability::CAP_NET_ADMIN).unwrap_or(false)
}

fn has(set: CapSet) -> Result<bool, NetError> {
    caps::has_cap(None, set, Capability::CAP_NET_RAW).map_err(capabilities::failed("read"))
}

/// The path of this program as an admin can paste it.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "pmtu-probe".to_owned(), |path| path.display().to_string())
}

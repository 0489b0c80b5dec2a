//! `CAP_NET_RAW`: checked before the sockets are opened, dropped right after.
//!
//! capset(2) acts on one thread. Threads inherit from the thread that starts them, so [`drop_all`] belongs in the main
//! thread before any other exists.

use caps::{CapSet, Capability};

use super::NetError;

/// Makes `CAP_NET_RAW` effective, raising it if it is only permitted (`setcap cap_net_raw+p`).
pub fn require_raw_sockets() -> Result<(), NetError> {
    if has(CapSet::Effective)? {
        return Ok(());
    }
    if has(CapSet::Permitted)? {
        return caps::raise(None, CapSet::Effective, Capability::CAP_NET_RAW).map_err(failed("raise"));
    }
    Err(NetError::NoPrivilege { program: program() })
}

/// Drops every capability of this thread for good. Open sockets keep working.
///
/// Works for uid 0 as well: an emptied bounding set and `no_new_privs` keep an `execve` from giving them back.
pub fn drop_all() -> Result<(), NetError> {
    // Needs CAP_SETPCAP, which `setcap cap_net_raw+ep` does not grant. So it comes first and may fail.
    let _ = caps::clear(None, CapSet::Bounding);
    let _ = caps::clear(None, CapSet::Ambient);
    let _ = rustix::thread::set_no_new_privs(true);
    for set in [CapSet::Inheritable, CapSet::Permitted, CapSet::Effective] {
        caps::clear(None, set).map_err(failed("drop"))?;
    }
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        if !caps::read(None, set).map_err(failed("read"))?.is_empty() {
            return Err(NetError::Capabilities { operation: "drop", reason: format!("{set:?} is not empty") });
        }
    }
    Ok(())
}

/// Runs work in a thread whose only capability is to read files of other users, because strangers write into logs too. The
/// capabilities of this thread do not change.
pub fn only_reading<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, NetError> {
    let guarded = || {
        keep_only(&[Capability::CAP_DAC_READ_SEARCH])?;
        Ok(work())
    };
    std::thread::scope(|scope| match std::thread::Builder::new().name("log".into()).spawn_scoped(scope, guarded) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(error) => Err(NetError::Capabilities { operation: "drop", reason: error.to_string() }),
    })
}

/// Drops every capability of this thread for good but those to write where the user of the run may: what a child that writes
/// files needs.
pub(super) fn keep_rights_to_files() -> Result<(), NetError> {
    let _ = rustix::thread::set_no_new_privs(true);
    let _ = caps::clear(None, CapSet::Ambient);
    keep_only(&[Capability::CAP_DAC_OVERRIDE, Capability::CAP_FOWNER])
}

/// Of the capabilities of this thread, keeps these.
fn keep_only(wanted: &[Capability]) -> Result<(), NetError> {
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed("read"))?;
    let kept = permitted.into_iter().filter(|each| wanted.contains(each)).collect();
    caps::clear(None, CapSet::Inheritable).map_err(failed("drop"))?;
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &kept).map_err(failed("drop"))?;
    }
    Ok(())
}

fn has(set: CapSet) -> Result<bool, NetError> {
    caps::has_cap(None, set, Capability::CAP_NET_RAW).map_err(failed("read"))
}

fn failed(operation: &'static str) -> impl Fn(caps::errors::CapsError) -> NetError {
    move |error| NetError::Capabilities { operation, reason: error.to_string() }
}

/// The path of this program as an admin can paste it.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "pmtu-probe".to_owned(), |path| path.display().to_string())
}

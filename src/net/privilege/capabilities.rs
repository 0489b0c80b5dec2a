//! The capability sets of this thread (capabilities(7)).

use caps::{CapSet, Capability, CapsHashSet};

use crate::net::NetError;

/// What became of an attempt to have fewer capabilities.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The sets are what they should be.
    Reduced,
    /// A filter of the service manager refuses `capset(2)`: these are left.
    Refused(String),
}

/// Keeps programs that this thread starts from getting others than these. Works for uid 0 as well.
pub(super) fn forbid_new(but: &[Capability]) {
    // Needs CAP_SETPCAP, which `setcap cap_net_raw+ep` does not grant: then `no_new_privs` does it.
    for capability in caps::read(None, CapSet::Bounding).unwrap_or_default() {
        if !but.contains(&capability) {
            let _ = caps::drop(None, CapSet::Bounding, capability);
        }
    }
    let _ = caps::clear(None, CapSet::Ambient);
}

/// Of the capabilities of this thread, keeps these, in effect.
///
/// # Errors
/// The sets cannot be read, or root cannot lower them.
pub(super) fn reduce_to(wanted: &[Capability]) -> Result<Outcome, NetError> {
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed("read"))?;
    let kept: CapsHashSet = permitted.iter().copied().filter(|each| wanted.contains(each)).collect();
    let lowered = caps::clear(None, CapSet::Inheritable)
        .and_then(|()| caps::set(None, CapSet::Effective, &kept))
        .and_then(|()| caps::set(None, CapSet::Permitted, &kept));
    let left: Vec<String> = all_but(wanted)?.iter().map(Capability::to_string).collect();
    match lowered {
        _ if left.is_empty() => Ok(Outcome::Reduced),
        Err(error) if rustix::process::geteuid().is_root() => Err(failed("drop")(error)),
        _ => Ok(Outcome::Refused(left.join(", "))),
    }
}

/// Lets the programs that this thread starts have its capabilities, whatever their files say.
pub(super) fn hand_down() -> Result<(), NetError> {
    let own = caps::read(None, CapSet::Permitted).map_err(failed("read"))?;
    caps::set(None, CapSet::Inheritable, &own).map_err(failed("hand down"))?;
    own.iter().try_for_each(|&each| caps::raise(None, CapSet::Ambient, each)).map_err(failed("hand down"))?;
    let _ = rustix::thread::set_no_new_privs(true);
    Ok(())
}

fn all_but(wanted: &[Capability]) -> Result<CapsHashSet, NetError> {
    let mut found = CapsHashSet::new();
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        found.extend(caps::read(None, set).map_err(failed("read"))?.into_iter().filter(|each| !wanted.contains(each)));
    }
    Ok(found)
}

pub(super) fn failed(operation: &'static str) -> impl Fn(caps::errors::CapsError) -> NetError {
    move |error| NetError::Capabilities { operation, reason: error.to_string() }
}

//! The first link, and what is true of it however it is set up.

use crate::model::{HostFacts, PacketSize};
use crate::report::advice::undo::undo;

/// No names of hops: the same is true in both families, and is said once.
pub(super) const SHARED: &str =
    "Large packets vanish right here, at the first link or its gateway: every path shares it.";

/// One link of this host, and the MTU that it is to have.
pub(super) struct Link<'a> {
    /// Its name, as it can be pasted.
    pub(super) interface: String,
    /// Its MTU now.
    pub(super) before: PacketSize,
    /// What it is to have.
    pub(super) size: PacketSize,
    /// This host.
    pub(super) host: &'a HostFacts,
}

impl Link<'_> {
    /// Its MTU, and back.
    pub(super) fn commands(&self) -> Vec<String> {
        let Self { interface, before, size, .. } = self;
        vec![
            format!("ip link set dev {interface} mtu {size}"),
            undo(&format!("ip link set dev {interface} mtu {before}")),
        ]
    }
}

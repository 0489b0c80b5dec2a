//! An address that is ready to be examined.

use std::net::IpAddr;

use crate::model::HostFacts;
use crate::resolve::ResolvedAddress;
use crate::runner::Job;

/// One address with all that is needed to examine it and to speak of it.
pub(super) struct PlannedAddress {
    pub(super) address: ResolvedAddress,
    pub(super) port: u16,
    pub(super) job: Job,
    pub(super) here: HostFacts,
}

/// What makes two examinations the same: address, interface where the address is link-local, and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    address: IpAddr,
    scope_id: u32,
    port: u16,
}

impl PlannedAddress {
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { address: self.address.address, scope_id: self.job.scope_id, port: self.port }
    }

    /// How people recognize it: `mx.example.com 192.0.2.25`.
    pub(super) fn label(&self) -> String {
        let (host, address) = (&self.address.host, self.address.address);
        if *host == address.to_string() { host.clone() } else { format!("{host} {address}") }
    }
}

/// Gives each job its place in the list as its number.
pub(super) fn number(planned: &mut [PlannedAddress]) {
    for (id, one) in planned.iter_mut().enumerate() {
        one.job.id = id;
    }
}

/// Several names may lead to one address: it is examined once.
pub(super) fn forget_repeated(planned: &mut Vec<PlannedAddress>) {
    let mut seen = std::collections::HashSet::new();
    planned.retain(|one| seen.insert(one.endpoint()));
}

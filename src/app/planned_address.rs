//! An address that is ready to be examined.

use std::net::IpAddr;

use super::plan_error::PlanError;
use crate::model::{HostFacts, TargetFailure};
use crate::resolve::ResolvedAddress;
use crate::runner::Job;

/// One address with all that is needed to examine it and to speak of it.
pub(super) struct PlannedAddress {
    /// The target that leads to it, as the user wrote it.
    pub(super) target: String,
    pub(super) address: ResolvedAddress,
    pub(super) port: u16,
    pub(super) job: Job,
    pub(super) here: HostFacts,
}

/// What targets lead to, and why some of it is left out.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) addresses: Vec<PlannedAddress>,
    /// For people, in few lines.
    pub(super) errors: Vec<PlanError>,
    /// The same for programs, each with its target.
    pub(super) failures: Vec<TargetFailure>,
}

impl Planned {
    /// A target that leads nowhere.
    pub(super) fn failed(target: &str, error: PlanError) -> Self {
        let failures = vec![failure(target, &error)];
        Self { addresses: Vec::new(), errors: vec![error], failures }
    }
}

/// Why something of this target is left out.
pub(super) fn failure(target: &str, error: &PlanError) -> TargetFailure {
    TargetFailure { target: target.to_owned(), kind: error.kind(), text: error.to_string() }
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

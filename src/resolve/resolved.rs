//! The addresses of a target.

use std::net::IpAddr;

use super::remark::Remark;
use super::target::Zone;

/// One address of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResolvedAddress {
    /// The host that has the address, as the DNS writes it.
    pub host: String,
    /// The preference of the MX record that names the host.
    pub preference: Option<u16>,
    /// The address.
    pub address: IpAddr,
    /// The interface of a link-local address.
    pub zone: Option<Zone>,
}

/// The addresses of a target, and remarks about them. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// By preference.
    pub addresses: Vec<ResolvedAddress>,
    /// What is wrong, although there is something to examine.
    pub remarks: Vec<Remark>,
}

impl Resolved {
    /// Without remarks.
    pub(super) fn of(addresses: Vec<ResolvedAddress>) -> Self {
        Self { addresses, remarks: Vec::new() }
    }
}

//! The addresses of this host.

use std::net::IpAddr;

/// An address of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The index of its interface.
    pub interface: u32,
}

//! Network interfaces: names, indices, MTUs.

use std::os::fd::AsRawFd;

use rustix::net::netdevice;
use socket2::{Domain, Socket, Type};

use super::{NetError, sys};
use crate::model::{Family, PacketSize};

const SUBJECT: &str = "interface query";

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
}

impl Interface {
    /// The interface of this name, or of this index if it is a number (as a zone may be, RFC 4007, section 11.2).
    pub fn find(name_or_index: &str) -> Result<Self, NetError> {
        match Self::by_name(name_or_index) {
            Ok(interface) => Ok(interface),
            Err(error) => match name_or_index.parse() {
                Ok(index) => Self::by_index(index),
                Err(_) => Err(error),
            },
        }
    }

    /// The interface of this name.
    pub fn by_name(name: &str) -> Result<Self, NetError> {
        let missing = |_| NetError::NoInterface { name: name.to_owned() };
        let index = netdevice::name_to_index(query_socket()?, name).map_err(missing)?;
        Ok(Self { index, name: name.to_owned() })
    }

    /// The interface of this index.
    pub fn by_index(index: u32) -> Result<Self, NetError> {
        let missing = |_| NetError::NoInterface { name: index.to_string() };
        let name = netdevice::index_to_name(query_socket()?, index).map_err(missing)?;
        Ok(Self { index, name })
    }

    /// What the kernel sends over it at most in this family. `None` if it is gone.
    ///
    /// IPv6 has an MTU of its own, which router advertisements lower (RFC 4861, section 4.6.4).
    pub fn mtu(&self, family: Family) -> Option<PacketSize> {
        let device = sys::interface_mtu(query_socket().ok()?.as_raw_fd(), &self.name).ok()?;
        let effective = match family {
            Family::V4 => device,
            Family::V6 => ipv6_mtu(&self.name).map_or(device, |own| own.min(device)),
        };
        // Loopback carries 65,536 bytes, one more than an IPv4 header can tell (RFC 791, section 3.1).
        Some(PacketSize::new(effective).min(family.largest_packet()))
    }
}

fn ipv6_mtu(name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{name}/mtu")).ok()?;
    text.trim().parse().ok()
}

/// Any socket serves for ioctl(2).
fn query_socket() -> Result<Socket, NetError> {
    Socket::new(Domain::IPV4, Type::DGRAM, None).map_err(NetError::socket("open a socket", SUBJECT))
}

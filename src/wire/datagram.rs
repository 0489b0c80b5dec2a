//! What the readers of IP headers pass on to the readers of their payload.

use crate::model::{Family, IpHeader};

use super::error::{Layer, WireError};

/// An IP packet, taken apart down to its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) header: IpHeader,
    pub(super) protocol: u8,
    pub(super) payload: &'a [u8],
    pub(super) wire_len: u32,
}

/// Whether the checksums of TCP and ICMP are checked. That of the IPv4 header always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// A wrong checksum is an error. In an ICMP error it is only noted.
    Verify,
    /// Checksums count as right, because the kernel has not completed them.
    Trust,
}

/// The family of the packet at the start of `bytes`, and the name of its header.
pub(super) fn family(bytes: &[u8]) -> Result<(Family, Layer), WireError> {
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok((Family::V4, Layer::Ipv4)),
        Some(6) => Ok((Family::V6, Layer::Ipv6)),
        Some(have) => {
            Err(WireError::Malformed { layer: Layer::Ipv4, field: "version", need: "4 or 6", have: have.into() })
        }
        None => Err(WireError::truncated(Layer::Ipv4, "version", 1, 0)),
    }
}

//! The Internet checksum (RFC 1071) and the pseudo headers that TCP and ICMPv6 put before it.
//!
//! `pnet::packet::util` is not used because it sums a second slice of odd length wrongly. Here a checksum is always over
//! one contiguous slice. Tests compare the two.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Family, IpHeader};

use super::error::{Layer, WireError};

/// The two addresses of a packet, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Source and destination of an IPv4 packet.
    V4(Ipv4Addr, Ipv4Addr),
    /// Source and destination of an IPv6 packet.
    V6(Ipv6Addr, Ipv6Addr),
}

impl Ends {
    pub(super) fn new(source: IpAddr, destination: IpAddr, layer: Layer) -> Result<Self, WireError> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Ok(Self::V4(source, destination)),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Ok(Self::V6(source, destination)),
            _ => Err(WireError::MixedFamilies { layer }),
        }
    }

    pub(super) fn of(header: &IpHeader) -> Result<Self, WireError> {
        let layer = match Family::of(header.destination) {
            Family::V4 => Layer::Ipv4,
            Family::V6 => Layer::Ipv6,
        };
        Self::new(header.source, header.destination, layer)
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Self::V4(..) => Family::V4,
            Self::V6(..) => Family::V6,
        }
    }

    /// The sum of the pseudo header: RFC 9293, 3.1 for IPv4 and RFC 8200, 8.1 for IPv6.
    fn pseudo_header(self, protocol: u8, len: usize) -> u64 {
        let addresses = match self {
            Self::V4(source, destination) => words(&source.octets()) + words(&destination.octets()),
            Self::V6(source, destination) => words(&source.octets()) + words(&destination.octets()),
        };
        addresses + u64::from(protocol) + len as u64
    }
}

/// The checksum of `bytes` if their checksum field is zero. The result is zero if the field is filled in and right.
pub(super) fn plain(bytes: &[u8]) -> u16 {
    finish(words(bytes))
}

/// As [`plain`], with the pseudo header of `protocol` before the bytes.
pub(super) fn with_pseudo_header(ends: Ends, protocol: u8, bytes: &[u8]) -> u16 {
    finish(ends.pseudo_header(protocol, bytes.len()) + words(bytes))
}

/// `Ok` if `residue`, the checksum over bytes that include the field, says that the field `have` is right.
pub(super) fn verify(residue: u16, have: u16, layer: Layer) -> Result<(), WireError> {
    if residue == 0 {
        return Ok(());
    }
    // With S the sum without the field, residue = !(S + have), so residue + have is !S: the field's right value.
    let need = !finish(u64::from(residue) + u64::from(have));
    Err(WireError::Checksum { layer, need, have })
}

fn words(bytes: &[u8]) -> u64 {
    let mut pairs = bytes.chunks_exact(2);
    let sum: u64 = pairs.by_ref().map(|pair| u64::from(pair[0]) << 8 | u64::from(pair[1])).sum();
    let last = pairs.remainder().first().map_or(0, |byte| u64::from(*byte) << 8);
    sum + last
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use pnet::packet::ip::IpNextHeaderProtocols;
    use pnet::packet::util;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_the_example_of_rfc_1071_section_3() {
        // The sum is ddf2, the checksum its complement.
        assert_eq!(plain(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn an_odd_last_byte_counts_as_the_high_half_of_a_word() {
        assert_eq!(plain(&[0x12, 0x34, 0x56]), plain(&[0x12, 0x34, 0x56, 0x00]));
    }

    #[test]
    fn names_the_right_value_of_a_wrong_field() {
        let mut bytes = [0x45, 0x00, 0x00, 0x00, 0x12, 0x34];
        let right = plain(&bytes);
        bytes[2..4].copy_from_slice(&0xbeef_u16.to_be_bytes());
        let error = verify(plain(&bytes), 0xbeef, Layer::Ipv4);
        assert_eq!(error, Err(WireError::Checksum { layer: Layer::Ipv4, need: right, have: 0xbeef }));
    }

    proptest! {
        #[test]
        fn agrees_with_pnet_on_one_slice(bytes in prop::collection::vec(any::<u8>(), 40..120), a: [u8; 4], b: [u8; 4]) {
            // pnet takes the words at a given index as the field; index 99 is beyond the slice.
            prop_assert_eq!(plain(&bytes), util::checksum(&bytes, 99));
            let (source, destination) = (Ipv4Addr::from(a), Ipv4Addr::from(b));
            let theirs = util::ipv4_checksum(&bytes, 99, &[], &source, &destination, IpNextHeaderProtocols::Tcp);
            prop_assert_eq!(with_pseudo_header(Ends::V4(source, destination), 6, &bytes), theirs);
        }

        #[test]
        fn agrees_with_pnet_over_ipv6(bytes in prop::collection::vec(any::<u8>(), 40..120), a: [u8; 16], b: [u8; 16]) {
            let (source, destination) = (Ipv6Addr::from(a), Ipv6Addr::from(b));
            let theirs = util::ipv6_checksum(&bytes, 99, &[], &source, &destination, IpNextHeaderProtocols::Icmpv6);
            prop_assert_eq!(with_pseudo_header(Ends::V6(source, destination), 58, &bytes), theirs);
        }
    }
}

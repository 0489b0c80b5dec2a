//! How interfaces and links are called.
//!
//! e0 looks to c, e1 to s. Links parallel to link 2 are 12, 22, ...; their interfaces are those of link 2 with a number behind. A link
//! with a wire goes through namespace w, where the wire reads both sides.

/// One of the two sides of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    TowardsC,
    TowardsS,
}

impl Side {
    /// The address of this end of a link: 1 is nearer to c, 2 to s. What looks to c is the far end of its link.
    pub(crate) fn end(self) -> u8 {
        match self {
            Self::TowardsC => 2,
            Self::TowardsS => 1,
        }
    }
}

/// One of the two interfaces in w that a wire connects.
#[derive(Clone, Copy)]
pub(crate) enum WireEnd {
    A,
    B,
}

/// The name of a node's interface; member 0 is the link itself, the others lie beside it.
pub(crate) fn interface_name(side: Side, member: usize) -> String {
    let name = match side {
        Side::TowardsC => "e0",
        Side::TowardsS => "e1",
    };
    if member == 0 { name.to_owned() } else { format!("{name}p{member}") }
}

/// The interface in w at an end of a wire.
pub(crate) fn wire_interface(link: usize, end: WireEnd) -> String {
    match end {
        WireEnd::A => format!("w{link}a"),
        WireEnd::B => format!("w{link}b"),
    }
}

/// The number of a link in addresses.
pub(crate) fn member_number(link: usize, member: usize) -> usize {
    link + 10 * member
}

/// Neighbours are written down, so that no loss ever hits ARP.
pub(crate) fn hardware_address(number: usize, end: u8) -> String {
    format!("02:00:00:00:{number:02}:{end:02}")
}

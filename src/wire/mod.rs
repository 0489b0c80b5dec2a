//! Bytes on the wire to and from the packets of [`crate::model`].
//!
//! * [`emit()`] writes a whole IP packet, [`fragment()`] cuts one up, [`parse()`] reads one, [`summary()`] shows one as
//!   a line.
//! * [`Reassembler`] makes fragments whole again, [`segments()`] undoes the joining of TCP segments.
//! * The views of `pnet::packet` are used here and nowhere else; they give fields, never decisions.
//!
//! **Panics:** none, whatever the bytes are. A length field is compared with the bytes at hand before it is used, and
//! every claim that does not hold is a [`WireError`] which names the layer and the field.
//!
//! **Checksums:** a kernel hands packets of its own host, or of a virtual link, to packet sockets before the checksum
//! of TCP is complete. Read those with [`Checksums::Trust`]; the socket says which they are (`TP_STATUS_CSUMNOTREADY`).

#![allow(clippy::doc_markdown, reason = "ICMPv6 is a name, not code")]

mod checksum;
mod datagram;
mod emit;
mod error;
mod fragment;
mod icmp;
mod ipv4;
mod ipv6;
mod options;
mod parse;
mod piece;
mod protocol;
mod quote;
mod reassembly;
mod segments;
mod summary;
mod tcp;

pub use datagram::Checksums;
pub use emit::emit;
pub use error::{Layer, WireError};
pub use fragment::fragment;
pub use options::{TcpOptions, parse_tcp_options};
pub use parse::{Parsed, parse, parse_icmp, parse_with};
pub use piece::Piece;
pub use quote::parse_quote;
pub use reassembly::{Reassembled, Reassembler};
pub use segments::segments;
pub use summary::{Summary, summary};

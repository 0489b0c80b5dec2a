//! Converts between bytes on the wire and the packets of [`crate::model`].
//!
//! * [`emit()`] writes a whole IP packet, [`fragment()`] cuts one up, [`parse()`] reads one, [`summary()`] shows one as
//!   a line.
//! * [`Reassembler`] makes fragments whole again, [`segments()`] undoes the joining of TCP segments.
//! * Only this folder uses the views of `pnet::packet`. They read fields and decide nothing.
//!
//! **Panics:** none for any input. Each length field is compared with the bytes that are there before it is used. If they
//! disagree, a [`WireError`] names the layer and the field.
//!
//! **Checksums:** a packet of this host, or of a virtual link, may reach a packet socket before its TCP checksum is
//! complete. The socket says so (`TP_STATUS_CSUMNOTREADY`); read such a packet with [`Checksums::Trust`].

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

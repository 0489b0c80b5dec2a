//! What is made of one connection, and how large its packets are.

use crate::model::{Grade, PacketSize, Stall, TcpInfo, TcpSocket};

/// The bytes that timestamps take off each segment (RFC 7323, appendix A).
const TIMESTAMPS: u32 = 12;

/// What is made of one connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Judgement {
    /// It stands still.
    Stalled(Grade, Stall),
    /// The peer has no room for more.
    WaitsForRoom,
    /// It sends something again, and has not done so often enough to tell.
    Young,
    /// It sends something small again.
    Small,
    /// It goes on, or has nothing to do.
    Fine,
}

/// The packet that a segment with so many bytes makes.
pub(super) fn packet(socket: &TcpSocket, info: &TcpInfo, bytes: u32) -> PacketSize {
    let options = if info.has_timestamps { TIMESTAMPS } else { 0 };
    PacketSize::new(bytes.saturating_add(options).saturating_add(socket.family().tcp_headers()))
}

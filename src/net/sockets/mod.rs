//! The TCP connections of this host, as the kernel tells them to anybody who asks (sock_diag(7)). It takes no privilege.
//!
//! * `answer`: bytes to plain types; `processes`: who holds a socket; `holder_reader`: a child that tells so for as long as the run lasts.

mod answer;
#[doc(hidden)]
pub mod fuzz;
mod holder_reader;
mod processes;

use std::io::{self, Read};
use std::time::Duration;

use netlink_packet_core::{Emitable, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP, SOCK_DIAG_BY_FAMILY};
use socket2::{Domain, Protocol, Socket, Type};

use super::NetError;
use crate::model::TcpSocket;
use answer::Answer;
pub use holder_reader::HolderReader;
pub use processes::holders;

/// linux/netlink.h.
const NETLINK_SOCK_DIAG: i32 = 4;
/// The kernel answers at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than the kernel puts into one message (32 KiB).
const ROOM: usize = 1 << 17;
/// More connections than a host has. What it costs to look at them stays within bounds.
const MOST_SOCKETS: usize = 1 << 20;

const SUBJECT: &str = "list of connections";

/// A question to the kernel that may be asked again and again, also after all privileges are given up.
pub struct SocketTables {
    socket: Socket,
    sequence: u32,
}

impl SocketTables {
    /// Opens the socket.
    pub fn open() -> Result<Self, NetError> {
        let protocol = Protocol::from(NETLINK_SOCK_DIAG);
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(protocol))
            .map_err(NetError::socket("open a socket", SUBJECT))?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(NetError::socket("set a time limit", SUBJECT))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// All TCP sockets of this network namespace, IPv4 and IPv6.
    pub fn tcp(&mut self) -> Result<Vec<TcpSocket>, NetError> {
        let mut found = Vec::new();
        for id in [SocketId::new_v4(), SocketId::new_v6()] {
            match self.of_family(id, &mut found) {
                Ok(()) => {}
                // A kernel without IPv6.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) && !found.is_empty() => {}
                Err(error) => {
                    let reason = match error.raw_os_error() {
                        Some(libc::ENOENT) => "its part tcp_diag is missing; try `modprobe tcp_diag`".to_owned(),
                        _ => error.to_string(),
                    };
                    return Err(NetError::Netlink { subject: "the connections of this host", reason });
                }
            }
        }
        Ok(found)
    }

    fn of_family(&mut self, id: SocketId, found: &mut Vec<TcpSocket>) -> io::Result<()> {
        self.sequence += 1;
        self.socket.send(&question(id, self.sequence))?;
        let mut buffer = vec![0; ROOM];
        loop {
            let length = (&self.socket).read(&mut buffer)?;
            match answer::read(buffer.get(..length).unwrap_or_default(), self.sequence, found) {
                Answer::GoesOn if found.len() < MOST_SOCKETS => {}
                Answer::GoesOn | Answer::Done => return Ok(()),
                Answer::Failed(code) => return Err(io::Error::from_raw_os_error(code)),
            }
        }
    }
}

fn question(socket_id: SocketId, sequence: u32) -> Vec<u8> {
    let family = if socket_id.source_address.is_ipv4() { AF_INET } else { AF_INET6 };
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::INFO | ExtensionFlags::SKMEMINFO,
        // What is over (TIME-WAIT) may be the most of all.
        states: StateFlags::all() - StateFlags::TIME_WAIT - StateFlags::CLOSE,
        socket_id,
    };
    let mut header = NetlinkHeader::default();
    let length = header.buffer_len() + request.buffer_len();
    header.length = length as u32;
    header.message_type = SOCK_DIAG_BY_FAMILY;
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = sequence;
    let mut bytes = vec![0; length];
    let (start, rest) = bytes.split_at_mut(header.buffer_len());
    header.emit(start);
    request.emit(rest);
    bytes
}

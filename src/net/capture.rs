//! Receives what arrives at the interfaces, before this host's firewall sees it.
//!
//! One packet socket for all interfaces and both families; a filter in the kernel admits only packets that are ours.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::duplicates::Duplicates;
use super::ours::Ours;
use super::sys::{self, FromPacketSocket};
use super::{NetError, filter};

const SUBJECT: &str = "capture";
const RECEIVE_BUFFER: i32 = 32 << 20;

/// A buffer of this size takes the largest packet of any interface: loopback carries 65,536 bytes, and the kernel may
/// join the segments of a burst into one packet of up to that size.
pub const LARGEST_CAPTURE: usize = 65_600;

/// `TP_STATUS_CSUMNOTREADY`: the sender, on this host, left the checksum to the interface.
const CHECKSUM_NOT_READY: u32 = libc::TP_STATUS_CSUMNOTREADY;
/// `TP_STATUS_GSO_TCP`, Linux 6.1 and later.
const SEGMENTS_JOINED: u32 = 1 << 8;

/// The capture socket.
pub struct Capture {
    socket: AsyncFd<Socket>,
    duplicates: Mutex<Duplicates>,
    started: Instant,
}

/// What was received, beside the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes in the buffer, from the IP header on. Ethernet may have padded them: the IP header has the true length.
    pub len: usize,
    /// Index of the interface it came in on; of a packet that passes several, the first.
    pub interface: u32,
    /// Whether the TCP checksum can be judged.
    pub checksum: Checksum,
    /// The kernel joined several segments: `len` is not the size of a packet on the wire. Older kernels never say so.
    pub joined: bool,
}

/// Whether a packet carries its checksum yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The checksum is what the sender put there.
    Ready,
    /// The packet was made on this host, or on a virtual link's other end, and its checksum was never computed.
    NotReady,
}

impl Capture {
    /// Opens the socket. Needs `CAP_NET_RAW`, and a tokio runtime around it.
    pub fn open(ours: Ours) -> Result<Self, NetError> {
        let failed = |operation| NetError::socket(operation, SUBJECT);
        // Protocol 0 receives nothing: no packet gets in before the filter is there.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None).map_err(failed("open a socket"))?;
        socket.attach_filter(&filter::capture(ours).as_filter()).map_err(failed("attach a filter"))?;
        // Linux 4.20. The filter drops outgoing packets as well; this only saves it the work.
        let _ = sys::set_option(&socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1 as libc::c_int);
        sys::set_option(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1 as libc::c_int)
            .map_err(failed("ask for checksum states"))?;
        set_receive_buffer(&socket, RECEIVE_BUFFER).map_err(failed("enlarge the buffer"))?;
        socket.set_nonblocking(true).map_err(failed("leave blocking mode"))?;
        sys::bind_packet_socket(&socket, libc::ETH_P_ALL as u16).map_err(failed("bind"))?;
        let socket = sys::register(socket).map_err(failed("register with the runtime"))?;
        Ok(Self { socket, duplicates: Mutex::new(Duplicates::new()), started: Instant::now() })
    }

    /// The next packet. Loses none if dropped while waiting.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<Received> {
        loop {
            let packet = self.socket.async_io(Interest::READABLE, |socket| receive(socket, buffer)).await?;
            if let Some(received) = self.unless_copy(&packet, buffer) {
                return Ok(received);
            }
        }
    }

    /// The next packet if one is waiting.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        loop {
            match self.socket.try_io(Interest::READABLE, |socket| receive(socket, buffer)) {
                Ok(packet) => {
                    if let Some(received) = self.unless_copy(&packet, buffer) {
                        return Ok(Some(received));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// How many packets the kernel had no room for since the last call: more than none means "drain faster, send slower".
    pub fn overflowed(&self) -> io::Result<u32> {
        sys::packets_dropped(self.socket.get_ref())
    }

    fn unless_copy(&self, packet: &FromPacketSocket, buffer: &[u8]) -> Option<Received> {
        let bytes = buffer.get(..packet.length)?;
        let mut duplicates = self.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        if duplicates.is_copy(self.started.elapsed(), packet.interface, bytes) {
            return None;
        }
        let not_ready = packet.status & CHECKSUM_NOT_READY != 0;
        Some(Received {
            len: packet.length,
            interface: packet.interface,
            checksum: if not_ready { Checksum::NotReady } else { Checksum::Ready },
            joined: packet.status & SEGMENTS_JOINED != 0,
        })
    }
}

/// An interface that goes down leaves `ENETDOWN` on the socket once; the others go on.
fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<FromPacketSocket> {
    match sys::receive_packet(socket, buffer) {
        Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => sys::receive_packet(socket, buffer),
        other => other,
    }
}

/// As large as asked with `CAP_NET_ADMIN`, else as large as `net.core.rmem_max` allows.
pub(super) fn set_receive_buffer(socket: &Socket, bytes: i32) -> io::Result<()> {
    let forced = sys::set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes);
    forced.or_else(|_| socket.set_recv_buffer_size(bytes.unsigned_abs() as usize))
}

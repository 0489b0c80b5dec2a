//! Receives what arrives at the interfaces, before this host's firewall sees it.
//!
//! One packet socket for all interfaces and both families; a filter in the kernel admits only packets that are ours.

use std::io;
use std::num::NonZeroU16;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::duplicates::Duplicates;
use super::ours::Ours;
use super::sys::{self, FromPacketSocket, Offload, OffloadHeader};
use super::{NetError, filter};

const SUBJECT: &str = "capture";
const RECEIVE_BUFFER: i32 = 32 << 20;

/// A buffer of this size takes the largest packet of any interface: loopback carries 65,536 bytes, and the kernel may
/// join the segments of a burst into one packet of up to that size. The link's header comes before it.
pub const LARGEST_CAPTURE: usize = 65_600;

/// `TP_STATUS_CSUMNOTREADY`: the sender, on this host, left the checksum to the interface.
const CHECKSUM_NOT_READY: u32 = libc::TP_STATUS_CSUMNOTREADY;
/// `TP_STATUS_GSO_TCP`, Linux 6.1 and later.
const SEGMENTS_JOINED: u32 = 1 << 8;
/// `VIRTIO_NET_HDR_F_NEEDS_CSUM`: as [`CHECKSUM_NOT_READY`].
const NEEDS_CHECKSUM: u8 = 1;
/// `VIRTIO_NET_HDR_GSO_ECN`, a flag in the type. Without it, the type of a packet that was not joined is zero.
const GSO_ECN: u8 = 0x80;

/// Packets that were received together. It reuses its memory.
pub struct Batch {
    buffer: Vec<u8>,
    raw: Vec<FromPacketSocket>,
    packets: Vec<Received>,
}

impl Batch {
    /// Room for some packets of any size.
    pub fn new() -> Self {
        // Memory pages that no packet reaches are never used.
        let buffer = vec![0; sys::AT_ONCE * LARGEST_CAPTURE];
        Self { buffer, raw: Vec::with_capacity(sys::AT_ONCE), packets: Vec::with_capacity(sys::AT_ONCE) }
    }

    /// A placeholder without room for packets.
    pub fn empty() -> Self {
        Self { buffer: Vec::new(), raw: Vec::new(), packets: Vec::new() }
    }

    /// What was received last, in order.
    pub fn packets(&self) -> impl Iterator<Item = (Received, &[u8])> {
        self.packets.iter().map(|received| (*received, received.bytes(&self.buffer)))
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

/// The capture socket.
pub struct Capture {
    socket: AsyncFd<Socket>,
    offload: OffloadHeader,
    duplicates: Mutex<Duplicates>,
    started: Instant,
}

/// What is known of a received packet beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where in the buffer the IP header begins.
    pub start: usize,
    /// Bytes from there on. Ethernet may have padded them; the IP header has the true length.
    pub len: usize,
    /// Index of the interface that it came in on, the first if it passed several.
    pub interface: u32,
    /// Whether the TCP checksum can be judged.
    pub checksum: Checksum,
    /// How it came over the wire.
    pub on_wire: OnWire,
}

impl Received {
    /// The packet, from its IP header on, in the buffer that it was received into.
    pub fn bytes<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        buffer.get(self.start..).and_then(|bytes| bytes.get(..self.len)).unwrap_or_default()
    }
}

/// How a packet from the capture came over the wire: a receiving interface, or the kernel, joins TCP segments that
/// follow each other (GRO, LRO), and a neighbour on a virtual link hands over what it would have cut up (TSO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWire {
    /// As it is here.
    Whole,
    /// As TCP segments with this many bytes of payload, the last with the rest.
    Segments(NonZeroU16),
    /// As TCP segments of unknown size: the kernel has no `PACKET_VNET_HDR`.
    UnknownSegments,
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
        // Protocol 0 receives nothing, so no packet gets in before the filter is attached.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed("open a socket"))?;
        socket.attach_filter(&filter::capture(ours).as_filter()).map_err(failed("attach a filter"))?;
        sys::lock_filter(&socket).map_err(failed("lock the filter"))?;
        // Linux 4.20. This only saves work, because the filter drops outgoing packets as well.
        let _ = sys::set_option(&socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1 as libc::c_int);
        sys::set_option(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1 as libc::c_int)
            .map_err(failed("ask for checksum states"))?;
        // Every Linux has it. Emulations of Linux may not; they still work for packets that were not joined.
        let offload = match sys::set_option(&socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1 as libc::c_int) {
            Ok(()) => OffloadHeader::Present,
            Err(_) => OffloadHeader::Absent,
        };
        set_receive_buffer(&socket, RECEIVE_BUFFER).map_err(failed("enlarge the buffer"))?;
        socket.set_nonblocking(true).map_err(failed("leave blocking mode"))?;
        sys::bind_packet_socket(&socket, libc::ETH_P_ALL as u16).map_err(failed("bind"))?;
        let socket = sys::register(socket).map_err(failed("register with the runtime"))?;
        Ok(Self { socket, offload, duplicates: Mutex::new(Duplicates::new()), started: Instant::now() })
    }

    /// The next packet. Cancelling loses no packet.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut raw = Vec::with_capacity(1);
        loop {
            let room = buffer.len();
            let receive = |socket: &Socket| receive(socket, self.offload, buffer, room, &mut raw);
            self.socket.async_io(Interest::READABLE, receive).await?;
            if let Some(received) = raw.first().and_then(|packet| self.unless_copy(packet, 0, buffer)) {
                return Ok(received);
            }
        }
    }

    /// The packets that wait, or the next one. Cancelling loses no packet.
    pub async fn fill(&self, batch: &mut Batch) -> io::Result<()> {
        self.socket.async_io(Interest::READABLE, |socket| self.receive_batch(socket, batch)).await
    }

    /// The packets that wait. Returns whether there may be more.
    pub fn try_fill(&self, batch: &mut Batch) -> io::Result<bool> {
        match self.receive_batch(self.socket.get_ref(), batch) {
            Ok(()) => Ok(batch.raw.len() == sys::AT_ONCE),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                batch.packets.clear();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn receive_batch(&self, socket: &Socket, batch: &mut Batch) -> io::Result<()> {
        let Batch { buffer, raw, packets } = batch;
        packets.clear();
        receive(socket, self.offload, buffer, LARGEST_CAPTURE, raw)?;
        let rooms = raw.iter().enumerate();
        packets.extend(rooms.filter_map(|(room, packet)| self.unless_copy(packet, room * LARGEST_CAPTURE, buffer)));
        Ok(())
    }

    /// The next packet if one is waiting.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let mut raw = Vec::with_capacity(1);
        loop {
            let room = buffer.len();
            let receive = |socket: &Socket| receive(socket, self.offload, buffer, room, &mut raw);
            match self.socket.try_io(Interest::READABLE, receive) {
                Ok(()) => {
                    if let Some(received) = raw.first().and_then(|packet| self.unless_copy(packet, 0, buffer)) {
                        return Ok(Some(received));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// How many packets the kernel dropped since the last call because the buffer was full.
    pub fn overflowed(&self) -> io::Result<u32> {
        sys::packets_dropped(self.socket.get_ref())
    }

    /// `room`: where in the buffer it was received to.
    fn unless_copy(&self, packet: &FromPacketSocket, room: usize, buffer: &[u8]) -> Option<Received> {
        // Without the link headers, which differ between the copies of a packet.
        let bytes = buffer.get(room + packet.network..room + packet.length)?;
        let mut duplicates = self.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        if duplicates.is_copy(self.started.elapsed(), packet.interface, bytes) {
            return None;
        }
        Some(Received {
            start: room + packet.network,
            len: bytes.len(),
            interface: packet.interface,
            checksum: checksum(packet.status, packet.offload),
            on_wire: on_wire(packet.status, packet.offload),
        })
    }
}

fn checksum(status: u32, offload: Option<Offload>) -> Checksum {
    let needed = offload.is_some_and(|offload| offload.flags & NEEDS_CHECKSUM != 0);
    if needed || status & CHECKSUM_NOT_READY != 0 { Checksum::NotReady } else { Checksum::Ready }
}

fn on_wire(status: u32, offload: Option<Offload>) -> OnWire {
    let offload = offload.unwrap_or_default();
    let is_joined = offload.gso_type & !GSO_ECN != 0 || status & SEGMENTS_JOINED != 0;
    match (is_joined, NonZeroU16::new(offload.gso_size)) {
        (false, _) => OnWire::Whole,
        (true, Some(payload)) => OnWire::Segments(payload),
        (true, None) => OnWire::UnknownSegments,
    }
}

/// An interface that goes down leaves `ENETDOWN` on the socket once, while the others go on. `EINVAL` stands for a packet that
/// the kernel joined in a way that `PACKET_VNET_HDR` cannot express. That packet is lost, but it was not TCP.
fn receive(
    socket: &Socket,
    offload: OffloadHeader,
    buffer: &mut [u8],
    room: usize,
    received: &mut Vec<FromPacketSocket>,
) -> io::Result<()> {
    loop {
        match sys::receive_packets(socket, offload, buffer, room, received) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::EINVAL)) => {}
            other => return other,
        }
    }
}

/// As large as asked with `CAP_NET_ADMIN`, else as large as `net.core.rmem_max` allows.
pub(super) fn set_receive_buffer(socket: &Socket, bytes: i32) -> io::Result<()> {
    let forced = sys::set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes);
    forced.or_else(|_| socket.set_recv_buffer_size(bytes.unsigned_abs() as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offload(flags: u8, gso_type: u8, gso_size: u16) -> Offload {
        Offload { flags, gso_type, gso_size, ..Offload::default() }
    }

    #[test]
    fn joined_segments_have_the_size_that_the_kernel_tells() {
        let segments = |size| OnWire::Segments(NonZeroU16::new(size).expect("a size"));
        assert_eq!(on_wire(0, Some(offload(0, 0, 0))), OnWire::Whole);
        assert_eq!(on_wire(0, Some(offload(0, 1, 1448))), segments(1448));
        assert_eq!(on_wire(SEGMENTS_JOINED, Some(offload(1, 4 | GSO_ECN, 1428))), segments(1428));
        assert_eq!(on_wire(0, Some(offload(0, GSO_ECN, 0))), OnWire::Whole, "the remark alone joins nothing");
    }

    #[test]
    fn joined_segments_of_unknown_size_are_no_whole_packet() {
        assert_eq!(on_wire(SEGMENTS_JOINED, None), OnWire::UnknownSegments);
        assert_eq!(on_wire(SEGMENTS_JOINED, Some(offload(0, 0, 0))), OnWire::UnknownSegments);
        assert_eq!(on_wire(0, Some(offload(0, 1, 0))), OnWire::UnknownSegments);
        assert_eq!(on_wire(0, None), OnWire::Whole, "nobody says otherwise");
    }

    #[test]
    fn either_source_tells_of_an_unready_checksum() {
        assert_eq!(checksum(0, Some(offload(0, 0, 0))), Checksum::Ready);
        assert_eq!(checksum(0, Some(offload(NEEDS_CHECKSUM, 0, 0))), Checksum::NotReady);
        assert_eq!(checksum(CHECKSUM_NOT_READY, None), Checksum::NotReady);
    }
}

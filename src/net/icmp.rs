//! Receives the ICMP errors that passed this host's firewall: those its kernel acts on. It receives echo replies too, because
//! a large one may arrive in fragments and the kernel puts them together.
//!
//! An error that [`capture`](super::capture) saw and these sockets did not was dropped by this host.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::bpf::FilterProgram;
use super::capture::set_receive_buffer;
use super::ours::Ours;
use super::{NetError, filter, sys};
use crate::model::Family;

const SUBJECT: &str = "raw ICMP socket";
const RECEIVE_BUFFER: i32 = 4 << 20;

/// `ICMP_FILTER` of linux/icmp.h.
const ICMP_FILTER: libc::c_int = 1;
/// `ICMPV6_FILTER` of linux/icmpv6.h.
const ICMPV6_FILTER: libc::c_int = 1;

/// A buffer of this size takes any ICMP error.
pub const LARGEST_ERROR: usize = 65_600;

/// The raw ICMP sockets of both families.
pub struct IcmpSockets {
    v4: AsyncFd<Socket>,
    v6: Option<AsyncFd<Socket>>,
    /// Messages dropped so far, as last seen, by family.
    dropped: [AtomicU32; 2],
}

/// Messages that the kernel dropped before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedIcmp {
    v4: u32,
    v6: u32,
}

impl DroppedIcmp {
    /// How many were dropped because this host could not keep up. `captured`: how many packets the capture lost meanwhile.
    ///
    /// A raw ICMPv6 socket counts as dropped whatever has a wrong checksum, even if its filter would not admit it
    /// (`rawv6_rcv_skb`), and anybody may send that. So its drops mean something only if the capture lost packets as well.
    pub fn by_overload(self, captured: u32) -> u32 {
        self.v4 + if captured > 0 { self.v6 } else { 0 }
    }
}

/// An ICMP error that reached the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelIcmp<'a> {
    /// ICMP or ICMPv6.
    pub family: Family,
    /// Who sent it.
    pub from: IpAddr,
    /// The ICMP message from its type field on, in both families: exactly what the capture has behind the IP header of
    /// the same packet, so the two can be compared. (A raw ICMPv6 socket never gets the IP header; that of ICMP does,
    /// and it is cut off here.)
    ///
    /// A kernel verifies the checksum of ICMPv6 before, and that of ICMP after it hands a copy to raw sockets: judge
    /// the one of ICMP by the capture.
    pub message: &'a [u8],
}

impl IcmpSockets {
    /// Opens the sockets. Needs `CAP_NET_RAW`, and a tokio runtime around it.
    ///
    /// Filters in the kernel admit only errors about our packets, so a flood of others cannot fill the buffers.
    pub fn open(ours: Ours) -> Result<Self, NetError> {
        let v4 = open(Domain::IPV4, Protocol::ICMPV4, &filter::kernel_icmpv4(ours))?;
        // A raw ICMP socket makes the kernel cache a path MTU for our echo requests. In IPv4 this mode prevents it.
        rustix::net::sockopt::set_ip_mtu_discover(&v4, Ipv4PathMtuDiscovery::INTERFACE)
            .map_err(|error| NetError::socket("keep the path MTU cache as it is", SUBJECT)(error.into()))?;
        let wanted: u32 = !(1 | 1 << 3 | 1 << 11);
        sys::set_option(&v4, libc::SOL_RAW, ICMP_FILTER, wanted).map_err(NetError::socket("select types", SUBJECT))?;
        let register = |socket| sys::register(socket).map_err(NetError::socket("register with the runtime", SUBJECT));
        Ok(Self {
            v4: register(v4)?,
            v6: open_v6(ours)?.map(register).transpose()?,
            dropped: [const { AtomicU32::new(0) }; 2],
        })
    }

    /// The next error. Cancelling loses no error.
    pub async fn recv<'b>(&self, buffer: &'b mut [u8]) -> io::Result<KernelIcmp<'b>> {
        loop {
            self.readable().await?;
            if let Some(found) = self.receive(buffer)? {
                return Ok(found.message(buffer));
            }
        }
    }

    /// The next error if one is waiting.
    pub fn try_recv<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<KernelIcmp<'b>>> {
        Ok(self.receive(buffer)?.map(|found| found.message(buffer)))
    }

    /// How many messages the kernel dropped since the last call.
    pub fn dropped(&self) -> io::Result<DroppedIcmp> {
        let since = |socket: &AsyncFd<Socket>, seen: &AtomicU32| -> io::Result<u32> {
            let total = sys::messages_dropped(socket.get_ref())?;
            Ok(total.wrapping_sub(seen.swap(total, Ordering::Relaxed)))
        };
        let [v4, v6] = &self.dropped;
        Ok(DroppedIcmp {
            v4: since(&self.v4, v4)?,
            v6: self.v6.as_ref().map(|socket| since(socket, v6)).transpose()?.unwrap_or(0),
        })
    }

    /// Waits until either family has something to read.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.v6 {
            None => self.v4.readable().await.map(drop),
            Some(v6) => tokio::select! {
                ready = self.v4.readable() => ready.map(drop),
                ready = v6.readable() => ready.map(drop),
            },
        }
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<MessageRange>> {
        for (family, socket) in [(Family::V4, Some(&self.v4)), (Family::V6, self.v6.as_ref())] {
            let Some(socket) = socket else { continue };
            match socket.try_io(Interest::READABLE, |socket| sys::receive_from(socket, buffer)) {
                Ok((end, address)) => {
                    let from = address.as_socket().map_or(family_unspecified(family), |address| address.ip());
                    let start = match family {
                        Family::V4 => ipv4_header_len(buffer).min(end),
                        Family::V6 => 0,
                    };
                    return Ok(Some(MessageRange { family, from, start, end }));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Where in the buffer a message lies.
struct MessageRange {
    family: Family,
    from: IpAddr,
    start: usize,
    end: usize,
}

impl MessageRange {
    fn message(self, buffer: &[u8]) -> KernelIcmp<'_> {
        let message = buffer.get(self.start..self.end).unwrap_or_default();
        KernelIcmp { family: self.family, from: self.from, message }
    }
}

fn open(domain: Domain, protocol: Protocol, program: &FilterProgram) -> Result<Socket, NetError> {
    let failed = |operation| NetError::socket(operation, SUBJECT);
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).map_err(failed("open a socket"))?;
    socket.attach_filter(&program.as_filter()).map_err(failed("attach a filter"))?;
    sys::lock_filter(&socket).map_err(failed("lock the filter"))?;
    set_receive_buffer(&socket, RECEIVE_BUFFER).map_err(failed("enlarge the buffer"))?;
    socket.set_nonblocking(true).map_err(failed("leave blocking mode"))?;
    Ok(socket)
}

/// `None` if this kernel has no IPv6.
fn open_v6(ours: Ours) -> Result<Option<Socket>, NetError> {
    let socket = match open(Domain::IPV6, Protocol::ICMPV6, &filter::kernel_icmpv6(ours)) {
        Ok(socket) => socket,
        Err(NetError::Socket { source, .. }) if source.raw_os_error() == Some(libc::EAFNOSUPPORT) => return Ok(None),
        Err(error) => return Err(error),
    };
    rustix::net::sockopt::set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::INTERFACE)
        .map_err(|error| NetError::socket("keep the path MTU cache as it is", SUBJECT)(error.into()))?;
    // A set bit blocks a type (RFC 3542, section 3.2, as Linux has it).
    let mut blocked = [u32::MAX; 8];
    blocked[0] = !(1 << 1 | 1 << 2 | 1 << 3);
    blocked[129 / 32] = !(1 << (129 % 32));
    sys::set_option(&socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, blocked)
        .map_err(NetError::socket("select types", SUBJECT))?;
    Ok(Some(socket))
}

fn ipv4_header_len(packet: &[u8]) -> usize {
    packet.first().map_or(0, |first| usize::from(first & 0x0f) * 4)
}

fn family_unspecified(family: Family) -> IpAddr {
    match family {
        Family::V4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

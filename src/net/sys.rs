//! The system calls that no safe crate offers. Nothing here decides anything.

#![allow(unsafe_code, reason = "the one place for system calls without a safe wrapper")]
#![allow(clippy::cast_ptr_alignment, reason = "control message data are read and written unaligned")]

use std::io;
use std::mem::{self, MaybeUninit, size_of};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use libc::{c_int, c_void, socklen_t};
use socket2::{SockAddr, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a socket with the runtime of the caller, for reading.
pub(super) fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: `Socket` owns its descriptor, closes it only when dropped, always returns the same one, and `AsyncFd` owns
    // the `Socket` from here on.
    unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }.map_err(Into::into)
}

/// setsockopt(2) for options that neither socket2 nor rustix know. `T` must be what the option documents.
pub(super) fn set_option<T: Copy>(socket: &Socket, level: c_int, name: c_int, value: T) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which lives through the call; the kernel only reads it.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size_of::<T>() as socklen_t)
    };
    check(result)
}

/// Binds a packet socket to a protocol on all interfaces, which starts the reception.
pub(super) fn bind_packet_socket(socket: &Socket, protocol: u16) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol.to_be(),
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer and the length describe `address`, which lives through the call; the kernel only reads it.
    let result = unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as socklen_t)
    };
    check(result)
}

/// Packets that a packet socket had no room for since the last call.
pub(super) fn packets_dropped(socket: &Socket) -> io::Result<u32> {
    let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut length = size_of::<libc::tpacket_stats>() as socklen_t;
    // SAFETY: the pointer and the length describe `stats`; every bit pattern is a valid `tpacket_stats`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut stats).cast(),
            &raw mut length,
        )
    };
    check(result).map(|()| stats.tp_drops)
}

/// Messages that a socket had no room for since it was opened (`SO_MEMINFO`, Linux 4.12; zero on older kernels).
pub(super) fn messages_dropped(socket: &Socket) -> io::Result<u32> {
    /// `SK_MEMINFO_DROPS` of linux/sock_diag.h, the last of nine numbers.
    const DROPS: usize = 8;
    let mut numbers = [0_u32; DROPS + 1];
    let mut length = size_of_val(&numbers) as socklen_t;
    // SAFETY: the pointer and the length describe `numbers`; every bit pattern is a valid number.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    match check(result) {
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(0),
        Err(error) => Err(error),
        Ok(()) => Ok(numbers[DROPS]),
    }
}

/// A packet from a packet socket.
pub(super) struct FromPacketSocket {
    /// Bytes written to the buffer, the link's header included.
    pub(super) length: usize,
    /// Index of the interface.
    pub(super) interface: u32,
    /// `tp_status` of the auxiliary data, zero if there are none.
    pub(super) status: u32,
    /// Where in the buffer the IP header begins: `tp_net` of the auxiliary data.
    pub(super) network: usize,
    /// Of a socket with `PACKET_VNET_HDR`.
    pub(super) offload: Option<Offload>,
}

/// `struct virtio_net_hdr` of linux/virtio_net.h, in the host's byte order, which the libc crate lacks.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offload {
    pub(super) flags: u8,
    pub(super) gso_type: u8,
    pub(super) header_length: u16,
    pub(super) gso_size: u16,
    pub(super) checksum_start: u16,
    pub(super) checksum_offset: u16,
}

/// Whether a packet socket puts an [`Offload`] before each packet (`PACKET_VNET_HDR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffloadHeader {
    Present,
    Absent,
}

/// Room for control messages, aligned as their headers want it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// recvmsg(2) on a packet socket, without blocking.
pub(super) fn receive_packet(
    socket: &Socket,
    header: OffloadHeader,
    buffer: &mut [u8],
) -> io::Result<FromPacketSocket> {
    let mut control = Control([0; 64]);
    let mut offload = Offload::default();
    let header_len = match header {
        OffloadHeader::Present => size_of::<Offload>(),
        OffloadHeader::Absent => 0,
    };
    let mut data = [
        libc::iovec { iov_base: (&raw mut offload).cast(), iov_len: header_len },
        libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() },
    ];
    // SAFETY: all-zero is a valid `sockaddr_ll` and a valid `msghdr` (null pointers with zero lengths).
    let (mut address, mut message): (libc::sockaddr_ll, libc::msghdr) = unsafe { (mem::zeroed(), mem::zeroed()) };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = size_of::<libc::sockaddr_ll>() as socklen_t;
    message.msg_iov = data.as_mut_ptr();
    message.msg_iovlen = data.len() as _;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer in `message` describes memory that is borrowed exclusively and lives through the call; every
    // bit pattern is a valid `Offload`.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel filled `message` and the control buffer, which is still alive.
    let auxiliary = unsafe { auxiliary_data(&message) };
    Ok(FromPacketSocket {
        length: length.saturating_sub(header_len).min(buffer.len()),
        interface: address.sll_ifindex.cast_unsigned(),
        status: auxiliary.map_or(0, |data| data.tp_status),
        network: auxiliary.map_or(0, |data| data.tp_net.into()),
        offload: (header == OffloadHeader::Present).then_some(offload),
    })
}

/// # Safety
///
/// `message` must come from recvmsg(2), and its control buffer must be alive.
unsafe fn auxiliary_data(message: &libc::msghdr) -> Option<libc::tpacket_auxdata> {
    // SAFETY: the macros walk within `msg_controllen`, by the contract of this function; the data of a PACKET_AUXDATA
    // message are a `tpacket_auxdata`, read unaligned.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_PACKET && (*header).cmsg_type == libc::PACKET_AUXDATA {
                return Some(ptr::read_unaligned(libc::CMSG_DATA(header).cast::<libc::tpacket_auxdata>()));
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    None
}

/// recvfrom(2) without blocking.
pub(super) fn receive_from(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, SockAddr)> {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and recvfrom(2) only ever writes initialised bytes to it.
    let buffer = unsafe { &mut *(ptr::from_mut::<[u8]>(buffer) as *mut [MaybeUninit<u8>]) };
    socket.recv_from_with_flags(buffer, libc::MSG_DONTWAIT)
}

/// sendmsg(2) of a packet that brings its own IP header, routed as from `source`.
///
/// The kernel does not look into the header for the source when it chooses a route; the control message tells it, so
/// that rules like `ip rule add from ADDRESS` act as they do on TCP.
pub(super) fn send_packet(socket: &Socket, packet: &[u8], source: IpAddr, destination: SocketAddr) -> io::Result<()> {
    let scope = match destination {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    };
    let mut control = Control([0; 64]);
    let control_length = match source {
        IpAddr::V4(source) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            write_control(&mut control, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        IpAddr::V6(source) => {
            let info =
                libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: source.octets() }, ipi6_ifindex: scope as _ };
            write_control(&mut control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    };
    let address = SockAddr::from(destination);
    let mut data = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
    // SAFETY: all-zero is a valid `msghdr`.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_name = address.as_ptr().cast_mut().cast();
    message.msg_namelen = address.len();
    message.msg_iov = &raw mut data;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control_length as _;
    // SAFETY: every pointer in `message` describes memory that lives through the call; the kernel only reads it.
    let sent =
        unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Writes one control message and returns its length.
fn write_control<T: Copy>(control: &mut Control, level: c_int, kind: c_int, value: T) -> usize {
    const { assert!(size_of::<libc::cmsghdr>() + size_of::<T>() + 16 <= size_of::<Control>()) };
    // SAFETY: CMSG_SPACE and CMSG_LEN only compute. The assertion above shows that header and data fit into the buffer,
    // whose alignment is that of a header; the data are written unaligned.
    unsafe {
        let header = control.0.as_mut_ptr().cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<T>() as u32) as _;
        ptr::write_unaligned(libc::CMSG_DATA(header).cast::<T>(), value);
        libc::CMSG_SPACE(size_of::<T>() as u32) as usize
    }
}

/// The MTU of an interface. `descriptor` may be any socket.
pub(super) fn interface_mtu(descriptor: RawFd, name: &str) -> io::Result<u32> {
    // SAFETY: all-zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    if name.len() > room {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (slot, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *slot = libc::c_char::from_ne_bytes([byte]);
    }
    // SAFETY: SIOCGIFMTU reads the name, which ends in zero, and writes `ifru_mtu` of the same structure.
    let mtu = unsafe {
        check(libc::ioctl(descriptor, libc::SIOCGIFMTU as _, (&raw mut request).cast::<c_void>()))?;
        request.ifr_ifru.ifru_mtu
    };
    u32::try_from(mtu).map_err(|_| io::Error::from_raw_os_error(libc::ERANGE))
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

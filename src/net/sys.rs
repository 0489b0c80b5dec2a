//! The system calls that no safe crate offers. This file decides nothing.

#![allow(unsafe_code, reason = "the one place for system calls without a safe wrapper")]
#![allow(clippy::cast_ptr_alignment, reason = "control message data are read and written unaligned")]

use std::io;
use std::mem::{self, MaybeUninit, size_of};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

use libc::{c_int, c_void, socklen_t};
use rustix::process::Pid;
use socket2::{SockAddr, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a socket with the runtime of the caller, for reading.
pub(super) fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: `Socket` owns its descriptor, closes it only when dropped, always returns the same one, and `AsyncFd` owns
    // the `Socket` from here on.
    unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }.map_err(Into::into)
}

/// The same for any other descriptor.
pub(super) fn register_descriptor(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: as for `register`; an `OwnedFd` is its descriptor.
    unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }.map_err(Into::into)
}

/// Starts a child that does this work and ends. To be called while this thread is the only one.
pub(super) fn fork_child(work: impl FnOnce()) -> io::Result<Pid> {
    // SAFETY: the callers of `net` come here before they start threads (`net::privilege` needs the same), so the child finds
    // no lock that a thread of its parent holds.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: ends the child here. Nothing of its parent's is flushed or dropped a second time.
            unsafe { libc::_exit(outcome.is_err().into()) }
        }
        child => Pid::from_raw(child).ok_or_else(|| io::ErrorKind::InvalidData.into()),
    }
}

/// Has the child of this command do this work before its program starts. To be used while this thread is the only one.
pub(super) fn before_exec(command: &mut Command, work: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: as for `fork_child`: the child finds no lock that a thread of its parent holds.
    unsafe { command.pre_exec(work) };
}

/// Closes every descriptor of this process but stderr and these. For a child that got them with all the others.
pub(super) fn close_all_but(kept: &[RawFd]) {
    let mut kept: Vec<u32> = [&[libc::STDERR_FILENO], kept].concat().iter().map(|each| each.cast_unsigned()).collect();
    kept.sort_unstable();
    let mut from = 0;
    for descriptor in kept {
        if from < descriptor {
            close_range(from, descriptor - 1);
        }
        from = descriptor + 1;
    }
    close_range(from, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    // SAFETY: whoever calls `close_all_but` uses none of these descriptors any more. A kernel without the call (before 5.9) leaves
    // them open, which the end of the child repairs.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
}

/// Whether the kernel started this program with rights that its user does not have (`AT_SECURE` of getauxval(3)).
pub(super) fn is_secure_execution() -> bool {
    // SAFETY: reads a number that the kernel left on the stack of the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether the program was started as another user than the one who started it. It stays true when the process changes its user.
pub(super) fn is_set_user_id() -> bool {
    // SAFETY: reads numbers that the kernel left on the stack of the process.
    unsafe { libc::getauxval(libc::AT_UID) != libc::getauxval(libc::AT_EUID) }
}

/// Ignores signals for the rest of this process's life.
pub(super) fn ignore_signals(signals: &[c_int]) {
    for &signal in signals {
        // SAFETY: `SIG_IGN` runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Holds a signal back for this thread and those that it starts, or lets it in. One that came meanwhile waits.
pub(super) fn hold_signal(signal: c_int, is_held: bool) {
    let how = if is_held { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    // SAFETY: an all-zero set is a valid one for `sigemptyset` to fill; both calls only write to `set`, which lives through them.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut());
    }
}

/// setsockopt(2) for options that neither socket2 nor rustix know. `T` must be what the option documents.
pub(super) fn set_option<T: Copy>(socket: &Socket, level: c_int, name: c_int, value: T) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which lives through the call; the kernel only reads it.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size_of::<T>() as socklen_t)
    };
    check(result)
}

/// Keeps the filter of a socket for its life: whoever gets hold of the socket cannot detach it (Linux 3.9).
pub(super) fn lock_filter(socket: &Socket) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, 1 as c_int)
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

/// Packets that a packet socket dropped since the last call because its buffer was full.
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

/// Messages that a socket dropped since it was opened (`SO_MEMINFO`, Linux 4.12; zero on older kernels).
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

/// What the kernel tells of a TCP connection (`TCP_INFO`). Older kernels leave the last fields zero.
pub(super) fn tcp_info(socket: &impl AsRawFd) -> io::Result<libc::tcp_info> {
    // SAFETY: every bit pattern, all zero included, is a valid `tcp_info`, which holds numbers alone.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as socklen_t;
    // SAFETY: the pointer and the length describe `info`, which lives through the call.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut length)
    };
    check(result).map(|()| info)
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

/// Room for control messages, aligned as their headers require.
#[repr(C, align(8))]
struct ControlBuffer([u8; 64]);

/// Packets that one system call receives or sends at most.
pub(super) const AT_ONCE: usize = 32;

/// What recvmmsg(2) needs beside the buffers, for one packet.
#[repr(C)]
struct Envelope {
    address: libc::sockaddr_ll,
    offload: Offload,
    control: ControlBuffer,
}

/// recvmmsg(2) on a packet socket, without blocking. `buffer` is cut into equal rooms, one for each packet, of which there
/// are [`AT_ONCE`] at most. Puts what was received into `received`, in the order of the rooms.
pub(super) fn receive_packets(
    socket: &Socket,
    header: OffloadHeader,
    buffer: &mut [u8],
    room: usize,
    received: &mut Vec<FromPacketSocket>,
) -> io::Result<()> {
    received.clear();
    let header_len = match header {
        OffloadHeader::Present => size_of::<Offload>(),
        OffloadHeader::Absent => 0,
    };
    // SAFETY: all-zero is valid for each: addresses, numbers, bytes, and null pointers with zero lengths.
    let (mut envelopes, mut data, mut messages): (
        [Envelope; AT_ONCE],
        [[libc::iovec; 2]; AT_ONCE],
        [libc::mmsghdr; AT_ONCE],
    ) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
    let mut rooms = 0;
    let each = envelopes.iter_mut().zip(&mut data).zip(&mut messages).zip(buffer.chunks_exact_mut(room.max(1)));
    for (((envelope, data), message), room) in each {
        data[0] = libc::iovec { iov_base: (&raw mut envelope.offload).cast(), iov_len: header_len };
        data[1] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        let message = &mut message.msg_hdr;
        message.msg_name = (&raw mut envelope.address).cast();
        message.msg_namelen = size_of::<libc::sockaddr_ll>() as socklen_t;
        message.msg_iov = data.as_mut_ptr();
        message.msg_iovlen = data.len() as _;
        message.msg_control = envelope.control.0.as_mut_ptr().cast();
        message.msg_controllen = envelope.control.0.len() as _;
        rooms += 1;
    }
    // SAFETY: every pointer in the first `rooms` messages describes memory that is borrowed exclusively and lives through
    // the call; every bit pattern is a valid `Offload`.
    let count = unsafe {
        libc::recvmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), rooms, libc::MSG_DONTWAIT as _, ptr::null_mut())
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    for (message, envelope) in messages.iter().zip(&envelopes).take(count) {
        // SAFETY: the kernel filled the message and its control buffer, which is still alive.
        let auxiliary = unsafe { auxiliary_data(&message.msg_hdr) };
        received.push(FromPacketSocket {
            length: (message.msg_len as usize).saturating_sub(header_len).min(room),
            interface: envelope.address.sll_ifindex.cast_unsigned(),
            status: auxiliary.map_or(0, |data| data.tp_status),
            network: auxiliary.map_or(0, |data| data.tp_net.into()),
            offload: (header == OffloadHeader::Present).then_some(envelope.offload),
        });
    }
    Ok(())
}

/// # Safety
///
/// `message` must come from recvmsg(2) or recvmmsg(2), and its control buffer must be alive.
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

/// A packet that brings its own IP header, and where it goes.
#[derive(Clone, Copy)]
pub(super) struct ToSend<'a> {
    pub(super) packet: &'a [u8],
    pub(super) source: IpAddr,
    pub(super) destination: SocketAddr,
}

/// What sendmmsg(2) needs beside the bytes, for one packet.
struct SendHeader {
    address: MaybeUninit<SockAddr>,
    control: ControlBuffer,
}

/// sendmmsg(2) of at most [`AT_ONCE`] packets, each routed as from its source. Returns how many were sent. An error is about
/// the first.
///
/// The kernel does not read the source from the header when it chooses a route. The control message names it, so that rules
/// like `ip rule add from ADDRESS` work as for TCP.
pub(super) fn send_packets<'a>(socket: &Socket, packets: impl Iterator<Item = ToSend<'a>>) -> io::Result<usize> {
    let mut labels =
        [const { SendHeader { address: MaybeUninit::uninit(), control: ControlBuffer([0; 64]) } }; AT_ONCE];
    // SAFETY: all-zero is a valid `iovec` and a valid `mmsghdr` (null pointers with zero lengths).
    let (mut data, mut messages): ([libc::iovec; AT_ONCE], [libc::mmsghdr; AT_ONCE]) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    let mut count = 0;
    for (((label, data), message), each) in labels.iter_mut().zip(&mut data).zip(&mut messages).zip(packets) {
        let control_length = write_source(&mut label.control, each);
        let address = label.address.write(SockAddr::from(each.destination));
        *data = libc::iovec { iov_base: each.packet.as_ptr().cast_mut().cast(), iov_len: each.packet.len() };
        let message = &mut message.msg_hdr;
        message.msg_name = address.as_ptr().cast_mut().cast();
        message.msg_namelen = address.len();
        message.msg_iov = &raw mut *data;
        message.msg_iovlen = 1;
        message.msg_control = label.control.0.as_mut_ptr().cast();
        message.msg_controllen = control_length as _;
        count += 1;
    }
    if count == 0 {
        return Ok(0);
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: every pointer in the first `count` messages describes memory that lives through the call; the kernel writes
    // to nothing but `msg_len`.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, flags as _) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Writes the control message that names the source. Returns its length.
fn write_source(control: &mut ControlBuffer, each: ToSend<'_>) -> usize {
    let scope = match each.destination {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    };
    match each.source {
        IpAddr::V4(source) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            write_control(control, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        IpAddr::V6(source) => {
            let info =
                libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: source.octets() }, ipi6_ifindex: scope as _ };
            write_control(control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

/// Writes one control message and returns its length.
fn write_control<T: Copy>(control: &mut ControlBuffer, level: c_int, kind: c_int, value: T) -> usize {
    const { assert!(size_of::<libc::cmsghdr>() + size_of::<T>() + 16 <= size_of::<ControlBuffer>()) };
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

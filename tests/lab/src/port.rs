//! The two ends of a wire: the frames of an interface, or the packets of a TUN.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::OFlags;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

/// All protocols (`ETH_P_ALL`).
const ALL_PROTOCOLS: u16 = 3;
const AF_PACKET: u16 = 17;

/// Where a wire ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PortName {
    /// All frames of this interface of the present network namespace. Its neighbour must have its offloads off.
    Interface(String),
    /// The packets of a TUN that is made in this network namespace.
    Tun { namespace: PathBuf, name: String },
}

impl FromStr for PortName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(tun) = text.strip_prefix("tun:") else { return Ok(Self::Interface(text.to_owned())) };
        let (namespace, name) = tun.rsplit_once(':').ok_or("expected tun:NAMESPACE_FILE:NAME")?;
        Ok(Self::Tun { namespace: namespace.into(), name: name.to_owned() })
    }
}

/// Opens an end: one read is one packet, one write is one packet.
pub(crate) fn open(name: &PortName) -> io::Result<File> {
    match name {
        PortName::Interface(interface) => open_interface(interface),
        PortName::Tun { namespace, name } => open_tun(namespace, name),
    }
    .map_err(|error| io::Error::new(error.kind(), format!("cannot open {name:?}: {error}")))
}

/// The frames of an interface in both directions, to look at.
pub(crate) fn witness(name: &str) -> io::Result<File> {
    bind(packet_socket()?, name).map_err(|error| io::Error::new(error.kind(), format!("cannot watch {name}: {error}")))
}

fn open_interface(name: &str) -> io::Result<File> {
    let socket = packet_socket()?;
    socket.attach_filter(&all_but_our_own_frames())?;
    socket.set_nonblocking(true)?;
    bind(socket, name)
}

fn packet_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
    // Thousands of addresses at the same time fill more than net.core.rmem_max allows.
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 64 << 20)
        .or_else(|_| socket.set_recv_buffer_size(8 << 20))?;
    Ok(socket)
}

fn bind(socket: Socket, name: &str) -> io::Result<File> {
    let index = rustix::net::netdevice::name_to_index(&socket, name)?;
    socket.bind(&link_address(index)?)?;
    Ok(File::from(OwnedFd::from(socket)))
}

/// Frames that this program sends come back as packets of type "outgoing": never admit them.
fn all_but_our_own_frames() -> [SockFilter; 4] {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const PACKET_TYPE: u32 = 0xffff_f000 + 4;
    const OUTGOING: u32 = 4;
    [
        SockFilter::new(LOAD_WORD, 0, 0, PACKET_TYPE),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, OUTGOING),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

/// `struct sockaddr_ll` for all protocols of one interface.
#[repr(C)]
#[derive(Clone, Copy)]
struct LinkAddress {
    family: u16,
    protocol: u16,
    index: u32,
    hardware_type: u16,
    packet_type: u8,
    address_length: u8,
    address: [u8; 8],
}

#[allow(unsafe_code, reason = "neither socket2 nor rustix can build a sockaddr_ll")]
fn link_address(index: u32) -> io::Result<SockAddr> {
    let address = LinkAddress {
        family: AF_PACKET,
        protocol: ALL_PROTOCOLS.to_be(),
        index,
        hardware_type: 0,
        packet_type: 0,
        address_length: 0,
        address: [0; 8],
    };
    // SAFETY: the storage is larger than the 20 bytes of `LinkAddress`, which has the layout of `sockaddr_ll`, and the
    // length says how many of them were written.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            storage.cast::<LinkAddress>().write(address);
            *length = size_of::<LinkAddress>() as _;
            Ok(())
        })?
    };
    Ok(address)
}

/// Makes a TUN in another namespace. The device belongs to the namespace that opens the file, so a thread goes there.
fn open_tun(namespace: &Path, name: &str) -> io::Result<File> {
    let namespace = File::open(namespace)?;
    let name = name.to_owned();
    let opened = std::thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open("/dev/net/tun")?;
        attach_tun(&file, &name)?;
        Ok(file)
    });
    opened.join().unwrap_or_else(|_| Err(io::Error::other("the thread that makes the TUN failed")))
}

/// `struct ifreq` with a name and flags.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

#[allow(unsafe_code, reason = "TUNSETIFF is an ioctl")]
fn attach_tun(file: &File, name: &str) -> io::Result<()> {
    const TUNSETIFF: rustix::ioctl::Opcode = 0x4004_54ca;
    const PACKETS_WITHOUT_HEADER: u16 = 0x0001 | 0x1000;
    let mut request = InterfaceRequest { name: [0; 16], flags: PACKETS_WITHOUT_HEADER, rest: [0; 22] };
    let name = name.as_bytes().get(..15).unwrap_or(name.as_bytes());
    request.name[..name.len()].copy_from_slice(name);
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq` of 40 bytes, which `InterfaceRequest` is.
    unsafe { rustix::ioctl::ioctl(file, rustix::ioctl::Updater::<TUNSETIFF, _>::new(&mut request))? };
    Ok(())
}

//! Local TCP ports that the kernel of this host owns but never answers on.
//!
//! The kernel does not know our TCP connections. It would reset them, because it answers a segment for an unused port with
//! RST. A listening socket whose filter drops everything prevents that without a firewall rule. If the privilege for a filter
//! is missing, the socket demands TCP signatures, which has the same effect. A socket that is bound but does not listen is
//! not enough.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

use super::bpf::FilterProgram;
use super::ours::PortBlock;
use super::{NetError, sys};
use crate::model::Family;

const LOWEST: u16 = 33_000;
const HIGHEST: u16 = 60_000;
const ATTEMPTS: usize = 256;
const SUBJECT: &str = "silent port";

/// Neighbouring silent ports, the same in IPv4 and IPv6. Free again when dropped.
#[derive(Debug)]
pub struct SilentPorts {
    block: PortBlock,
    has_ipv6: bool,
    sockets: Vec<Socket>,
}

impl SilentPorts {
    /// Takes `count` ports that no other program uses.
    pub fn reserve(count: u16) -> Result<Self, NetError> {
        let has_ipv6 = has_ipv6()?;
        let random = RandomState::new();
        for attempt in 0..ATTEMPTS {
            let room = HIGHEST.saturating_sub(LOWEST).saturating_sub(count).max(1);
            let first = LOWEST + (random.hash_one(attempt) % u64::from(room)) as u16;
            let Some(block) = PortBlock::new(first, count) else { break };
            if let Some(sockets) = take(block, has_ipv6)? {
                return Ok(Self { block, has_ipv6, sockets });
            }
        }
        Err(NetError::NoFreePorts { count })
    }

    /// Gives the last port to this host's own TCP: nobody listens on it any more, but connections may leave from it. It stays
    /// one of ours, so that no other program takes it and the capture sees what comes to it.
    pub fn leave_last_to_own_tcp(&mut self) -> Result<u16, NetError> {
        let port = self.block.last();
        let families = if self.has_ipv6 { 2 } else { 1 };
        self.sockets.truncate(self.sockets.len().saturating_sub(families));
        for &family in if self.has_ipv6 { &[Family::V4, Family::V6][..] } else { &[Family::V4] } {
            self.sockets.push(open_socket(family, port)?);
        }
        Ok(port)
    }

    /// The ports.
    pub fn block(&self) -> PortBlock {
        self.block
    }

    /// Whether this kernel has IPv6, so that the ports are held there too.
    pub fn has_ipv6(&self) -> bool {
        self.has_ipv6
    }
}

/// All sockets of a block, or `None` if a port of it is in use.
fn take(block: PortBlock, has_ipv6: bool) -> Result<Option<Vec<Socket>>, NetError> {
    let families = if has_ipv6 { &[Family::V4, Family::V6][..] } else { &[Family::V4] };
    let mut sockets = Vec::with_capacity(families.len() * block.ports().count());
    for port in block.ports() {
        for &family in families {
            match silent_socket(family, port) {
                Ok(socket) => sockets.push(socket),
                Err(NetError::Socket { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Some(sockets))
}

/// A port that others may connect from.
fn open_socket(family: Family, port: u16) -> Result<Socket, NetError> {
    let (socket, address) = socket_for(family, port)?;
    // Without SO_REUSEADDR, binding fails if another program uses the port. With it, connections share the port.
    socket.bind(&address.into()).map_err(NetError::socket("bind", SUBJECT))?;
    socket.set_reuse_address(true).map_err(NetError::socket("share", SUBJECT))?;
    Ok(socket)
}

fn socket_for(family: Family, port: u16) -> Result<(Socket, SocketAddr), NetError> {
    let address = match family {
        Family::V4 => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        Family::V6 => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
    };
    let domain = domain(family);
    let socket =
        Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).map_err(NetError::socket("open a socket", SUBJECT))?;
    if family == Family::V6 {
        socket.set_only_v6(true).map_err(NetError::socket("keep IPv4 apart", SUBJECT))?;
    }
    Ok((socket, address))
}

fn silent_socket(family: Family, port: u16) -> Result<Socket, NetError> {
    let (socket, address) = socket_for(family, port)?;
    // Before listen(2), because a segment that came in between would be answered.
    match socket.attach_filter(&FilterProgram::drop_everything().as_filter()) {
        // Recent kernels demand CAP_NET_ADMIN for a filter on a TCP socket.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            demand_signatures(&socket, family).map_err(NetError::socket("silence", SUBJECT))?;
        }
        result => {
            result.and_then(|()| sys::lock_filter(&socket)).map_err(NetError::socket("attach a filter", SUBJECT))?;
        }
    }
    // Without SO_REUSEADDR, binding fails if another program uses the port.
    socket.bind(&address.into()).map_err(NetError::socket("bind", SUBJECT))?;
    socket.listen(1).map_err(NetError::socket("listen", SUBJECT))?;
    Ok(socket)
}

/// Makes the kernel discard every segment, because none has a TCP signature (RFC 2385) with a key that nobody knows.
fn demand_signatures(socket: &Socket, family: Family) -> io::Result<()> {
    let mut key = SignatureKey {
        address: [0; 128],
        flags: ANY_ADDRESS,
        prefix_length: 0,
        key_length: 8,
        interface: 0,
        key: [0; 80],
    };
    key.address[..2].copy_from_slice(&(libc::c_int::from(domain(family)).cast_unsigned() as u16).to_ne_bytes());
    key.key[..8].copy_from_slice(&RandomState::new().hash_one(socket.as_raw_fd()).to_ne_bytes());
    sys::set_option(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG_EXT, key)
}

/// `struct tcp_md5sig` of linux/tcp.h, which the libc crate lacks.
#[repr(C)]
#[derive(Clone, Copy)]
struct SignatureKey {
    /// A `sockaddr_storage`: the family, and the address zero.
    address: [u8; 128],
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: i32,
    key: [u8; 80],
}

/// `TCP_MD5SIG_FLAG_PREFIX`: the prefix length counts, and zero covers every address.
const ANY_ADDRESS: u8 = 1;

fn domain(family: Family) -> Domain {
    match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    }
}

fn has_ipv6() -> Result<bool, NetError> {
    match Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => Ok(false),
        Err(source) => Err(NetError::Socket { operation: "open a socket", subject: SUBJECT, source }),
    }
}

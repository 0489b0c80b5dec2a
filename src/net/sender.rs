//! Sends whole packets unchanged, IP header included.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Protocol, Socket, Type};

use super::NetError;
use super::bpf::FilterProgram;
use super::sys;
use crate::model::Refusal;

const SUBJECT: &str = "raw sender";
const SEND_BUFFER: i32 = 8 << 20;

/// Why a packet was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The kernel refused it for a reason that may concern the path.
    #[error("the kernel refused the packet: {0:?}")]
    Refused(Refusal),
    /// Any other error: a fault of this program or of this host.
    #[error(transparent)]
    Failed(#[from] NetError),
}

/// The raw sockets of both families.
#[derive(Debug)]
pub struct Sender {
    v4: Socket,
    v6: Option<Socket>,
}

impl Sender {
    /// Opens the sockets, bound to an interface if one is named.
    pub fn open(interface: Option<&str>) -> Result<Self, NetError> {
        let v4 = open(Domain::IPV4, interface)?;
        v4.set_header_included_v4(true).map_err(NetError::socket("include IP headers", SUBJECT))?;
        // Otherwise the kernel refuses a probe larger than a cached path MTU with EMSGSIZE and fakes a PTB from our own address.
        rustix::net::sockopt::set_ip_mtu_discover(&v4, Ipv4PathMtuDiscovery::PROBE)
            .map_err(|error| NetError::socket("ignore cached path MTUs", SUBJECT)(error.into()))?;
        report_local_loss(&v4, libc::IPPROTO_IP, libc::IP_RECVERR)?;
        Ok(Self { v4, v6: open_v6(interface)? })
    }

    /// Sends packets in order until one is refused. Returns how many were sent and why the next was not. One call sends a few
    /// dozen packets of one family at most: call again with the rest.
    pub fn send_many<'a>(&self, parcels: impl Iterator<Item = Parcel<'a>> + Clone) -> (usize, Result<(), SendError>) {
        let Some(first) = parcels.clone().next() else { return (0, Ok(())) };
        let socket = match first.destination {
            IpAddr::V4(_) => Some(&self.v4),
            IpAddr::V6(_) => self.v6.as_ref(),
        };
        let Some(socket) = socket else { return (0, Err(SendError::Refused(Refusal::NoRoute))) };
        let same_family = parcels.take_while(|each| each.destination.is_ipv4() == first.destination.is_ipv4());
        match sys::send_packets(socket, same_family.map_while(Parcel::to_send)) {
            Ok(0) => (0, Err(failed(first.destination, libc::EINVAL))),
            Ok(sent) => (sent, Ok(())),
            Err(error) => (0, Err(refused(first.destination, error))),
        }
    }

    /// Sends one packet. `packet` begins at its IP header; `scope_id` is the interface index of a link-local
    /// destination, else 0. Never blocks, never allocates.
    pub fn send(&self, packet: &[u8], destination: IpAddr, scope_id: u32) -> Result<(), SendError> {
        self.send_many(std::iter::once(Parcel { packet, destination, scope_id })).1
    }
}

/// A packet from its IP header on, and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The packet.
    pub packet: &'a [u8],
    /// Where it goes.
    pub destination: IpAddr,
    /// Interface index of a link-local destination, else 0.
    pub scope_id: u32,
}

impl<'a> Parcel<'a> {
    /// `None` if the packet is not of the destination's family.
    fn to_send(self) -> Option<sys::ToSend<'a>> {
        let destination = match self.destination {
            IpAddr::V4(to) => SocketAddr::V4(SocketAddrV4::new(to, 0)),
            IpAddr::V6(to) => SocketAddr::V6(SocketAddrV6::new(to, 0, 0, self.scope_id)),
        };
        let source = source_of(self.packet, self.destination)?;
        Some(sys::ToSend { packet: self.packet, source, destination })
    }
}

fn open(domain: Domain, interface: Option<&str>) -> Result<Socket, NetError> {
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))
        .map_err(NetError::socket("open a socket", SUBJECT))?;
    // The socket only sends. Without a filter it would receive packets of IP protocol 255.
    socket
        .attach_filter(&FilterProgram::drop_everything().as_filter())
        .map_err(NetError::socket("attach a filter", SUBJECT))?;
    socket.set_nonblocking(true).map_err(NetError::socket("leave blocking mode", SUBJECT))?;
    set_send_buffer(&socket)?;
    if let Some(name) = interface {
        socket.bind_device(Some(name.as_bytes())).map_err(|source| match source.raw_os_error() {
            Some(libc::ENODEV) => NetError::NoInterface { name: name.to_owned() },
            _ => NetError::Socket { operation: "bind to the interface", subject: SUBJECT, source },
        })?;
    }
    Ok(socket)
}

/// `None` if this kernel has no IPv6.
fn open_v6(interface: Option<&str>) -> Result<Option<Socket>, NetError> {
    let socket = match open(Domain::IPV6, interface) {
        Ok(socket) => socket,
        Err(NetError::Socket { source, .. }) if source.raw_os_error() == Some(libc::EAFNOSUPPORT) => return Ok(None),
        Err(error) => return Err(error),
    };
    socket.set_header_included_v6(true).map_err(NetError::socket("include IPv6 headers", SUBJECT))?;
    rustix::net::sockopt::set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::PROBE)
        .map_err(|error| NetError::socket("ignore cached path MTUs", SUBJECT)(error.into()))?;
    report_local_loss(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR)?;
    Ok(Some(socket))
}

/// Without this option a raw socket does not report that the queue of the interface was full. Then a packet that was not sent
/// would count as lost on the path.
fn report_local_loss(socket: &Socket, level: libc::c_int, name: libc::c_int) -> Result<(), NetError> {
    sys::set_option(socket, level, name, 1 as libc::c_int).map_err(NetError::socket("report full queues", SUBJECT))
}

/// Only `CAP_NET_ADMIN` may exceed the limit of the system. Without it the buffer is as large as the limit allows.
fn set_send_buffer(socket: &Socket) -> Result<(), NetError> {
    let forced = sys::set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SEND_BUFFER);
    forced
        .or_else(|_| socket.set_send_buffer_size(SEND_BUFFER.unsigned_abs() as usize))
        .map_err(NetError::socket("enlarge the buffer", SUBJECT))
}

/// The source address in the packet's header. `None` if the packet is not of the destination's family.
fn source_of(packet: &[u8], destination: IpAddr) -> Option<IpAddr> {
    let version = packet.first()? >> 4;
    match destination {
        IpAddr::V4(_) if version == 4 => {
            let octets: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            Some(Ipv4Addr::from(octets).into())
        }
        IpAddr::V6(_) if version == 6 => {
            let octets: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

fn refused(destination: IpAddr, error: io::Error) -> SendError {
    match error.raw_os_error().and_then(refusal) {
        Some(refusal) => SendError::Refused(refusal),
        None => SendError::Failed(NetError::Send { destination, source: error }),
    }
}

fn failed(destination: IpAddr, errno: i32) -> SendError {
    NetError::Send { destination, source: io::Error::from_raw_os_error(errno) }.into()
}

fn refusal(errno: i32) -> Option<Refusal> {
    Some(match errno {
        libc::EMSGSIZE => Refusal::TooBig,
        libc::EPERM | libc::EACCES => Refusal::Forbidden,
        libc::ENETUNREACH | libc::EHOSTUNREACH => Refusal::NoRoute,
        libc::ENOBUFS | libc::EAGAIN | libc::ENOMEM => Refusal::Busy,
        libc::ENETDOWN | libc::ENODEV | libc::ENXIO => Refusal::InterfaceDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_read_from_the_header() {
        let mut v4 = [0_u8; 20];
        v4[0] = 0x45;
        v4[12..16].copy_from_slice(&[192, 0, 2, 7]);
        let to4: IpAddr = "198.51.100.1".parse().expect("an address");
        let to6: IpAddr = "2001:db8::1".parse().expect("an address");
        assert_eq!(source_of(&v4, to4), Some("192.0.2.7".parse().expect("an address")));
        assert_eq!(source_of(&v4, to6), None, "an IPv4 packet does not go to an IPv6 address");
        assert_eq!(source_of(&v4[..15], to4), None);

        let mut v6 = [0_u8; 40];
        v6[0] = 0x60;
        v6[8..10].copy_from_slice(&[0xfd, 0]);
        assert_eq!(source_of(&v6, to6), Some("fd00::".parse().expect("an address")));
        assert_eq!(source_of(&[], to6), None);
    }

    #[test]
    fn errors_that_say_nothing_about_the_path_are_not_refusals() {
        assert_eq!(refusal(libc::EMSGSIZE), Some(Refusal::TooBig));
        assert_eq!(refusal(libc::EPERM), Some(Refusal::Forbidden));
        assert_eq!(refusal(libc::EHOSTUNREACH), Some(Refusal::NoRoute));
        assert_eq!(refusal(libc::EAGAIN), Some(Refusal::Busy));
        assert_eq!(refusal(libc::ENETDOWN), Some(Refusal::InterfaceDown));
        assert_eq!(refusal(libc::EBADF), None);
        assert_eq!(refusal(libc::EINVAL), None);
    }
}

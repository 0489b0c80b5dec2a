//! Packets made by a second implementation, not by the code under test.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use etherparse::{IcmpEchoHeader, Icmpv4Type, Icmpv6Type, PacketBuilder, PacketBuilderStep};
use socket2::{Domain, Protocol, Socket, Type};

/// A TCP packet of `size` bytes, or as small as possible.
pub(crate) fn tcp(from: (IpAddr, u16), to: (IpAddr, u16), size: usize, flags: TcpFlags) -> Vec<u8> {
    let headers = if from.0.is_ipv4() { 40 } else { 60 };
    let step = ip_step(from.0, to.0).tcp(from.1, to.1, 1000, 65_000);
    let step = match flags {
        TcpFlags::SynAck => step.syn().ack(5000),
        TcpFlags::Ack => step.ack(5000),
    };
    let payload = vec![b'x'; size.saturating_sub(headers)];
    let mut packet = Vec::new();
    step.write(&mut packet, &payload).expect("a packet");
    packet
}

#[derive(Clone, Copy)]
pub(crate) enum TcpFlags {
    SynAck,
    Ack,
}

pub(crate) fn udp(from: (IpAddr, u16), to: (IpAddr, u16), size: usize) -> Vec<u8> {
    let headers = if from.0.is_ipv4() { 28 } else { 48 };
    let mut packet = Vec::new();
    let payload = vec![0; size.saturating_sub(headers)];
    ip_step(from.0, to.0).udp(from.1, to.1).write(&mut packet, &payload).expect("a packet");
    packet
}

pub(crate) fn echo(from: IpAddr, to: IpAddr, is_reply: bool, id: u16) -> Vec<u8> {
    let header = IcmpEchoHeader { id, seq: 1 };
    let mut packet = Vec::new();
    let step = ip_step(from, to);
    match (from.is_ipv4(), is_reply) {
        (true, true) => step.icmpv4_echo_reply(id, 1).write(&mut packet, &[0; 8]),
        (true, false) => step.icmpv4_echo_request(id, 1).write(&mut packet, &[0; 8]),
        (false, true) => step.icmpv6(Icmpv6Type::EchoReply(header)).write(&mut packet, &[0; 8]),
        (false, false) => step.icmpv6(Icmpv6Type::EchoRequest(header)).write(&mut packet, &[0; 8]),
    }
    .expect("a packet");
    packet
}

/// The PTB that a router at `from` sends about a packet.
pub(crate) fn ptb(from: IpAddr, to: IpAddr, mtu: u16, about: &[u8]) -> Vec<u8> {
    let quoted = &about[..about.len().min(if from.is_ipv4() { 28 } else { 1000 })];
    let mut packet = Vec::new();
    if from.is_ipv4() {
        let kind = etherparse::icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: mtu };
        ip_step(from, to).icmpv4(Icmpv4Type::DestinationUnreachable(kind)).write(&mut packet, quoted)
    } else {
        ip_step(from, to).icmpv6(Icmpv6Type::PacketTooBig { mtu: mtu.into() }).write(&mut packet, quoted)
    }
    .expect("a packet");
    packet
}

fn ip_step(from: IpAddr, to: IpAddr) -> PacketBuilderStep<etherparse::IpHeaders> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 64),
        _ => panic!("two families in one packet"),
    }
}

/// Puts a packet on the wire of the calling thread's namespace, whatever its source address.
pub(crate) fn inject(packet: &[u8], to: IpAddr) {
    plain_raw_socket(to).send_to(packet, &SocketAddr::from((to, 0)).into()).expect("the packet leaves");
}

/// A raw socket with the kernel's defaults, to compare with.
pub(crate) fn plain_raw_socket(to: IpAddr) -> Socket {
    let domain = if to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    // 255 is IPPROTO_RAW: the packet brings its header.
    Socket::new(domain, Type::RAW, Some(Protocol::from(255))).expect("a raw socket")
}

/// The TCP packets that reach the kernel of the calling thread's namespace.
pub(crate) struct TcpWatch(Socket);

impl TcpWatch {
    pub(crate) fn open(family_of: IpAddr) -> Self {
        let domain = if family_of.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        Self(Socket::new(domain, Type::RAW, Some(Protocol::TCP)).expect("a raw socket"))
    }

    /// The TCP segments that arrive within the time, without their IP headers.
    pub(crate) fn segments(&self, patience: Duration) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + patience;
        let is_ipv4 = self.0.domain().expect("its domain") == Domain::IPV4;
        let mut found = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.0.set_read_timeout(Some(left)).expect("a time-out");
            let mut buffer = [0; 9000];
            let Ok(length) = (&self.0).read(&mut buffer) else { continue };
            let packet = buffer[..length].to_vec();
            found.push(if is_ipv4 { packet[20..].to_vec() } else { packet });
        }
        found
    }
}

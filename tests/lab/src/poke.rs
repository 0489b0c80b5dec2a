//! One full-size packet from the kernel's own stack: it makes the kernel learn (or not learn) a path MTU.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover};

const UDP_HEADER: usize = 8;
const DISCARD_PORT: u16 = 9;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to.
    #[arg(long)]
    to: IpAddr,
    /// Size of the whole packet.
    #[arg(long)]
    size: usize,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    send(arguments.to, arguments.size)
}

pub(crate) fn send(to: IpAddr, size: usize) -> io::Result<()> {
    let (socket, ip_header) = match to {
        IpAddr::V4(_) => {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DO)?;
            (socket, 20)
        }
        IpAddr::V6(_) => {
            let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
            set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::DO)?;
            (socket, 40)
        }
    };
    let payload = vec![0; size.saturating_sub(ip_header + UDP_HEADER)];
    socket.send_to(&payload, (to, DISCARD_PORT))?;
    Ok(())
}

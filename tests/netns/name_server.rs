//! A name server in c, where the lab's resolv.conf points.

use std::net::{TcpListener, UdpSocket};

use super::dns::message::Query;
use super::dns::server::{Reply, Server, Transports};
use super::lab::Lab;

const ADDRESS: &str = "127.0.0.1:53";

/// Answers until the lab is gone.
pub(crate) fn start_on_c(lab: &Lab, zone: fn(&Query) -> Reply) -> Server {
    lab.inside("c", || {
        let udp = UdpSocket::bind(ADDRESS).expect("a UDP port in a fresh namespace");
        let tcp = TcpListener::bind(ADDRESS).expect("a TCP port in a fresh namespace");
        Server::at(udp, tcp, zone, Transports::UdpAndTcp)
    })
}

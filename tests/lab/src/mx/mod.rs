//! A mail server on the kernel's TCP that takes everything and delivers nothing. It notes every connection and command on
//! stdout, so that a test can see how polite a visitor was:
//!
//! ```text
//! connect 1 10.0.1.1:40000
//! command 1 EHLO client.example
//! command 1 STARTTLS
//! tls 1 ok
//! quit 1
//! lost 2 the peer closed without QUIT
//! close 3 close_notify
//! ```

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::thread;

use rustix::process::{Signal, set_parent_process_death_signal};
use socket2::{Domain, Protocol, Socket, Type};

mod journal;
mod options;
mod pace;
mod session;
mod tls;

pub(crate) use options::Arguments;

use journal::note;
use options::Tls;
use session::Server;

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    if arguments.with_parent {
        set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    let has_certificates = matches!(arguments.tls, Tls::Starttls | Tls::Implicit);
    let tls = has_certificates.then(|| tls::with_flight(arguments.flight)).transpose()?;
    let server = Server { arguments, tls };
    let listener = listen(arguments)?;
    note(&format!("listening {}", listener.local_addr()?));
    thread::scope(|scope| {
        for number in 1_u32.. {
            let (stream, peer) = listener.accept()?;
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            note(&format!("connect {number} {peer}"));
            let server = &server;
            scope.spawn(move || {
                if let Err(error) = session::serve(stream, number, server) {
                    note(&format!("lost {number} {error}"));
                }
            });
        }
        Ok(())
    })
}

/// Both families on one socket; only IPv4 where the kernel has no IPv6.
fn listen(arguments: &Arguments) -> io::Result<TcpListener> {
    bound(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, arguments.port).into(), arguments)
        .or_else(|_| bound(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, arguments.port).into(), arguments))
}

fn bound(domain: Domain, address: SocketAddr, arguments: &Arguments) -> io::Result<TcpListener> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    if arguments.zero_window {
        socket.set_recv_buffer_size(0)?;
    }
    socket.bind(&address.into())?;
    // Room for a few thousand visitors at the same moment, as thousands of servers would have.
    socket.listen(4096)?;
    Ok(socket.into())
}

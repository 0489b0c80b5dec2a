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

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Signal, set_parent_process_death_signal};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};

mod pace;
mod session;
mod tls;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The TCP port, on all addresses of both families.
    #[arg(long, default_value_t = 25)]
    port: u16,
    /// Milliseconds before the greeting.
    #[arg(long, default_value_t = 0)]
    greeting_delay_ms: u64,
    /// Never greet, only listen.
    #[arg(long)]
    no_greeting: bool,
    /// Reset the connection at this point.
    #[arg(long, value_enum)]
    reset: Option<ResetAt>,
    /// Keep the receive window shut: never read, with the smallest buffer.
    #[arg(long)]
    zero_window: bool,
    /// Milliseconds before every answer.
    #[arg(long, default_value_t = 0)]
    tarpit_ms: u64,
    /// Say everything at this many bytes a second, one by one; 0: at once.
    #[arg(long, default_value_t = 0)]
    bytes_per_second: u32,
    /// TLS on the port.
    #[arg(long, value_enum, default_value_t = Tls::None)]
    tls: Tls,
    /// About so many bytes answer a client hello: names are added to the certificate.
    #[arg(long, default_value_t = 3400)]
    flight: usize,
    /// End when the parent process ends.
    #[arg(long)]
    with_parent: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ResetAt {
    /// As soon as it is accepted.
    Accept,
    /// After the greeting.
    Greeting,
    /// After the first command.
    Command,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Tls {
    /// No STARTTLS.
    None,
    /// STARTTLS, and SMTP inside.
    Starttls,
    /// STARTTLS is offered and refused with 454.
    Refused,
    /// Every client hello is answered by a fatal alert.
    Alert,
    /// TLS from the first byte, and no SMTP.
    Implicit,
}

impl Tls {
    fn is_offered(self) -> bool {
        matches!(self, Self::Starttls | Self::Refused | Self::Alert)
    }
}

/// What all connections share.
struct Server<'a> {
    arguments: &'a Arguments,
    /// For those that complete a handshake.
    tls: Option<Arc<ServerConfig>>,
}

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

/// One whole line at a time, whoever speaks.
fn note(line: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let mut out = io::stdout().lock();
    // Nobody reads any more: the log ends, the server goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

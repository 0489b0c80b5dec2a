//! One ordinary connection by this host's own TCP, to see what it would send. It needs no privilege.
//!
//! Only small packets leave on it, so no path MTU is learnt from it.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, SocketAddrV6, TcpStream as StdStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::sys;
use crate::model::{Family, OwnTcp, PacketSize};

/// A connection to open.
#[derive(Clone, Debug)]
pub struct OwnTcpQuery {
    /// The source address that the examination uses.
    pub source: IpAddr,
    /// The address.
    pub destination: IpAddr,
    /// Its port.
    pub port: u16,
    /// The local port; another one is taken if that is in use.
    pub local_port: u16,
    /// Interface index of a link-local destination, else 0.
    pub scope_id: u32,
    /// The interface that the user names.
    pub interface: Option<String>,
}

/// The connection, open.
#[derive(Debug)]
pub struct OwnConnection {
    stream: TcpStream,
    family: Family,
}

/// A SYN that is lost comes again after 1 s and after 3 s.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long a server's last words are awaited, and its greeting before.
const GREETING: Duration = Duration::from_secs(2);
const FAREWELL: Duration = Duration::from_secs(1);

impl OwnConnection {
    /// Opens it.
    pub async fn open(query: &OwnTcpQuery) -> io::Result<Self> {
        let family = Family::of(query.destination);
        let socket = match bound(query, family, query.local_port) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bound(query, family, 0)?,
            socket => socket?,
        };
        let stream = match connect(socket, query).await {
            // The server still remembers a connection from this port.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                connect(bound(query, family, 0)?, query).await?
            }
            stream => stream?,
        };
        Ok(Self { stream, family })
    }

    /// What this host's TCP would send on it (`TCP_INFO`). Nothing has been sent yet but the handshake.
    pub fn tells(&self) -> io::Result<OwnTcp> {
        /// `TCPI_OPT_TIMESTAMPS` of linux/tcp.h.
        const HAS_TIMESTAMPS: u8 = 1;
        /// The option and two bytes that align it (RFC 7323, appendix A).
        const TIMESTAMPS: u32 = 12;
        let info = sys::tcp_info(&self.stream)?;
        let options = if info.tcpi_options & HAS_TIMESTAMPS == 0 { 0 } else { TIMESTAMPS };
        Ok(OwnTcp {
            full_packet: PacketSize::new(info.tcpi_snd_mss + self.family.tcp_headers() + options),
            path_mtu: PacketSize::new(info.tcpi_pmtu),
        })
    }

    /// Ends it in order. `speaks_smtp`: the server is told QUIT once it has greeted.
    pub async fn leave(self, speaks_smtp: bool) {
        if speaks_smtp && timeout(GREETING, self.greeting()).await.unwrap_or(false) {
            // A new connection has room for six bytes.
            let _ = self.stream.try_write(b"QUIT\r\n");
            let _ = timeout(FAREWELL, self.until_closed()).await;
        }
        let _ = SockRef::from(&self.stream).shutdown(Shutdown::Write);
        let _ = timeout(FAREWELL, self.until_closed()).await;
    }

    /// Reads the greeting up to the end of its last line (RFC 5321, section 4.2.1). Returns whether one came.
    async fn greeting(&self) -> bool {
        const LONGEST: usize = 4096;
        let mut text = Vec::new();
        while !is_complete(&text) {
            match self.read().await {
                Some(bytes) if text.len() < LONGEST => text.extend_from_slice(&bytes),
                _ => return false,
            }
        }
        true
    }

    async fn until_closed(&self) {
        while self.read().await.is_some() {}
    }

    /// What comes next; `None` at the end.
    async fn read(&self) -> Option<Vec<u8>> {
        loop {
            self.stream.readable().await.ok()?;
            let mut bytes = vec![0; 512];
            match self.stream.try_read(&mut bytes) {
                Ok(0) => return None,
                Ok(read) => {
                    bytes.truncate(read);
                    return Some(bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    }
}

/// Whether the last line is a whole one without a hyphen behind its code.
fn is_complete(text: &[u8]) -> bool {
    let Some(lines) = text.strip_suffix(b"\n") else { return false };
    let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    last.get(3) != Some(&b'-')
}

fn bound(query: &OwnTcpQuery, family: Family, local_port: u16) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Connections to other addresses share the local port.
    socket.set_reuse_address(true)?;
    if let Some(interface) = &query.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    socket.bind(&address(query.source, local_port, query.scope_id).into())?;
    Ok(socket)
}

async fn connect(socket: Socket, query: &OwnTcpQuery) -> io::Result<TcpStream> {
    let socket = TcpSocket::from_std_stream(StdStream::from(socket));
    let connecting = socket.connect(address(query.destination, query.port, query.scope_id));
    timeout(CONNECTING, connecting).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn address(address: IpAddr, port: u16, scope_id: u32) -> SocketAddr {
    match address {
        IpAddr::V4(_) => SocketAddr::new(address, port),
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, scope_id).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_ends_with_its_last_line() {
        for (text, expected) in [
            ("", false),
            ("220 mx.example.com", false),
            ("220 mx.example.com ESMTP\r\n", true),
            ("220-mx.example.com\r\n", false),
            ("220-mx.example.com\r\n220 ready\r\n", true),
            ("220\r\n", true),
        ] {
            assert_eq!(is_complete(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[tokio::test]
    async fn the_kernel_tells_its_segments() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let local: IpAddr = "127.0.0.1".parse().expect("an address");
        let port = listener.local_addr().expect("an address").port();
        let query =
            OwnTcpQuery { source: local, destination: local, port, local_port: 0, scope_id: 0, interface: None };
        let connection = OwnConnection::open(&query).await.expect("a connection");
        let own = connection.tells().expect("TCP_INFO");
        assert!(own.full_packet <= own.path_mtu && own.full_packet > PacketSize::new(1000), "{own:?}");
    }
}

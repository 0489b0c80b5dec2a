//! A mail server on the kernel's TCP that takes everything and delivers nothing. It notes every connection and command on
//! stdout, so that a test can see how polite a visitor was:
//!
//! ```text
//! connect 1 10.0.1.1:40000
//! command 1 EHLO client.example
//! quit 1
//! lost 2 the peer closed without QUIT
//! ```

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Longer lines are cut, as RFC 5321 section 4.5.3.1.4 lets a server do.
const LONGEST_LINE: usize = 4096;
const IDLE: Duration = Duration::from_secs(300);

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

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    if arguments.with_parent {
        set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    let listener = listen(arguments)?;
    note(&format!("listening {}", listener.local_addr()?));
    thread::scope(|scope| {
        for number in 1_u32.. {
            let (stream, peer) = listener.accept()?;
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            note(&format!("connect {number} {peer}"));
            scope.spawn(move || {
                if let Err(error) = serve(stream, number, arguments) {
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
    socket.listen(128)?;
    Ok(socket.into())
}

fn serve(mut stream: TcpStream, number: u32, arguments: &Arguments) -> io::Result<()> {
    if arguments.reset == Some(ResetAt::Accept) {
        return reset(&stream, number);
    }
    stream.set_read_timeout(Some(IDLE))?;
    thread::sleep(Duration::from_millis(arguments.greeting_delay_ms));
    if !arguments.no_greeting {
        stream.write_all(b"220 mx.example.com ESMTP lab\r\n")?;
    }
    if arguments.reset == Some(ResetAt::Greeting) {
        return reset(&stream, number);
    }
    if arguments.zero_window {
        thread::sleep(IDLE);
    }
    Session { number, arguments, in_data: false }.talk(&mut stream)
}

/// Closes with RST: what a zero linger time does.
fn reset(stream: &TcpStream, number: u32) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
    note(&format!("reset {number}"));
    Ok(())
}

/// One connection.
struct Session<'a> {
    number: u32,
    arguments: &'a Arguments,
    in_data: bool,
}

impl Session<'_> {
    fn talk(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?);
        while let Some(line) = next_line(&mut lines)? {
            if self.in_data && line != "." {
                continue;
            }
            note(&format!("command {} {}", self.number, line.escape_debug()));
            if self.arguments.reset == Some(ResetAt::Command) {
                return reset(stream, self.number);
            }
            thread::sleep(Duration::from_millis(self.arguments.tarpit_ms));
            if !self.arguments.no_greeting {
                stream.write_all(self.answer(&line).as_bytes())?;
            }
            if line.eq_ignore_ascii_case("QUIT") {
                note(&format!("quit {}", self.number));
                return Ok(());
            }
        }
        Err(io::Error::other("the peer closed without QUIT"))
    }

    fn answer(&mut self, line: &str) -> &'static str {
        if self.in_data {
            self.in_data = false;
            return "250 2.0.0 Ok: thrown away\r\n";
        }
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                 250 ENHANCEDSTATUSCODES\r\n"
            }
            "HELO" => "250 mx.example.com\r\n",
            "NOOP" | "RSET" => "250 2.0.0 Ok\r\n",
            "HELP" => "214-2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP HELP QUIT\r\n214 2.0.0 End of help\r\n",
            "MAIL" => "250 2.1.0 Ok\r\n",
            "RCPT" => "250 2.1.5 Ok\r\n",
            "DATA" => {
                self.in_data = true;
                "354 End data with <CR><LF>.<CR><LF>\r\n"
            }
            "QUIT" => "221 2.0.0 Bye\r\n",
            _ => "500 5.5.2 Error: command not recognized\r\n",
        }
    }
}

fn next_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut limited = io::Read::take(reader, LONGEST_LINE as u64);
    if limited.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

/// One whole line at a time, whoever speaks.
fn note(line: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let mut out = io::stdout().lock();
    // Nobody reads any more: the log ends, the server goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

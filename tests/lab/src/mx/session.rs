//! One connection: SMTP in clear or inside TLS, or TLS alone.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;

use super::journal::note;
use super::options::{Arguments, ResetAt, Tls};
use super::pace::Paced;
use super::tls::{self, Secured, Shaken};

/// Longer lines are cut, as RFC 5321 section 4.5.3.1.4 lets a server do.
const LONGEST_LINE: usize = 4096;
const IDLE: Duration = Duration::from_secs(300);

/// What all connections share.
pub(super) struct Server<'a> {
    pub(super) arguments: &'a Arguments,
    /// For those that complete a handshake.
    pub(super) tls: Option<Arc<ServerConfig>>,
}

pub(super) fn serve(stream: TcpStream, number: u32, server: &Server<'_>) -> io::Result<()> {
    let arguments = server.arguments;
    if arguments.reset == Some(ResetAt::Accept) {
        return reset(&stream, number);
    }
    if arguments.hang_up {
        note(&format!("close {number} without a word"));
        return Ok(());
    }
    stream.set_read_timeout(Some(IDLE))?;
    let mut stream = Paced::new(stream, arguments.bytes_per_second)?;
    if arguments.tls == Tls::Implicit {
        return shake_hands(stream, number, server)?.map_or(Ok(()), |stream| listen_only(stream, number));
    }
    thread::sleep(Duration::from_millis(arguments.greeting_delay_ms));
    if let Some(code) = arguments.turn_away {
        stream.write_all(format!("{code} mx.example.com does not want you\r\n").as_bytes())?;
        note(&format!("close {number} turned away"));
        return Ok(());
    }
    if !arguments.no_greeting {
        stream.write_all(b"220 mx.example.com ESMTP lab\r\n")?;
    }
    if arguments.reset == Some(ResetAt::Greeting) {
        return reset(&stream.stream, number);
    }
    if arguments.zero_window {
        thread::sleep(IDLE);
    }
    in_clear(stream, number, server)
}

/// Closes with RST: what a zero linger time does.
fn reset(stream: &TcpStream, number: u32) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
    note(&format!("reset {number}"));
    Ok(())
}

fn in_clear(stream: Paced, number: u32, server: &Server<'_>) -> io::Result<()> {
    let mut session = Session { number, server, in_data: false, is_secure: false };
    let mut lines = BufReader::new(stream);
    match session.talk(&mut lines)? {
        End::Quit => Ok(()),
        End::Reset => reset(&lines.get_ref().stream, number),
        End::Gone => Err(io::Error::other("the peer closed without QUIT")),
        // What came behind STARTTLS in the same segment is thrown away (RFC 3207, section 4.2).
        End::StartTls => start_tls(lines.into_inner(), number, server),
    }
}

fn start_tls(mut stream: Paced, number: u32, server: &Server<'_>) -> io::Result<()> {
    if server.arguments.tls == Tls::Alert {
        tls::refuse(&mut stream)?;
        note(&format!("alert {number}"));
        return Ok(());
    }
    shake_hands(stream, number, server)?.map_or(Ok(()), |stream| inside(stream, number, server))
}

/// `None`: the visitor said goodbye in the middle of it.
fn shake_hands(stream: Paced, number: u32, server: &Server<'_>) -> io::Result<Option<Secured>> {
    let config = server.tls.clone().ok_or_else(|| io::Error::other("this server has no certificate"))?;
    match tls::handshake(stream, config)? {
        Shaken::Done(stream) => {
            note(&format!("tls {number} ok"));
            Ok(Some(*stream))
        }
        Shaken::Goodbye => {
            note(&format!("close {number} close_notify"));
            Ok(None)
        }
    }
}

/// SMTP inside TLS.
fn inside(stream: Secured, number: u32, server: &Server<'_>) -> io::Result<()> {
    let mut session = Session { number, server, in_data: false, is_secure: true };
    let mut lines = BufReader::new(stream);
    match session.talk(&mut lines)? {
        End::Reset => reset(&lines.get_ref().sock.stream, number),
        End::Gone => {
            goodbye(lines.get_mut(), number);
            Ok(())
        }
        End::Quit | End::StartTls => {
            tls::close(lines.get_mut());
            Ok(())
        }
    }
}

/// A server that has nothing to say: until the visitor closes.
fn listen_only(mut stream: Secured, number: u32) -> io::Result<()> {
    while stream.read(&mut [0; 512])? > 0 {}
    goodbye(&mut stream, number);
    Ok(())
}

/// After the visitor's `close_notify`; without one, reading fails.
fn goodbye(stream: &mut Secured, number: u32) {
    note(&format!("close {number} close_notify"));
    tls::close(stream);
}

struct Session<'a> {
    number: u32,
    server: &'a Server<'a>,
    in_data: bool,
    is_secure: bool,
}

/// How the conversation ended.
enum End {
    Quit,
    Gone,
    Reset,
    StartTls,
}

impl Session<'_> {
    fn talk<S: Read + Write>(&mut self, lines: &mut BufReader<S>) -> io::Result<End> {
        let arguments = self.server.arguments;
        while let Some(line) = next_line(lines)? {
            if self.in_data && line != "." {
                continue;
            }
            note(&format!("command {} {}", self.number, line.escape_debug()));
            if arguments.reset == Some(ResetAt::Command) {
                return Ok(End::Reset);
            }
            thread::sleep(Duration::from_millis(arguments.tarpit_ms));
            if !arguments.no_greeting {
                let answer = self.answer(&line);
                lines.get_mut().write_all(answer.as_bytes())?;
                lines.get_mut().flush()?;
            }
            if line.eq_ignore_ascii_case("QUIT") {
                note(&format!("quit {}", self.number));
                return Ok(End::Quit);
            }
            if line.eq_ignore_ascii_case("STARTTLS") && self.starts_tls() {
                return Ok(End::StartTls);
            }
        }
        Ok(End::Gone)
    }

    fn starts_tls(&self) -> bool {
        !self.is_secure && matches!(self.server.arguments.tls, Tls::Starttls | Tls::Alert)
    }

    fn answer(&mut self, line: &str) -> &'static str {
        if self.in_data {
            self.in_data = false;
            return "250 2.0.0 Ok: thrown away\r\n";
        }
        let offers_tls = self.server.arguments.tls.is_offered() && !self.is_secure;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" if offers_tls => {
                "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250-STARTTLS\r\n\
                 250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
            }
            "EHLO" => {
                "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                 250 ENHANCEDSTATUSCODES\r\n"
            }
            "STARTTLS" if self.starts_tls() => "220 2.0.0 Ready to start TLS\r\n",
            "STARTTLS" if offers_tls => "454 4.7.0 TLS not available due to local problem\r\n",
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

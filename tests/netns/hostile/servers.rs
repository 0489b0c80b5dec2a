//! Servers that mean harm, on the kernel's TCP: what each says to whoever connects.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// What a server does with a connection.
pub(super) type Conduct = fn(&mut TcpStream) -> io::Result<()>;

/// One that is like others, but for what it does.
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) conduct: Conduct,
}

/// Nobody is watched for longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const ALL: &[Server] = &[
    Server { name: "greeting without an end", conduct: |s| for_ever(s, b"220-mx.example.com has more to say\r\n") },
    Server { name: "line without an end", conduct: |s| for_ever(s, &[b'2'; 4096]) },
    Server { name: "a byte a second", conduct: |s| drip(s, b"220 mx.example.com ESMTP of the slowest kind\r\n") },
    Server {
        name: "greeting of a megabyte",
        conduct: |s| converse(s, &[b"220 ", &vec![b'a'; 1 << 20][..], b"\r\n"].concat(), usual),
    },
    Server {
        name: "EHLO without an end",
        conduct: |s| converse(s, GREETING, |s, _| for_ever(s, b"250-XEXTENSION and more\r\n")),
    },
    Server {
        name: "EHLO a byte a second",
        conduct: |s| converse(s, GREETING, |s, _| drip(s, b"250-mx.example.com\r\n250 HELP\r\n")),
    },
    Server {
        name: "EHLO of a megabyte in one line",
        conduct: |s| {
            converse(s, GREETING, |s, _| {
                s.write_all(&[b"250-", &vec![b'x'; 1 << 20][..], b"\r\n250 HELP\r\n"].concat())
            })
        },
    },
    Server {
        name: "NOOP without an end",
        conduct: |s| {
            converse(s, GREETING, |s, line| match verb(line) {
                "NOOP" => for_ever(s, b"250-Ok, and\r\n"),
                _ => usual(s, line),
            })
        },
    },
    Server {
        name: "control characters",
        conduct: |s| converse(s, HOSTILE_GREETING, |s, _| s.write_all(HOSTILE_REPLY)),
    },
    Server { name: "zero bytes", conduct: |s| for_ever(s, &[0; 512]) },
    Server { name: "every byte there is", conduct: |s| for_ever(s, &std::array::from_fn::<u8, 256, _>(|n| n as u8)) },
    Server {
        name: "codes that are none",
        conduct: |s| converse(s, b"000 \r\n", |s, _| s.write_all(b"999 99999999999\r\n")),
    },
    Server {
        name: "all replies before any command",
        conduct: |s| converse(s, &ALL_AT_ONCE.repeat(50), |s, _| s.write_all(ALL_AT_ONCE)),
    },
    Server { name: "421 without an end", conduct: |s| for_ever(s, b"421 go away\r\n") },
    Server {
        name: "sends for ever after QUIT",
        conduct: |s| {
            converse(s, GREETING, |s, line| match verb(line) {
                "QUIT" => for_ever(s, b"221 bye\r\n"),
                _ => usual(s, line),
            })
        },
    },
    Server {
        name: "never closes",
        conduct: |s| {
            s.write_all(GREETING)?;
            std::thread::sleep(PATIENCE);
            Ok(())
        },
    },
    Server {
        name: "hangs up in the middle of a reply",
        conduct: |s| converse(s, GREETING, |s, _| s.write_all(b"250-mx.exa").and(Err(io::ErrorKind::Other.into()))),
    },
    Server { name: "resets at every command", conduct: |s| converse(s, GREETING, |s, _| reset(s)) },
    Server { name: "resets at once", conduct: |s| reset(s) },
    Server { name: "never reads, window shut", conduct: never_reads },
    Server { name: "STARTTLS, then garbage", conduct: |s| tls(s, |s| for_ever(s, &garbage())) },
    Server { name: "STARTTLS, then text", conduct: |s| tls(s, |s| for_ever(s, b"250 still in clear\r\n")) },
    Server {
        name: "STARTTLS, then silence",
        conduct: |s| {
            tls(s, |_| {
                std::thread::sleep(PATIENCE);
                Ok(())
            })
        },
    },
    Server { name: "STARTTLS, then a byte a second", conduct: |s| tls(s, |s| drip(s, &[22, 3, 3, 0x40, 0])) },
    Server {
        name: "TLS: change_cipher_spec without an end",
        conduct: |s| tls(s, |s| for_ever(s, &[20, 3, 3, 0, 1, 1].repeat(100))),
    },
    Server {
        name: "TLS: warnings without an end",
        conduct: |s| tls(s, |s| for_ever(s, &[21, 3, 3, 0, 2, 1, 90].repeat(100))),
    },
    Server {
        name: "TLS: empty records without an end",
        conduct: |s| tls(s, |s| for_ever(s, &[22, 3, 3, 0, 0].repeat(100))),
    },
    Server {
        name: "TLS: a message of 16 MB",
        conduct: |s| {
            tls(s, |s| {
                s.write_all(&record(&[2, 0xff, 0xff, 0xff]))?;
                for_ever(s, &record(&[0x55; 1 << 14]))
            })
        },
    },
    Server { name: "TLS: certificates without an end", conduct: |s| tls(s, certificates) },
    Server {
        name: "TLS: record of 65535 bytes",
        conduct: |s| {
            tls(s, |s| {
                s.write_all(&[22, 3, 3, 0xff, 0xff])?;
                for_ever(s, &[1; 4096])
            })
        },
    },
    Server {
        name: "TLS: fatal alert, and more",
        conduct: |s| {
            tls(s, |s| {
                s.write_all(&[21, 3, 3, 0, 2, 2, 40])?;
                for_ever(s, &record(&garbage()))
            })
        },
    },
    Server {
        name: "urgent data",
        conduct: |s| {
            s.write_all(GREETING)?;
            for _ in 0..100 {
                SockRef::from(&*s).send_out_of_band(b"!")?;
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        },
    },
];

const GREETING: &[u8] = b"220 mx.example.com ESMTP\r\n";
/// Clears the screen, names the window, moves the cursor; C1, DEL, a right-to-left override, an overlong line.
const HOSTILE_GREETING: &[u8] =
    b"220 \x1b[2J\x1b]0;pwned\x07\x1b[1;1H\x9b31m\x7f\x08\x00\xe2\x80\xae\xc2\x9b1m$(reboot)`reboot`\r\n";
const HOSTILE_REPLY: &[u8] = b"250-\x1b[31mroot#\r\n250-\xe2\x80\xae\x0d\x0b\r\n250 \x1b]8;;http://x\x07\r\n";
const ALL_AT_ONCE: &[u8] = b"220 a\r\n250 b\r\n250-c\r\n250 d\r\n354 e\r\n221 f\r\n";

/// Listens on all addresses of s; the last number of the address that a visitor asks for chooses the server. `number` reads it.
pub(super) fn listen(number: fn(IpAddr) -> Option<usize>) {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 25)).expect("port 25 of a fresh namespace");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let asked = stream.local_addr().map(|address: SocketAddr| address.ip().to_canonical()).ok();
                let Some(server) = asked.and_then(number).and_then(|number| ALL.get(number)) else { return };
                let _ = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                // Whoever leaves ends it.
                let _ = (server.conduct)(&mut stream);
            });
        }
    });
}

fn for_ever(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
    }
}

/// A byte a second, over and over.
fn drip(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        for byte in bytes {
            stream.write_all(&[*byte])?;
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

fn reset(stream: &mut TcpStream) -> io::Result<()> {
    SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
    Err(io::ErrorKind::ConnectionReset.into())
}

fn never_reads(stream: &mut TcpStream) -> io::Result<()> {
    SockRef::from(&*stream).set_recv_buffer_size(0)?;
    stream.write_all(GREETING)?;
    std::thread::sleep(PATIENCE);
    Ok(())
}

fn converse(
    stream: &mut TcpStream,
    greeting: &[u8],
    mut answer: impl FnMut(&mut TcpStream, &str) -> io::Result<()>,
) -> io::Result<()> {
    stream.write_all(greeting)?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = Vec::new();
    while lines.by_ref().take(4096).read_until(b'\n', &mut line)? > 0 {
        let said = String::from_utf8_lossy(&line).into_owned();
        answer(stream, &said)?;
        if verb(&said) == "QUIT" {
            break;
        }
        line.clear();
    }
    Ok(())
}

fn verb(line: &str) -> &str {
    line.split_ascii_whitespace().next().unwrap_or_default()
}

fn usual(stream: &mut TcpStream, line: &str) -> io::Result<()> {
    stream.write_all(match verb(line) {
        "EHLO" => b"250-mx.example.com\r\n250-STARTTLS\r\n250 HELP\r\n",
        "STARTTLS" => b"220 go ahead\r\n",
        "QUIT" => b"221 bye\r\n",
        _ => b"250 Ok\r\n",
    })
}

/// STARTTLS, the client hello, and then this.
fn tls(stream: &mut TcpStream, mut then: impl FnMut(&mut TcpStream) -> io::Result<()>) -> io::Result<()> {
    converse(stream, GREETING, |stream, line| {
        usual(stream, line)?;
        if verb(line) != "STARTTLS" {
            return Ok(());
        }
        stream.read_exact(&mut [0; 64])?;
        then(stream)?;
        Err(io::ErrorKind::UnexpectedEof.into())
    })
}

/// A handshake record of TLS 1.2.
fn record(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a record is short");
    [&[22, 3, 3], &length.to_be_bytes()[..], payload].concat()
}

/// A server hello of TLS 1.2, and a chain whose stated length is never reached.
fn certificates(stream: &mut TcpStream) -> io::Result<()> {
    let hello = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0], &[0, 0]].concat();
    let hello = [&[2, 0, 0, hello.len() as u8][..], &hello].concat();
    stream.write_all(&record(&hello))?;
    stream.write_all(&record(&[11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc]))?;
    for_ever(stream, &record(&[&[0, 0x10, 0][..], &[0x30; 0x1000]].concat()))
}

fn garbage() -> Vec<u8> {
    let mut random = super::super::scenario::Random::new(4);
    std::iter::repeat_with(|| random.next().to_le_bytes()).take(500).flatten().collect()
}

//! A name server on a port of 127.0.0.1. Its threads end with the tests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::message::{Query, Record};

/// RFC 1035, section 4.2.1: without EDNS an answer by UDP has at most so many bytes.
const UDP_ROOM: usize = 512;
const TCP_ROOM: usize = 65_535;

/// What the server does with a query.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer with this code.
    Answer(u8, Vec<Record>),
    /// Nothing.
    Silence,
    /// After a while, this.
    Late(Duration, Box<Reply>),
    /// The answer to a query with another id.
    WrongId(Vec<Record>),
    /// The answer to another question.
    WrongQuestion(&'static str, Vec<Record>),
    /// First the one, then the other.
    Both(Box<Reply>, Box<Reply>),
    /// The right id, then no message.
    Garbage,
}

/// Where the server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transports {
    UdpAndTcp,
    UdpOnly,
}

type Answers = fn(&Query) -> Reply;

/// A server that runs.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    questions: Mutex<Vec<String>>,
    by_tcp: AtomicUsize,
}

impl Server {
    pub(crate) fn start(answers: Answers, transports: Transports) -> Self {
        let (udp, tcp) = sockets();
        Self::at(udp, tcp, answers, transports)
    }

    pub(crate) fn at(udp: UdpSocket, tcp: TcpListener, answers: Answers, transports: Transports) -> Self {
        let address = udp.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Seen::default());
        let of_udp = Arc::clone(&seen);
        std::thread::spawn(move || serve_udp(&udp, answers, &of_udp));
        if transports == Transports::UdpAndTcp {
            let of_tcp = Arc::clone(&seen);
            std::thread::spawn(move || serve_tcp(&tcp, answers, &of_tcp));
        }
        Self { address, seen }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `example.com MX` for each question, each once.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.seen.questions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn asked_by_tcp(&self) -> usize {
        self.seen.by_tcp.load(Ordering::Relaxed)
    }
}

impl Seen {
    fn note(&self, query: &Query) {
        let question = format!("{} {}", query.name, query.kind.word());
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        if !questions.contains(&question) {
            questions.push(question);
        }
    }
}

/// One port that is free in both protocols.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a UDP port");
        let address = udp.local_addr().expect("a bound socket has an address");
        if let Ok(tcp) = TcpListener::bind(address) {
            return (udp, tcp);
        }
    }
    panic!("no port is free in UDP and TCP");
}

fn serve_udp(socket: &UdpSocket, answers: Answers, seen: &Seen) {
    let mut buffer = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        let Some(query) = Query::read(&buffer[..length]) else { continue };
        seen.note(&query);
        let socket = socket.try_clone().expect("a socket can be cloned");
        std::thread::spawn(move || {
            for bytes in messages(&query, answers(&query), UDP_ROOM) {
                // A client that has gone needs no answer.
                let _ = socket.send_to(&bytes, client);
            }
        });
    }
}

fn serve_tcp(listener: &TcpListener, answers: Answers, seen: &Seen) {
    for stream in listener.incoming().flatten() {
        seen.by_tcp.fetch_add(1, Ordering::Relaxed);
        std::thread::spawn(move || conversation(stream, answers));
    }
}

/// RFC 1035, section 4.2.2: each message has its length in front.
fn conversation(mut stream: TcpStream, answers: Answers) -> Option<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut bytes).ok()?;
        let query = Query::read(&bytes)?;
        for message in messages(&query, answers(&query), TCP_ROOM) {
            let length = u16::try_from(message.len()).expect("an answer fits into a message");
            stream.write_all(&[&length.to_be_bytes()[..], &message].concat()).ok()?;
        }
    }
}

fn messages(query: &Query, reply: Reply, room: usize) -> Vec<Vec<u8>> {
    match reply {
        Reply::Answer(code, records) => vec![query.answer(code, &records, room)],
        Reply::Silence => Vec::new(),
        Reply::Late(after, reply) => {
            std::thread::sleep(after);
            messages(query, *reply, room)
        }
        Reply::WrongId(records) => {
            let other = query.numbered(query.id.wrapping_add(1));
            vec![other.answer(super::message::NO_ERROR, &records, room)]
        }
        Reply::WrongQuestion(name, records) => {
            vec![query.about(name).answer(super::message::NO_ERROR, &records, room)]
        }
        Reply::Both(first, second) => {
            let mut both = messages(query, *first, room);
            both.extend(messages(query, *second, room));
            both
        }
        Reply::Garbage => vec![[&query.id.to_be_bytes()[..], &[0x81, 0x80, 0xff, 0xff, 7, 7, 0xc0, 0x0c]].concat()],
    }
}

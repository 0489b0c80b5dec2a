//! Peers with a TCP of their own that means harm: frames of s in, frames out. s itself drops what they are asked.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::super::scenario::Random;
use super::super::scenario::middlebox::{Packet, Segment};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
/// The first sequence number of all of them.
const FIRST: u32 = 0xffff_f000;
const ETHERNET: usize = 14;
const GREETING: &[u8] = b"220 mx.example.com\r\n";
const MSS_1460: [u8; 4] = [2, 4, 5, 180];

/// A peer: the options of its SYN-ACK, and what else it does.
pub(super) struct Peer {
    pub(super) name: &'static str,
    options: &'static [u8],
    habit: Habit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Greets, and acknowledges what comes in order.
    Plain,
    /// The same, and acknowledges acknowledgments, which RFC 9293 does not have.
    AnswersAcks,
    /// States window 0 for ever.
    WindowZero,
    /// For each segment, resets with random numbers.
    FloodOfResets,
    /// Resets what is sent, with the right number.
    Resets,
    /// For each segment, SYN-ACKs with other numbers.
    FloodOfSynAcks,
    /// Ends the connection again and again.
    FloodOfFins,
    /// Sends beyond every window, with gaps, over and over, in segments that overlap.
    Overlaps,
    /// Acknowledges what was never sent.
    AcksTheFuture,
    /// For each segment, one acknowledgment of each kind with SACK blocks that make no sense.
    Sacks,
    /// Random bytes as TCP header and options.
    Noise,
}

impl Peer {
    /// Whether it says of its own accord what an answer to a probe would say. Whoever acknowledges what never came calls a hole
    /// clear, and gains nothing by that: it is its own mail that hangs.
    pub(super) fn may_lie(&self) -> bool {
        let habits = [Habit::FloodOfFins, Habit::Overlaps, Habit::AcksTheFuture, Habit::Sacks, Habit::Noise];
        habits.contains(&self.habit)
    }
}

const fn plain(name: &'static str, options: &'static [u8]) -> Peer {
    Peer { name, options, habit: Habit::Plain }
}

const fn habit(name: &'static str, habit: Habit) -> Peer {
    Peer { name, options: &MSS_1460, habit }
}

pub(super) const ALL: &[Peer] = &[
    plain("MSS 0", &[2, 4, 0, 0]),
    plain("MSS 1", &[2, 4, 0, 1]),
    plain("MSS 65535", &[2, 4, 255, 255]),
    plain("MSS three times", &[2, 4, 5, 180, 2, 4, 0, 0, 2, 4, 255, 255]),
    plain("no options", &[]),
    plain("window scale 255", &[2, 4, 5, 180, 3, 3, 255, 1]),
    plain("option of length 0", &[2, 4, 5, 180, 77, 0, 0, 0]),
    plain("option of length 1", &[77, 1, 1, 1, 2, 4, 5, 180]),
    plain("option beyond the header", &[2, 4, 5, 180, 5, 255, 1, 1]),
    plain(
        "forty bytes of options",
        &[
            5, 34, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8, 2,
            4, 5, 180, 4, 2,
        ],
    ),
    habit("acknowledges acknowledgments", Habit::AnswersAcks),
    habit("window 0 for ever", Habit::WindowZero),
    habit("flood of RSTs with random numbers", Habit::FloodOfResets),
    habit("RST for every segment", Habit::Resets),
    habit("flood of SYN-ACKs", Habit::FloodOfSynAcks),
    habit("flood of FINs", Habit::FloodOfFins),
    habit("segments that overlap beyond gaps", Habit::Overlaps),
    habit("acknowledges what was never sent", Habit::AcksTheFuture),
    habit("SACK blocks of nonsense", Habit::Sacks),
    habit("headers of noise", Habit::Noise),
];

/// What a peer knows of one connection.
struct Seen {
    port: u16,
    /// What is expected next, and what is sent next.
    next: u32,
    own: u32,
}

/// Answers until the lab is gone. Runs where the interface of s is.
pub(super) fn answer(number: fn(IpAddr) -> Option<usize>, stop: Arc<AtomicBool>) {
    const EVERY_PROTOCOL: u16 = 3;
    let protocol = Protocol::from(i32::from(EVERY_PROTOCOL.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).expect("root may open a packet socket");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
    // Whole packets, with whatever source: what IPPROTO_RAW is for.
    let raw = |domain| Socket::new(domain, Type::RAW, Some(Protocol::from(255))).expect("root may open a raw socket");
    let out = [raw(Domain::IPV4), raw(Domain::IPV6)];
    std::thread::spawn(move || {
        let (mut known, mut random): (Vec<(IpAddr, Seen)>, _) = (Vec::new(), Random::new(9));
        let mut frame = vec![0; 70_000];
        while !stop.load(Ordering::Relaxed) {
            let Ok(length) = (&socket).read(&mut frame) else { continue };
            let Some((asked, packet)) = asked(&frame[..length]) else { continue };
            let Some(peer) = number(asked).and_then(|number| ALL.get(number)) else { continue };
            let Some(segment) = packet.segment().filter(|segment| segment.destination_port == 25) else { continue };
            for mut answer in answers(peer, asked, &packet, &segment, &mut known, &mut random) {
                if !packet.is_ipv6() {
                    // The kernel numbers what has no number: one number twice would be a copy made on the way.
                    answer[4..6].fill(0);
                }
                let to = SocketAddr::new(source(&frame[ETHERNET..]), 0);
                let _ = out[usize::from(packet.is_ipv6())].send_to(&answer, &to.into());
            }
        }
    });
}

/// The address that a frame goes to.
fn asked(frame: &[u8]) -> Option<(IpAddr, Packet)> {
    let bytes = frame.get(ETHERNET..)?;
    let address = match bytes.first()? >> 4 {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes.get(16..20)?).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(bytes.get(24..40)?).ok()?),
    };
    Some((address, Packet::read(bytes)?))
}

/// Who sent an IP packet.
fn source(bytes: &[u8]) -> IpAddr {
    match bytes[0] >> 4 {
        4 => IpAddr::from(<[u8; 4]>::try_from(&bytes[12..16]).expect("four bytes")),
        _ => IpAddr::from(<[u8; 16]>::try_from(&bytes[8..24]).expect("sixteen bytes")),
    }
}

fn answers(
    peer: &Peer,
    asked: IpAddr,
    packet: &Packet,
    segment: &Segment,
    known: &mut Vec<(IpAddr, Seen)>,
    random: &mut Random,
) -> Vec<Vec<u8>> {
    let say = |seq: u32, ack: u32, flags: u8, options: &[u8], data: &[u8]| {
        with_data(packet.answer_with_segment(seq, ack, flags, options), data)
    };
    if segment.is(RST) {
        return Vec::new();
    }
    if segment.is(SYN) {
        known.retain(|(of, seen)| (*of, seen.port) != (asked, segment.source_port));
        known.push((asked, Seen { port: segment.source_port, next: segment.end(), own: FIRST.wrapping_add(1) }));
        let syn_ack = || say(FIRST, segment.seq.wrapping_add(1), SYN | ACK, peer.options, &[]);
        return match peer.habit {
            Habit::WindowZero => vec![shut(&syn_ack())],
            Habit::FloodOfSynAcks => (0..50)
                .map(|n| say(FIRST + n * 77, segment.seq.wrapping_add(n), SYN | ACK, peer.options, &[]))
                .chain([syn_ack()])
                .collect(),
            Habit::Noise => noise(packet, random).into_iter().chain([syn_ack()]).collect(),
            _ => vec![syn_ack()],
        };
    }
    let Some((_, seen)) = known.iter_mut().find(|(of, seen)| (*of, seen.port) == (asked, segment.source_port)) else {
        return Vec::new();
    };
    // What brings nothing and is in order draws no answer (RFC 9293, 3.10.7.4).
    let is_idle = segment.seq == seen.next && segment.payload == 0 && !segment.is(FIN);
    if segment.seq == seen.next {
        seen.next = segment.end();
    }
    let greets = seen.own == FIRST.wrapping_add(1) && segment.ack == seen.own && !segment.is(FIN);
    let own = seen.own;
    if greets {
        seen.own = own.wrapping_add(GREETING.len() as u32);
    }
    let next = seen.next;
    if is_idle && !greets && peer.habit == Habit::WindowZero {
        return Vec::new();
    }
    let usual = if greets { say(own, next, PSH | ACK, &[], GREETING) } else { say(own, next, ACK, &[], &[]) };
    let many = |count: u32, one: Box<dyn FnMut(u32) -> Vec<u8> + '_>| (0..count).map(one).collect::<Vec<_>>();
    let extra = match peer.habit {
        Habit::Plain | Habit::AnswersAcks => Vec::new(),
        Habit::WindowZero => return vec![shut(&usual)],
        Habit::Resets => return vec![say(own, next, RST | ACK, &[], &[])],
        Habit::FloodOfResets => {
            let numbers: Vec<(u32, u32)> = (0..200).map(|_| (random.next() as u32, random.next() as u32)).collect();
            numbers.into_iter().map(|(seq, ack)| say(seq, ack, RST | ACK, &[], &[])).collect()
        }
        Habit::FloodOfSynAcks => many(50, Box::new(|n| say(FIRST + n, next, SYN | ACK, peer.options, &[]))),
        Habit::FloodOfFins => many(50, Box::new(|n| say(own.wrapping_add(20 + n), next, FIN | ACK, &[], &[]))),
        // 1400 bytes each, one byte further each time: nothing is ever in order.
        Habit::Overlaps => many(300, Box::new(|n| say(own.wrapping_add(100 + n), next, ACK, &[], &[b'2'; 1400]))),
        Habit::AcksTheFuture => many(20, Box::new(|n| say(own, next.wrapping_add(n * 60_000), ACK, &[], &[]))),
        Habit::Sacks => many(
            20,
            Box::new(|n| {
                let edges = [next.wrapping_sub(n), next.wrapping_add(n * 9999), u32::MAX, 0, next, next, own, own];
                let blocks: Vec<u8> = edges.iter().flat_map(|edge| edge.to_be_bytes()).collect();
                say(own, next, ACK, &[&[1, 1, 5, 34][..], &blocks].concat(), &[])
            }),
        ),
        Habit::Noise => noise(packet, random),
    };
    let is_due = !is_idle || greets || peer.habit == Habit::AnswersAcks || peer.may_lie();
    extra.into_iter().chain(is_due.then_some(usual)).collect()
}

/// The segment with data behind its header.
fn with_data(segment: Packet, data: &[u8]) -> Vec<u8> {
    segment.with_more_data(data).bytes()
}

fn shut(bytes: &[u8]) -> Vec<u8> {
    let mut packet = Packet::read(bytes).expect("it was written here");
    packet.state_window(0);
    packet.bytes()
}

/// Right addresses, ports and checksum, and whatever options and flags.
fn noise(packet: &Packet, random: &mut Random) -> Vec<Vec<u8>> {
    let one = |random: &mut Random| {
        let length = 4 * (random.next() % 11) as usize;
        let options: Vec<u8> = std::iter::repeat_with(|| random.next() as u8).take(length).collect();
        packet
            .answer_with_segment(random.next() as u32, random.next() as u32, random.next() as u8 & !RST, &options)
            .bytes()
    };
    (0..50).map(|_| one(random)).collect()
}

//! A wire in user space: delay, jitter, loss, duplication and reordering between two ports. Not every kernel has netem, and this
//! one is seeded. Only IP packets are lost: a lost ARP question would cost a second, which no long line does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::old_data::OldData;
use crate::port::{PortName, open};
use crate::scenario_file::Random;
use crate::scenario_file::middlebox::{Carried, Config, Middlebox, cut};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// One end: an interface, or `tun:NAMESPACE_FILE:NAME` for a TUN that is made there.
    #[arg(long)]
    a: PortName,
    /// The other end.
    #[arg(long)]
    b: PortName,
    /// From `a` to `b`.
    #[command(flatten)]
    there: There,
    /// From `b` to `a`.
    #[command(flatten)]
    back: Back,
    /// A box on the wire drops TCP segments from `a` to `b` that bring nothing new.
    #[arg(long)]
    drop_old_data: bool,
    /// A box on the wire that looks into packets, `a` being nearer to c: JSON, as `middlebox` in a scenario file.
    #[arg(long, value_parser = middlebox)]
    middlebox: Option<Box<Config>>,
    /// The same seed gives the same losses.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End when the parent process ends.
    #[arg(long)]
    with_parent: bool,
}

/// Repeats the options for each direction.
macro_rules! direction {
    ($name:ident, $prefix:literal) => {
        #[derive(clap::Args)]
        struct $name {
            /// Milliseconds on the way.
            #[arg(long = concat!($prefix, "delay-ms"), id = concat!($prefix, "delay"), default_value_t = 0.0)]
            delay: f64,
            /// Up to so many milliseconds more, in order.
            #[arg(long = concat!($prefix, "jitter-ms"), id = concat!($prefix, "jitter"), default_value_t = 0.0)]
            jitter: f64,
            /// Probability of a loss, 0 to 1.
            #[arg(long = concat!($prefix, "loss"), id = concat!($prefix, "loss"), default_value_t = 0.0)]
            loss: f64,
            /// Probability that a packet arrives twice.
            #[arg(long = concat!($prefix, "duplicate"), id = concat!($prefix, "duplicate"), default_value_t = 0.0)]
            duplicate: f64,
            /// Probability that a packet is overtaken by later ones.
            #[arg(long = concat!($prefix, "reorder"), id = concat!($prefix, "reorder"), default_value_t = 0.0)]
            reorder: f64,
            /// By how many milliseconds.
            #[arg(long = concat!($prefix, "reorder-ms"), id = concat!($prefix, "reorder-ms"), default_value_t = 2.0)]
            reorder_by: f64,
        }

        impl $name {
            fn quality(&self) -> Quality {
                Quality {
                    delay: millis(self.delay),
                    jitter: millis(self.jitter),
                    loss: self.loss,
                    duplicate: self.duplicate,
                    reorder: self.reorder,
                    reorder_by: millis(self.reorder_by),
                }
            }
        }
    };
}

direction!(There, "");
direction!(Back, "back-");

fn millis(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1000.0).unwrap_or_default()
}

/// How good one direction is.
#[derive(Clone, Copy, Default)]
struct Quality {
    delay: Duration,
    jitter: Duration,
    loss: f64,
    duplicate: f64,
    reorder: f64,
    reorder_by: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    if arguments.with_parent {
        set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    // The kernel may wake a sleeper up to 50 µs late to save power: not here.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    let framed = matches!(arguments.a, PortName::Interface(_));
    let ports = [open(&arguments.a)?, open(&arguments.b)?];
    println!("ready");
    let there = Direction::new(arguments.there.quality(), arguments.seed, framed);
    let back = Direction::new(arguments.back.quality(), arguments.seed.wrapping_add(1 << 32), framed);
    let boxes = Boxes {
        started: Instant::now(),
        seen: arguments.drop_old_data.then(OldData::default),
        middlebox: arguments.middlebox.as_ref().and_then(|config| Middlebox::new(config, arguments.seed)),
    };
    carry(&ports, [there, back], boxes)
}

/// What sits on the wire and looks into packets.
struct Boxes {
    started: Instant,
    seen: Option<OldData>,
    middlebox: Option<Middlebox>,
}

impl Boxes {
    /// What becomes of a frame that came in here: frames, the ends that they leave by, and for how long they are held back.
    fn pass(&mut self, frame: &[u8], header: &[u8], from: usize) -> Vec<(Vec<u8>, usize, Duration)> {
        let Some(middlebox) = &mut self.middlebox else { return vec![(frame.to_vec(), 1 - from, Duration::ZERO)] };
        let onward = header.to_vec();
        let back = match header {
            [] => Vec::new(),
            _ => [&header[6..12], &header[..6], &header[12..]].concat(),
        };
        let carried = middlebox.pass(&frame[header.len()..], from == 0, self.started.elapsed());
        let frames = carried.into_iter().flat_map(|Carried { packet, towards_s, held_back, pieces }| {
            let header = if towards_s == (from == 0) { &onward } else { &back };
            let pieces = pieces.map_or_else(|| vec![packet.clone()], |largest| cut(&packet, largest));
            let framed =
                pieces.into_iter().map(|piece| ([header, piece.as_slice()].concat(), towards_s.into(), held_back));
            framed.collect::<Vec<_>>()
        });
        frames.collect()
    }
}

fn middlebox(json: &str) -> Result<Box<Config>, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// One packet on the wire. Ordered by the time it is due, then by arrival.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct InFlight {
    due: Instant,
    arrival: u64,
    to: usize,
    packet: Vec<u8>,
}

fn carry(ports: &[File; 2], mut directions: [Direction; 2], mut boxes: Boxes) -> io::Result<()> {
    let mut in_flight = BinaryHeap::new();
    let mut arrivals = 0;
    let mut buffer = vec![0; 1 << 17];
    loop {
        wait(ports, in_flight.peek().map(|Reverse(next): &Reverse<InFlight>| next.due))?;
        for from in 0..2 {
            while let Some(packet) = receive(&ports[from], &mut buffer)? {
                if boxes.seen.as_mut().is_some_and(|seen| drops(seen, from, directions[from].ip_packet(packet))) {
                    continue;
                }
                let ip = directions[from].ip_packet(packet).len();
                let (header, _) = packet.split_at(packet.len() - ip);
                for (frame, to, held_back) in boxes.pass(packet, header, from) {
                    for due in directions[1 - to].schedule(&frame, Instant::now()) {
                        arrivals += 1;
                        let due = due + held_back;
                        in_flight.push(Reverse(InFlight { due, arrival: arrivals, to, packet: frame.clone() }));
                    }
                }
            }
        }
        while in_flight.peek().is_some_and(|Reverse(next)| next.due <= Instant::now()) {
            let Some(Reverse(next)) = in_flight.pop() else { break };
            send(&ports[next.to], &next.packet)?;
        }
    }
}

/// Whether the box on the wire drops a packet that came in here.
fn drops(seen: &mut OldData, from: usize, packet: &[u8]) -> bool {
    if from == 1 {
        seen.note(packet);
    }
    from == 0 && seen.is_old(packet)
}

/// Until a packet arrives or one is due.
fn wait(ports: &[File; 2], due: Option<Instant>) -> io::Result<()> {
    let timeout = due.map(|due| due.saturating_duration_since(Instant::now()));
    let timeout = timeout.and_then(|left| Timespec::try_from(left).ok());
    let mut polled = [PollFd::new(&ports[0], PollFlags::IN), PollFd::new(&ports[1], PollFlags::IN)];
    match poll(&mut polled, timeout.as_ref()) {
        Err(rustix::io::Errno::INTR) => Ok(()),
        other => other.map(drop).map_err(io::Error::from),
    }
}

fn receive<'b>(mut port: &File, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
    match port.read(buffer) {
        Ok(length) => Ok(Some(&buffer[..length])),
        Err(error) if is_passing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A packet that the other side cannot take is lost, as on any wire.
fn send(mut port: &File, packet: &[u8]) -> io::Result<()> {
    match port.write(packet) {
        Err(error) if is_passing(&error) => Ok(()),
        other => other.map(drop),
    }
}

/// Nothing there now, or an end that is down at the moment.
fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let passing = [Errno::AGAIN, Errno::INTR, Errno::NETDOWN, Errno::NOBUFS, Errno::MSGSIZE, Errno::IO, Errno::INVAL];
    passing.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// One direction: decides when each packet arrives, if at all.
struct Direction {
    quality: Quality,
    random: Random,
    /// Whether packets begin with an Ethernet header.
    framed: bool,
    /// Jitter alone never changes the order.
    last_due: Option<Instant>,
}

impl Direction {
    fn new(quality: Quality, seed: u64, framed: bool) -> Self {
        Self { quality, random: Random::new(seed), framed, last_due: None }
    }

    /// What comes behind the header of the link.
    fn ip_packet<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        packet.get(if self.framed { 14 } else { 0 }..).unwrap_or_default()
    }

    /// The times at which this packet arrives: none, one or two.
    fn schedule(&mut self, packet: &[u8], now: Instant) -> Vec<Instant> {
        if self.framed && !is_ip_frame(packet) {
            return vec![now + self.quality.delay];
        }
        if self.random.chance(self.quality.loss) {
            return Vec::new();
        }
        let on_time = now + self.quality.delay + self.quality.jitter.mul_f64(self.random.unit());
        let on_time = self.last_due.map_or(on_time, |last| last.max(on_time));
        let due = if self.random.chance(self.quality.reorder) {
            on_time + self.quality.reorder_by
        } else {
            self.last_due = Some(on_time);
            on_time
        };
        if self.random.chance(self.quality.duplicate) { vec![due, due] } else { vec![due] }
    }
}

fn is_ip_frame(frame: &[u8]) -> bool {
    matches!(frame.get(12..14), Some([0x08, 0x00] | [0x86, 0xdd]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4_FRAME: [u8; 60] = {
        let mut frame = [0; 60];
        frame[12] = 8;
        frame
    };

    fn schedules(quality: Quality, count: u32) -> Vec<Vec<Duration>> {
        let start = Instant::now();
        let mut direction = Direction::new(quality, 3, true);
        (0..count)
            .map(|n| direction.schedule(&IPV4_FRAME, start + Duration::from_millis(n.into())))
            .map(|due| due.into_iter().map(|due| due - start).collect())
            .collect()
    }

    #[test]
    fn a_perfect_wire_only_delays() {
        let quality = Quality { delay: Duration::from_millis(10), ..Quality::default() };
        let due = schedules(quality, 3);
        assert_eq!(due, [10, 11, 12].map(|ms| vec![Duration::from_millis(ms)]));
    }

    #[test]
    fn loss_and_duplication_come_as_often_as_asked() {
        let quality = Quality { loss: 0.1, duplicate: 0.1, ..Quality::default() };
        let due = schedules(quality, 20_000);
        let lost = due.iter().filter(|times| times.is_empty()).count();
        let doubled = due.iter().filter(|times| times.len() == 2).count();
        assert!((1800..2200).contains(&lost), "{lost} of 20000 lost at 10 %");
        assert!((1600..2000).contains(&doubled), "{doubled} of 20000 doubled at 10 % of what is not lost");
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_breaks_it() {
        let jitter = Quality { jitter: Duration::from_millis(30), ..Quality::default() };
        assert!(schedules(jitter, 1000).concat().is_sorted());
        let reorder = Quality { reorder: 0.2, reorder_by: Duration::from_millis(5), ..Quality::default() };
        assert!(!schedules(reorder, 1000).concat().is_sorted());
    }

    #[test]
    fn arp_is_never_lost() {
        let mut arp = IPV4_FRAME;
        arp[13] = 6;
        let mut direction = Direction::new(Quality { loss: 1.0, ..Quality::default() }, 1, true);
        assert_eq!(direction.schedule(&arp, Instant::now()).len(), 1);
        assert_eq!(direction.schedule(&IPV4_FRAME, Instant::now()).len(), 0);
    }
}

//! The one loop: many examinations over one set of sockets, paced, with one clock.
//!
//! The loop reads the clock once a turn, hands packets to the examinations they belong to, lets those speak whose time
//! has come, and sleeps until the next packet or the next wake-up.

mod arrivals;
mod limiter;
mod observer;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::mem;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tracing::{debug, trace, warn};

use crate::examine::Examination;
use crate::model::{Action, Body, Event, Examined, Outgoing, PacketSize, Plan, Sighting, Timestamp, Way};
use crate::net::capture::{Capture, Received};
use crate::net::icmp::IcmpSockets;
use crate::net::sender::{SendError, Sender};
use crate::wire;

use arrivals::{Arrivals, Recipient};
use limiter::Limiter;
pub use observer::{Ending, Observer, Standing};

/// The sockets that all examinations share.
pub struct Links {
    /// Sends whole packets.
    pub sender: Sender,
    /// Sees what arrives, before the firewall.
    pub capture: Capture,
    /// Sees the ICMP errors that pass the firewall.
    pub icmp: IcmpSockets,
}

/// One address to examine.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to do.
    pub plan: Plan,
    /// Interface index of a link-local destination, else 0.
    pub scope_id: u32,
}

/// Limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Packets per second over all addresses; `None`: no limit.
    pub rate: Option<NonZeroU32>,
    /// When the run must have its verdicts.
    pub deadline: Instant,
}

/// Examines all addresses side by side.
///
/// # Errors
/// A socket that fails for good; what a path does never makes an error.
pub async fn run(
    links: &Links,
    jobs: Vec<Job>,
    limits: Limits,
    interrupt: impl Future<Output = ()>,
    observer: &mut impl Observer,
) -> io::Result<Ending> {
    Loop::new(links, jobs, limits, observer).run(interrupt).await
}

struct Running {
    examination: Examination,
    destination: IpAddr,
    scope_id: u32,
    wake: Timestamp,
}

struct Loop<'a, O> {
    links: &'a Links,
    observer: &'a mut O,
    origin: Instant,
    deadline: Timestamp,
    running: Vec<Running>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    wakes: BinaryHeap<Reverse<(Timestamp, usize)>>,
    limiter: Limiter,
    /// Not yet judged, not yet done.
    unjudged: usize,
    undone: usize,
    arrivals: Arrivals,
    received: Vec<u8>,
    sent: Vec<u8>,
}

/// Room for any packet, and a little for what a link adds.
const BUFFER: usize = 66_000;
/// How often the progress line moves.
const PROGRESS: Duration = Duration::from_millis(100);
/// Packets read before the examinations have their turn again.
const READ_AT_ONCE: usize = 256;

impl<'a, O: Observer> Loop<'a, O> {
    fn new(links: &'a Links, jobs: Vec<Job>, limits: Limits, observer: &'a mut O) -> Self {
        let origin = Instant::now();
        let now = Timestamp::ZERO;
        let mut by_address: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        let mut wakes = BinaryHeap::new();
        let mut running = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.into_iter().enumerate() {
            let destination = job.plan.destination;
            by_address.entry(destination).or_default().push(index);
            wakes.push(Reverse((now, index)));
            let examination = Examination::new(job.plan, now);
            running.push(Running { examination, destination, scope_id: job.scope_id, wake: now });
        }
        Self {
            links,
            observer,
            origin,
            deadline: Timestamp::from_origin(limits.deadline.saturating_duration_since(origin)),
            by_address,
            wakes,
            limiter: Limiter::new(limits.rate, now),
            unjudged: running.len(),
            undone: running.len(),
            running,
            arrivals: Arrivals::default(),
            received: vec![0; BUFFER],
            sent: Vec::with_capacity(BUFFER),
        }
    }

    async fn run(mut self, interrupt: impl Future<Output = ()>) -> io::Result<Ending> {
        tokio::pin!(interrupt);
        let mut ending = Ending::Complete;
        let (mut reported, mut interrupted) = (false, false);
        let mut next_progress = Timestamp::ZERO;
        loop {
            self.read_all()?;
            self.speak();
            let now = self.now();
            if self.unjudged == 0 && !reported {
                reported = true;
                let examined = self.examined();
                self.observer.judged(examined);
            }
            if self.undone == 0 {
                break;
            }
            if !reported && now >= next_progress {
                let standing = self.standing();
                self.observer.progress(&standing);
                next_progress = now + PROGRESS;
            }
            if now >= self.deadline && self.unjudged > 0 {
                self.interrupt_all(now);
                continue;
            }
            let wake = self.next_wake().min(if reported { Timestamp::MAX } else { self.deadline.min(next_progress) });
            let (links, origin, received) = (self.links, self.origin, &mut self.received);
            tokio::select! {
                biased;
                () = &mut interrupt, if !interrupted => {
                    interrupted = true;
                    // With every verdict out, only the orderly close is cut short.
                    if !reported {
                        ending = Ending::Interrupted;
                    }
                    let now = self.now();
                    self.interrupt_all(now);
                }
                packet = links.capture.recv(received) => {
                    let packet = packet?;
                    self.take_packet(packet);
                }
                ready = links.icmp.readable() => ready?,
                () = sleep_until(origin, wake) => {}
            }
        }
        Ok(ending)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    /// Drains both receiving sockets. The capture goes first, so that a PTB is known before its copy from behind the
    /// firewall is.
    fn read_all(&mut self) -> io::Result<()> {
        for _ in 0..READ_AT_ONCE {
            let Some(packet) = self.links.capture.try_recv(&mut self.received)? else { break };
            self.take_packet(packet);
        }
        for _ in 0..READ_AT_ONCE {
            let Some(error) = self.links.icmp.try_recv(&mut self.received)? else { break };
            // Which of our addresses it came to does not matter: the quote names the probe.
            match wire::parse_icmp(error.from, error.from, error.message) {
                Ok(packet) => self.deliver(&Event::KernelSaw(packet), &[]),
                Err(error) => trace!(%error, "ICMP message behind the firewall not understood"),
            }
        }
        Ok(())
    }

    fn take_packet(&mut self, received: Received) {
        // Out of `self`, which takes what they give.
        let (buffer, mut arrivals) = (mem::take(&mut self.received), mem::take(&mut self.arrivals));
        let now = self.now();
        arrivals.take(received, received.bytes(&buffer), now, self);
        (self.received, self.arrivals) = (buffer, arrivals);
    }

    /// Lets every examination speak whose time has come.
    fn speak(&mut self) {
        let now = self.now();
        while let Some(&Reverse((at, index))) = self.wakes.peek() {
            if at > now {
                break;
            }
            self.wakes.pop();
            // An entry that was overtaken by another is stale.
            if self.running.get(index).is_some_and(|running| running.wake == at) {
                self.speak_one(index);
            }
        }
    }

    fn speak_one(&mut self, index: usize) {
        loop {
            let now = self.now();
            if let Err(at) = self.limiter.take(now) {
                self.sleep(index, at);
                return;
            }
            let Some(running) = self.running.get_mut(index) else { return };
            let was_judged = running.examination.examined().is_some();
            let action = running.examination.poll(now);
            if !was_judged && running.examination.examined().is_some() {
                self.unjudged -= 1;
            }
            match action {
                Action::Send(outgoing) => self.send(index, &outgoing, now),
                Action::WaitUntil(at) => {
                    self.limiter.give_back();
                    self.sleep(index, at);
                    return;
                }
                Action::Done => {
                    self.limiter.give_back();
                    self.sleep(index, Timestamp::MAX);
                    self.undone -= 1;
                    return;
                }
            }
        }
    }

    fn sleep(&mut self, index: usize, until: Timestamp) {
        if let Some(running) = self.running.get_mut(index) {
            running.wake = until;
            if until < Timestamp::MAX {
                self.wakes.push(Reverse((until, index)));
            }
        }
    }

    fn send(&mut self, index: usize, outgoing: &Outgoing, now: Timestamp) {
        trace!("sent {}", wire::summary(&outgoing.packet));
        let Some(running) = self.running.get_mut(index) else { return };
        if let Err(error) = wire::emit(&outgoing.packet, &mut self.sent) {
            warn!(%error, "a packet could not be built");
            return;
        }
        let (destination, scope_id) = (running.destination, running.scope_id);
        let (links, observer) = (self.links, &mut *self.observer);
        let mut send = |bytes: &[u8]| {
            let result = links.sender.send(bytes, destination, scope_id);
            let way = match &result {
                Ok(()) => Way::Out,
                Err(SendError::Refused(refusal)) => Way::Refused(*refusal),
                Err(SendError::Failed(_)) => return result,
            };
            let (packet, meaning) = (&outgoing.packet, outgoing.meaning);
            observer.sighted(&Sighting { job: index, at: now, way, bytes, packet, meaning });
            result
        };
        let result = match outgoing.fragments {
            None => send(&self.sent),
            Some(largest) => match wire::fragment(&self.sent, largest) {
                Ok(pieces) => pieces.iter().try_for_each(|piece| send(piece)),
                Err(error) => {
                    warn!(%error, "a packet could not be cut into fragments");
                    Ok(())
                }
            },
        };
        match result {
            Ok(()) => {}
            Err(SendError::Refused(refusal)) => {
                let size = outgoing.packet.size().unwrap_or(PacketSize::new(self.sent.len() as u32));
                debug!(%size, ?refusal, "the kernel refused a packet");
                running.examination.handle(&Event::SendRefused { size, refusal }, now);
            }
            Err(SendError::Failed(error)) => warn!(%error, "a packet was not sent"),
        }
    }

    fn interrupt_all(&mut self, now: Timestamp) {
        for index in 0..self.running.len() {
            let Some(running) = self.running.get_mut(index) else { continue };
            if running.examination.examined().is_none() {
                self.unjudged -= 1;
            }
            running.examination.interrupt(now);
            if running.wake < Timestamp::MAX {
                running.wake = now;
                self.wakes.push(Reverse((now, index)));
            }
        }
    }

    fn next_wake(&self) -> Timestamp {
        self.wakes.peek().map_or(Timestamp::MAX, |Reverse((at, _))| *at)
    }

    fn examined(&self) -> Vec<Examined> {
        self.running.iter().filter_map(|running| running.examination.examined().cloned()).collect()
    }

    fn standing(&self) -> Standing {
        let current = self.running.iter().position(|running| running.examination.examined().is_none());
        Standing {
            judged: self.running.len() - self.unjudged,
            addresses: self.running.len(),
            current,
            bracket: current.and_then(|index| self.running.get(index)?.examination.bracket()),
            probes: self.running.iter().map(|running| u64::from(running.examination.probes_sent())).sum(),
        }
    }
}

impl<O: Observer> Recipient for Loop<'_, O> {
    fn knows(&self, address: IpAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    fn deliver(&mut self, event: &Event, bytes: &[u8]) {
        let packet = match event {
            Event::Received(packet) | Event::Reassembled { packet, .. } | Event::KernelSaw(packet) => packet,
            Event::SendRefused { .. } => return,
        };
        let about = match &packet.body {
            Body::Error(error) => error.quote.destination,
            _ => packet.ip.source,
        };
        let way = if matches!(event, Event::KernelSaw(_)) { Way::PastFirewall } else { Way::In };
        let Some(indices) = self.by_address.get(&about) else { return };
        trace!("{}", describe(event));
        let now = Timestamp::from_origin(self.origin.elapsed());
        for &index in indices {
            let Some(running) = self.running.get_mut(index).filter(|running| running.wake < Timestamp::MAX) else {
                continue;
            };
            let meaning = running.examination.handle(event, now);
            running.wake = now;
            self.wakes.push(Reverse((now, index)));
            self.observer.sighted(&Sighting { job: index, at: now, way, bytes, packet, meaning });
        }
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Received(packet) => format!("received {}", wire::summary(packet)),
        Event::Reassembled { packet, largest_fragment } => {
            format!("received in fragments of up to {largest_fragment} bytes: {}", wire::summary(packet))
        }
        Event::KernelSaw(packet) => format!("passed the firewall: {}", wire::summary(packet)),
        Event::SendRefused { size, refusal } => format!("{size} bytes not sent: {refusal:?}"),
    }
}

/// Never sleeps longer than a day, which is as good as for ever and cannot overflow.
async fn sleep_until(origin: Instant, wake: Timestamp) {
    const FOREVER: Duration = Duration::from_secs(86_400);
    let at = origin + wake.since(Timestamp::ZERO).min(FOREVER);
    tokio::time::sleep_until(at.into()).await;
}

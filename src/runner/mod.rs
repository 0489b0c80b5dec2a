//! The one loop: many examinations over one set of sockets, paced, with one clock.
//!
//! In each turn the loop hands packets to the examinations they belong to, lets those speak whose time has come, admits new
//! ones while there is room, and sleeps until the next packet or the next wake-up.

mod arrivals;
mod job;
mod limiter;
mod observer;
mod outbox;
mod room;
mod running;
mod schedule;
mod table;

use std::io;
use std::mem;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::{debug, trace, warn};

use crate::model::{Action, Body, Event, Outgoing, PacketEvent, PacketEventKind, PacketSize, Timestamp};
use crate::net::capture::{Batch, Capture};
use crate::net::icmp::{IcmpSockets, LARGEST_ERROR};
use crate::net::sender::Sender;
use crate::wire;

use arrivals::{Arrivals, Recipient};
pub use job::{Job, Limits, Patience};
use limiter::Limiter;
pub use observer::{Ending, Observer, Standing};
use outbox::{Address, Outbox};
use room::Room;
use running::Running;
use schedule::Schedule;
use table::Table;

/// The sockets that all examinations share.
pub struct Links {
    /// Sends whole packets.
    pub sender: Sender,
    /// Sees what arrives, before the firewall.
    pub capture: Capture,
    /// Sees the ICMP errors that pass the firewall.
    pub icmp: IcmpSockets,
}

/// Examines addresses side by side as they come in, until the sender of `jobs` is gone and all is done.
///
/// # Errors
/// A socket that fails for good; what a path does never makes an error.
pub async fn run(
    links: &Links,
    jobs: mpsc::Receiver<Job>,
    limits: Limits,
    interrupt: impl Future<Output = ()>,
    observer: &mut impl Observer,
) -> io::Result<Ending> {
    Loop::new(links, jobs, limits, observer).run(interrupt).await
}

struct Loop<'a, O> {
    links: &'a Links,
    observer: &'a mut O,
    origin: Instant,
    limits: Limits,
    jobs: mpsc::Receiver<Job>,
    /// No job is to come.
    is_last: bool,
    table: Table,
    schedule: Schedule,
    limiter: Limiter,
    room: Room,
    admitted: usize,
    /// Probes of examinations that are over.
    probes: u64,
    arrivals: Arrivals,
    batch: Batch,
    received: Vec<u8>,
    outbox: Outbox,
}

/// How often the progress line moves.
const PROGRESS: Duration = Duration::from_millis(100);
/// Read before the examinations have their turn, whatever still waits: a flood must not silence them for ever.
const MOST_BATCHES: usize = 1 << 11;
const MOST_ERRORS: usize = 1 << 16;
/// The longest that examinations speak before packets are looked for.
const SPEECH: Duration = Duration::from_millis(2);

impl<'a, O: Observer> Loop<'a, O> {
    fn new(links: &'a Links, jobs: mpsc::Receiver<Job>, limits: Limits, observer: &'a mut O) -> Self {
        Self {
            links,
            observer,
            origin: Instant::now(),
            limits,
            jobs,
            is_last: false,
            table: Table::default(),
            schedule: Schedule::default(),
            limiter: Limiter::new(limits.rate, Timestamp::ZERO),
            room: Room::new(limits.concurrency),
            admitted: 0,
            probes: 0,
            arrivals: Arrivals::default(),
            batch: Batch::new(),
            received: vec![0; LARGEST_ERROR],
            outbox: Outbox::default(),
        }
    }

    async fn run(mut self, interrupt: impl Future<Output = ()>) -> io::Result<Ending> {
        tokio::pin!(interrupt);
        let mut ending = Ending::Complete;
        let (mut reported, mut interrupted) = (false, false);
        let mut next_progress = Timestamp::ZERO;
        loop {
            let heard = self.read_all()?;
            self.mind_losses(heard)?;
            let more = self.speak(heard);
            // Places of those that are done may be taken by others now.
            self.flush();
            self.admit(heard);
            self.flush();
            if self.is_last && self.table.unjudged() == 0 && !reported {
                reported = true;
                self.observer.all_judged();
            }
            if self.is_last && self.table.len() == 0 {
                break;
            }
            if !reported && heard >= next_progress {
                let standing = self.standing();
                self.observer.progress(&standing);
                next_progress = heard + PROGRESS;
            }
            if more {
                // Signals, names and timers need a moment too.
                tokio::task::yield_now().await;
            }
            let wake = if more { heard } else { self.next_wake(heard) };
            let wake = wake.min(if reported { Timestamp::MAX } else { next_progress });
            let may_admit = self.may_admit();
            let (links, origin, batch) = (self.links, self.origin, &mut self.batch);
            tokio::select! {
                biased;
                () = &mut interrupt, if !interrupted => {
                    interrupted = true;
                    // With every verdict out, only the orderly close is cut short.
                    if !reported {
                        ending = Ending::Interrupted;
                        self.observer.interrupted();
                    }
                    self.interrupt_all();
                }
                filled = links.capture.fill(batch) => {
                    filled?;
                    self.take_batch();
                }
                ready = links.icmp.readable() => ready?,
                job = self.jobs.recv(), if may_admit => self.take_in(job),
                () = sleep_until(origin, wake) => {}
            }
        }
        Ok(ending)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    /// Drains both receiving sockets, and returns an instant before which everything that arrived has been heard. The
    /// capture goes first, so that a PTB is known before its copy from behind the firewall is.
    fn read_all(&mut self) -> io::Result<Timestamp> {
        let mut heard = self.now();
        for _ in 0..MOST_BATCHES {
            let more = self.links.capture.try_fill(&mut self.batch)?;
            self.take_batch();
            if !more {
                break;
            }
            heard = self.now();
        }
        for _ in 0..MOST_ERRORS {
            let Some(error) = self.links.icmp.try_recv(&mut self.received)? else { break };
            // Which of our addresses it came to does not matter: the quote names the probe.
            match wire::parse_icmp(error.from, error.from, error.message) {
                Ok(packet) => self.deliver(&Event::KernelSaw(packet), &[]),
                Err(error) => trace!(%error, "ICMP message behind the firewall not understood"),
            }
        }
        Ok(heard)
    }

    fn take_batch(&mut self) {
        // Out of `self`, which takes what they give.
        let (batch, mut arrivals) = (mem::replace(&mut self.batch, Batch::empty()), mem::take(&mut self.arrivals));
        for (received, bytes) in batch.packets() {
            let now = self.now();
            arrivals.take(received, bytes, now, self);
        }
        (self.batch, self.arrivals) = (batch, arrivals);
    }

    /// Packets that arrived and were dropped for want of room: no silence of that time proves anything.
    fn mind_losses(&mut self, now: Timestamp) -> io::Result<()> {
        if !self.room.is_time_to_look(now) {
            return Ok(());
        }
        let lost = self.links.capture.overflowed()? + self.links.icmp.overflowed()?;
        if lost > 0 {
            warn!("this host dropped {lost} packets that had arrived; what was waiting for them is examined again");
            self.room.shrink(self.table.len());
            for place in self.table.places() {
                if let Some(running) = self.table.get_mut(place) {
                    running.went_deaf();
                }
            }
        }
        Ok(())
    }

    /// Lets examinations speak whose time has come. Returns whether some still want to. `heard` is their present: what
    /// arrived later is not known to them yet, and must not count as silence.
    fn speak(&mut self, heard: Timestamp) -> bool {
        let until = heard + SPEECH;
        while let Some(place) = self.schedule.first_in_line() {
            if self.speak_one(place, heard).is_err() {
                return false;
            }
            self.schedule.leave_line(&mut self.table);
        }
        while self.now() < until {
            let Some(place) = self.schedule.next_due(&mut self.table, heard) else { return false };
            if self.table.get(place).is_some_and(|running| !running.in_line) && self.speak_one(place, heard).is_err() {
                self.schedule.stand_in_line(&mut self.table, place);
            }
        }
        true
    }

    /// Until it has no more to say, or `Err` if the rate limit says no.
    fn speak_one(&mut self, place: usize, heard: Timestamp) -> Result<(), ()> {
        loop {
            self.limiter.take(self.now()).map_err(drop)?;
            let Some(running) = self.table.get_mut(place) else {
                self.limiter.give_back();
                return Ok(());
            };
            let turn = running.poll(heard);
            let job = running.job();
            if let Some(examined) = turn.verdict {
                self.table.note_judged();
                self.observer.judged(job, *examined);
            }
            match turn.action {
                Action::Send(outgoing) => self.send(place, outgoing, heard),
                Action::WaitUntil(at) => {
                    self.limiter.give_back();
                    self.schedule.wake_at(&mut self.table, place, at);
                    return Ok(());
                }
                Action::Done => {
                    self.limiter.give_back();
                    self.forget(place);
                    return Ok(());
                }
            }
        }
    }

    fn forget(&mut self, place: usize) {
        if let Some(running) = self.table.remove(place) {
            self.probes += u64::from(running.examination().probes_sent());
            self.room.grow();
        }
    }

    /// Nobody new comes in while others wait for the rate limit: more at a time would only make all of them slow.
    fn may_admit(&self) -> bool {
        !self.is_last && self.table.len() < self.room.now() && !self.schedule.has_line()
    }

    fn admit(&mut self, heard: Timestamp) {
        while self.may_admit() {
            match self.jobs.try_recv() {
                Ok(job) => self.begin(job, heard),
                Err(mpsc::error::TryRecvError::Empty) => return,
                Err(mpsc::error::TryRecvError::Disconnected) => self.is_last = true,
            }
        }
    }

    fn take_in(&mut self, job: Option<Job>) {
        match job {
            Some(job) => {
                self.begin(job, self.now());
                self.flush();
            }
            None => self.is_last = true,
        }
    }

    fn begin(&mut self, job: Job, now: Timestamp) {
        let deadline = match self.limits.patience {
            Patience::Until(instant) => Timestamp::from_origin(instant.saturating_duration_since(self.origin)),
            Patience::Each(patience) => now + patience,
        };
        self.admitted += 1;
        let place = self.table.insert(Running::new(job, now, deadline));
        if self.speak_one(place, now).is_err() {
            self.schedule.stand_in_line(&mut self.table, place);
        }
    }

    fn send(&mut self, place: usize, outgoing: Outgoing, now: Timestamp) {
        trace!("sending {}", wire::summary(&outgoing.packet));
        let Some(running) = self.table.get(place) else { return };
        let to =
            Address { place, job: running.job(), destination: running.destination(), scope_id: running.scope_id() };
        match self.outbox.add(outgoing, to, now) {
            Ok(packets) => self.limiter.charge(packets.saturating_sub(1)),
            Err(error) => warn!(%error, "a packet could not be built"),
        }
        if self.outbox.is_full() {
            self.flush();
        }
    }

    /// Sends what the outbox holds.
    fn flush(&mut self) {
        let (links, mut outbox) = (self.links, mem::take(&mut self.outbox));
        outbox.send(&links.sender, |letter, kind, bytes| {
            let (packet, meaning) = (&letter.outgoing.packet, letter.outgoing.meaning);
            let Address { place, job, .. } = letter.to;
            self.observer.on_packet(&PacketEvent { job, at: letter.at, kind, bytes, packet, meaning });
            let PacketEventKind::Refused(refusal) = kind else { return };
            let size = packet.size().unwrap_or(PacketSize::new(bytes.len() as u32));
            debug!(%size, ?refusal, "the kernel refused a packet");
            if let Some(running) = self.table.get_mut(place).filter(|running| running.job() == job) {
                running.handle(&Event::SendRefused { size, refusal }, letter.at);
                self.schedule.wake_at(&mut self.table, place, letter.at);
            }
        });
        self.outbox = outbox;
    }

    fn interrupt_all(&mut self) {
        let now = self.now();
        self.jobs.close();
        // Those that wait in the channel were never begun.
        while self.jobs.try_recv().is_ok() {}
        self.is_last = true;
        for place in self.table.places() {
            let Some(running) = self.table.get_mut(place) else { continue };
            running.interrupt(now);
            self.schedule.wake_at(&mut self.table, place, now);
        }
    }

    fn next_wake(&self, now: Timestamp) -> Timestamp {
        let in_line = if self.schedule.has_line() { self.limiter.ready_at(now) } else { Timestamp::MAX };
        self.schedule.next_wake().min(in_line)
    }

    fn standing(&self) -> Standing {
        let current = self.table.iter().find(|running| !running.is_judged());
        let running: u64 = self.table.iter().map(|running| u64::from(running.examination().probes_sent())).sum();
        Standing {
            judged: self.admitted - self.table.unjudged(),
            addresses: self.admitted,
            current: current.map(Running::job),
            bracket: current.and_then(|running| running.examination().bracket()),
            probes: self.probes + running,
        }
    }
}

impl<O: Observer> Recipient for Loop<'_, O> {
    fn knows(&self, address: IpAddr) -> bool {
        self.table.knows(address)
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
        let kind = if matches!(event, Event::KernelSaw(_)) {
            PacketEventKind::PassedFirewall
        } else {
            PacketEventKind::Received
        };
        let concerned = self.table.count_about(about);
        if concerned == 0 {
            return;
        }
        trace!("{}", describe(event));
        let now = self.now();
        for index in 0..concerned {
            let Some(place) = self.table.about(about, index) else { continue };
            let Some(running) = self.table.get_mut(place) else { continue };
            let meaning = running.handle(event, now);
            let job = running.job();
            self.schedule.wake_at(&mut self.table, place, now);
            self.observer.on_packet(&PacketEvent { job, at: now, kind, bytes, packet, meaning });
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

//! The loop: reads packets, polls examinations, sends what they ask for, and admits new ones.

use std::io;
use std::mem;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{debug, trace, warn};

use crate::model::{Action, Body, Event, Outgoing, PacketEvent, PacketEventKind, PacketSize, Timestamp};
use crate::net::capture::{Batch, Capture};
use crate::net::icmp::{IcmpSockets, LARGEST_ERROR};
use crate::net::sender::Sender;
use crate::wire;

use super::clock::Clock;
use super::concurrency::Concurrency;
use super::ingress::{Ingress, PacketSink};
use super::job::{Job, Limits, Patience};
use super::limiter::Limiter;
use super::observer::{Ending, Observer, RunProgress};
use super::outbox::{Outbox, PacketRoute};
use super::own_tcp::{OwnTcpAnswer, OwnTcpDesk, PACKETS_OF_A_VISIT};
use super::running::Running;
use super::schedule::Schedule;
use super::table::ExaminationTable;

/// The sockets that all examinations share.
pub struct Links {
    /// Sends whole packets.
    pub sender: Sender,
    /// Sees what arrives, before the firewall.
    pub capture: Capture,
    /// Sees the ICMP errors that pass the firewall.
    pub icmp: IcmpSockets,
}

/// The state of a run.
pub(super) struct EventLoop<'a, O> {
    links: &'a Links,
    observer: &'a mut O,
    clock: Clock,
    limits: Limits,
    jobs: mpsc::Receiver<Job>,
    /// No further job will come.
    jobs_ended: bool,
    table: ExaminationTable,
    /// Examinations that are over, while their verdicts may be revised.
    over: Vec<Running>,
    schedule: Schedule,
    limiter: Limiter,
    concurrency: Concurrency,
    admitted: usize,
    /// Probes of examinations that are over.
    probes: u64,
    ingress: Ingress,
    batch: Batch,
    received: Vec<u8>,
    outbox: Outbox,
    own_tcp: OwnTcpDesk,
}

/// After a pause as long as this one, nobody can tell what the server sent at once from what it had to send again.
const LONG_PAUSE: Duration = Duration::from_millis(500);
/// How often the progress line moves.
const PROGRESS: Duration = Duration::from_millis(100);
/// At most so much is read before the examinations are polled, because a flood of packets must not keep them from it.
const MOST_BATCHES: usize = 1 << 11;
const MOST_ERRORS: usize = 1 << 16;
/// Examinations are polled for at most this time before packets are read again.
const POLLING: Duration = Duration::from_millis(2);

impl<'a, O: Observer> EventLoop<'a, O> {
    pub(super) fn new(links: &'a Links, jobs: mpsc::Receiver<Job>, limits: Limits, observer: &'a mut O) -> Self {
        Self {
            links,
            observer,
            clock: Clock::new(),
            limits,
            jobs,
            jobs_ended: false,
            table: ExaminationTable::default(),
            over: Vec::new(),
            schedule: Schedule::default(),
            limiter: Limiter::new(limits.rate, Timestamp::ZERO),
            concurrency: Concurrency::new(limits.concurrency),
            admitted: 0,
            probes: 0,
            ingress: Ingress::default(),
            batch: Batch::new(),
            received: vec![0; LARGEST_ERROR],
            outbox: Outbox::default(),
            own_tcp: OwnTcpDesk::new(),
        }
    }

    /// Runs until no job is to come and every examination is over.
    pub(super) async fn run(mut self, interrupt: impl Future<Output = ()>) -> io::Result<Ending> {
        tokio::pin!(interrupt);
        let mut ending = Ending::Complete;
        let (mut reported, mut interrupted) = (false, false);
        let mut next_progress = Timestamp::ZERO;
        loop {
            let present = self.read_all()?;
            self.check_pause(present);
            self.check_overrun(present)?;
            let more = self.poll_due(present);
            // Sent before new examinations reuse the slots of those that are over.
            self.flush();
            self.admit(present);
            self.flush();
            if !self.has_open_verdicts() && !reported {
                reported = true;
                self.over.clear();
                self.observer.all_judged();
            }
            if self.jobs_ended && self.table.len() == 0 {
                break;
            }
            let shows_progress = !reported && self.observer.wants_progress();
            if shows_progress && present >= next_progress {
                let progress = self.progress();
                self.observer.progress(&progress);
                next_progress = present + PROGRESS;
            }
            if more {
                // Signals, name look-ups and timers need to run too.
                tokio::task::yield_now().await;
            }
            let wake = if more { present } else { self.next_wake(present) };
            let wake = wake.min(if shows_progress { next_progress } else { Timestamp::MAX });
            let may_admit = self.may_admit();
            let until = self.clock.sleep_until(wake);
            let (links, batch, own_tcp) = (self.links, &mut self.batch, &mut self.own_tcp);
            tokio::select! {
                biased;
                () = &mut interrupt, if !interrupted => {
                    interrupted = true;
                    // If every verdict is reported, only the orderly close is cut short.
                    if !reported {
                        ending = Ending::Interrupted;
                        self.observer.interrupted();
                    }
                    self.interrupt_all()?;
                }
                filled = links.capture.fill(batch) => {
                    filled?;
                    self.take_batch();
                }
                ready = links.icmp.readable() => ready?,
                Some(answer) = own_tcp.next() => self.own_tcp_told(&answer),
                job = self.jobs.recv(), if may_admit => self.admit_one(job),
                () = tokio::time::sleep_until(until.into()) => {}
            }
        }
        if ending == Ending::Complete {
            self.own_tcp.all_left().await;
        }
        Ok(ending)
    }

    fn own_tcp_told(&mut self, answer: &OwnTcpAnswer) {
        let now = self.now();
        let running = self.table.get_mut(answer.slot).filter(|running| running.job() == answer.job);
        if let Some(running) = running {
            running.handle(&Event::OwnTcp(answer.told), now);
            self.schedule.wake_at(answer.slot, now);
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Drains both receiving sockets. Returns an instant: everything that arrived before it has been delivered. The capture
    /// goes first, so that a PTB is known before its copy from behind the firewall.
    fn read_all(&mut self) -> io::Result<Timestamp> {
        let mut present = self.now();
        for _ in 0..MOST_BATCHES {
            let more = self.links.capture.try_fill(&mut self.batch)?;
            self.take_batch();
            if !more {
                break;
            }
            present = self.now();
        }
        for _ in 0..MOST_ERRORS {
            let Some(error) = self.links.icmp.try_recv(&mut self.received)? else { break };
            // The address that it came to does not matter, because the quote names the probe.
            match wire::parse_icmp(error.from, error.from, error.message) {
                Ok(packet) => self.deliver(&Event::KernelSaw(packet), &[]),
                Err(error) => trace!(%error, "ICMP message behind the firewall not understood"),
            }
        }
        Ok(present)
    }

    fn take_batch(&mut self) {
        // Taken out of `self`, because `self` takes the packets.
        let (batch, mut ingress) = (mem::replace(&mut self.batch, Batch::empty()), mem::take(&mut self.ingress));
        for (received, bytes) in batch.packets() {
            let now = self.now();
            ingress.take(received, bytes, now, self);
        }
        (self.batch, self.ingress) = (batch, ingress);
    }

    /// This process did not run for a while. No silence lies in that time, but nobody knows either when what waits had come: the
    /// way back lives on that.
    fn check_pause(&mut self, now: Timestamp) {
        let pause = self.clock.take_pause();
        if pause < LONG_PAUSE {
            return;
        }
        debug!("this process did not run for {} ms", pause.as_millis());
        for slot in self.table.slots() {
            let running = self.table.get_mut(slot).filter(|running| running.examination().is_on_the_way_back());
            if let Some(running) = running {
                running.handle(&Event::CaptureOverrun, now);
            }
        }
    }

    /// Asks now and then whether packets that had arrived were dropped on this host.
    fn check_overrun(&mut self, now: Timestamp) -> io::Result<()> {
        if self.concurrency.is_time_to_look(now) { self.report_overrun(now) } else { Ok(()) }
    }

    /// Tells every examination if packets were dropped, because a silence proves nothing then.
    fn report_overrun(&mut self, now: Timestamp) -> io::Result<()> {
        let captured = self.links.capture.overflowed()?;
        let lost = captured + self.links.icmp.dropped()?.by_overload(captured);
        if lost > 0 {
            warn!("this host dropped {lost} packets that had arrived; what was waiting for them is examined again");
            self.concurrency.shrink(self.table.len());
            for slot in self.table.slots() {
                if let Some(running) = self.table.get_mut(slot) {
                    running.handle(&Event::CaptureOverrun, now);
                }
            }
        }
        Ok(())
    }

    /// Polls examinations whose time has come. Returns whether some are left. `present` is the time that they are told: they do
    /// not know yet what arrived later, so the time since then must not count as silence.
    fn poll_due(&mut self, present: Timestamp) -> bool {
        let until = present + POLLING;
        while let Some(slot) = self.schedule.first_in_queue() {
            if self.poll_one(slot, present).is_err() {
                return false;
            }
            self.schedule.dequeue();
        }
        while self.now() < until {
            let Some(slot) = self.schedule.next_due(present) else { return false };
            if !self.schedule.is_queued(slot) && self.poll_one(slot, present).is_err() {
                self.schedule.enqueue(slot);
            }
        }
        true
    }

    /// Polls until nothing is to be sent. `Err` if the rate limit does not allow the next packet.
    fn poll_one(&mut self, slot: usize, present: Timestamp) -> Result<(), ()> {
        loop {
            self.limiter.take(self.now()).map_err(drop)?;
            let Some(running) = self.table.get_mut(slot) else {
                self.limiter.give_back();
                return Ok(());
            };
            let turn = running.poll(present);
            let job = running.job();
            if let Some(there) = running.news_of_the_way_there() {
                self.observer.way_there(job, there);
            }
            if let Some(examined) = turn.verdict {
                self.table.note_judged();
                self.observer.judged(job, *examined);
            }
            match turn.action {
                Action::Send(outgoing) => self.send(slot, outgoing, present),
                Action::AskOwnTcp => {
                    self.limiter.charge(PACKETS_OF_A_VISIT - 1);
                    if let Some(running) = self.table.get(slot) {
                        self.own_tcp.ask(slot, job, running.own_tcp_query(), running.speaks_smtp());
                    }
                }
                Action::WaitUntil(at) => {
                    self.limiter.give_back();
                    self.schedule.wake_at(slot, at);
                    return Ok(());
                }
                Action::Done => {
                    self.limiter.give_back();
                    self.forget(slot);
                    return Ok(());
                }
            }
        }
    }

    fn forget(&mut self, slot: usize) {
        if let Some(running) = self.table.remove(slot) {
            self.probes += u64::from(running.examination().probes_sent());
            self.concurrency.grow();
            if self.observer.awaits_revisions() && self.has_open_verdicts() {
                self.over.push(running);
            }
        }
        self.schedule.forget(slot);
    }

    /// Whether the last verdict is still to come.
    fn has_open_verdicts(&self) -> bool {
        !self.jobs_ended || self.table.unjudged() > 0
    }

    /// No new examination begins while others wait for the rate limit, because it would only make all of them slower.
    fn may_admit(&self) -> bool {
        !self.jobs_ended && self.table.len() < self.concurrency.now() && !self.schedule.has_queue()
    }

    fn admit(&mut self, present: Timestamp) {
        while self.may_admit() {
            match self.jobs.try_recv() {
                Ok(job) => self.begin(job, present),
                Err(mpsc::error::TryRecvError::Empty) => return,
                Err(mpsc::error::TryRecvError::Disconnected) => self.jobs_ended = true,
            }
        }
    }

    fn admit_one(&mut self, job: Option<Job>) {
        match job {
            Some(job) => {
                self.begin(job, self.now());
                self.flush();
            }
            None => self.jobs_ended = true,
        }
    }

    fn begin(&mut self, job: Job, now: Timestamp) {
        let deadline = match self.limits.patience {
            Patience::Until(instant) => self.clock.time_of(instant),
            Patience::Each(patience) => now + patience,
        };
        self.admitted += 1;
        let slot = self.table.insert(Running::new(job, now, deadline));
        if self.poll_one(slot, now).is_err() {
            self.schedule.enqueue(slot);
        }
    }

    fn send(&mut self, slot: usize, outgoing: Outgoing, now: Timestamp) {
        trace!("sending {}", wire::summary(&outgoing.packet));
        let Some(running) = self.table.get(slot) else { return };
        let route =
            PacketRoute { slot, job: running.job(), destination: running.destination(), scope_id: running.scope_id() };
        match self.outbox.add(outgoing, route, now) {
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
        outbox.send(&links.sender, |queued, kind, bytes| {
            let (packet, meaning) = (&queued.outgoing.packet, queued.outgoing.meaning);
            let PacketRoute { slot, job, .. } = queued.route;
            self.observer.on_packet(&PacketEvent { job, at: queued.at, kind, bytes, packet, meaning });
            let PacketEventKind::Refused(refusal) = kind else { return };
            let size = packet.size().unwrap_or(PacketSize::new(bytes.len() as u32));
            debug!(%size, ?refusal, "the kernel refused a packet");
            if let Some(running) = self.table.get_mut(slot).filter(|running| running.job() == job) {
                running.handle(&Event::SendRefused { size, meaning, refusal }, queued.at);
                self.schedule.wake_at(slot, queued.at);
            }
        });
        self.outbox = outbox;
    }

    fn interrupt_all(&mut self) -> io::Result<()> {
        let now = self.now();
        // The verdicts that follow must know of packets that are lost already.
        self.report_overrun(now)?;
        self.jobs.close();
        // Jobs that wait in the channel were never begun.
        while self.jobs.try_recv().is_ok() {}
        self.jobs_ended = true;
        for slot in self.table.slots() {
            let Some(running) = self.table.get_mut(slot) else { continue };
            running.interrupt(now);
            self.schedule.wake_at(slot, now);
        }
        Ok(())
    }

    /// Lets examinations that are over hear what may revise their verdicts.
    fn deliver_to_over(&mut self, event: &Event, about: IpAddr) {
        let now = self.now();
        for running in self.over.iter_mut().filter(|running| running.destination() == about) {
            running.handle(event, now);
            if let Some(examined) = running.take_revision() {
                self.observer.judged(running.job(), examined);
            }
        }
    }

    fn next_wake(&self, now: Timestamp) -> Timestamp {
        let rate = if self.schedule.has_queue() { self.limiter.ready_at(now) } else { Timestamp::MAX };
        self.schedule.next_wake().min(rate)
    }

    fn progress(&self) -> RunProgress {
        let current = self.table.iter().find(|running| !running.is_judged());
        let running: u64 = self.table.iter().map(|running| u64::from(running.examination().probes_sent())).sum();
        RunProgress {
            judged: self.admitted - self.table.unjudged(),
            addresses: self.admitted,
            current: current.map(Running::job),
            bracket: current.and_then(|running| running.examination().bracket()),
            is_on_the_way_back: current.is_some_and(|running| running.examination().way_there().is_some()),
            probes: self.probes + running,
        }
    }
}

impl<O: Observer> PacketSink for EventLoop<'_, O> {
    fn knows(&self, address: IpAddr) -> bool {
        self.table.knows(address)
    }

    fn deliver(&mut self, event: &Event, bytes: &[u8]) {
        let packet = match event {
            Event::Received(packet) | Event::Reassembled { packet, .. } | Event::KernelSaw(packet) => packet,
            Event::SendRefused { .. } | Event::OwnTcp(_) | Event::CaptureOverrun => return,
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
        self.deliver_to_over(event, about);
        let concerned = self.table.count_about(about);
        if concerned == 0 {
            return;
        }
        trace!("{}", describe(event));
        let now = self.now();
        for index in 0..concerned {
            let Some(slot) = self.table.about(about, index) else { continue };
            let Some(running) = self.table.get_mut(slot) else { continue };
            let meaning = running.handle(event, now);
            let (job, revision) = (running.job(), running.take_revision());
            self.schedule.wake_at(slot, now);
            self.observer.on_packet(&PacketEvent { job, at: now, kind, bytes, packet, meaning });
            if let Some(examined) = revision {
                self.observer.judged(job, examined);
            }
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
        Event::SendRefused { size, refusal, .. } => format!("{size} bytes not sent: {refusal:?}"),
        Event::OwnTcp(told) => format!("this host's own TCP: {told:?}"),
        Event::CaptureOverrun => "packets that had arrived were dropped".to_owned(),
    }
}

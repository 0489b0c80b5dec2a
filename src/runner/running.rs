//! One examination that runs, and whether its verdict may be believed.

use std::net::IpAddr;

use tracing::debug;

use super::Job;
use crate::examine::Examination;
use crate::model::{Action, Event, Examined, Meaning, Timestamp, Verdict};

/// Times that an examination begins anew because this host lost packets that it was waiting for.
const MOST_RETRIES: u8 = 3;

/// An examination that runs.
pub(super) struct Running {
    job: Job,
    examination: Examination,
    deadline: Timestamp,
    stage: Stage,
    retries: u8,
    /// This host dropped packets that had arrived: a silence may be its own fault.
    was_deaf: bool,
    /// When it wants to speak.
    pub(super) wake: Timestamp,
    /// The earliest entry in the schedule.
    pub(super) scheduled: Timestamp,
    /// It stands in line for a packet of the rate limit.
    pub(super) in_line: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The verdict stands; the connections are being closed.
    Judged,
    /// The verdict is not to be believed; the connections are being closed, then it begins anew.
    Again,
}

/// What an examination has to say.
pub(super) struct Turn {
    pub(super) action: Action,
    /// The verdict, once.
    pub(super) verdict: Option<Box<Examined>>,
}

impl Running {
    pub(super) fn new(job: Job, now: Timestamp, deadline: Timestamp) -> Self {
        let examination = Examination::new(job.plan.clone(), now);
        Self {
            job,
            examination,
            deadline,
            stage: Stage::Open,
            retries: 0,
            was_deaf: false,
            wake: now,
            scheduled: Timestamp::MAX,
            in_line: false,
        }
    }

    pub(super) fn job(&self) -> usize {
        self.job.id
    }

    pub(super) fn destination(&self) -> IpAddr {
        self.job.plan.destination
    }

    pub(super) fn scope_id(&self) -> u32 {
        self.job.scope_id
    }

    pub(super) fn examination(&self) -> &Examination {
        &self.examination
    }

    pub(super) fn is_judged(&self) -> bool {
        self.stage == Stage::Judged
    }

    pub(super) fn handle(&mut self, event: &Event, now: Timestamp) -> Meaning {
        self.examination.handle(event, now)
    }

    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.retries = MOST_RETRIES;
        // One that is on its way out already would begin anew otherwise.
        if self.stage == Stage::Again {
            self.stage = Stage::Open;
        }
        self.examination.interrupt(now);
    }

    /// Packets that had arrived were dropped before anyone read them.
    pub(super) fn went_deaf(&mut self) {
        self.was_deaf = true;
    }

    pub(super) fn poll(&mut self, now: Timestamp) -> Turn {
        if now >= self.deadline && self.examination.examined().is_none() {
            self.examination.interrupt(now);
        }
        let mut action = self.examination.poll(now);
        let verdict = if self.stage == Stage::Open { self.verdict(now) } else { None };
        if action == Action::Done && self.stage == Stage::Again {
            self.begin_anew(now);
            action = self.examination.poll(now);
        }
        if let Action::WaitUntil(at) = &mut action
            && self.stage == Stage::Open
        {
            *at = (*at).min(self.deadline.max(now));
        }
        Turn { action, verdict }
    }

    fn verdict(&mut self, now: Timestamp) -> Option<Box<Examined>> {
        let examined = self.examination.examined()?;
        if !self.was_deaf || rests_on_answers(examined) {
            let examined = Box::new(examined.clone());
            self.stage = Stage::Judged;
            return Some(examined);
        }
        if self.retries < MOST_RETRIES && now < self.deadline {
            debug!("{} is examined again: this host dropped packets that had arrived", self.destination());
            self.stage = Stage::Again;
            return None;
        }
        let examined = Box::new(without_conclusion(examined.clone()));
        self.stage = Stage::Judged;
        Some(examined)
    }

    /// From other ports: the server may remember the old connection.
    fn begin_anew(&mut self, now: Timestamp) {
        let plan = &mut self.job.plan;
        if !plan.local_ports.is_empty() {
            plan.local_ports.rotate_left(1);
        }
        plan.seed = plan.seed.wrapping_add(1);
        self.examination = Examination::new(plan.clone(), now);
        self.retries += 1;
        self.stage = Stage::Open;
        self.was_deaf = false;
    }
}

/// Whether no silence has part in it.
fn rests_on_answers(examined: &Examined) -> bool {
    use crate::model::ReverseVerdict::{Clear, Untested};
    let forward = examined.verdict == Verdict::Clear || !examined.direction.is_forward();
    forward && matches!(examined.reverse.verdict, Clear | Untested)
}

/// A silence that this host may have made itself proves nothing.
fn without_conclusion(mut examined: Examined) -> Examined {
    use crate::model::{Ground, ReverseReason, ReverseVerdict};
    if examined.direction.is_forward() && examined.verdict != Verdict::Clear {
        examined.verdict = Verdict::Inconclusive;
        examined.cause = None;
        examined.confidence = None;
        examined.first_lost_size = None;
        examined.location = None;
        examined.reason = Ground::HostTooBusy.into();
    }
    if !matches!(examined.reverse.verdict, ReverseVerdict::Clear | ReverseVerdict::Untested) {
        examined.reverse.verdict = ReverseVerdict::Inconclusive;
        examined.reverse.first_lost_size = None;
        examined.reverse.recovered_after = None;
        examined.reverse.reason = Some(ReverseReason::HostTooBusy);
    }
    examined
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Body, Direction, FlowChoice, MethodChoice, PacketSize, Plan, Service};

    fn plan() -> Plan {
        Plan {
            source: "192.0.2.1".parse().expect("an address"),
            destination: "192.0.2.25".parse().expect("an address"),
            port: 25,
            local_ports: vec![40_000],
            flow_ports: Vec::new(),
            direction: Direction::Forward,
            service: Service::Smtp,
            server_name: None,
            ptb_test: false,
            reverse_ports: Vec::new(),
            flows: FlowChoice::default(),
            echo_ident: 1,
            method: MethodChoice::Icmp,
            local_mtu: PacketSize::new(1500),
            kernel_path_mtu: None,
            kernel_min_pmtu: PacketSize::new(552),
            max_size: PacketSize::new(1500),
            beyond_route: None,
            min_size: PacketSize::new(68),
            seed: 1,
        }
    }

    /// Runs an examination over a path that carries packets of up to this size; returns its verdict and how many first echo
    /// requests it sent: one for each time that it began.
    fn examine(path_mtu: u32, is_deaf: impl Fn(u32) -> bool) -> (Examined, u32) {
        let mut now = Timestamp::ZERO;
        let mut running = Running::new(Job { id: 7, plan: plan(), scope_id: 0 }, now, now + Duration::from_secs(600));
        let (mut verdict, mut begun) = (None, 0);
        loop {
            let turn = running.poll(now);
            verdict = verdict.or(turn.verdict);
            match turn.action {
                Action::Send(outgoing) => {
                    let mut packet = outgoing.packet;
                    let Body::EchoRequest(echo) = packet.body else { continue };
                    if echo.seq == 0 {
                        begun += 1;
                        if is_deaf(begun) {
                            running.went_deaf();
                        }
                    }
                    if packet.size().is_some_and(|size| size.bytes() <= path_mtu) {
                        packet.body = Body::EchoReply(echo);
                        std::mem::swap(&mut packet.ip.source, &mut packet.ip.destination);
                        running.handle(&Event::Received(packet), now);
                    }
                }
                Action::WaitUntil(at) => now = at,
                Action::Done => break,
            }
        }
        (*verdict.expect("a verdict stands when all is done"), begun)
    }

    #[test]
    fn a_host_that_hears_everything_examines_once() {
        let (examined, begun) = examine(1500, |_| false);
        assert_eq!((examined.verdict, begun), (Verdict::Clear, 1));
        let (hole, begun) = examine(1400, |_| false);
        assert_eq!((hole.path_mtu, begun), (Some(PacketSize::new(1400)), 1));
        assert_ne!(hole.verdict, Verdict::Clear);
    }

    #[test]
    fn answers_prove_even_to_a_deaf_host() {
        let (examined, begun) = examine(1500, |_| true);
        assert_eq!((examined.verdict, begun), (Verdict::Clear, 1));
    }

    #[test]
    fn silence_that_a_deaf_host_may_have_made_is_examined_again() {
        let (heard, _) = examine(1400, |_| false);
        let (examined, begun) = examine(1400, |attempt| attempt == 1);
        assert_eq!((examined.verdict, begun), (heard.verdict, 2));
    }

    #[test]
    fn a_host_that_stays_deaf_proves_nothing() {
        for path_mtu in [1400, 0] {
            let (examined, begun) = examine(path_mtu, |_| true);
            assert_eq!((examined.verdict, examined.cause), (Verdict::Inconclusive, None), "{path_mtu}");
            assert_eq!((examined.first_lost_size, begun), (None, 1 + u32::from(MOST_RETRIES)), "{path_mtu}");
        }
    }
}

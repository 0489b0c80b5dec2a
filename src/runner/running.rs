//! One examination that runs. It is repeated if packets that it waited for were dropped on this host.

use std::net::IpAddr;

use tracing::debug;

use super::job::Job;
use crate::examine::Examination;
use crate::model::{Action, Cause, Event, Examined, Meaning, PacketSize, Service, Timestamp, Verdict};
use crate::net::own_tcp::OwnTcpQuery;

/// An examination is repeated at most this many times because this host dropped packets.
const MOST_RETRIES: u8 = 3;

/// An examination that runs.
pub(super) struct Running {
    job: Job,
    examination: Examination,
    deadline: Timestamp,
    state: RunState,
    retries: u8,
    /// The verdict on the way there that was told already.
    told: Option<ToldVerdict>,
}

/// What is news if it changes.
type ToldVerdict = (Verdict, Option<Cause>, Option<PacketSize>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum RunState {
    Open,
    /// The verdict stands. The connections are being closed.
    Judged,
    /// Packets were dropped on this host. The connections are being closed, then the examination is repeated.
    Repeating,
}

/// What came of polling an examination.
pub(super) struct Turn {
    pub(super) action: Action,
    /// The verdict, once.
    pub(super) verdict: Option<Box<Examined>>,
}

impl Running {
    pub(super) fn new(job: Job, now: Timestamp, deadline: Timestamp) -> Self {
        let examination = Examination::new(job.plan.clone(), now);
        Self { job, examination, deadline, state: RunState::Open, retries: 0, told: None }
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

    /// The connection by which this host's own TCP is asked; `None`: it is not to be asked.
    pub(super) fn own_tcp_query(&self) -> Option<OwnTcpQuery> {
        let Job { plan, scope_id, interface, .. } = &self.job;
        Some(OwnTcpQuery {
            source: plan.source,
            destination: plan.destination,
            port: plan.port,
            local_port: plan.own_tcp.port?,
            scope_id: *scope_id,
            interface: interface.clone(),
        })
    }

    /// Whether the server is told QUIT.
    pub(super) fn speaks_smtp(&self) -> bool {
        self.job.plan.service == Service::Smtp
    }

    pub(super) fn examination(&self) -> &Examination {
        &self.examination
    }

    pub(super) fn is_judged(&self) -> bool {
        self.state == RunState::Judged
    }

    pub(super) fn handle(&mut self, event: &Event, now: Timestamp) -> Meaning {
        self.examination.handle(event, now)
    }

    /// The findings on the way there while the way back is examined, whenever their verdict is new.
    pub(super) fn news_of_the_way_there(&mut self) -> Option<&Examined> {
        let there = self.examination.way_there().filter(|_| self.state == RunState::Open)?;
        let verdict = (there.verdict, there.cause, there.path_mtu);
        (self.told.replace(verdict) != Some(verdict)).then_some(there)
    }

    /// The verdict that has been told, if a late PTB has changed it since.
    pub(super) fn take_revision(&mut self) -> Option<Examined> {
        if self.state != RunState::Judged {
            return None;
        }
        self.examination.take_revision().cloned()
    }

    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.retries = MOST_RETRIES;
        // One that is being closed would be repeated otherwise.
        if self.state == RunState::Repeating {
            self.state = RunState::Open;
        }
        self.examination.interrupt(now);
    }

    pub(super) fn poll(&mut self, now: Timestamp) -> Turn {
        if now >= self.deadline && self.examination.examined().is_none() {
            self.examination.interrupt(now);
        }
        let mut action = self.examination.poll(now);
        let verdict = if self.state == RunState::Open { self.verdict(now) } else { None };
        if action == Action::Done && self.state == RunState::Repeating {
            self.repeat(now);
            action = self.examination.poll(now);
        }
        if let Action::WaitUntil(at) = &mut action
            && self.state == RunState::Open
        {
            *at = (*at).min(self.deadline.max(now));
        }
        Turn { action, verdict }
    }

    fn verdict(&mut self, now: Timestamp) -> Option<Box<Examined>> {
        let examined = self.examination.examined()?;
        let may_repeat = self.retries < MOST_RETRIES && now < self.deadline;
        if self.examination.is_spoilt_by_overrun() && may_repeat {
            debug!("{} is examined again: this host dropped packets that had arrived", self.destination());
            self.state = RunState::Repeating;
            return None;
        }
        self.state = RunState::Judged;
        Some(Box::new(examined.clone()))
    }

    /// Begins again, from another port because the server may remember the old connection.
    fn repeat(&mut self, now: Timestamp) {
        let plan = &mut self.job.plan;
        if !plan.local_ports.is_empty() {
            plan.local_ports.rotate_left(1);
        }
        plan.seed = plan.seed.wrapping_add(1);
        self.examination = Examination::new(plan.clone(), now);
        self.told = None;
        self.retries += 1;
        self.state = RunState::Open;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{
        Body, Direction, FirstFlight, FirstHop, FlowChoice, MethodChoice, OwnTcpSetup, PacketSize, Plan, Service,
        Verdict,
    };

    fn plan() -> Plan {
        Plan {
            source: "192.0.2.1".parse().expect("an address"),
            destination: "192.0.2.25".parse().expect("an address"),
            port: 25,
            first_hop: FirstHop::Target,
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
            first_flight: FirstFlight::Ladder,
            local_mtu: PacketSize::new(1500),
            kernel_path_mtu: None,
            kernel_min_pmtu: PacketSize::new(552),
            max_size: PacketSize::new(1500),
            beyond_route: None,
            min_size: PacketSize::new(68),
            own_tcp: OwnTcpSetup::default(),
            known_end: None,
            seed: 1,
        }
    }

    /// Runs an examination over a path that carries packets of up to this size; returns its verdict and how often it began.
    fn examine(path_mtu: u32, is_overrun: impl Fn(u32) -> bool) -> (Examined, u32) {
        let mut now = Timestamp::ZERO;
        let mut running = Running::new(
            Job { id: 7, plan: plan(), scope_id: 0, interface: None },
            now,
            now + Duration::from_secs(600),
        );
        let (mut verdict, mut begun) = (None, 0);
        loop {
            let turn = running.poll(now);
            verdict = verdict.or(turn.verdict);
            match turn.action {
                Action::Send(outgoing) => {
                    let mut packet = outgoing.packet;
                    let Body::EchoRequest(echo) = packet.body else { continue };
                    if u32::from(running.retries) >= begun {
                        begun += 1;
                        if is_overrun(begun) {
                            running.handle(&Event::CaptureOverrun, now);
                        }
                    }
                    if packet.size().is_some_and(|size| size.bytes() <= path_mtu) {
                        packet.body = Body::EchoReply(echo);
                        std::mem::swap(&mut packet.ip.source, &mut packet.ip.destination);
                        running.handle(&Event::Received(packet), now);
                    }
                }
                Action::AskOwnTcp => unreachable!("echo alone asks for no connection"),
                Action::WaitUntil(at) => now = at,
                Action::Done => break,
            }
        }
        (*verdict.expect("a verdict stands when all is done"), begun)
    }

    #[test]
    fn without_an_overrun_it_runs_once() {
        let (examined, begun) = examine(1500, |_| false);
        assert_eq!((examined.verdict, begun), (Verdict::Clear, 1));
        let (hole, begun) = examine(1400, |_| false);
        assert_eq!((hole.path_mtu, begun), (Some(PacketSize::new(1400)), 1));
        assert_ne!(hole.verdict, Verdict::Clear);
    }

    #[test]
    fn answers_prove_in_spite_of_an_overrun() {
        let (examined, begun) = examine(1500, |_| true);
        assert_eq!((examined.verdict, begun), (Verdict::Clear, 1));
    }

    #[test]
    fn silence_during_an_overrun_is_examined_again() {
        let (quiet, _) = examine(1400, |_| false);
        let (examined, begun) = examine(1400, |attempt| attempt == 1);
        assert_eq!((examined.verdict, begun), (quiet.verdict, 2));
    }

    #[test]
    fn overruns_that_go_on_prove_nothing() {
        for path_mtu in [1400, 0] {
            let (examined, begun) = examine(path_mtu, |_| true);
            assert_eq!((examined.verdict, examined.cause), (Verdict::Inconclusive, None), "{path_mtu}");
            assert_eq!((examined.first_lost_size, begun), (None, 1 + u32::from(MOST_RETRIES)), "{path_mtu}");
        }
    }
}

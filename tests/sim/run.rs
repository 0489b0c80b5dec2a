//! One examination in the simulated network, from the first probe to the last packet.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use pmtu_probe::examine::{Examination, clamped_here};
use pmtu_probe::model::{
    Action, Body, CachedPathMtu, Direction, Event, Examined, Family as ModelFamily, FirstFlight, FirstHop, Flags,
    FlowChoice, IcmpError, IcmpErrorKind, IpHeader, KernelSettings, MethodChoice, Outgoing, OwnTcp, OwnTcpSetup,
    Packet, PacketSize, Plan, QuotedTransport, RouteMtu, Segment, SeqNumber, Service, Timestamp, Ttl,
};

use super::flight::Flight;
use super::net::Net;
use super::packets::Fingerprint;
use super::probes::Probes;
use super::tcp::Connection;
use crate::scenario::{Family, Host, HostFirewall, Method, Node, Port, Reverse, ReverseVerdict, Scenario, Window};

/// An examination may not last longer, on the virtual clock.
pub const LONGEST_RUN: Duration = Duration::from_secs(60);
/// As many as the program takes.
const PROBING_PORTS: u16 = 26;
const REVERSE_PORTS: u16 = 5;
/// The program's own default of `--timeout`.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The same where the way back is examined as well.
const TIMEOUT_BOTH: Duration = Duration::from_secs(40);
/// A mail server's admin shall not see more of one run.
const MOST_CONNECTIONS: u32 = 4;
/// An examination may not send more packets.
pub const MOST_PACKETS: u32 = 5000;
/// It may not be woken this often without anything happening.
const MOST_IDLE_POLLS: u32 = 100_000;
/// Deadlines that are over one after the other without a packet; a state that keeps waking itself up burns a processor.
const MOST_VAIN_WAKES: u32 = 400;
/// How long the network is watched after the end.
const AFTERMATH: Duration = Duration::from_secs(3);

/// What is driven: the examination, or a stand-in that tests the simulator itself.
pub trait Examiner {
    fn poll(&mut self, now: Timestamp) -> Action;
    fn handle(&mut self, event: &Event, now: Timestamp);
    fn examined(&self) -> Option<&Examined>;
    /// Probes that it has booked as sent; `None` if it keeps no books.
    fn booked(&self) -> Option<u32> {
        None
    }
    /// The findings, judged once more from the record alone; `None` if it keeps no record.
    fn judged_again(&self) -> Option<Examined> {
        None
    }
    /// The time that the user gives a run is over.
    fn interrupt(&mut self, now: Timestamp);
}

impl Examiner for Examination {
    fn poll(&mut self, now: Timestamp) -> Action {
        self.poll(now)
    }
    fn handle(&mut self, event: &Event, now: Timestamp) {
        self.handle(event, now);
    }
    fn examined(&self) -> Option<&Examined> {
        self.examined()
    }
    fn booked(&self) -> Option<u32> {
        Some(self.probes_sent())
    }
    fn judged_again(&self) -> Option<Examined> {
        self.judged_again()
    }
    fn interrupt(&mut self, now: Timestamp) {
        self.interrupt(now);
    }
}

/// What a run showed.
#[derive(Debug)]
pub struct Run {
    pub examined: Option<Examined>,
    /// What must never happen on any path: a run without end, words after the end, a panic.
    pub faults: Vec<String>,
    /// What the mail server saw and should not have seen.
    pub complaints: Vec<String>,
    /// Of parallel links, the one over which the connection ran.
    pub member: usize,
    /// The parallel links that each client port was seen on.
    pub flows: BTreeMap<u16, BTreeSet<usize>>,
    pub packets_sent: u32,
    /// Every packet sent, with all its fields, and the same without what TLS makes random.
    pub packets: Fingerprint,
    pub outlines: Fingerprint,
    /// Whether the host was heard of before the verdict stood.
    pub was_heard: bool,
    /// When the verdict stood.
    pub verdict_at: Option<Duration>,
    /// When everything was over.
    pub ended_at: Duration,
    pub trace: Vec<String>,
}

impl Run {
    /// Whether the time was over before the verdict on both ways stood.
    pub fn was_cut_short_on_both_ways(&self) -> bool {
        self.verdict_at.is_none_or(|at| at >= TIMEOUT_BOTH)
    }
}

/// What the program makes of the findings once it has read the firewall's rules.
fn by_the_rules_of_this_host(found: Examined, host: &Host, family: ModelFamily) -> Examined {
    match host.clamp_mss_for.map(PacketSize::new) {
        Some(size) => clamped_here(found, size.to_mss(family), family),
        None => found,
    }
}

/// What a program finds out before the first probe.
pub fn plan(scenario: &Scenario, family: Family, seed: u64) -> Plan {
    let interface_mtu = PacketSize::new(scenario.link(0).mtu);
    let local_mtu = scenario.host.route_mtu.map_or(interface_mtu, PacketSize::new);
    let port = scenario.peer.port();
    let draws = scenario.expect.outcome(family).reverse.is_some();
    Plan {
        source: Node::C.near_address(family),
        destination: Node::S.near_address(family),
        port,
        first_hop: FirstHop::Router,
        local_ports: (40_000..40_000 + PROBING_PORTS).collect(),
        direction: if draws { Direction::Both } else { Direction::Forward },
        service: Service::of_port(port),
        server_name: Some("mx.example.com".into()),
        ptb_test: false,
        reverse_ports: (42_000..42_000 + REVERSE_PORTS).collect(),
        flow_ports: (41_000..41_000 + scenario.host.flows.map_or(15, |flows| flows - 1)).collect(),
        flows: if scenario.host.flows.is_some() { FlowChoice::Always } else { FlowChoice::WhenHoled },
        echo_ident: 0x4d54,
        method: match scenario.host.method {
            Method::Auto => MethodChoice::Auto,
            Method::Tcp => MethodChoice::Tcp,
            Method::Icmp => MethodChoice::Icmp,
        },
        first_flight: if scenario.host.in_list { FirstFlight::TwoSizes } else { FirstFlight::Ladder },
        local_mtu,
        kernel_path_mtu: Some(scenario.host.cached_pmtu.map_or(local_mtu, PacketSize::new)),
        kernel_min_pmtu: PacketSize::new(if family == Family::V4 { 552 } else { 1280 }),
        max_size: interface_mtu,
        beyond_route: None,
        min_size: PacketSize::new(68),
        own_tcp: own_tcp(scenario, family),
        known_end: None,
        seed,
    }
}

/// What a program finds out of its own TCP.
fn own_tcp(scenario: &Scenario, family: Family) -> OwnTcpSetup {
    let host = &scenario.host;
    OwnTcpSetup {
        port: Some(43_000),
        route_mtu: host.route_mtu.map(|mtu| RouteMtu { mtu: PacketSize::new(mtu), locked: true }),
        route_advmss: host.route_advmss_for.map(|size| PacketSize::new(size).to_mss(model_family(family))),
        cached: host.cached_pmtu.map(|mtu| CachedPathMtu {
            mtu: PacketSize::new(mtu),
            expires_in: None,
            locked: false,
        }),
        settings: KernelSettings {
            no_pmtu_disc: (family == Family::V4).then_some(host.no_pmtu_disc),
            tcp_mtu_probing: Some(host.mtu_probing),
            tcp_base_mss: Some(1024),
            min_pmtu: None,
            mtu_expires: None,
        },
    }
}

fn model_family(family: Family) -> ModelFamily {
    ModelFamily::of(Node::S.near_address(family))
}

/// Runs a scenario once.
pub fn run(scenario: &Scenario, family: Family, seed: u64, trace: bool) -> Run {
    run_plan(plan(scenario, family, seed), scenario, family, seed, trace)
}

/// The same with a plan of the caller's.
pub fn run_plan(plan: Plan, scenario: &Scenario, family: Family, seed: u64, trace: bool) -> Run {
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let examination = Examination::new(plan, Timestamp::ZERO);
        drive(examination, scenario, family, seed, trace)
    }));
    attempt.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
        Run::failed(format!("panic: {text}"))
    })
}

/// Drives an examiner to its end.
pub fn drive(examiner: impl Examiner, scenario: &Scenario, family: Family, seed: u64, trace: bool) -> Run {
    let mut driver = Driver::new(examiner, scenario, family, seed, trace);
    driver.until_done();
    driver.watch_aftermath();
    driver.finish(scenario)
}

/// The same over a path that becomes another one at these times.
pub fn drive_over(
    examiner: impl Examiner,
    scenario: &Scenario,
    changes: Vec<(Timestamp, Scenario)>,
    family: Family,
    seed: u64,
) -> Run {
    let mut driver = Driver::new(examiner, scenario, family, seed, false);
    driver.must_end_by_itself = false;
    driver.net.change_at(changes);
    driver.until_done();
    driver.watch_aftermath();
    driver.finish(scenario)
}

/// This host's own TCP: what a connection of its own would tell.
struct OwnKernel {
    host: Host,
    family: ModelFamily,
    interface_mtu: PacketSize,
    port: u16,
    /// When the examination sent the SYN that was answered first, and how long the answer took.
    syn_at: Option<Timestamp>,
    round_trip: Duration,
    /// What the peer announces, as the interface sees it.
    announced: Option<u16>,
    /// When the connection stands.
    due: Option<Timestamp>,
}

impl OwnKernel {
    fn new(scenario: &Scenario, family: Family) -> Self {
        Self {
            host: scenario.host.clone(),
            family: model_family(family),
            interface_mtu: PacketSize::new(scenario.link(0).mtu),
            port: scenario.peer.port(),
            syn_at: None,
            round_trip: Duration::ZERO,
            announced: None,
            due: None,
        }
    }

    /// This host's firewall has its hand on what goes out.
    fn send(&mut self, outgoing: &mut Outgoing, now: Timestamp) {
        let Body::Tcp(segment) = &mut outgoing.packet.body else { return };
        if !segment.flags.syn {
            return;
        }
        if self.announced.is_none() {
            self.syn_at = Some(now);
        }
        if let (Some(size), Some(mss)) = (self.host.announce_for, segment.mss) {
            segment.mss = Some(mss.min(PacketSize::new(size).to_mss(self.family)));
        }
    }

    fn receive(&mut self, packet: &Packet, now: Timestamp) {
        if let (Body::Tcp(segment), Some(syn_at)) = (&packet.body, self.syn_at)
            && segment.flags.syn
        {
            if self.announced.is_none() {
                self.round_trip = now.since(syn_at);
            }
            self.announced = segment.mss.or(self.announced);
        }
    }

    /// The SYN-ACK at the interface, and what TCP makes of it.
    fn events(&self) -> [Event; 2] {
        let source = if self.family == ModelFamily::V4 { Family::V4 } else { Family::V6 };
        let (from, to) = (Node::S.near_address(source), Node::C.near_address(source));
        let mss = self.announced.unwrap_or(536);
        let mut segment =
            Segment::new(self.port, 43_000, SeqNumber(1), SeqNumber(1), Flags { ack: true, ..Flags::SYN });
        segment.mss = Some(mss);
        let ip = IpHeader { source: from, destination: to, ttl: Ttl::DEFAULT, dont_fragment: true, id: 0 };
        let limits = [self.host.route_mtu, self.host.cached_pmtu].into_iter().flatten().map(PacketSize::new);
        let path_mtu = limits.fold(self.interface_mtu, PacketSize::min);
        let clamp = self.host.clamp_mss_for.map_or(self.interface_mtu, PacketSize::new);
        let full_packet = PacketSize::from_mss(mss, self.family).min(path_mtu).min(clamp);
        let told = OwnTcp { full_packet, path_mtu };
        [Event::Received(Packet { ip, body: Body::Tcp(segment) }), Event::OwnTcp(Some(told))]
    }
}

pub(super) struct Driver<E> {
    pub(super) examiner: E,
    pub(super) net: Net,
    firewall: HostFirewall,
    own: OwnKernel,
    pub(super) now: Timestamp,
    packets_sent: u32,
    packets: Fingerprint,
    outlines: Fingerprint,
    probes: Probes,
    idle_polls: u32,
    /// Wake-ups one after the other for which there was no reason: nothing came, nothing was sent.
    vain_wakes: u32,
    /// What is expected of the way back, where it is examined.
    back: Option<Reverse>,
    must_end_by_itself: bool,
    was_heard: bool,
    verdict_at: Option<Duration>,
    faults: Vec<String>,
}

impl<E: Examiner> Driver<E> {
    pub(super) fn new(examiner: E, scenario: &Scenario, family: Family, seed: u64, trace: bool) -> Self {
        Self {
            examiner,
            net: Net::new(scenario, family, seed, trace),
            firewall: scenario.host.firewall,
            own: OwnKernel::new(scenario, family),
            now: Timestamp::ZERO,
            packets_sent: 0,
            packets: Fingerprint::default(),
            outlines: Fingerprint::default(),
            probes: Probes::default(),
            idle_polls: 0,
            vain_wakes: 0,
            back: scenario.expect.outcome(family).reverse,
            must_end_by_itself: !scenario.is_lossy(),
            was_heard: false,
            verdict_at: None,
            faults: Vec::new(),
        }
    }

    fn until_done(&mut self) {
        let mut interrupted = false;
        while let Some(wake) = self.poll_all() {
            let next = self.net.next_at().map_or(wake, |at| at.min(wake));
            if next <= self.now && self.net.next_at().is_none_or(|at| at > self.now) {
                self.idle_polls += 1;
            }
            let patience = if self.back.is_some() { TIMEOUT_BOTH } else { TIMEOUT };
            let timeout = Timestamp::from_origin(patience);
            if !interrupted && next >= timeout {
                interrupted = true;
                if self.must_end_by_itself {
                    self.faults.push(format!("no verdict within {patience:?}"));
                }
                self.now = self.now.max(timeout);
                self.examiner.interrupt(self.now);
                continue;
            }
            self.now = self.now.max(next);
            if self.now.since(Timestamp::ZERO) > LONGEST_RUN {
                let stands =
                    if self.examiner.examined().is_some() { "though the verdict stands" } else { "no verdict" };
                let wake = wake.since(Timestamp::ZERO);
                return self.faults.push(format!("not done after {LONGEST_RUN:?}, {stands}, waits until {wake:?}"));
            }
            if self.packets_sent > MOST_PACKETS {
                return self.faults.push(format!("more than {MOST_PACKETS} packets"));
            }
            if self.idle_polls > MOST_IDLE_POLLS {
                return self.faults.push("waits for a time that has passed, again and again".into());
            }
            self.vain_wakes += 1;
            if self.vain_wakes > MOST_VAIN_WAKES {
                return self.faults.push(format!("wakes up in vain, again and again, at {:?}", self.now));
            }
            self.step_network(wake);
        }
    }

    /// Polls until there is nothing to send; `None` when it is over.
    pub(super) fn poll_all(&mut self) -> Option<Timestamp> {
        if self.own.due.is_some_and(|due| due <= self.now) {
            self.own.due = None;
            for event in self.own.events() {
                self.examiner.handle(&event, self.now);
            }
        }
        loop {
            let action = self.examiner.poll(self.now);
            if self.verdict_at.is_none() && self.examiner.examined().is_some() {
                self.verdict_at = Some(self.now.since(Timestamp::ZERO));
            }
            match action {
                Action::Send(outgoing) => self.send(outgoing),
                Action::AskOwnTcp => self.own.due = Some(self.now + self.own.round_trip),
                Action::WaitUntil(at) => return Some(self.own.due.map_or(at, |due| due.min(at))),
                Action::Done => return None,
            }
            if self.packets_sent > MOST_PACKETS {
                return Some(self.now);
            }
        }
    }

    fn send(&mut self, mut outgoing: Outgoing) {
        self.own.send(&mut outgoing, self.now);
        self.vain_wakes = 0;
        self.packets_sent += 1;
        self.probes.note(&outgoing);
        self.packets.packet(&outgoing, self.now);
        self.outlines.outline(&outgoing);
        let (size, meaning) = (outgoing.packet.size(), outgoing.meaning);
        if let (Err(refusal), Some(size)) = (self.net.send(outgoing, self.now), size) {
            self.examiner.handle(&Event::SendRefused { size, meaning, refusal }, self.now);
        }
    }

    /// Lets the network go on until something reaches this host or `wake` has come.
    fn step_network(&mut self, wake: Timestamp) {
        while let Some(at) = self.net.next_at().filter(|at| *at <= wake) {
            self.now = self.now.max(at);
            if self.now.since(Timestamp::ZERO) > LONGEST_RUN {
                return;
            }
            if let Some(flight) = self.net.step() {
                return self.deliver(flight);
            }
        }
        self.now = self.now.max(wake);
    }

    /// The interface sees everything; the kernel sees ICMP that the host's firewall lets pass.
    pub(super) fn deliver(&mut self, flight: Flight) {
        self.vain_wakes = 0;
        let largest_fragment = flight.is_fragmented().then(|| PacketSize::new(flight.largest_piece()));
        let packet = flight.packet;
        self.was_heard |= self.verdict_at.is_none() && !matches!(packet.body, Body::Error(_));
        self.own.receive(&packet, self.now);
        let event = match largest_fragment {
            Some(largest_fragment) => Event::Reassembled { packet: packet.clone(), largest_fragment },
            None => Event::Received(packet.clone()),
        };
        // A raw socket's copy has no IP header. On a busy host it may be read first.
        let copy = Packet { ip: IpHeader { ttl: Ttl(0), ..packet.ip }, body: packet.body.clone() };
        let is_copy_first = matches!(packet.body, Body::EchoReply(_)) && self.packets_sent % 2 == 1;
        if is_copy_first {
            self.examiner.handle(&Event::KernelSaw(copy.clone()), self.now);
        }
        self.examiner.handle(&event, self.now);
        let dropped = match &packet.body {
            Body::Error(IcmpError { kind: IcmpErrorKind::Ptb { .. }, quote, .. }) => match self.firewall {
                HostFirewall::Open | HostFirewall::RejectPort | HostFirewall::ResetPort => false,
                HostFirewall::DropPtb => true,
                HostFirewall::DropPtbAboutTcp => matches!(quote.transport, QuotedTransport::Tcp { .. }),
            },
            _ => false,
        };
        if !matches!(packet.body, Body::Tcp(_)) && !dropped && !is_copy_first {
            self.examiner.handle(&Event::KernelSaw(copy), self.now);
        }
    }

    /// After the end nothing is sent any more, whatever still arrives.
    fn watch_aftermath(&mut self) {
        if !self.faults.is_empty() {
            return;
        }
        let end = self.now + AFTERMATH;
        let ended_at = self.now;
        while self.net.next_at().is_some_and(|at| at <= end) {
            if let Some(at) = self.net.next_at() {
                self.now = self.now.max(at);
            }
            if let Some(flight) = self.net.step() {
                self.deliver(flight);
                if self.examiner.poll(self.now) != Action::Done {
                    self.faults.push("goes on after it was done".into());
                    break;
                }
            }
        }
        self.now = ended_at;
    }

    fn finish(self, scenario: &Scenario) -> Run {
        let found = self.examiner.examined().cloned();
        let mut faults = self.faults;
        faults.extend(self.probes.compare(self.examiner.booked(), found.as_ref()));
        if let Some(again) = self.examiner.judged_again()
            && found.as_ref() != Some(&again)
        {
            faults.push(format!("judged again from the record: {again:?}"));
        }
        if found.is_none() && faults.is_empty() {
            faults.push("done without findings".into());
        }
        let examined = found.map(|found| by_the_rules_of_this_host(found, &scenario.host, self.own.family));
        Run {
            complaints: complaints(&self.net, scenario, self.back.as_ref()),
            member: self.net.spreader.main(),
            flows: self.net.spreader.ports.clone(),
            examined,
            faults,
            packets_sent: self.packets_sent,
            packets: self.packets,
            outlines: self.outlines,
            was_heard: self.was_heard,
            verdict_at: self.verdict_at,
            ended_at: self.now.since(Timestamp::ZERO),
            trace: self.net.trace.unwrap_or_default(),
        }
    }
}

/// What the mail server's admin would not like to see.
fn complaints(net: &Net, scenario: &Scenario, back: Option<&Reverse>) -> Vec<String> {
    let tcp = &net.peer.tcp;
    let connections = || tcp.finished.iter().chain(tcp.connections.values());
    let mut complaints: Vec<String> = connections().flat_map(|connection| connection.service.verdict()).collect();
    if tcp.established > MOST_CONNECTIONS {
        complaints.push(format!("{} connections", tcp.established));
    }
    // A window of zero takes no QUIT, and some stacks no FIN: there a RST is the way out. So it is where the server's own
    // bytes never arrive.
    let holed = back.is_some_and(|back| back.may_be_inconclusive || is_holed(back.verdict));
    if tcp.reset_by_client && scenario.peer.window == Window::Normal && !holed {
        complaints.push("reset an established connection".into());
    }
    for (port, members) in net.spreader.ports.iter().filter(|(_, members)| members.len() > 1) {
        complaints.push(format!("one flow, port {port}, was spread over the parallel links {members:?}"));
    }
    if scenario.links().iter().any(|link| link.middlebox.breaks_connections()) {
        return Vec::new();
    }
    let is_lossless = !scenario.is_lossy();
    if is_lossless {
        let is_open = |connection: &&Connection| {
            if holed { !connection.client_left() } else { !connection.is_closed() && !connection.reset_by_client }
        };
        let open = connections().filter(is_open).count();
        if open > 0 {
            complaints.push(format!("{open} connections left open"));
        }
    }
    let is_simple = scenario.peer.bytes_per_second == 0 && scenario.peer.port == Port::Open;
    if is_lossless && is_simple && back.is_some() && !holed {
        let rude = connections().filter(|connection| !connection.service.is_over()).count();
        if rude > 0 {
            complaints.push(format!("{rude} connections without QUIT and without an end of TLS"));
        }
    }
    complaints
}

fn is_holed(verdict: ReverseVerdict) -> bool {
    matches!(verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers | ReverseVerdict::Inconclusive)
}

impl Run {
    /// Of parallel links, the one that a port was seen on; the first where there is no choice.
    pub fn member_of(&self, port: u16) -> usize {
        self.flows.get(&port).and_then(|members| members.first().copied()).unwrap_or(0)
    }

    fn failed(fault: String) -> Self {
        Self {
            examined: None,
            faults: vec![fault],
            complaints: Vec::new(),
            member: 0,
            flows: BTreeMap::new(),
            packets_sent: 0,
            packets: Fingerprint::default(),
            outlines: Fingerprint::default(),
            was_heard: false,
            verdict_at: None,
            ended_at: Duration::ZERO,
            trace: Vec::new(),
        }
    }
}

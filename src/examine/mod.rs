//! One address's examination as a state machine: deterministic, no sockets, no tokio, no clock.
//!
//! [`Examination`] is driven from outside: `poll` says what to send or how long to wait, `handle` takes in what arrived,
//! and `now` is an argument of both. The same inputs give the same probes.
//!
//! Inside, small machines that do not know each other share the work:
//!
//! * `connection` and `dialogue`: a TCP client in miniature and the little SMTP it speaks;
//! * `lane`, `search`, `campaign`: one technique's probes, the sizes to try next, the way to a proven pair;
//! * `in_order`: the proof on real SMTP bytes; `ptb`: what routers said and where a kernel that believes them ends;
//! * `trace`: the hop at which large packets end;
//! * `conduct`: which of them has its turn; `corroborate`: what confirms a loss beside it; `conclude`: the end;
//! * `emit` and `receive`: packets out and in;
//! * `flows`, `companion`: whether other flows fare alike, and a second examination on one that does not;
//! * `reverse`, `way_back`: whether the server's large packets reach this host, on the same connection;
//! * `judge`: evidence in, verdict out; `summary`: the findings in the words of the report.

mod campaign;
mod companion;
mod conclude;
mod conduct;
mod connection;
mod corroborate;
mod dialogue;
mod emit;
mod fisher;
mod flows;
mod in_order;
mod judge;
mod lane;
mod overrun;
mod ptb;
mod receive;
mod reverse;
mod rtt;
mod search;
mod summary;
mod trace;
mod way_back;

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{
    Action, Event, Examined, Finding, FlowOutcome, Meaning, MethodChoice, MethodReason, MethodReport, PacketSize, Plan,
    Segment, SeqNumber, Technique, Timestamp, Ttl,
};

use campaign::Campaign;
use connection::Connection;
use dialogue::Dialogue;
use emit::Pacer;
use flows::Scout;
use in_order::InOrder;
use judge::Silence;
use ptb::PtbLedger;
use reverse::Reverse;
use rtt::RttEstimator;
use trace::Trace;

/// The examination of one address.
#[derive(Debug)]
pub struct Examination {
    plan: Plan,
    started: Timestamp,
    stage: Stage,
    rng: u64,
    rtt: RttEstimator,
    connection: Connection,
    dialogue: Dialogue,
    in_order: Option<InOrder>,
    tcp: Track,
    syn: Track,
    echo: Track,
    /// The technique that `tcp` uses now: old data at first, SMTP data if that draws no answer.
    tcp_technique: Technique,
    /// The technique that carries the verdict now.
    carrying: Option<Technique>,
    /// Techniques that were given up and replaced.
    retired: Vec<MethodReport>,
    ranges_used: u32,
    plain_acks: u32,
    handshake_repeated: bool,
    named_after_all: bool,
    last_ack_id: Option<u16>,
    quiet_until: Timestamp,
    ptb: PtbLedger,
    /// Whether a router that may be sparing its messages was asked once more.
    asked_slowly: bool,
    twins_queued: u32,
    /// The lost size that the twins were sent for.
    twinned: Option<PacketSize>,
    trace: Option<Trace>,
    echoes_traced: u16,
    /// How other flows fare.
    scout: Option<Scout>,
    /// A second examination, on a flow where large packets seem to vanish.
    companion: Option<Box<Examination>>,
    /// Flows that had one, and how they fared.
    visited: Vec<(u16, FlowOutcome)>,
    /// What it found where large packets vanish.
    worst_flow: Option<Box<Examined>>,
    /// TTL of the last packet from the target.
    arrived_with: Ttl,
    open_since: Option<Timestamp>,
    /// When the server last completed a reply.
    last_word: Timestamp,
    silence: Silence,
    unreachables: u32,
    findings: Vec<Finding>,
    resets: VecDeque<Segment>,
    reset_isns: Vec<SeqNumber>,
    pacer: Pacer,
    next_id: u16,
    /// In IPv6 all packets of one flow carry one label (RFC 6437), or load balancers would take each for a flow of its own.
    flow_label: u16,
    probes_sent: u32,
    bytes_sent: u64,
    /// The way back, once the way there has been examined.
    reverse: Option<Box<Reverse>>,
    /// What was found on the way there, while the way back is being examined.
    forward: Option<Box<Examined>>,
    examined: Option<Examined>,
    capture_overrun: CaptureOverrun,
}

/// Whether this host dropped packets that had arrived during the examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CaptureOverrun {
    None,
    Seen,
    /// The verdict is inconclusive for that reason.
    SpoiltVerdict,
}

/// A technique's campaign and whether it is of any use.
#[derive(Clone, Debug)]
struct Track {
    campaign: Campaign,
    /// Why it is of no use.
    dead: Option<MethodReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Probing,
    /// The way there has been examined; the way back is.
    WayBack,
    /// The verdict stands; the connection is being closed until this instant at the latest.
    Closing {
        greeting_until: Timestamp,
        deadline: Timestamp,
    },
    Done,
}

/// How long an orderly close may take beyond the verdict.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// How long the greeting is awaited beyond the verdict, so that the server can be told QUIT.
const GREETING_PATIENCE: Duration = Duration::from_secs(1);
/// The same two when the user interrupts.
const HURRY: Duration = Duration::from_millis(300);

impl Examination {
    /// Starts an examination.
    pub fn new(plan: Plan, now: Timestamp) -> Self {
        let mut rng = plan.seed;
        let iss = SeqNumber(next_random(&mut rng) as u32);
        let next_id = (next_random(&mut rng) as u16).max(1);
        let local_mss = plan.local_mtu.to_mss(plan.family());
        let local_port = plan.local_ports.first().copied().unwrap_or_default();
        let ports = plan.local_ports.len().saturating_sub(1);
        Self {
            started: now,
            stage: Stage::Probing,
            rng,
            rtt: RttEstimator::default(),
            connection: Connection::new(local_port, plan.port, iss, local_mss),
            dialogue: Dialogue::new(plan.source),
            in_order: None,
            tcp: Track { campaign: Campaign::new(&plan), dead: tcp_forbidden(&plan) },
            syn: Track {
                campaign: Campaign::narrow(&plan, ports.clamp(1, MOST_SYNS)),
                dead: if ports == 0 { Some(MethodReason::NoSparePorts) } else { tcp_forbidden(&plan) },
            },
            echo: Track {
                campaign: Campaign::new(&plan),
                dead: (plan.method == MethodChoice::Tcp).then_some(MethodReason::NotAskedFor),
            },
            tcp_technique: Technique::OldData,
            carrying: None,
            retired: Vec::new(),
            ranges_used: 0,
            plain_acks: 0,
            handshake_repeated: false,
            named_after_all: false,
            last_ack_id: None,
            quiet_until: now,
            ptb: PtbLedger::default(),
            asked_slowly: false,
            twins_queued: 0,
            twinned: None,
            trace: None,
            echoes_traced: 0,
            scout: None,
            companion: None,
            visited: Vec::new(),
            worst_flow: None,
            arrived_with: Ttl::DEFAULT,
            open_since: None,
            last_word: now,
            silence: Silence::Plain,
            unreachables: 0,
            findings: Vec::new(),
            resets: VecDeque::new(),
            reset_isns: Vec::new(),
            pacer: Pacer::default(),
            next_id,
            flow_label: next_id,
            probes_sent: 0,
            bytes_sent: 0,
            reverse: None,
            forward: None,
            examined: None,
            capture_overrun: CaptureOverrun::None,
            plan,
        }
    }

    /// What to do now. Call again after every `Send`, at the instant of `WaitUntil`, and after every event.
    pub fn poll(&mut self, now: Timestamp) -> Action {
        self.conduct(now);
        let company = self.poll_companion(now);
        // A packet that the second flow's examination hands out counts as sent there: it must leave.
        if let Some(Action::Send(packet)) = company {
            return Action::Send(packet);
        }
        if self.stage == Stage::Done {
            return company.unwrap_or(Action::Done);
        }
        match (company, self.next_packet(now)) {
            (_, Some(outgoing)) => Action::Send(outgoing),
            (Some(Action::WaitUntil(at)), None) => Action::WaitUntil(at.min(self.wake(now))),
            (_, None) => Action::WaitUntil(self.wake(now)),
        }
    }

    /// Takes in what the driver saw. Returns what it means, for a transcript.
    pub fn handle(&mut self, event: &Event, now: Timestamp) -> Meaning {
        // It is noted here alone, because this verdict includes that of the second flow. A verdict that stands does not change.
        if *event == Event::CaptureOverrun {
            if self.examined.is_none() {
                self.capture_overrun = CaptureOverrun::Seen;
            }
            return Meaning::Stray;
        }
        let company = self.companion.as_mut().map(|companion| companion.handle(event, now));
        match self.receive(event, now) {
            Meaning::Stray => company.unwrap_or(Meaning::Stray),
            meaning => meaning,
        }
    }

    /// Ends the probing: concludes from what is known and closes the connection, in a hurry.
    pub fn interrupt(&mut self, now: Timestamp) {
        if let Some(companion) = &mut self.companion {
            companion.interrupt(now);
        }
        self.stop_probing(now);
        if let Stage::Closing { .. } = self.stage {
            self.stage = Stage::Closing { greeting_until: now, deadline: now + HURRY };
        }
    }

    /// The findings, as soon as the verdict stands. Closing the connection may go on until `poll` says `Done`.
    pub fn examined(&self) -> Option<&Examined> {
        self.examined.as_ref()
    }

    /// Whether the verdict is inconclusive because this host dropped packets that had arrived. A second try may find more.
    pub fn is_spoilt_by_overrun(&self) -> bool {
        self.capture_overrun == CaptureOverrun::SpoiltVerdict
    }

    /// The largest size known to pass and the smallest known to be lost, as far as the search has come.
    pub fn bracket(&self) -> Option<(PacketSize, PacketSize)> {
        let lane = &self.tcp.campaign.lane;
        let passes = lane.largest_answered()?;
        Some((passes, lane.smallest_lost_above(passes)?))
    }

    /// Probes sent so far.
    pub fn probes_sent(&self) -> u32 {
        self.probes_sent + self.companion.as_ref().map_or(0, |companion| companion.probes_sent)
    }

    fn find(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn random(&mut self) -> u64 {
        next_random(&mut self.rng)
    }
}

fn tcp_forbidden(plan: &Plan) -> Option<MethodReason> {
    (plan.method == MethodChoice::Icmp).then_some(MethodReason::NotAskedFor)
}

/// SYN probes in one round: few, since firewalls count half-open connections.
const MOST_SYNS: usize = 12;

/// One step of SplitMix64: reproducible and good enough for sequence numbers that need no secrecy from the network.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

//! All that a verdict rests on: the logs of one examination, and the plain facts beside them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Body, Event, Finding, IcmpError, IcmpErrorKind, OwnTcp, PacketSize, Plan, PortState, Quote, Reception, Reverse,
    ReverseReason, Technique as Name, Timestamp, Ttl,
};

use super::super::packet_kind::PacketKind;
use super::super::ptb_log::{Ptb, PtbLog, Seen};
use super::super::quoted::Quoted;
use super::super::reach::Reach;
use super::super::rejection_log::RejectionLog;
use super::super::search::{Situation, Testimony};
use super::super::session::{Peer, SentSegments, TcpState};
use super::super::technique::{
    ClampTrace, FlowComparison, FragmentedCopy, HopSearch, NearAnswers, Nearer, NoDfCopy, RealBytes, TechniqueRecord,
    TtlTrace, Uses,
};
use super::visited_flow::VisitedFlow;

/// The record of the way there, and of the way back once it was examined.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that do not exclude each other
pub(crate) struct Record {
    pub(crate) plan: Arc<Plan>,
    pub(crate) started: Timestamp,
    pub(crate) elapsed: Duration,
    /// From the start to the end of probing on the way there.
    pub(crate) forward_elapsed: Duration,
    pub(crate) rtt: Option<Duration>,
    pub(crate) session: SessionFacts,
    pub(crate) techniques: Vec<TechniqueRecord>,
    /// The technique that carried the verdict when probing ended.
    pub(crate) carrier: Option<Name>,
    pub(crate) ptbs: PtbLog,
    pub(crate) rejections: RejectionLog,
    pub(crate) reach: Reach,
    /// Whether a silence until then is an answer.
    pub(crate) is_silence_telling: bool,
    pub(crate) real_bytes: RealBytes,
    pub(crate) no_df: NoDfCopy,
    pub(crate) fragmented: FragmentedCopy,
    pub(crate) trace: TtlTrace,
    /// Who answers TCP nearer than the target.
    pub(crate) nearer: Option<Nearer>,
    /// Where our SYNs were seen, and with which MSS.
    pub(crate) clamp: ClampTrace,
    /// How echo replies came.
    pub(crate) echo: EchoReplies,
    /// The MSS with which our SYN reached the first router.
    pub(crate) first_hop_mss: Option<u16>,
    /// Segments are acknowledged far sooner than anything else is answered.
    pub(crate) acks_come_too_soon: bool,
    /// Whether probing was cut short before a PTB about what is lost could come late, or on being asked for once more.
    pub(crate) awaits_ptb: bool,
    pub(crate) is_df_cleared: bool,
    /// Whether the port takes connections.
    pub(crate) port: Option<PortState>,
    pub(crate) flows: Option<FlowComparison>,
    /// Other flows that were examined like the first, and how they fared.
    pub(crate) visited: Vec<VisitedFlow>,
    /// The record of one on which large packets vanish.
    pub(crate) worse_flow: Option<Box<Record>>,
    pub(crate) probes_sent: u32,
    pub(crate) bytes_sent: u64,
    pub(crate) way_back: WayBack,
    pub(crate) own_tcp: OwnTcpFacts,
    /// This host dropped packets that had arrived meanwhile: a silence means nothing.
    pub(crate) is_overrun: bool,
}

/// How the target's echo replies came: it sends none larger than the path MTU that it knows without fragments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EchoReplies {
    pub(crate) largest_whole: Option<PacketSize>,
    pub(crate) is_fragmented: bool,
    /// One came with DF though its request had none.
    pub(crate) keeps_df: bool,
}

impl EchoReplies {
    /// One of this size came whole.
    pub(crate) fn came_whole(&mut self, size: Option<PacketSize>) {
        self.largest_whole = self.largest_whole.max(size);
    }

    /// One carried DF, and its request did not.
    pub(crate) fn kept_df(&mut self) {
        self.keeps_df = true;
    }

    /// One came in fragments.
    pub(crate) fn came_in_fragments(&mut self) {
        self.is_fragmented = true;
    }
}

/// What the conversation came to.
#[derive(Clone, Debug)]
pub(crate) struct SessionFacts {
    pub(crate) state: TcpState,
    pub(crate) peer: Peer,
    pub(crate) local_port: u16,
    pub(crate) sent: SentSegments,
    pub(crate) opened: Option<Timestamp>,
    pub(crate) is_greeted: bool,
    pub(crate) reception: Reception,
    pub(crate) tcp_limit: Option<PacketSize>,
}

/// What this host's own TCP was asked, and what was seen of the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnTcpFacts {
    /// What it told; `None`: it was not asked, or could not be.
    pub(crate) told: Option<OwnTcp>,
    /// What the server announced to it, before this host's firewall.
    pub(crate) announced: Option<Announced>,
    /// The run ended before it was asked, or could answer.
    pub(crate) is_cut_short: bool,
}

/// What a SYN-ACK announces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    /// The MSS.
    pub(crate) mss: u16,
    /// The window, which a SYN-ACK never scales (RFC 7323, section 2.2).
    pub(crate) window: u16,
}

/// What is known of the way back.
#[derive(Clone, Debug)]
pub(crate) enum WayBack {
    NotAskedFor,
    /// It could not be examined, for this reason.
    Impossible(ReverseReason),
    /// The run ended before.
    NoTime,
    Examined(Reverse, Vec<Finding>),
}

impl Record {
    /// Adds what examinations of other flows found.
    pub(crate) fn add_other_flows(&mut self, visited: Vec<VisitedFlow>, worse: Option<Box<Self>>) {
        self.visited = visited;
        self.worse_flow = worse;
    }

    /// Adds what this host's own TCP told.
    pub(crate) fn add_own_tcp(&mut self, facts: OwnTcpFacts) {
        self.own_tcp = facts;
    }

    /// Adds what is known of the way back.
    pub(crate) fn add_way_back(&mut self, way_back: WayBack) {
        self.way_back = way_back;
    }

    /// Adds how the server received us, where that was heard on the way back.
    pub(crate) fn note_reception(&mut self, reception: Reception) {
        if self.session.reception == Reception::NotHeard {
            self.session.reception = reception;
        }
    }

    /// Brings it up to date: how long it took so far, what was sent, and whether this host dropped packets.
    pub(crate) fn update(&mut self, now: Timestamp, (probes, bytes): (u32, u64), is_overrun: bool) {
        self.elapsed = now.since(self.started);
        self.probes_sent = probes;
        self.bytes_sent = bytes;
        self.is_overrun = is_overrun;
    }

    pub(crate) fn technique(&self, name: Name) -> Option<&TechniqueRecord> {
        self.techniques.iter().find(|technique| technique.name == name)
    }

    /// Where TCP ends, if that is nearer than the target.
    pub(crate) fn tcp_ends_at(&self) -> Option<Ttl> {
        self.nearer.filter(|nearer| nearer.answers != NearAnswers::Syns).map(|nearer| nearer.hop)
    }

    /// The technique that uses this: the first one that may be of use, else the first.
    pub(crate) fn using(&self, uses: Uses) -> Option<&TechniqueRecord> {
        let all = || self.techniques.iter().filter(|technique| technique.uses == uses);
        all().find(|technique| technique.unusable.is_none()).or_else(|| all().next())
    }

    /// The technique whose segments on the connection speak for the flow: of those with the largest answered size, the first.
    pub(crate) fn over_connection(&self) -> Option<&TechniqueRecord> {
        let largest = |technique: &TechniqueRecord| technique.search.log().largest_answered();
        let all = self.techniques.iter().filter(|technique| technique.uses.is_over_connection());
        all.reduce(|best, next| if largest(next) > largest(best) { next } else { best })
    }

    /// Takes in a PTB that comes after probing has ended. Returns whether it is about a packet of this examination.
    pub(crate) fn hear(&mut self, event: &Event) -> bool {
        let (packet, seen) = match event {
            Event::Received(packet) => (packet, Seen::OnWire),
            Event::KernelSaw(packet) => (packet, Seen::InKernel),
            _ => return false,
        };
        let Body::Error(IcmpError { kind: IcmpErrorKind::Ptb { mtu }, quote, checksum_ok }) = &packet.body else {
            return false;
        };
        let is_stray = packet.ip.source == self.plan.source || quote.source != self.plan.source;
        if is_stray || (seen == Seen::InKernel && !checksum_ok) {
            return false;
        }
        let own = self.hear_ptb((packet.ip.source, *mtu, *checksum_ok), quote, seen);
        own || self.worse_flow.as_mut().is_some_and(|worse| worse.hear(event))
    }

    fn hear_ptb(&mut self, (from, mtu, checksum_ok): (IpAddr, u32, bool), quote: &Quote, seen: Seen) -> bool {
        let Self { plan, session, techniques, trace, .. } = self;
        let probes = techniques.iter().flat_map(|technique| technique.search.log().probes());
        let Some(quoted) = Quoted::find(quote, (plan, session.local_port), &session.sent, probes, trace) else {
            return false;
        };
        if quoted.is_altered(quote) {
            self.ptbs.note_altered_quote();
        }
        let about = quoted.key.kind();
        self.ptbs.record(Ptb { from, mtu, about, refused: quoted.size, checksum_ok }, seen);
        for technique in self.techniques.iter_mut().filter(|t| checksum_ok && t.uses.packets() == about) {
            technique.search.log_mut().refused(|probe| quoted.key.names(&probe.key));
        }
        true
    }

    /// The trace. Echo requests that look for the hop in place of segments may take another path; they did not if they end at the
    /// same size.
    pub(crate) fn credible_trace(&self, passes: Option<PacketSize>) -> Option<&HopSearch> {
        let echo = self.using(Uses::Icmp).and_then(|echo| echo.search.log().largest_answered());
        self.trace.search().filter(|_| !self.trace.used_echo() || echo == passes)
    }

    /// The packets that the verdict rests on.
    pub(crate) fn packets(&self) -> Option<PacketKind> {
        self.carrier.and_then(|name| self.technique(name)).map(|technique| technique.uses.packets())
    }

    /// What a search needs to know of the rest.
    pub(crate) fn situation<'a>(&'a self, elsewhere: &'a [Testimony]) -> Situation<'a> {
        let about = self.packets().unwrap_or(PacketKind::Segment);
        Situation { plan: &self.plan, ptbs: &self.ptbs, about, tcp_limit: self.session.tcp_limit, elsewhere }
    }

    /// What real bytes and the other techniques add to the statistics of one.
    pub(crate) fn testimonies(&self, name: Name) -> Vec<Testimony> {
        let others = self.techniques.iter().filter(|other| other.name != name && other.uses != Uses::Connection);
        let over_connection = self.technique(name).is_some_and(|technique| technique.uses == Uses::Connection);
        let real_bytes = over_connection.then(|| self.real_bytes.testimony()).flatten();
        others.filter_map(|other| other.search.testimony()).chain(real_bytes).collect()
    }

    /// Whether no packet of ours was ever answered by the target.
    pub(crate) fn nothing_answered(&self) -> bool {
        let is_silent = |technique: &TechniqueRecord| technique.search.log().total_answered() == 0;
        let is_mute = self.session.state == TcpState::Connecting || self.port == Some(PortState::ForbiddenHere);
        is_mute && self.techniques.iter().all(is_silent)
    }

    /// Whether packets of a size that passes over the connection were lost.
    pub(crate) fn loses_small_packets(&self) -> bool {
        self.over_connection().is_some_and(|tcp| tcp.search.log().loses_controls())
    }

    /// Of such packets, how many were answered and how many were lost.
    pub(crate) fn fate_of_small_packets(&self) -> (u32, u32) {
        let controls = self.over_connection().map(|tcp| tcp.search.log().fate_of_controls()).unwrap_or_default();
        (controls.answered, controls.total - controls.answered)
    }

    /// The largest size known to pass over the connection and the smallest known to be lost.
    pub(crate) fn bracket(&self) -> Option<(PacketSize, PacketSize)> {
        let log = self.over_connection()?.search.log();
        let passes = log.largest_answered()?;
        Some((passes, log.smallest_lost_above(passes)?))
    }
}

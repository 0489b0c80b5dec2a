//! All that a verdict rests on: the logs of one examination, and the plain facts beside them.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Finding, FlowOutcome, PacketSize, Plan, Reverse, ReverseReason, Technique as Name, Timestamp, Ttl};

use super::super::ptb_log::PtbLog;
use super::super::reach::Reach;
use super::super::search::{Situation, Testimony};
use super::super::session::{Peer, TcpState};
use super::super::technique::{
    ClampTrace, FlowComparison, NearAnswers, Nearer, NoDfCopy, RealBytes, TechniqueRecord, TtlTrace, Uses,
};

/// The record of the way there, and of the way back once it was examined.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that do not exclude each other
pub(crate) struct Record {
    pub(crate) plan: Arc<Plan>,
    pub(crate) started: Timestamp,
    pub(crate) elapsed: Duration,
    pub(crate) rtt: Option<Duration>,
    pub(crate) session: SessionFacts,
    pub(crate) techniques: Vec<TechniqueRecord>,
    /// The technique that carried the verdict when probing ended.
    pub(crate) carrier: Option<Name>,
    pub(crate) ptbs: PtbLog,
    pub(crate) reach: Reach,
    /// Whether the time for an answer was over.
    pub(crate) is_hopeless: bool,
    pub(crate) real_bytes: RealBytes,
    pub(crate) no_df: NoDfCopy,
    pub(crate) trace: TtlTrace,
    /// Who answers TCP nearer than the target.
    pub(crate) nearer: Option<Nearer>,
    /// Where our SYNs were seen, and with which MSS.
    pub(crate) clamp: ClampTrace,
    /// How echo replies came.
    pub(crate) echo: EchoReplies,
    /// How long the first answer took.
    pub(crate) handshake: Option<Duration>,
    /// Whether a router that may be sparing its messages was asked once more.
    pub(crate) asked_slowly: bool,
    pub(crate) is_df_cleared: bool,
    pub(crate) is_port_filtered: bool,
    pub(crate) flows: Option<FlowComparison>,
    /// Other flows that were examined like the first, and how they fared.
    pub(crate) visited: Vec<(u16, FlowOutcome)>,
    /// The record of one on which large packets vanish.
    pub(crate) worse_flow: Option<Box<Record>>,
    pub(crate) probes_sent: u32,
    pub(crate) bytes_sent: u64,
    pub(crate) way_back: WayBack,
    /// This host dropped packets that had arrived meanwhile: a silence means nothing.
    pub(crate) is_overrun: bool,
}

/// How the target's echo replies came: it sends none larger than the path MTU that it knows without fragments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EchoReplies {
    pub(crate) largest_whole: Option<PacketSize>,
    pub(crate) is_fragmented: bool,
}

/// What the conversation came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionFacts {
    pub(crate) state: TcpState,
    pub(crate) peer: Peer,
    pub(crate) local_port: u16,
    pub(crate) opened: Option<Timestamp>,
    pub(crate) is_greeted: bool,
    pub(crate) tcp_limit: Option<PacketSize>,
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
    pub(crate) fn add_other_flows(&mut self, visited: Vec<(u16, FlowOutcome)>, worse: Option<Box<Self>>) {
        self.visited = visited;
        self.worse_flow = worse;
    }

    /// Adds what is known of the way back.
    pub(crate) fn add_way_back(&mut self, way_back: WayBack) {
        self.way_back = way_back;
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

    /// The first technique that uses this.
    pub(crate) fn using(&self, uses: Uses) -> Option<&TechniqueRecord> {
        self.techniques.iter().find(|technique| technique.uses == uses)
    }

    /// What a search needs to know of the rest.
    pub(crate) fn situation<'a>(&'a self, elsewhere: &'a [Testimony]) -> Situation<'a> {
        Situation { plan: &self.plan, ptbs: &self.ptbs, tcp_limit: self.session.tcp_limit, elsewhere }
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
        self.session.state == TcpState::Connecting && self.techniques.iter().all(is_silent)
    }

    /// Whether packets of a size that passes over the connection were lost.
    pub(crate) fn loses_small_packets(&self) -> bool {
        let log = self.using(Uses::Connection).map(|tcp| tcp.search.log());
        log.is_some_and(|log| log.largest_answered().is_some_and(|passes| log.lost_below(passes)))
    }

    /// The largest size known to pass over the connection and the smallest known to be lost.
    pub(crate) fn bracket(&self) -> Option<(PacketSize, PacketSize)> {
        let log = self.using(Uses::Connection)?.search.log();
        let passes = log.largest_answered()?;
        Some((passes, log.smallest_lost_above(passes)?))
    }

    /// Whether this host's kernel had a PTB before the first probe.
    pub(crate) fn remembers_a_message(&self) -> bool {
        remembers_a_message(&self.plan)
    }
}

/// Whether this host's kernel had a PTB before the first probe.
pub(crate) fn remembers_a_message(plan: &Plan) -> bool {
    plan.kernel_path_mtu.is_some_and(|kernel| kernel < plan.local_mtu)
}

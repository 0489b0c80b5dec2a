//! The findings in the words of the report: what is remarkable beside the verdict, and the evidence for it.

use std::time::Duration;

use crate::model::{
    Cause, Examined, Finding, Location, LocationPoint, MethodChoice, PacketSize, PortState, PtbFault, PtbReport,
    Reception, Reverse, ReverseReason, Service, SizeEvidence, Verdict, is_global,
};

use super::super::packet_kind::PacketKind;
use super::super::ptb_log::Kernel;
use super::super::search::{Outcome, ProbeLog};
use super::super::session::TcpState;
use super::super::technique::{HopSearch, NearAnswers, Nearer, NoDfOutcome, Uses};
use super::evidence::Evidence;
use super::methods::methods;
use super::record::Record;
use super::rules::Judgement;

/// Puts together what is reported.
pub(super) fn describe(record: &Record, evidence: &Evidence, judgement: Judgement) -> Examined {
    let plan = &record.plan;
    let ptb = record.ptbs.reports(record.packets(), judgement.path_mtu, Kernel::of(plan));
    let carrier = evidence.carried.map(|(name, _)| name);
    let findings = Facts { record, evidence, judgement: &judgement }.findings(&ptb);
    let tcp_was_asked = plan.method != MethodChoice::Icmp;
    let location = location(record, evidence, &judgement, &ptb);
    Examined {
        verdict: judgement.verdict,
        cause: judgement.cause,
        masked_by: judgement.masked_by,
        confidence: judgement.confidence,
        path_mtu: judgement.path_mtu,
        first_lost_size: judgement.first_lost,
        local_mtu: plan.local_mtu,
        kernel_path_mtu: plan.kernel_path_mtu,
        peer_mss: record.session.peer.mss,
        local_mss: tcp_was_asked.then(|| plan.announced_mss()),
        tcp_packet_limit: record.session.tcp_limit.map(|limit| limit.min(plan.local_mtu)),
        own_packet: record.own_tcp.told.map(|told| told.full_packet),
        tcp_ends_at_hop: record.tcp_ends_at(),
        rtt: record.rtt,
        location,
        hops: record.credible_trace(judgement.path_mtu).map(HopSearch::hops).unwrap_or_default(),
        reason: judgement.ground.into(),
        ptb,
        methods: methods(record, carrier),
        sizes: carrier.and_then(|name| record.technique(name)).map(|t| sizes(t.search.log())).unwrap_or_default(),
        flows: None,
        beyond_route: record.using(Uses::Connection).and_then(|tcp| tcp.search.log().largest_beyond()),
        port_state: record.port,
        reception: record.session.reception,
        direction: plan.direction,
        reverse: Reverse::untested(ReverseReason::OnlyForwardAsked),
        findings,
        advice: Vec::new(),
        probes_sent: record.probes_sent,
        bytes_sent: record.bytes_sent,
        elapsed: record.elapsed,
        forward_elapsed: plan.direction.is_forward().then_some(record.forward_elapsed),
    }
}

/// Where large packets end: the sender of a PTB where the verdict rests on one, else what the trace found. Who refuses echo
/// requests refuses segments of the size too, so a PTB about others tells where, if the trace cannot.
fn location(record: &Record, evidence: &Evidence, judgement: &Judgement, ptb: &[PtbReport]) -> Option<Location> {
    let rests_on_ptb = judgement.verdict == Verdict::Discoverable
        || matches!(judgement.cause, Some(Cause::LocalFirewall | Cause::BadPtb));
    // One that states a false MTU about other packets is no witness.
    let is_witness = |report: &&PtbReport| rests_on_ptb || evidence.only_others_told && report.fault.is_none();
    let told = telling_ptb(ptb).filter(is_witness).map(sender);
    let traced = || traced_location(record, judgement);
    let is_exact = record.trace.search().is_some_and(HopSearch::is_exact);
    if rests_on_ptb || !is_exact { told.or_else(traced) } else { traced().or(told) }
}

/// What the trace found, if it was about the sizes of the verdict.
fn traced_location(record: &Record, judgement: &Judgement) -> Option<Location> {
    let (passes, lost) = (judgement.path_mtu, judgement.first_lost);
    let trace = record.credible_trace(passes);
    let mut location =
        trace.filter(|trace| is_broken(judgement.verdict) && trace.is_about(passes, lost))?.location()?;
    if let Some(next) = location.next_hop.as_mut().filter(|next| next.address == record.plan.destination) {
        // Whoever answers nearer than the target does so in its name.
        next.ttl = next.ttl.filter(|_| record.nearer.is_none());
    }
    Some(location)
}

struct Facts<'a> {
    record: &'a Record,
    evidence: &'a Evidence,
    judgement: &'a Judgement,
}

impl Facts<'_> {
    fn findings(&self, ptb: &[PtbReport]) -> Vec<Finding> {
        let all = self.of_the_connection().into_iter().chain(self.of_messages(ptb)).chain(self.of_the_path());
        let mut findings = Vec::new();
        for finding in all.chain(self.of_techniques()) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }

    fn of_the_connection(&self) -> Vec<Finding> {
        let session = &self.record.session;
        let is_open = session.opened.is_some();
        let mut findings = Vec::new();
        if let Reception::TurnedAway { code } = session.reception {
            findings.push(Finding::TurnedAway { code });
        }
        findings.extend(self.record.nearer.map(|nearer| match nearer {
            Nearer { hop, answers: NearAnswers::Syns } => Finding::SynProxy { hop },
            Nearer { hop, answers: NearAnswers::All | NearAnswers::Refusals } => Finding::TcpEndsAtHop { hop },
        }));
        findings.extend(pick([
            (self.record.acks_come_too_soon, Finding::AcksTooSoon),
            (self.record.reach.is_send_refused(), Finding::SendRefusedByFirewall),
            (self.record.port == Some(PortState::Refused), Finding::PortClosed),
            (session.state == TcpState::Reset || session.reception == Reception::Reset, Finding::ConnectionReset),
            (is_open && !session.peer.sack, Finding::NoSack),
            (matches!(self.record.port, Some(PortState::Filtered(_))), Finding::PortFiltered),
            (session.reception == Reception::HungUp, Finding::HungUp),
            (session.peer.window_was_zero, Finding::ZeroWindow),
            (self.record.is_df_cleared, Finding::DfCleared),
        ]));
        findings
    }

    fn of_messages(&self, ptb: &[PtbReport]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for report in ptb {
            findings.extend(report.fault.map(finding_of_fault));
            // Others filter such sources.
            if !is_global(report.from) && is_global(self.record.plan.destination) {
                findings.push(Finding::PtbFromPrivateAddress);
            }
        }
        let ptbs = &self.record.ptbs;
        let is_broken = is_broken(self.judgement.verdict);
        let passes = self.judgement.path_mtu.filter(|_| is_broken);
        let rejected = passes.map(|passes| self.record.rejections.above(passes)).unwrap_or_default();
        findings.extend(rejected.into_iter().map(Finding::LargeRejected));
        findings.extend(pick([
            (is_broken && self.is_tcp_left_untold(), Finding::TcpPtbMissing),
            (ptbs.has_altered_quote(), Finding::PtbQuoteAltered),
            (is_broken && ptbs.has_unknown_quote(), Finding::PtbQuoteUnknown),
        ]));
        findings
    }

    /// Messages about ping reach the kernel, and none about the TCP packets that vanish.
    fn is_tcp_left_untold(&self) -> bool {
        let Some(about) = self.record.packets().filter(|about| *about != PacketKind::Echo) else { return false };
        let Some((passes, lost)) = self.judgement.path_mtu.zip(self.judgement.first_lost) else { return false };
        self.record.ptbs.has_word_for_others_only(about, lost, passes)
    }

    fn of_the_path(&self) -> Vec<Finding> {
        let Record { plan, session, .. } = self.record;
        let is_stale = |kernel: PacketSize| self.judgement.path_mtu.is_some_and(|path| kernel < path);
        // Inside TLS the client speaks first, and for the way back alone nobody has waited yet.
        let waited = plan.direction.is_forward() && !matches!(plan.service, Service::Tls | Service::SmtpOverTls);
        let is_mute = waited && session.opened.is_some() && !session.is_greeted;
        let is_at_the_target = self.record.tcp_ends_at().is_none();
        let is_slow = session.opened.is_some_and(|open| open.since(self.record.started) > SLOW);
        // The router that should have sent the PTB sends other ICMP errors, which arrive.
        let spoke = self.record.trace.search().is_some_and(HopSearch::is_exact);
        pick([
            (plan.kernel_path_mtu.is_some_and(is_stale), Finding::StaleKernelPmtu),
            (session.tcp_limit.is_some_and(|limit| limit < plan.local_mtu), Finding::MssClamped),
            (is_mute && self.judgement.verdict != Verdict::Clear && is_at_the_target, Finding::NoGreeting),
            (session.state != TcpState::Connecting && is_slow, Finding::SlowToAnswer),
            (spoke && self.judgement.cause == Some(Cause::NoPtb), Finding::OnlyPtbMissing),
        ])
    }

    /// What the techniques say of the same path.
    fn of_techniques(&self) -> Vec<Finding> {
        let Some(path) = self.judgement.path_mtu else { return Vec::new() };
        let verdict = self.judgement.verdict;
        let largest = |uses| self.log(uses).and_then(ProbeLog::largest_answered);
        let old = largest(Uses::Connection);
        let echo = largest(Uses::Icmp);
        let tcp = old.max(largest(Uses::Conversation)).max(largest(Uses::Syns));
        let is_unanswered = self.log(Uses::Icmp).is_some_and(|log| log.sent() > 0) && echo.is_none();
        let full = self.record.plan.max_size;
        let is_full_echo_lost = self.log(Uses::Icmp).is_some_and(|log| log.count(full).lost > 0);
        let is_clear = verdict == Verdict::Clear;
        let is_filtered = is_clear && is_full_echo_lost && tcp.is_some_and(|tcp| tcp >= path);
        let echo_passes_more = tcp.is_some_and(|tcp| echo.is_some_and(|echo| echo > tcp && echo > path));
        let is_lossy = |log: &ProbeLog| log.largest_answered().is_some_and(|passes| log.lost_below(passes.min(path)));
        pick([
            (is_unanswered, Finding::EchoUnanswered),
            (!is_unanswered && is_filtered, Finding::LargeEchoFiltered),
            (echo_passes_more, Finding::EchoPassesLarger),
            (is_clear && old.is_some_and(|old| old < path), Finding::SegmentsAboveMssDropped),
            (self.record.techniques.iter().any(|t| is_lossy(t.search.log())), Finding::PacketLoss),
            (verdict == Verdict::Discoverable && self.routers_ration_messages(path), Finding::PtbRateLimited),
            (self.evidence.no_df == NoDfOutcome::FragmentsLost, Finding::FragmentsDropped),
        ])
    }

    fn log(&self, uses: Uses) -> Option<&ProbeLog> {
        self.record.using(uses).map(|technique| technique.search.log())
    }

    /// Many firewalls drop SYNs in pieces, and few SYNs go at all.
    fn logs_but_of_syns(&self) -> impl Iterator<Item = &ProbeLog> {
        self.record.techniques.iter().filter(|technique| technique.uses != Uses::Syns).map(|t| t.search.log())
    }

    fn routers_ration_messages(&self, path: PacketSize) -> bool {
        let unspoken = self
            .logs_but_of_syns()
            .flat_map(ProbeLog::probes)
            .filter(|probe| probe.size > path && matches!(probe.outcome, Outcome::Lost(_)));
        unspoken.count() >= 2
    }
}

/// The findings that hold, in their order.
fn pick<const N: usize>(findings: [(bool, Finding); N]) -> Vec<Finding> {
    findings.into_iter().filter_map(|(holds, finding)| holds.then_some(finding)).collect()
}

/// An address that takes longer than this to answer a SYN needed several.
const SLOW: Duration = Duration::from_secs(1);

/// The PTB that tells most: one without a fault, if there is one.
fn telling_ptb(ptb: &[PtbReport]) -> Option<&PtbReport> {
    let credible = ptb.iter().filter(|report| report.fault != Some(PtbFault::BadChecksum));
    credible.min_by_key(|report| (report.fault.is_some(), report.mtu))
}

fn sender(ptb: &PtbReport) -> Location {
    Location { last_hop: Some(LocationPoint { ttl: None, address: ptb.from }), next_hop: None }
}

fn is_broken(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::BlackHole | Verdict::Masked)
}

fn sizes(log: &ProbeLog) -> Vec<SizeEvidence> {
    let mut sizes: Vec<PacketSize> = log.probes().iter().map(|probe| probe.size).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes
        .into_iter()
        .map(|size| (size, log.count(size)))
        .filter(|(_, count)| count.sent > 0)
        .map(|(size, count)| SizeEvidence { size, sent: count.sent, answered: count.answered })
        .collect()
}

fn finding_of_fault(fault: PtbFault) -> Finding {
    match fault {
        PtbFault::MtuZero => Finding::PtbMtuZero,
        PtbFault::TooLow => Finding::PtbMtuTooLow,
        PtbFault::BelowMinimum => Finding::PtbBelowMinimum,
        PtbFault::StatedSizeLost | PtbFault::NotSmaller => Finding::PtbMtuTooHigh,
        PtbFault::BadChecksum => Finding::PtbBadChecksum,
    }
}

//! The findings in the words of the report: what is remarkable beside the verdict, and the evidence for it.

use std::time::Duration;

use crate::model::{
    Cause, Examined, Finding, Location, LocationPoint, MethodReason, PacketSize, PtbFault, PtbReport, Reverse,
    ReverseReason, ReverseVerdict, Service, SizeEvidence, Verdict, is_global,
};

use super::super::search::{Outcome, ProbeKind, ProbeLog};
use super::super::session::TcpState;
use super::super::technique::{HopSearch, NearAnswers, Nearer, Uses};
use super::evidence::Evidence;
use super::methods::methods;
use super::record::Record;
use super::rules::Judgement;

/// Puts together what is reported.
pub(super) fn describe(record: &Record, evidence: &Evidence, judgement: Judgement) -> Examined {
    let plan = &record.plan;
    let ptb = record.ptbs.reports(judgement.path_mtu, plan.family(), plan.kernel_min_pmtu);
    let carrier = evidence.carried.map(|(name, _)| name);
    let findings = Facts { record, judgement: &judgement }.findings(&ptb);
    let tcp_was_asked =
        record.using(Uses::Connection).is_some_and(|tcp| tcp.unusable != Some(MethodReason::NotAskedFor));
    let location = told_location(judgement.verdict, judgement.cause, &ptb);
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
        local_mss: tcp_was_asked.then(|| plan.local_mtu.to_mss(plan.family())),
        tcp_packet_limit: record.session.tcp_limit,
        tcp_ends_at_hop: record.tcp_ends_at(),
        rtt: record.rtt,
        location: location.or_else(|| traced_location(record, &judgement)),
        hops: credible_trace(record, judgement.path_mtu).map(HopSearch::hops).unwrap_or_default(),
        reason: judgement.ground.into(),
        ptb,
        methods: methods(record, carrier),
        sizes: carrier.and_then(|name| record.technique(name)).map(|t| sizes(t.search.log())).unwrap_or_default(),
        flows: None,
        beyond_route: record.using(Uses::Connection).and_then(|tcp| tcp.search.log().largest_beyond()),
        direction: plan.direction,
        reverse: Reverse {
            verdict: ReverseVerdict::Untested,
            path_mtu: None,
            first_lost_size: None,
            reason: Some(ReverseReason::OnlyForwardAsked),
            recovered_after: None,
        },
        findings,
        advice: Vec::new(),
        probes_sent: record.probes_sent,
        bytes_sent: record.bytes_sent,
        elapsed: record.elapsed,
    }
}

/// What the trace found, if it was about the sizes of the verdict.
fn traced_location(record: &Record, judgement: &Judgement) -> Option<Location> {
    let (passes, lost) = (judgement.path_mtu, judgement.first_lost);
    let trace = credible_trace(record, passes);
    trace.filter(|trace| is_broken(judgement.verdict) && trace.is_about(passes, lost))?.location()
}

/// Echo requests that look for the hop in place of segments may take another path. They did not if they end at the same size.
fn credible_trace(record: &Record, passes: Option<PacketSize>) -> Option<&HopSearch> {
    let echo = record.using(Uses::Icmp).and_then(|echo| echo.search.log().largest_answered());
    record.trace.search().filter(|_| !record.trace.used_echo() || echo == passes)
}

/// How many times sooner is far sooner: the first packet of a flow may wait for neighbours and radios.
const FAR_SOONER: u32 = 10;
/// And by how much at least.
const CLOCK_AND_QUEUES: Duration = Duration::from_millis(5);

struct Facts<'a> {
    record: &'a Record,
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
        findings.extend(self.record.nearer.map(|nearer| match nearer {
            Nearer { hop, answers: NearAnswers::Syns } => Finding::SynProxy { hop },
            Nearer { hop, answers: NearAnswers::All | NearAnswers::Refusals } => Finding::TcpEndsAtHop { hop },
        }));
        findings.extend(pick([
            (self.acks_come_too_soon(), Finding::AcksTooSoon),
            (self.record.reach.is_send_refused(), Finding::SendRefusedByFirewall),
            (session.state == TcpState::Refused, Finding::PortClosed),
            (session.state == TcpState::Reset, Finding::ConnectionReset),
            (is_open && !session.peer.sack, Finding::NoSack),
            (self.record.is_port_filtered, Finding::PortFiltered),
            (session.peer.window_was_zero, Finding::ZeroWindow),
            (self.record.is_df_cleared, Finding::DfCleared),
        ]));
        findings
    }

    /// Whether segments are acknowledged far sooner than the SYN and every echo request was answered.
    fn acks_come_too_soon(&self) -> bool {
        let fastest = |uses| self.log(uses).and_then(ProbeLog::fastest_answer);
        let (Some(handshake), Some(ack)) = (self.record.handshake, fastest(Uses::Connection)) else { return false };
        let is_sooner = |other: Duration| ack * FAR_SOONER <= other && other - ack >= CLOCK_AND_QUEUES;
        is_sooner(handshake) && fastest(Uses::Icmp).is_none_or(is_sooner)
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
        findings
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
        let (tcp, echo) = (old.max(largest(Uses::Syns)), largest(Uses::Icmp));
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
            (self.fragments_are_lost(), Finding::FragmentsDropped),
        ])
    }

    fn log(&self, uses: Uses) -> Option<&ProbeLog> {
        self.record.using(uses).map(|technique| technique.search.log())
    }

    fn routers_ration_messages(&self, path: PacketSize) -> bool {
        let logs = [self.log(Uses::Connection), self.log(Uses::Icmp)].into_iter().flatten();
        let unspoken = logs
            .flat_map(ProbeLog::probes)
            .filter(|probe| probe.size > path && matches!(probe.outcome, Outcome::Lost(_)));
        unspoken.count() >= 2
    }

    fn fragments_are_lost(&self) -> bool {
        [self.log(Uses::Connection), self.log(Uses::Icmp)].into_iter().flatten().any(|log| {
            let fragments = log.trials_of_kind(ProbeKind::Fragments);
            let copies = log.trials_of_kind(ProbeKind::NoDf);
            fragments.total >= 3 && fragments.answered == 0 && copies.answered == 0
        })
    }
}

/// The findings that hold, in their order.
fn pick<const N: usize>(findings: [(bool, Finding); N]) -> Vec<Finding> {
    findings.into_iter().filter_map(|(holds, finding)| holds.then_some(finding)).collect()
}

/// An address that takes longer than this to answer a SYN needed several.
const SLOW: Duration = Duration::from_secs(1);

/// For the kinds of verdict that rest on a PTB, its sender is where the path narrows.
fn told_location(verdict: Verdict, cause: Option<Cause>, ptb: &[PtbReport]) -> Option<Location> {
    let rests_on_ptb = verdict == Verdict::Discoverable || matches!(cause, Some(Cause::LocalFirewall | Cause::BadPtb));
    let narrowest = ptb.iter().filter(|report| report.fault != Some(PtbFault::BadChecksum)).min_by_key(|r| r.mtu)?;
    rests_on_ptb
        .then_some(Location { last_hop: Some(LocationPoint { ttl: None, address: narrowest.from }), next_hop: None })
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

//! The findings in the words of the report.

use crate::model::{
    Cause, Examined, Finding, Location, LocationPoint, Method, MethodReason, MethodReport, MethodStatus, PacketSize,
    PtbFault, PtbReport, Reverse, ReverseReason, ReverseVerdict, Service, SizeEvidence, Technique, Timestamp, Verdict,
    is_global,
};

use super::connection::State;
use super::judge::{Evidence, Judgement};
use super::trace::Trace;
use super::{Examination, Track};

impl Examination {
    /// Puts together what is reported.
    pub(super) fn summarise(&mut self, evidence: &Evidence, judgement: Judgement, now: Timestamp) -> Examined {
        let ptb = self.ptb.reports(judgement.path_mtu, self.plan.family(), self.plan.kernel_min_pmtu);
        self.collect_findings(&judgement, &ptb);
        let carrier = evidence.carried.map(|(technique, _)| technique);
        Examined {
            verdict: judgement.verdict,
            cause: judgement.cause,
            reason: judgement.ground.into(),
            confidence: judgement.confidence,
            path_mtu: judgement.path_mtu,
            first_lost_size: judgement.first_lost,
            local_mtu: self.plan.local_mtu,
            kernel_path_mtu: self.plan.kernel_path_mtu,
            peer_mss: self.connection.peer().mss,
            local_mss: self.tcp_was_asked().then(|| self.plan.local_mtu.to_mss(self.plan.family())),
            tcp_packet_limit: self.tcp_limit(),
            rtt: self.rtt.smoothed(),
            location: location(judgement.verdict, judgement.cause, &ptb)
                .or_else(|| self.traced_location(judgement.verdict, judgement.path_mtu, judgement.first_lost)),
            hops: self.credible_trace(judgement.path_mtu).map(Trace::hops).unwrap_or_default(),
            ptb,
            methods: self.methods(carrier),
            sizes: carrier.map(|technique| sizes(self.track(technique))).unwrap_or_default(),
            flows: None,
            beyond_route: self.tcp.campaign.lane.largest_beyond(),
            direction: self.plan.direction,
            reverse: Reverse {
                verdict: ReverseVerdict::Untested,
                path_mtu: None,
                first_lost_size: None,
                reason: Some(ReverseReason::OnlyForwardAsked),
                recovered_after: None,
            },
            findings: self.findings.clone(),
            advice: Vec::new(),
            probes_sent: self.probes_sent,
            bytes_sent: self.bytes_sent,
            elapsed: now.since(self.started),
        }
    }

    /// What the trace found, if it was about the sizes of the verdict.
    fn traced_location(
        &self,
        verdict: Verdict,
        passes: Option<PacketSize>,
        lost: Option<PacketSize>,
    ) -> Option<Location> {
        let trace = self.credible_trace(passes).filter(|trace| is_broken(verdict) && trace.is_about(passes, lost))?;
        trace.location()
    }

    /// Echo requests that look for the hop in place of segments may take another path. They did not if they end at the same size.
    fn credible_trace(&self, passes: Option<PacketSize>) -> Option<&Trace> {
        let echo = self.echo.campaign.lane.largest_answered();
        self.trace.as_ref().filter(|_| self.echoes_traced == 0 || echo == passes)
    }

    fn tcp_was_asked(&self) -> bool {
        self.tcp.dead != Some(MethodReason::NotAskedFor)
    }

    fn methods(&self, carrier: Option<Technique>) -> Vec<MethodReport> {
        let mut methods = self.retired.clone();
        for (technique, track) in
            [(self.tcp_technique, &self.tcp), (Technique::SynData, &self.syn), (Technique::Echo, &self.echo)]
        {
            let lane = &track.campaign.lane;
            let answered = lane.total_answered();
            let status = match track.dead {
                Some(MethodReason::NotAskedFor) => MethodStatus::Skipped(MethodReason::NotAskedFor),
                Some(why) if carrier != Some(technique) => MethodStatus::Unusable(why),
                _ if answered > 0 => MethodStatus::Used,
                _ if lane.sent() == 0 && technique == Technique::SynData && self.scout.is_some() => {
                    MethodStatus::Skipped(MethodReason::OnlyForFlows)
                }
                _ if lane.sent() == 0 => MethodStatus::Skipped(MethodReason::NotNeeded),
                _ => MethodStatus::Unusable(MethodReason::Unanswered),
            };
            let method = if technique == Technique::Echo { Method::Icmp } else { Method::Tcp };
            let path_mtu = lane.largest_answered();
            methods.push(MethodReport { method, technique, status, sent: lane.sent(), answered, path_mtu });
        }
        methods
    }

    fn collect_findings(&mut self, judgement: &Judgement, ptb: &[PtbReport]) {
        for report in ptb {
            if let Some(finding) = report.fault.map(finding_of_fault) {
                self.find(finding);
            }
            // Others filter such sources.
            if !is_global(report.from) && is_global(self.plan.destination) {
                self.find(Finding::PtbFromPrivateAddress);
            }
        }
        if let (Some(kernel), Some(path)) = (self.plan.kernel_path_mtu, judgement.path_mtu)
            && kernel < path
        {
            self.find(Finding::StaleKernelPmtu);
        }
        if self.tcp_limit().is_some_and(|limit| limit < self.plan.local_mtu) {
            self.find(Finding::MssClamped);
        }
        // Inside TLS the client speaks first, and for the way back alone nobody has waited yet.
        let waited =
            self.plan.direction.is_forward() && !matches!(self.plan.service, Service::Tls | Service::SmtpOverTls);
        if waited && self.open_since.is_some() && !self.dialogue.greeted() && judgement.verdict != Verdict::Clear {
            self.find(Finding::NoGreeting);
        }
        if self.connection.state() != State::Connecting && self.slow_to_answer() {
            self.find(Finding::SlowToAnswer);
        }
        if self.speaks_otherwise(judgement) {
            self.find(Finding::OnlyPtbMissing);
        }
        self.compare_techniques(judgement);
    }

    /// Whether the router that should have sent the PTB sends other ICMP errors, which arrive.
    fn speaks_otherwise(&self, judgement: &Judgement) -> bool {
        let spoke = self.trace.as_ref().is_some_and(Trace::is_exact);
        judgement.cause == Some(Cause::NoPtb) && spoke
    }

    fn slow_to_answer(&self) -> bool {
        self.open_since.is_some_and(|open| open.since(self.started) > SLOW)
    }

    fn compare_techniques(&mut self, judgement: &Judgement) {
        let Some(path) = judgement.path_mtu else { return };
        let echo = &self.echo.campaign.lane;
        let tcp = self.tcp.campaign.lane.largest_answered().max(self.syn.campaign.lane.largest_answered());
        let echo_largest = echo.largest_answered();
        let full_echo_lost = echo.count(self.plan.max_size).lost > 0;
        if echo.sent() > 0 && echo_largest.is_none() {
            self.find(Finding::EchoUnanswered);
        } else if judgement.verdict == Verdict::Clear && full_echo_lost && tcp.is_some_and(|tcp| tcp >= path) {
            self.find(Finding::LargeEchoFiltered);
        }
        if tcp.is_some_and(|tcp| echo_largest.is_some_and(|echo| echo > tcp && echo > path)) {
            self.find(Finding::EchoPassesLarger);
        }
        let old = self.tcp.campaign.lane.largest_answered();
        if judgement.verdict == Verdict::Clear && old.is_some_and(|old| old < path) {
            self.find(Finding::SegmentsAboveMssDropped);
        }
        let lossy = [&self.tcp, &self.syn, &self.echo].iter().any(|t| {
            t.campaign.lane.largest_answered().is_some_and(|passes| t.campaign.lane.lost_below(passes.min(path)))
        });
        if lossy {
            self.find(Finding::PacketLoss);
        }
        if judgement.verdict == Verdict::Discoverable && self.routers_ration_messages(path) {
            self.find(Finding::PtbRateLimited);
        }
        if self.twin_fragments_lost() {
            self.find(Finding::FragmentsDropped);
        }
    }

    fn routers_ration_messages(&self, path: PacketSize) -> bool {
        let flights = self.tcp.campaign.lane.flights().iter().chain(self.echo.campaign.lane.flights());
        flights.filter(|f| f.size > path && matches!(f.fate, super::lane::Fate::Lost(_))).count() >= 2
    }

    fn twin_fragments_lost(&self) -> bool {
        [&self.tcp, &self.echo].iter().any(|track| {
            let fragments = track.campaign.lane.trials_of_kind(super::lane::Kind::Fragments);
            let twins = track.campaign.lane.trials_of_kind(super::lane::Kind::Twin);
            fragments.total >= 3 && fragments.answered == 0 && twins.answered == 0
        })
    }
}

/// An address that takes longer than this to answer a SYN needed several.
const SLOW: std::time::Duration = std::time::Duration::from_secs(1);

/// For the kinds of verdict that rest on a PTB, its sender is where the path narrows.
fn location(verdict: Verdict, cause: Option<Cause>, ptb: &[PtbReport]) -> Option<Location> {
    let rests_on_ptb = verdict == Verdict::Discoverable || matches!(cause, Some(Cause::LocalFirewall | Cause::BadPtb));
    let narrowest = ptb.iter().filter(|report| report.fault != Some(PtbFault::BadChecksum)).min_by_key(|r| r.mtu)?;
    rests_on_ptb
        .then_some(Location { last_hop: Some(LocationPoint { ttl: None, address: narrowest.from }), next_hop: None })
}

fn is_broken(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::BlackHole | Verdict::Masked)
}

fn sizes(track: &Track) -> Vec<SizeEvidence> {
    let lane = &track.campaign.lane;
    let mut sizes: Vec<PacketSize> = lane.flights().iter().map(|f| f.size).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes
        .into_iter()
        .map(|size| (size, lane.count(size)))
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

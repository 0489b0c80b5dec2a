//! Other flows: when they are compared, and a second examination on one that fares worse than the first.
//!
//! SYNs alone prove nothing (`docs/verdicts.md`, other flows), so a flow on which they vanish gets an examination like the
//! first one's: a connection of its own, real bytes and all. Its verdict counts for the address if it is worse.

use crate::model::{
    Action, Direction, Examined, Finding, Flow, FlowChoice, FlowOutcome, FlowShare, Flows, MethodChoice, PacketSize,
    Plan, Technique, Timestamp, Verdict, VerdictReason,
};

use super::Examination;
use super::fisher::Trials;
use super::flows::Scout;
use super::lane::Key;
use super::trace::silences_needed;

/// Flows beside the first that are tried at first; the rest only if the size passes on all of these.
const FIRST_FLOWS: usize = 7;
/// Second examinations at most: each is a connection that the server logs.
const MOST_COMPANIONS: usize = 2;

impl Examination {
    /// Compares flows beside the confirmation of a pair that TCP would meet.
    pub(super) fn compare_flows(&mut self, technique: Technique, now: Timestamp) {
        let over_tcp = matches!(technique, Technique::OldData | Technique::SmtpData);
        let Some((passes, suspect)) = self.tcp.campaign.confirming().filter(|_| over_tcp) else { return };
        let (small, full) = self.full_pair();
        if suspect > full || self.ptb.speaks_of(suspect) || self.ptb.speaks_of(full) {
            return;
        }
        self.run_scout(small.min(passes), full, now);
    }

    /// With `--flows`, whether flows are still to be compared before the verdict on the first can stand.
    ///
    /// `is_hit`: large packets vanish on the first one, so that no other can be worse.
    pub(super) fn awaits_other_flows(&mut self, passes: PacketSize, is_hit: bool, now: Timestamp) -> bool {
        if self.plan.flows != FlowChoice::Always || self.plan.method == MethodChoice::Icmp {
            return false;
        }
        let (small, full) = self.full_pair();
        self.run_scout(small.min(passes), full, now);
        if !self.flows_are_compared() {
            return true;
        }
        if !is_hit {
            self.visit_next_flow(now);
        }
        self.companion.as_ref().is_some_and(|companion| companion.examined.is_none())
    }

    fn run_scout(&mut self, passes: PacketSize, suspect: PacketSize, now: Timestamp) {
        if self.scout.as_ref().is_none_or(|scout| scout.sizes() != (passes, suspect)) {
            self.reset_flows();
            let first = if self.plan.flows == FlowChoice::Always { self.plan.flow_ports.len() } else { FIRST_FLOWS };
            let (first, reserve) = self.plan.flow_ports.split_at(first.min(self.plan.flow_ports.len()));
            self.scout = Some(Scout::new(passes, suspect, first, reserve));
        }
        self.advance_scout(now);
    }

    pub(super) fn advance_scout(&mut self, now: Timestamp) {
        let needed = self.silences_needed();
        if let Some(scout) = &mut self.scout {
            scout.advance(now, &self.rtt, needed);
        }
    }

    /// How often a size must stay silent before loss no longer explains it.
    pub(super) fn silences_needed(&self) -> u32 {
        let lane = &self.tcp.campaign.lane;
        silences_needed(lane.largest_answered().map_or(Trials::default(), |passes| lane.controls(passes)))
    }

    pub(super) fn flows_are_compared(&self) -> bool {
        self.scout.as_ref().is_none_or(Scout::is_over)
    }

    /// Ends the half-open connections that SYNs may have left behind.
    pub(super) fn reset_flows(&mut self) {
        let leftovers: Vec<_> = self.scout.iter().flat_map(Scout::unanswered).collect();
        for (port, isn) in leftovers {
            self.reset_syn(Key::Syn { port, isn });
        }
    }

    fn visit_next_flow(&mut self, now: Timestamp) {
        if self.companion.is_some() || self.visited.len() >= MOST_COMPANIONS {
            return;
        }
        let is_new = |port: &u16| self.visited.iter().all(|(visited, _)| visited != port);
        let next = self.scout.iter().flat_map(Scout::hit).find(is_new);
        let Some(port) = next else { return };
        self.reset_flows();
        self.visited.push((port, FlowOutcome::Unknown));
        let plan = Plan {
            local_ports: vec![port],
            flow_ports: Vec::new(),
            direction: Direction::Forward,
            method: MethodChoice::Tcp,
            seed: self.random(),
            ..self.plan.clone()
        };
        let label = self.label_of(port);
        let mut companion = Self::new(plan, now);
        companion.flow_label = label;
        self.companion = Some(Box::new(companion));
    }

    /// The label of a flow: the same port always has the same.
    pub(super) fn label_of(&self, port: u16) -> u16 {
        let has_own = self.plan.flow_ports.contains(&port) || self.plan.reverse_ports.contains(&port);
        if has_own { self.flow_label.wrapping_add(port).max(1) } else { self.flow_label }
    }

    /// What the second examination wants to do, if there is one.
    pub(super) fn poll_companion(&mut self, now: Timestamp) -> Option<Action> {
        let companion = self.companion.as_mut()?;
        let action = companion.poll(now);
        if let Some(found) = &companion.examined {
            if let Some((_, fate)) = self.visited.last_mut() {
                *fate = fate_of(found.verdict);
            }
            if is_broken(found) && self.worst_flow.is_none() {
                self.worst_flow = Some(Box::new(found.clone()));
            }
        }
        if action == Action::Done {
            self.probes_sent += companion.probes_sent;
            self.bytes_sent += companion.bytes_sent;
            self.companion = None;
            return None;
        }
        Some(action)
    }

    /// Puts in what other flows told, at the end.
    pub(super) fn with_flows(&mut self, mut examined: Examined) -> Examined {
        let flows = self.flows_beside(&examined);
        if let Some(worst) = self.worst_flow.take().filter(|_| !is_broken(&examined)) {
            examined = adopt(examined, *worst);
        }
        if let Some(flows) = &flows
            && is_partial(flows)
        {
            // A ping may simply have gone the other way, and so may echo requests that looked for the hop.
            examined.findings.retain(|f| !matches!(f, Finding::EchoPassesLarger | Finding::LargeEchoFiltered));
            examined.findings.push(Finding::HoleOnSomeFlows);
            if self.echoes_traced > 0 {
                (examined.location, examined.hops) = (None, Vec::new());
            }
            examined.reason.share = Some(FlowShare { hit: flows.hit(), known: flows.known() });
        }
        examined.flows = flows;
        examined
    }

    /// How the flows fared, if they were compared and the first one's fate is known.
    fn flows_beside(&self, examined: &Examined) -> Option<Flows> {
        let scout = self.scout.as_ref().filter(|scout| scout.is_over())?;
        let (_, suspect) = scout.sizes();
        let passes = examined.path_mtu.is_some_and(|path| path >= suspect);
        let own = if passes { FlowOutcome::Passes } else { fate_of(examined.verdict) };
        let wanted = own == FlowOutcome::Lost || self.plan.flows == FlowChoice::Always;
        if !wanted || own == FlowOutcome::Unknown {
            return None;
        }
        let own_flow = Flow { port: self.connection.local_port(), outcome: own };
        let mut flows = scout.flows(own_flow, self.silences_needed());
        for flow in flows.flows.iter_mut().skip(1) {
            flow.outcome = self.known_better(*flow, own);
        }
        Some(flows)
    }

    /// What SYNs say of a flow, unless a second examination knows better. Where the first flow is fine and none was confirmed to
    /// be hit, silent SYNs are chance, or a firewall's dislike of large ones.
    fn known_better(&self, flow: Flow, own: FlowOutcome) -> FlowOutcome {
        let visited = self.visited.iter().find(|(port, _)| *port == flow.port).map(|(_, fate)| *fate);
        let confirmed = own == FlowOutcome::Lost || self.worst_flow.is_some();
        match visited.unwrap_or(flow.outcome) {
            FlowOutcome::Lost if visited.is_none() && !confirmed => FlowOutcome::Unknown,
            fate => fate,
        }
    }

    /// A size that every flow should pass, and the largest packet TCP would send: whether mail hangs is decided there, even
    /// where parallel paths have different holes.
    fn full_pair(&self) -> (PacketSize, PacketSize) {
        let suspect = self.tcp_limit().map_or(self.plan.max_size, |limit| limit.min(self.plan.max_size));
        let small = PacketSize::new(SMALL).max(self.plan.min_size);
        (small.min(suspect), suspect)
    }
}

/// A packet that passes everywhere (RFC 791's 576, less what tunnels take), with room for a SYN and its options.
const SMALL: u32 = 500;

/// A hole on some flows: some are hit, some are not. If all but the first pass, the difference may be one of technique, as the
/// others were tried by SYNs only.
fn is_partial(flows: &Flows) -> bool {
    let others = flows.flows.iter().skip(1).filter(|flow| flow.outcome == FlowOutcome::Lost).count();
    others > 0 && flows.hit() < flows.known()
}

fn is_broken(examined: &Examined) -> bool {
    fate_of(examined.verdict) == FlowOutcome::Lost
}

/// How the largest packets fare by a verdict.
fn fate_of(verdict: Verdict) -> FlowOutcome {
    match verdict {
        Verdict::Clear => FlowOutcome::Passes,
        Verdict::BlackHole | Verdict::Masked => FlowOutcome::Lost,
        Verdict::Discoverable => FlowOutcome::Refused,
        Verdict::Unreachable | Verdict::Inconclusive => FlowOutcome::Unknown,
    }
}

/// The verdict and evidence of the worse flow; what was learnt about the address stays.
fn adopt(first: Examined, worse: Examined) -> Examined {
    let mut findings = first.findings;
    for finding in worse.findings {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let mut methods = worse.methods;
    methods.retain(|method| method.sent > 0);
    for method in first.methods {
        if methods.iter().all(|known| known.technique != method.technique) {
            methods.push(method);
        }
    }
    Examined {
        findings,
        methods,
        kernel_path_mtu: first.kernel_path_mtu,
        probes_sent: first.probes_sent,
        bytes_sent: first.bytes_sent,
        elapsed: first.elapsed,
        reason: VerdictReason { of_other_flow: true, ..worse.reason },
        ..worse
    }
}

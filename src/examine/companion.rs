//! Other flows: when they are compared, and a second examination on one that fares worse than the first.
//!
//! SYNs alone prove nothing ([design, section 3](super::judge)), so a flow on which they vanish gets an examination like the
//! first one's: a connection of its own, real bytes and all. Its verdict counts for the address if it is worse.

use crate::model::{
    Action, Examined, Finding, Flow, FlowChoice, FlowFate, Flows, MethodChoice, PacketSize, Plan, Technique, Timestamp,
    Verdict,
};

use super::Examination;
use super::flows::Scout;
use super::lane::Key;

/// Flows beside the first that are tried at first; the rest only if the size passes on all of these.
const FIRST_FLOWS: usize = 7;
/// Second examinations at most: each is a connection that the server logs.
const MOST_COMPANIONS: usize = 2;

impl Examination {
    /// Compares flows beside the confirmation of a pair that TCP would meet.
    pub(super) fn compare_flows(&mut self, technique: Technique, now: Timestamp) {
        let over_tcp = matches!(technique, Technique::OldData | Technique::SmtpData);
        let Some((passes, suspect)) = self.tcp.campaign.confirming().filter(|_| over_tcp) else { return };
        if self.tcp_limit().is_some_and(|limit| suspect > limit) || self.ptb.speaks_of(suspect) {
            return;
        }
        self.run_scout(passes, suspect, now);
    }

    /// With `--flows`, whether flows are still to be compared before the verdict on the first can stand.
    pub(super) fn awaits_other_flows(&mut self, passes: PacketSize, suspect: PacketSize, now: Timestamp) -> bool {
        if self.plan.flows != FlowChoice::Always || self.plan.method == MethodChoice::Icmp {
            return false;
        }
        self.run_scout(passes, suspect, now);
        if !self.flows_are_compared() {
            return true;
        }
        self.visit_next_flow(now);
        self.companion.as_ref().is_some_and(|companion| companion.examined.is_none())
    }

    fn run_scout(&mut self, passes: PacketSize, suspect: PacketSize, now: Timestamp) {
        if self.scout.as_ref().is_none_or(|scout| scout.sizes() != (passes, suspect)) {
            self.reset_flows();
            let first = if self.plan.flows == FlowChoice::Always { self.plan.flow_ports.len() } else { FIRST_FLOWS };
            let (first, reserve) = self.plan.flow_ports.split_at(first.min(self.plan.flow_ports.len()));
            self.scout = Some(Scout::new(passes, suspect, first, reserve));
        }
        let lossy = self.is_lossy(passes);
        if let Some(scout) = &mut self.scout {
            scout.advance(now, &self.rtt, lossy);
        }
    }

    pub(super) fn is_lossy(&self, passes: PacketSize) -> bool {
        self.tcp.campaign.lane.lost_below(passes)
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
        let next = self.scout.iter().flat_map(Scout::hit).find(|port| !self.visited.contains(port));
        let Some(port) = next else { return };
        self.reset_flows();
        self.visited.push(port);
        let plan = Plan {
            local_ports: vec![port],
            flow_ports: Vec::new(),
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
        if self.plan.flow_ports.contains(&port) { self.flow_label.wrapping_add(port).max(1) } else { self.flow_label }
    }

    /// What the second examination wants to do, if there is one.
    pub(super) fn poll_companion(&mut self, now: Timestamp) -> Option<Action> {
        let companion = self.companion.as_mut()?;
        let action = companion.poll(now);
        let is_worse = |found: &Examined| self.worst_flow.as_ref().is_none_or(|known| rank(found) > rank(known));
        if let Some(found) = companion.examined.as_ref().filter(|found| is_worse(found)) {
            self.worst_flow = Some(Box::new(found.clone()));
        }
        if action == Action::Done {
            self.probes_sent += companion.probes_sent;
            self.bytes_sent += companion.bytes_sent;
            self.companion = None;
            return None;
        }
        Some(action)
    }

    /// Puts in what other flows told.
    pub(super) fn with_flows(&mut self, mut examined: Examined) -> Examined {
        let own = match examined.verdict {
            Verdict::Clear => FlowFate::Passes,
            Verdict::BlackHole | Verdict::Masked => FlowFate::Lost,
            Verdict::Discoverable => FlowFate::Refused,
            Verdict::Unreachable | Verdict::Inconclusive => FlowFate::Unknown,
        };
        let scout = self.scout.as_ref().filter(|scout| scout.is_over() && own != FlowFate::Unknown);
        let mut flows = scout.map(|scout| scout.flows(Flow { port: self.connection.local_port(), fate: own }));
        if let Some(worst) = self.worst_flow.take().filter(|worst| rank(worst) > rank(&examined)) {
            examined = adopt(examined, *worst);
        } else if let Some(flows) = flows.as_mut().filter(|_| own != FlowFate::Lost) {
            // A second examination found nothing there: chance, or a firewall with a dislike of large SYNs.
            flows.flows.iter_mut().filter(|flow| flow.fate == FlowFate::Lost).for_each(|flow| {
                flow.fate = FlowFate::Unknown;
            });
        }
        if let Some(flows) = &flows
            && is_partial(flows)
        {
            examined.findings.push(Finding::HoleOnSomeFlows);
            let share = format!("; large packets vanish on {} of {} flows", flows.hit(), flows.known());
            examined.reason.push_str(&share);
        }
        examined.flows = flows;
        examined
    }

    /// Largest packet TCP would send, and a size that is known to pass, for flows of which the first one is fine.
    pub(super) fn full_pair(&self) -> (PacketSize, PacketSize) {
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
    let others = flows.flows.iter().skip(1).filter(|flow| flow.fate == FlowFate::Lost).count();
    others > 0 && flows.hit() < flows.known()
}

fn rank(examined: &Examined) -> u8 {
    match examined.verdict {
        Verdict::BlackHole => 3,
        Verdict::Masked => 2,
        Verdict::Discoverable => 1,
        Verdict::Clear | Verdict::Unreachable | Verdict::Inconclusive => 0,
    }
}

/// The verdict and evidence of the worse flow; what was learnt about the address stays.
fn adopt(first: Examined, worse: Examined) -> Examined {
    let mut findings = first.findings;
    findings.extend(worse.findings.into_iter().filter(|finding| *finding != Finding::NoSack));
    findings.sort_unstable_by_key(|finding| format!("{finding:?}"));
    findings.dedup();
    let mut methods = worse.methods;
    methods.retain(|method| method.sent > 0);
    let others = first.methods.into_iter().filter(|own| methods.iter().all(|m| m.technique != own.technique));
    let others: Vec<_> = others.collect();
    methods.extend(others);
    Examined {
        findings,
        methods,
        kernel_path_mtu: first.kernel_path_mtu,
        probes_sent: first.probes_sent,
        bytes_sent: first.bytes_sent,
        elapsed: first.elapsed,
        reason: format!("on another flow: {}", worse.reason),
        ..worse
    }
}

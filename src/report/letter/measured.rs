//! The table of what was measured, in no language.

use std::net::IpAddr;

use super::complaint::Complaint;
use super::facts::{LetterFacts, MOST_MESSAGES, with_host};
use crate::model::{
    AddressReport, Family, FlowOutcome, Flows, MethodReport, MethodStatus, PacketSize, PtbReport, RejectedBy,
    SizeEvidence, Technique,
};
use crate::report::advice::shared_limit;
use crate::report::place::Place;

/// A line of the table of what was measured, in its order.
pub(super) enum Measured<'a> {
    From {
        source: IpAddr,
        behind_nat: bool,
    },
    To {
        target: String,
        port: u16,
        /// Where there are several: how its sizes fared.
        counts: Vec<SizeEvidence>,
    },
    /// So many probes of this kind. `milliseconds`: in so many; `None`: to several addresses.
    Probed {
        probes: u32,
        milliseconds: Option<u64>,
        by: Carrier,
    },
    /// The target's certificates were asked for, and so many seconds passed.
    Fetched {
        seconds: u64,
    },
    /// Of the way back: the target sends.
    Sender {
        target: String,
        port: u16,
    },
    /// Of the way back: this host receives.
    Receiver {
        source: IpAddr,
        behind_nat: bool,
    },
    Announced(u16),
    Arrives(PacketSize),
    NeverArrives {
        size: PacketSize,
        /// Sizes between this and the one that arrives were not tried.
        is_bound: bool,
    },
    /// The target's packets carry DF, or not (IPv4).
    DontFragment(bool),
    /// In whole seconds.
    RecoversAfter(u64),
    /// The message sent to the target, and its MTU.
    ToldToShrink(PacketSize),
    /// The way there ends at this size too, at this place if it is known.
    ThereToo(PacketSize, Option<Place>),
    When(String),
    Passes(PacketSize, Option<SizeEvidence>),
    /// Refused with a message that the kernel copes with.
    TooBig(PacketSize, Option<SizeEvidence>),
    Vanishes(PacketSize, Option<SizeEvidence>),
    /// The first size that is refused.
    Refused(PacketSize, Option<SizeEvidence>),
    /// By whom, how, and where there is one target, how often.
    Refusal {
        /// `None`: in the target's name.
        by: Option<IpAddr>,
        how: RejectedBy,
        smallest: PacketSize,
        count: Option<u32>,
    },
    SentUpTo(PacketSize),
    Place(Place),
    Flows {
        hit: usize,
        known: usize,
        /// Source ports hit and spared, if there are both.
        ports: Option<(String, String)>,
    },
    Message(&'a PtbReport),
    NoMessage {
        others_arrive: bool,
    },
}

/// What carried the sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// Segments of one TCP connection.
    Connection,
    /// SYNs with data, an attempt to connect each.
    Syns,
    /// Pings.
    Pings,
}

/// What was measured, the same in every language.
pub(super) fn measured<'a>(facts: &LetterFacts<'a>) -> Vec<Measured<'a>> {
    if facts.complaint.is_about_the_way_back() { measured_back(facts) } else { measured_there(facts) }
}

fn measured_back<'a>(facts: &LetterFacts<'a>) -> Vec<Measured<'a>> {
    let examined = &facts.address.examined;
    let reverse = &examined.reverse;
    let source = facts.address.here.source;
    let is_bound = !facts.limit_is_exact();
    let vanishes = facts.complaint != Complaint::Unheeded;
    let senders = facts.targets().map(|report| Measured::Sender { target: with_host(report), port: report.port });
    let fetched = reverse.elapsed.filter(|_| facts.others.is_empty());
    let rows = [
        source.map(|source| Measured::Receiver { source, behind_nat: facts.is_behind_nat() }),
        facts.when.clone().map(Measured::When),
        fetched.map(|elapsed| Measured::Fetched { seconds: (elapsed.as_millis() as u64).div_ceil(1000) }),
        examined.local_mss.map(Measured::Announced),
        reverse.path_mtu.map(Measured::Arrives),
        reverse.first_lost_size.filter(|_| vanishes).map(|size| Measured::NeverArrives { size, is_bound }),
        (facts.family == Family::V4).then(|| Measured::DontFragment(!facts.peer_cuts())),
        facts
            .recovered_after()
            .filter(|_| facts.complaint == Complaint::WayBackStalls)
            .map(|after| Measured::RecoversAfter((after.as_millis() as u64).div_ceil(1000))),
        examined.ignored_ptb().map(Measured::ToldToShrink),
        shared_limit(facts.address).filter(|_| vanishes).map(|size| Measured::ThereToo(size, facts.place)),
    ];
    senders.chain(rows.into_iter().flatten()).collect()
}

fn measured_there<'a>(facts: &LetterFacts<'a>) -> Vec<Measured<'a>> {
    let examined = &facts.address.examined;
    let source = facts.address.here.source;
    let from = source.map(|source| Measured::From { source, behind_nat: facts.is_behind_nat() });
    let to = facts.targets().map(|report| Measured::To {
        target: with_host(report),
        port: report.port,
        counts: if facts.others.is_empty() { Vec::new() } else { counts(facts, report) },
    });
    let how = probed(facts);
    let passes = facts.passes().map(|size| Measured::Passes(size, evidence(facts, size)));
    let lost = facts.vanishes().and_then(|size| match facts.complaint {
        Complaint::SurvivableMessages => Some(Measured::TooBig(size, evidence(facts, size))),
        Complaint::Refused => facts.refusal_is_exact().then(|| Measured::Refused(size, evidence(facts, size))),
        _ => Some(Measured::Vanishes(size, evidence(facts, size))),
    });
    let refusals = if facts.complaint == Complaint::Refused { facts.refusals() } else { Vec::new() };
    let refusals = refusals.into_iter().map(|refusal| Measured::Refusal {
        by: Some(refusal.from).filter(|from| *from != facts.address.address),
        how: refusal.by,
        smallest: refusal.smallest,
        count: facts.others.is_empty().then_some(refusal.count),
    });
    let messages = messages(facts);
    let none = messages.is_empty().then(|| Measured::NoMessage { others_arrive: facts.only_ptb_missing() });
    let rows =
        [facts.when.clone().map(Measured::When), how, passes, lost, Some(Measured::SentUpTo(examined.local_mtu))];
    from.into_iter()
        .chain(to)
        .chain(rows.into_iter().flatten())
        .chain(facts.place.map(Measured::Place))
        .chain(refusals)
        .chain(examined.flows.as_ref().and_then(share_of_flows))
        .chain(messages.iter().map(Measured::Message))
        .chain(none)
        .collect()
}

fn share_of_flows<'a>(flows: &Flows) -> Option<Measured<'a>> {
    let ports = ports(flows, FlowOutcome::Lost).zip(ports(flows, FlowOutcome::Passes));
    (flows.hit() > 0).then(|| Measured::Flows { hit: flows.hit(), known: flows.known(), ports })
}

fn counts(facts: &LetterFacts<'_>, report: &AddressReport) -> Vec<SizeEvidence> {
    let sizes = [facts.passes(), facts.vanishes()].into_iter();
    sizes.filter_map(|size| LetterFacts::counts(report, size)).collect()
}

/// `None`: it is not known what carried the sizes, or that differs.
fn probed(facts: &LetterFacts<'_>) -> Option<Measured<'static>> {
    let by = carrier(facts.address).filter(|by| facts.targets().all(|report| carrier(report) == Some(*by)))?;
    let examined = &facts.address.examined;
    let took = examined.forward_elapsed.unwrap_or(examined.elapsed);
    Some(Measured::Probed {
        probes: facts.targets().map(|report| report.examined.probes_sent).sum(),
        milliseconds: facts.others.is_empty().then_some(took.as_millis() as u64),
        by,
    })
}

fn carrier(report: &AddressReport) -> Option<Carrier> {
    let examined = &report.examined;
    let carries = |method: &&MethodReport| method.status == MethodStatus::Used && method.path_mtu == examined.path_mtu;
    let method = examined.methods.iter().filter(|_| examined.path_mtu.is_some()).find(carries)?;
    Some(match method.technique {
        Technique::OldData | Technique::SmtpData | Technique::RealBytes => Carrier::Connection,
        Technique::SynData => Carrier::Syns,
        Technique::Echo => Carrier::Pings,
    })
}

fn evidence(facts: &LetterFacts<'_>, size: PacketSize) -> Option<SizeEvidence> {
    // The numbers of one address are not those of others.
    LetterFacts::counts(facts.address, Some(size)).filter(|_| facts.others.is_empty())
}

fn messages<'a>(facts: &LetterFacts<'a>) -> &'a [PtbReport] {
    let messages = &facts.address.examined.ptb;
    messages.get(..MOST_MESSAGES).unwrap_or(messages)
}

/// Source ports of the flows with this outcome, separated by commas.
fn ports(flows: &Flows, outcome: FlowOutcome) -> Option<String> {
    let with_it = flows.flows.iter().filter(|flow| flow.outcome == outcome);
    let ports: Vec<String> = with_it.map(|flow| flow.port.to_string()).collect();
    (!ports.is_empty()).then(|| ports.join(", "))
}

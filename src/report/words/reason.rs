//! The sentences for the verdict on the way there, and for methods that did not serve.

use super::busy::HOST_TOO_BUSY;
use super::{icmp, own_tcp, ptb_fault};
use crate::model::{
    Confirmation, CutShort, DialogueTrouble, Doubt, Family, FlowShare, Ground, MethodReason, Obstacle, PacketSize,
    PtbOutcome, Technique, Ttl, VerdictReason,
};

/// Why the verdict on the way there is what it is, in one sentence.
pub fn verdict_reason(reason: &VerdictReason) -> String {
    let flow = if reason.of_other_flow { "on another flow: " } else { "" };
    let share = reason.share.map_or_else(String::new, |FlowShare { hit, known }| {
        format!("; large packets vanish on {hit} of {known} flows")
    });
    let here = reason.here.map_or_else(String::new, |here| format!("; {}", own_tcp::in_reason(here)));
    format!("{flow}{}{share}{here}", ground(&reason.ground))
}

fn ground(ground: &Ground) -> String {
    match *ground {
        Ground::FullSizeAnswered { size, technique } => {
            format!("a {size} byte packet that must not be fragmented was answered ({})", packets(technique))
        }
        Ground::LargerNotTried { size } => format!(
            "packets up to {size} bytes pass; larger ones, which this host would send, were not tried: leave out \
             --max-size"
        ),
        Ground::RefusedByRouter { passes, start } => format!(
            "{passes} byte packets pass, larger ones are refused by a router whose message reaches this host's kernel, \
             starting from {start}"
        ),
        Ground::ToldToOthers { passes, start, told } => format!(
            "{passes} byte packets pass, larger ones were not answered while many addresses were examined at once; the router rations its \
             messages: each of {told} addresses behind it that were asked alone was told, starting from {start}, and this one was not \
             asked alone"
        ),
        Ground::Rationed { passes, lost } => format!(
            "{passes} byte packets are answered, {lost} byte packets were not while many addresses were examined at once; the router \
             rations its messages, and of the addresses behind it that were asked alone some were told and some were not: examine \
             this one alone"
        ),
        Ground::Vanishes { passes, lost, ptb, confirmation } => format!(
            "{passes} byte packets are answered, {lost} byte packets never are, and {}; confirmed: {}",
            ptb_outcome(ptb),
            confirmed_by(confirmation)
        ),
        Ground::Hidden { passes, lost, ptb, confirmation, limit } => format!(
            "{passes} byte packets are answered, {lost} byte packets never are, and {}; confirmed: {}; the server's MSS keeps \
             TCP to {limit} bytes, but nothing on the path accounts for it, so the server is taken to remember the path, which \
             it does for ten minutes at most",
            ptb_outcome(ptb),
            confirmed_by(confirmation)
        ),
        Ground::OneTechnique { technique, passes, lost, doubt } => one_technique(technique, passes, lost, doubt),
        Ground::AboveMssOnly { passes, limit } => format!(
            "packets up to {passes} bytes pass, which is all that TCP sends here (limit {limit}); larger TCP segments \
             vanish, but a firewall may drop them for exceeding the peer's MSS, and no other technique shows more"
        ),
        Ground::MayMask { passes, lost, limit } => format!(
            "{passes} byte packets are answered, {lost} byte packets never are; the server's MSS keeps TCP to {limit} bytes, \
             but it was not seen where large packets end, so that may be its own link or a path that it remembers for a while"
        ),
        Ground::OwnTcpNotAsked { passes, lost } => format!(
            "{passes} byte packets are answered, {lost} byte packets never are; the run was cut short before this host's own TCP told \
             whether it sends such packets: a firewall or a setting of this host may keep it to smaller ones"
        ),
        Ground::MayBeCut { passes, lost } => format!(
            "{passes} byte packets are answered, {lost} byte packets that must not be fragmented never are; this host lets routers \
             cut its packets, but too few copies of that kind got an answer to say whether they pass"
        ),
        Ground::TooLossy { passes, lost, p } => format!(
            "{passes} byte packets were answered and {lost} byte packets were not, but too many small packets are lost to \
             tell size from chance (p = {p:.4})"
        ),
        Ground::NoSizedAnswer => "the target answers, but to no kind of probe whose size could be varied".into(),
        Ground::OnlyRefused { size } => format!(
            "the port refuses packets of {size} bytes as it refuses small ones, but no ping of that size is answered, and a \
             firewall on the way may refuse in the host's place"
        ),
        Ground::PathChanged { size } => format!(
            "a packet of {size} bytes was answered, and one that was no larger was refused by a router: the path changed during the run; \
             run it again"
        ),
        Ground::CutShort(CutShort::BeforeAnyAnswer) => "the run was cut short before anything was answered".into(),
        Ground::CutShort(CutShort::BeforeSizesSettled) => "the run was cut short before the sizes were settled".into(),
        Ground::CutShort(CutShort::AfterMostProbes(probes)) => {
            format!("{probes} probes, the most that are sent to one address, did not settle the sizes")
        }
        Ground::NothingAnswered => "nothing answered: neither the TCP port nor small ICMP echo requests".into(),
        Ground::Unreachable(ref obstacle) => obstacle_words(obstacle),
        Ground::TcpEndsAtHop { hop } => tcp_ends_at_hop(hop),
        Ground::SendingForbidden => "a firewall rule on this host refuses to send the probes".into(),
        Ground::HostTooBusy => HOST_TOO_BUSY.into(),
        Ground::OnlyWayBackAsked => "only the way back was examined".into(),
    }
}

fn tcp_ends_at_hop(hop: Ttl) -> String {
    let place = match hop {
        Ttl(1) => "the first hop".into(),
        Ttl(hop) => format!("hop {hop}"),
    };
    format!(
        "something at {place} answers TCP in the server's place, so the path behind it was not examined; run this there \
         (in a container: on its host), or use --method icmp"
    )
}

fn one_technique(technique: Technique, passes: PacketSize, lost: PacketSize, doubt: Doubt) -> String {
    let packets = match technique {
        Technique::OldData | Technique::SmtpData => "repeated old segments",
        Technique::SynData | Technique::RealBytes | Technique::Echo => packets(technique),
    };
    format!("{packets} of {passes} bytes are answered and of {lost} bytes are not, but {}", doubt_words(doubt))
}

fn packets(technique: Technique) -> &'static str {
    match technique {
        Technique::OldData => "repeated TCP segments",
        Technique::SmtpData => "repeated SMTP bytes",
        Technique::SynData => "SYN segments with data",
        Technique::RealBytes => "segments with new SMTP bytes",
        Technique::Echo => "ICMP echo requests",
    }
}

fn ptb_outcome(outcome: PtbOutcome) -> &'static str {
    match outcome {
        PtbOutcome::NoneCame => "nothing tells the sender",
        PtbOutcome::OnlyAboutOthers => {
            "the routers' messages that reach this host's kernel are about other packets, none about these"
        }
        PtbOutcome::DroppedHere => {
            "the routers' messages reach this host's interface but not its kernel: its own firewall drops them"
        }
        PtbOutcome::Unexplained => {
            "nothing tells the sender; too few copies that may be fragmented got an answer to say whether a router keeps \
             silent or the two ends of a link disagree"
        }
        PtbOutcome::NoneDue => "copies that may be fragmented vanish as well, so no router finds them too big",
        PtbOutcome::Faulty(fault) => ptb_fault::in_reason(fault),
    }
}

fn confirmed_by(confirmation: Confirmation) -> &'static str {
    match confirmation {
        Confirmation::RealBytes => "in-order SMTP bytes of that size stall, and pass when cut",
        Confirmation::Technique(technique) => packets(technique),
        Confirmation::NoDfCopyPasses => {
            "the same packet passes when routers may fragment it, so its size is the matter and not its kind"
        }
        Confirmation::FragmentedCopyPasses => {
            "the same packet passes when this host fragments it, so its size is the matter and not its kind"
        }
    }
}

fn doubt_words(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::NoSecondTechnique => "no second technique could confirm it",
        Doubt::RealBytesPass => {
            "in-order SMTP bytes of that size pass: something on the way treats repeated segments differently"
        }
        Doubt::OtherTechniquePasses => "another technique passes packets of that size",
        Doubt::NoRealBytes(DialogueTrouble::TcpNotAskedFor) => "TCP was not asked for",
        Doubt::NoRealBytes(DialogueTrouble::TakesNoMoreBytes) => {
            "the server takes no further bytes, and no other technique could confirm it"
        }
        Doubt::NoRealBytes(DialogueTrouble::EndedTooSoon) => {
            "the conversation ended too soon, and no other technique could confirm it"
        }
        Doubt::NoRealBytes(DialogueTrouble::RunEnded) => {
            "the run ended before in-order SMTP bytes of that size were tried, and no other technique had confirmed it"
        }
        Doubt::NoRealBytes(DialogueTrouble::NoGreeting) => {
            "no SMTP greeting came that would let real bytes be tried, and no other technique could confirm it"
        }
        Doubt::EchoAlone => {
            "echo alone cannot tell a hole from a firewall that drops large echo, nor the way there from the way back"
        }
    }
}

fn obstacle_words(obstacle: &Obstacle) -> String {
    match *obstacle {
        Obstacle::Icmp { from, code } => format!("{from} answers: {}", icmp::unreachable(Family::of(from), code)),
        Obstacle::RoutingLoop { from } => format!("{from} answers: time exceeded in transit: a routing loop"),
        Obstacle::NoRoute => "this host has no route to it, or its neighbour does not answer".into(),
        Obstacle::InterfaceDown => "the outgoing interface is down".into(),
    }
}

/// Why a method did not serve.
pub fn method_reason(reason: MethodReason) -> &'static str {
    match reason {
        MethodReason::NotAskedFor => "not asked for",
        MethodReason::NotNeeded => "not needed",
        MethodReason::OnlyForFlows => "not needed but to compare flows",
        MethodReason::NoSparePorts => "no spare local ports",
        MethodReason::PortClosed => "the port is closed",
        MethodReason::ConnectionReset => "the peer reset the connection",
        MethodReason::PortSilent => "the port does not answer",
        MethodReason::PortFiltered => "a firewall answers in the place of the port",
        MethodReason::PortForbidden => "this host's own firewall refuses to send to the port",
        MethodReason::TooFewBytes => "too few bytes may be sent to make a packet of full size",
        MethodReason::AnsweredOnTheWay => "something nearer than the server answers SYN segments",
        MethodReason::AnswersNameNoProbe => "answers do not name the probe",
        MethodReason::IdleAcksAnswered => {
            "it answers acknowledgments that ask for no answer, so its answers prove nothing"
        }
        MethodReason::Unanswered => "no answer",
        MethodReason::SmallProbesUnanswered => "no answer to small probes",
        MethodReason::OldSegmentsUnanswered => "no answer to segments below the initial sequence number",
        MethodReason::RepeatsUnanswered => "no answer to repeated segments",
        MethodReason::SynDataUnanswered => "no answer to SYN segments with data",
        MethodReason::NewBytesUnanswered => "no answer to segments with new SMTP bytes",
        MethodReason::NoMoreCommands => "the server takes no more SMTP commands",
        MethodReason::EchoUnanswered => "no answer to small echo requests",
    }
}

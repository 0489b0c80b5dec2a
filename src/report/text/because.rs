//! Why a verdict is what it is, for a mail admin: without the terms of those who measure. `-v` has their sentence as well.

use crate::model::{
    Confirmation, CutShort, DialogueTrouble, Doubt, FlowShare, Ground, HoleHere, OwnLimit, OwnSearch, PacketSize,
    PtbFault, PtbOutcome, RouteMtu, Technique, VerdictReason, WithoutDf,
};
use crate::report::words::{stall_words, verdict_reason};

/// In one sentence.
pub(super) fn because(reason: &VerdictReason) -> String {
    let flow = if reason.of_other_flow { "on another connection: " } else { "" };
    let share = reason
        .share
        .map_or_else(String::new, |FlowShare { hit, known }| format!("; that is so on {hit} of {known} connections"));
    let here = reason.here.map_or_else(String::new, |here| format!("; but {}", helps(here)));
    format!("{flow}{}{share}{here}", ground(reason))
}

fn ground(reason: &VerdictReason) -> String {
    match reason.ground {
        Ground::FullSizeAnswered { size, .. } => {
            format!("a packet of {size} bytes that no router may cut up was answered")
        }
        Ground::RefusedByRouter { passes, .. } => {
            format!("packets of {passes} bytes pass; a router refuses larger ones, and its message reaches this host")
        }
        Ground::ToldToOthers { passes, told, .. } => format!(
            "packets of {passes} bytes pass; a router refuses larger ones and says so, but seldom: each of {told} others behind it heard it \
             when asked alone"
        ),
        Ground::Rationed { passes, lost } => format!(
            "{}; a router that answers seldom tells some of those behind it, and others not: examine this address alone",
            never(passes, lost)
        ),
        Ground::Vanishes { passes, lost, ptb, confirmation } => {
            format!("{}, {}; {}", never(passes, lost), told(ptb), confirmed(confirmation))
        }
        Ground::Hidden { passes, lost, ptb, limit, .. } => format!(
            "{}, {}; at present the server asks for {limit} bytes at most, as it remembers the path, for ten minutes at most",
            never(passes, lost),
            told(ptb)
        ),
        Ground::OneTechnique { passes, lost, doubt, .. } => {
            format!("packets of {passes} bytes are answered and of {lost} bytes are not, but {}", doubted(doubt))
        }
        Ground::AboveMssOnly { passes, limit } => format!(
            "packets up to {passes} bytes pass, and mail here needs no more than {limit}; larger ones vanish, but a firewall \
             may drop them as larger than the server asked for"
        ),
        Ground::MayMask { passes, lost, limit } => format!(
            "{}; the server asks for {limit} bytes at most, but whether it goes on doing so is not known",
            never(passes, lost)
        ),
        Ground::OwnTcpNotAsked { passes, lost } => {
            format!(
                "{}; the run ended before it was known whether mail of this host is that large",
                never(passes, lost)
            )
        }
        Ground::MayBeCut { passes, lost } => format!(
            "{}; this host lets routers cut up its packets, but too few of that kind were answered to say whether they pass",
            never(passes, lost)
        ),
        Ground::TooLossy { passes, lost, .. } => format!(
            "packets of {passes} bytes were answered and of {lost} bytes were not, but so many small ones are lost that it may \
             be chance"
        ),
        Ground::NoSizedAnswer => "the server answers, but to nothing whose size can be varied".into(),
        Ground::CutShort(CutShort::AfterMostProbes(probes)) => {
            format!("{probes} packets, the most that are sent to one address, did not settle the sizes")
        }
        Ground::NothingAnswered => "nothing answered: neither the port nor ping".into(),
        Ground::SendingForbidden => "a firewall rule on this host refuses to send such packets".into(),
        Ground::LargerNotTried { .. }
        | Ground::OnlyRefused { .. }
        | Ground::PathChanged { .. }
        | Ground::CutShort(CutShort::BeforeAnyAnswer | CutShort::BeforeSizesSettled)
        | Ground::Unreachable(_)
        | Ground::TcpEndsAtHop { .. }
        | Ground::HostTooBusy
        | Ground::OnlyWayBackAsked => verdict_reason(&reason.ground.clone().into()),
    }
}

fn never(passes: PacketSize, lost: PacketSize) -> String {
    format!("packets of {passes} bytes are answered, of {lost} bytes never")
}

fn told(outcome: PtbOutcome) -> &'static str {
    match outcome {
        PtbOutcome::NoneCame => "and nothing tells this host why",
        PtbOutcome::OnlyAboutOthers => "and what routers tell this host is about other packets",
        PtbOutcome::DroppedHere => "and this host's own firewall drops the routers' messages about it",
        PtbOutcome::Unexplained => {
            "and nothing tells this host why: a router keeps silent, or the two ends of a link disagree"
        }
        PtbOutcome::NoneDue => "not even where routers may cut them up, so no router finds them too big",
        PtbOutcome::Faulty(fault) => match fault {
            PtbFault::MtuZero => "and the router's message states no size",
            PtbFault::StatedSizeLost => "and the size that the router's message states is lost as well",
            PtbFault::NotSmaller => "and the router's message states no smaller size",
            PtbFault::TooLow => "and the router's message states too little",
            PtbFault::BelowMinimum => "and the router's message states less than any kernel accepts",
            PtbFault::BadChecksum => "and the router's message arrives damaged",
        },
    }
}

fn confirmed(confirmation: Confirmation) -> &'static str {
    match confirmation {
        Confirmation::RealBytes => "SMTP of that size gets stuck as well, and passes in smaller packets",
        Confirmation::Technique(Technique::Echo) => "pings show the same",
        Confirmation::Technique(_) => "packets of another kind show the same",
        Confirmation::NoDfCopyPasses => "the same packet passes where routers may cut it up",
        Confirmation::FragmentedCopyPasses => "the same packet passes in pieces",
    }
}

fn doubted(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::NoSecondTechnique => "nothing else could confirm it",
        Doubt::RealBytesPass => "SMTP of that size passes: something on the way treats test packets differently",
        Doubt::OtherTechniquePasses => "packets of another kind pass at that size",
        Doubt::NoRealBytes(DialogueTrouble::TcpNotAskedFor) => "TCP was not asked for",
        Doubt::NoRealBytes(DialogueTrouble::TakesNoMoreBytes) => "the server takes no more bytes that could confirm it",
        Doubt::NoRealBytes(DialogueTrouble::EndedTooSoon) => "the conversation ended too soon to confirm it",
        Doubt::NoRealBytes(DialogueTrouble::RunEnded) => "the run ended before SMTP could confirm it",
        Doubt::NoRealBytes(DialogueTrouble::NoGreeting) => "no greeting came, so SMTP could not confirm it",
        Doubt::EchoAlone => {
            "ping alone cannot tell a hole from a firewall that drops large pings, nor the way there from the way back"
        }
    }
}

/// What keeps mail of this host out of the hole.
fn helps(here: HoleHere) -> String {
    match here {
        HoleHere::SendsLess { most, by: OwnLimit::Clamp { .. } } => {
            format!("a rule of this host's own firewall keeps its TCP to {most} bytes: mail from here passes")
        }
        HoleHere::SendsLess { by: OwnLimit::Route(RouteMtu { mtu, .. }), .. } => {
            format!("this host's route to the address keeps to {mtu} bytes: mail from here passes")
        }
        HoleHere::LetsRoutersCut(WithoutDf::NoPmtuDisc(value)) => {
            format!("this host lets routers cut up its packets (ip_no_pmtu_disc is {value}): mail from here passes")
        }
        HoleHere::LetsRoutersCut(WithoutDf::LockedRoute(mtu)) => format!(
            "this host's route to the address (mtu lock {mtu}) lets routers cut up its packets: mail from here passes"
        ),
        HoleHere::Searches(OwnSearch { mode, stall: Some(stall) }) => format!(
            "this host's TCP looks for a size that passes (tcp_mtu_probing is {mode}), after a stall of {}",
            stall_words(stall)
        ),
        HoleHere::Searches(OwnSearch { mode, stall: None }) => {
            format!("this host's TCP starts with small packets and feels its way up (tcp_mtu_probing is {mode})")
        }
        HoleHere::Remembers { mtu, expires_in } => {
            let left = expires_in.map_or_else(String::new, |left| format!(" for {} s more", left.as_secs()));
            format!("this host's kernel remembers that {mtu} bytes pass{left}, which hides the hole until it forgets")
        }
    }
}

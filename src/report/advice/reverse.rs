//! The way back: the target's large packets do not get here, or only after a stall.
//!
//! The message that the target lacks is sent by a router before the smaller link, to the target. From here it is not seen,
//! so nobody can be named, unless the way there meets the same limit.

use super::case::Case;
use super::systems::{self, Task};
use super::workaround::HostRouteUse;
use super::{behind, in_place, owner, retry, shared_link, workaround};
use crate::model::{AddressReport, Advice, Examined, Family, Finding, PacketSize, ReverseVerdict, Verdict, Who};
use crate::report::place::place_of;

/// What to do about the way back.
pub(super) fn advice(case: &Case<'_>, route: HostRouteUse) -> Vec<Advice> {
    match case.examined().reverse.verdict {
        ReverseVerdict::BlackHole | ReverseVerdict::Recovers => {
            let ours = is_likely_ours(case).then(|| let_out(case));
            let shared = if ours.is_some() { shared_cures(case) } else { Vec::new() };
            let size = working_size(case.examined());
            let workarounds = workaround::all_for_the_way_back(case, size, route);
            let others = behind::what_they_get(case, size).filter(|_| !owner::is_at_next_hop(case));
            shared.into_iter().chain(ours).chain(workarounds).chain(others).chain([repair_there(case)]).collect()
        }
        ReverseVerdict::Inconclusive => retry::way_back(case).into_iter().collect(),
        ReverseVerdict::Clear => in_place::stop_asking_for_less(case).into_iter().collect(),
        ReverseVerdict::Discoverable | ReverseVerdict::Untested => Vec::new(),
    }
}

/// What cures the way there as well stands there already, if that way needs it.
fn shared_cures(case: &Case<'_>) -> Vec<Advice> {
    if case.examined().verdict == Verdict::Discoverable { shared_link::cures(case) } else { Vec::new() }
}

/// Who has to repair the way back, as far as it can be told from here.
pub(crate) fn responsible(report: &AddressReport) -> Who {
    if is_likely_ours(&Case::of(report)) { Who::YourNetwork } else { Who::TheirSide }
}

/// Where only small packets arrived, the largest of them says nothing about the path.
fn working_size(examined: &Examined) -> PacketSize {
    const NEARLY_EVERY_PATH: PacketSize = Family::V6.minimum_mtu();
    examined.reverse.path_mtu.unwrap_or(NEARLY_EVERY_PATH).max(NEARLY_EVERY_PATH)
}

/// Both ways end at one size, and the way there does so in this network: one link, one router. Packets that need no
/// message are lost for another reason.
fn is_likely_ours(case: &Case<'_>) -> bool {
    let meets_same = shared_limit(case.report).is_some() && owner::of_bottleneck(case) == Who::YourNetwork;
    meets_same && !case.has(Finding::PeerWithoutDf)
}

/// The size at which both ways end, if it may be one.
pub(crate) fn shared_limit(report: &AddressReport) -> Option<PacketSize> {
    let examined = &report.examined;
    let is_narrow =
        matches!(examined.verdict, Verdict::Discoverable | Verdict::BlackHole | Verdict::Recovers | Verdict::Masked);
    let (there, back) = examined.path_mtu.zip(examined.reverse.path_mtu).filter(|_| is_narrow)?;
    let fits = match examined.reverse.first_lost_size {
        Some(lost) => back <= there && there < lost,
        None => back == there,
    };
    (fits && there < examined.local_mtu).then_some(there)
}

/// "The way there ends at 1400 bytes as well, between hop 2 and hop 3", if it does.
fn in_words(report: &AddressReport) -> Option<(PacketSize, String)> {
    let size = shared_limit(report)?;
    Some((size, place_of(report).map_or_else(String::new, |place| format!(", {}", place.words()))))
}

/// Our own side first: nobody else can repair it.
fn let_out(case: &Case<'_>) -> Advice {
    let (size, at) = in_words(case.report).map_or_else(Default::default, |(size, at)| (size.to_string(), at));
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::YourNetwork,
        text: format!(
            "Look here first: the way there ends at {size} bytes as well{at}, in this network. So it is likely that \
             router which refuses the server's large packets and has to tell it by {}. It has to send that message \
             out, and no firewall of yours may drop it on its way to {}. The rules below admit error messages only.",
            case.ptb_name(),
            case.name()
        ),
        commands: systems::commands(Task::Report, case.family()),
    }
}

fn repair_there(case: &Case<'_>) -> Advice {
    let examined = case.examined();
    let address = case.name();
    if case.has(Finding::PeerWithoutDf) {
        return without_df(case);
    }
    let name = case.ptb_name();
    let what = match examined.reverse.verdict {
        ReverseVerdict::Recovers => {
            format!("Large packets from {address} arrive only after the server found a size by itself.")
        }
        _ => format!("Large packets from {address} do not arrive here, and nothing makes it send smaller ones."),
    };
    let place = match in_words(case.report) {
        Some((size, at)) => format!(" The way there ends at {size} bytes as well{at}: perhaps the same link."),
        None => " Where they end cannot be seen from here.".into(),
    };
    let test = if examined.obeyed_ptb().is_some() {
        " Such a message from here did reach the server, so a router on the way stays silent, or what it says is dropped \
         before it gets there."
    } else if examined.ignored_ptb().is_some() {
        " Such messages from here did not move it either, so look at the firewall of the server first."
    } else {
        ""
    };
    let is_hole = examined.reverse.verdict == ReverseVerdict::BlackHole;
    let bridge = if is_hole {
        " Until then, the first command makes its TCP search for a working size, after a stall of some seconds."
    } else {
        ""
    };
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::TheirSide,
        text: format!(
            "{what}{place} Their server, and every firewall in front of it, has to let {name} in, from any router on the \
             way; a router of theirs before a smaller link has to send it.{test}{bridge}"
        ),
        commands: is_hole
            .then(mtu_probing_there)
            .into_iter()
            .flatten()
            .chain(systems::commands(Task::TakeIn, case.family()))
            .collect(),
    }
}

fn mtu_probing_there() -> [String; 2] {
    ["# on their server, if Linux, until then:".into(), "sysctl -w net.ipv4.tcp_mtu_probing=1".into()]
}

/// Routers may cut what has no DF, so none of them has anything to report.
fn without_df(case: &Case<'_>) -> Advice {
    Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::TheirSide,
        text: format!(
            "Large packets from {} do not arrive here although the server lets routers cut them to pieces. Look for a \
             firewall that drops fragments, on either side, and compare the MTU at both ends of each link. Where they \
             end cannot be seen from here.",
            case.name()
        ),
        commands: Vec::new(),
    }
}

/// The server pays no heed to messages that the path may need one day, or on other ways to it.
pub(super) fn let_ours_in(case: &Case<'_>) -> Option<Advice> {
    let is_said = matches!(case.examined().reverse.verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers);
    (!is_said).then(|| Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: Who::TheirSide,
        text: format!(
            "The server {} has to heed {}: let it in there, and in every firewall in front of it. As it is, mail from \
             there will hang wherever a path is smaller. Make sure that no firewall on this side drops outgoing ICMP \
             errors, or the test says nothing.",
            case.name(),
            case.ptb_name()
        ),
        commands: systems::commands(Task::TakeIn, case.family()),
    })
}

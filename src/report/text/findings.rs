//! A sentence for each finding; what a size suggests is one sentence for all suggestions.

use std::time::Duration;

use super::compared::compared;
use super::style::Detail;
use super::this_host::{expiry, read_aloud};
use crate::model::{
    AddressReport, Cause, Examined, Family, Filter, Finding, HoleHere, InnerKind, InnerLink, KernelSettings,
    PacketSize, PortState, PtbFault, RejectedBy, Rejection, Ttl, Tunnel, Verdict,
};
use crate::report::hints;
use crate::report::place::{Place, place_of};
use crate::report::words::{address_with_zone, ptb_fault, ptb_name, unreachable};

/// The findings in words: those that matter for mail, the most important first; in full detail every one, in the order in which they
/// were made.
pub(super) fn sentences(report: &AddressReport, detail: Detail) -> Vec<String> {
    let mut suggested = false;
    let once = |finding: &&Finding| match finding {
        Finding::SizeSuggests(_) => !std::mem::replace(&mut suggested, true),
        _ => true,
    };
    let mut findings: Vec<Finding> = report.examined.findings.iter().filter(once).copied().collect();
    if detail != Detail::Full {
        findings.retain(|finding| weight(*finding, report) < Weight::Detail);
        findings.sort_by_key(|finding| weight(*finding, report));
    }
    findings.into_iter().map(|finding| sentence(finding, report)).collect()
}

/// What a finding is to a mail admin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It says what becomes of mail.
    Mail,
    /// It changes where to look, or what the verdict is worth.
    Search,
    /// It helps to find the place.
    Hint,
    /// It says how things were measured, or what the headline says in plain words.
    Detail,
}

fn weight(finding: Finding, report: &AddressReport) -> Weight {
    match finding {
        // The verdict says it already.
        Finding::TcpMtuProbingOn if is_searching(report) => Weight::Detail,
        Finding::PortClosed
        | Finding::PortFiltered
        | Finding::TurnedAway { .. }
        | Finding::HungUp
        | Finding::HoleOnSomeFlows
        | Finding::StaleKernelPmtu
        | Finding::RouteMtuBelowPath
        | Finding::PathMtuLocked
        | Finding::PmtudDisabledHere
        | Finding::TcpMtuProbingOn
        | Finding::PacketLoss
        | Finding::ServerWasTaught
        | Finding::PeerObeysPtb { .. }
        | Finding::PeerIgnoresPtb { .. }
        | Finding::InsideNotExamined
        | Finding::IncomingNotExamined => Weight::Mail,
        Finding::TcpPtbMissing
        | Finding::LargeRejected(_)
        | Finding::LargeEchoFiltered
        | Finding::SendRefusedByFirewall
        | Finding::OwnTcpUnknown
        | Finding::RecoveryWatchedBriefly { .. }
        | Finding::TcpEndsAtHop { .. }
        | Finding::AcksTooSoon
        | Finding::PtbQuoteUnknown
        | Finding::ToldAsOthers { .. }
        | Finding::OnlyPtbMissing => Weight::Search,
        Finding::SizeSuggests(_)
        | Finding::PtbMtuZero
        | Finding::PtbMtuTooLow
        | Finding::PtbBelowMinimum
        | Finding::PtbMtuTooHigh
        | Finding::PtbBadChecksum => Weight::Hint,
        Finding::PtbQuoteAltered
        | Finding::PtbFromPrivateAddress
        | Finding::MssClamped
        | Finding::NoSack
        | Finding::EchoUnanswered
        | Finding::EchoPassesLarger
        | Finding::SegmentsAboveMssDropped
        | Finding::PtbRateLimited
        | Finding::DfCleared
        | Finding::FragmentsDropped
        | Finding::ConnectionReset
        | Finding::NoGreeting
        | Finding::ZeroWindow
        | Finding::SlowToAnswer
        | Finding::SynProxy { .. }
        | Finding::AskedAlone
        | Finding::PlaceShared { .. }
        | Finding::PeerWithoutDf => Weight::Detail,
    }
}

/// Whether the verdict is that this host's TCP gets out of the hole by itself.
fn is_searching(report: &AddressReport) -> bool {
    matches!(report.examined.reason.here, Some(HoleHere::Searches(_)))
}

/// What the finding is and why it matters here.
fn sentence(finding: Finding, report: &AddressReport) -> String {
    let examined = &report.examined;
    match finding {
        Finding::PtbMtuZero => ptb_fault::as_finding(PtbFault::MtuZero).into(),
        Finding::PtbMtuTooLow => ptb_fault::as_finding(PtbFault::TooLow).into(),
        Finding::PtbBelowMinimum => ptb_fault::as_finding(PtbFault::BelowMinimum).into(),
        Finding::PtbMtuTooHigh => ptb_fault::as_finding(PtbFault::StatedSizeLost).into(),
        Finding::PtbBadChecksum => ptb_fault::as_finding(PtbFault::BadChecksum).into(),
        Finding::TcpPtbMissing => tcp_ptb_missing(examined),
        Finding::PtbQuoteAltered => {
            "A \"too big\" message quotes another packet length than was sent: something on the way changes headers. Kernels \
             find the connection by its ports and number, so the message works all the same."
                .into()
        }
        Finding::PtbQuoteUnknown => {
            "A \"too big\" message is about a packet that this host never sent: something on the way rewrites addresses or numbers in \
             packets, but not in the messages about them. Kernels ignore such messages."
                .into()
        }
        Finding::PtbFromPrivateAddress => {
            "A \"too big\" message came from a private address: networks that filter such sources never see it.".into()
        }
        Finding::StaleKernelPmtu => stale_kernel_pmtu(report),
        Finding::MssClamped => mss_clamped(examined),
        Finding::NoSack => "The peer does not offer SACK, so sizes were probed one at a time.".into(),
        Finding::PortClosed => {
            "The TCP port is closed: a reset answers, from the host or from a firewall on the way.".into()
        }
        Finding::PortFiltered => port_filtered(examined).into(),
        Finding::TurnedAway { code } => turned_away(code),
        Finding::HungUp => "The server took the connection and closed it without a greeting.".into(),
        Finding::EchoUnanswered => "The host does not answer ping, so only TCP could be used.".into(),
        Finding::LargeEchoFiltered => {
            "Large pings are dropped although TCP packets of the size pass: do not trust ping -s on this path.".into()
        }
        Finding::EchoPassesLarger => {
            "Ping passes at a size at which TCP is lost: something on the way treats TCP differently.".into()
        }
        Finding::SegmentsAboveMssDropped => {
            "Segments above the peer's own MSS are dropped although the path carries the size: a firewall enforces \
             the MSS. Mail never sends such segments."
                .into()
        }
        Finding::PtbRateLimited => {
            "A router answered only some of the packets that were too big: it limits its ICMP messages.".into()
        }
        Finding::AskedAlone | Finding::ToldAsOthers { .. } | Finding::PlaceShared { .. } => {
            compared(finding).unwrap_or_default()
        }
        Finding::DfCleared => {
            "Something on the way clears the don't-fragment bit: routers then fragment instead of reporting a size."
                .into()
        }
        Finding::FragmentsDropped => "IPv4 fragments are dropped on this path.".into(),
        Finding::LargeRejected(rejection) => large_rejected(rejection, report),
        Finding::ConnectionReset => "The peer reset the connection during the examination.".into(),
        Finding::NoGreeting => "The peer never sent an SMTP greeting while the connection was open.".into(),
        Finding::ZeroWindow => "The peer closed its receive window, so it took no more data.".into(),
        Finding::PacketLoss => {
            "Packets of every size are lost now and then; that slows mail, but it is no black hole.".into()
        }
        Finding::SlowToAnswer => "The address answered only after several tries.".into(),
        Finding::SendRefusedByFirewall if examined.port_state == Some(PortState::ForbiddenHere) => {
            "This host's own firewall refuses connections of this program to the port. If its rules ask who sends, such as \
             \"skuid\" or \"owner\", they may let the mailer through: run this program as the mailer's user to know."
                .into()
        }
        Finding::SendRefusedByFirewall => {
            "This host's own firewall refused to send some of the test packets; they count for nothing.".into()
        }
        Finding::HoleOnSomeFlows => some_flows(examined),
        Finding::OnlyPtbMissing => only_ptb_missing(report),
        Finding::RouteMtuBelowPath => route_mtu_below_path(report),
        Finding::PathMtuLocked => path_mtu_locked(report),
        Finding::PmtudDisabledHere => pmtud_disabled(report),
        Finding::TcpMtuProbingOn => tcp_mtu_probing(report),
        Finding::RecoveryWatchedBriefly { watched } => recovery_watched_briefly(watched),
        Finding::OwnTcpUnknown => OWN_TCP_UNKNOWN.into(),
        Finding::ServerWasTaught => SERVER_WAS_TAUGHT.into(),
        Finding::TcpEndsAtHop { hop } => tcp_ends_at(hop),
        Finding::SynProxy { hop } => syn_proxy(hop),
        Finding::AcksTooSoon => ACKS_TOO_SOON.into(),
        Finding::PeerWithoutDf => {
            "The server sends without the don't-fragment bit: routers cut its packets where they must, and it needs no \
             \"too big\" messages."
                .into()
        }
        Finding::PeerObeysPtb { told } => format!(
            "The server lowered its packets when told to: \"too big\" messages reach it. For about ten minutes it sends \
             this host none above {told} bytes."
        ),
        Finding::PeerIgnoresPtb { .. } => {
            "The server went on with large packets although told several times to lower them: something on its side drops \
             \"too big\" messages, or it ignores them."
                .into()
        }
        Finding::InsideNotExamined => inside(report),
        Finding::IncomingNotExamined => incoming(report),
        Finding::SizeSuggests(_) => size_suggests(report),
    }
}

const SERVER_WAS_TAUGHT: &str = "This run made the server send large packets, and it learnt the path from routers: for about ten \
     minutes it may ask for smaller packets, and mail to it may pass. That is no repair.";

const OWN_TCP_UNKNOWN: &str = "What this host's own TCP would send could not be asked (the run ended before, or no further connection came \
     about): if this host's firewall keeps TCP to smaller packets, mail passes all the same.";

const ACKS_TOO_SOON: &str = "Packets are answered far sooner than the server can be reached: something nearer may take TCP in \
     its place.";

fn recovery_watched_briefly(watched: Duration) -> String {
    format!(
        "The run ended while the server's large packets were missing: whether the server finds a size that passes by itself \
         was watched for {:.0} s only. Such servers take up to 15 s; a longer --timeout tells.",
        watched.as_secs_f64()
    )
}

fn tcp_ends_at(hop: Ttl) -> String {
    format!(
        "TCP ends at hop {}: something there answers in the server's place (a container's network in user space, a \
         transparent proxy, a firewall that resets connections).",
        hop.0
    )
}

fn syn_proxy(hop: Ttl) -> String {
    format!(
        "Something at hop {} answers SYN segments in the server's place (a SYN proxy); what follows them the server answers \
         itself.",
        hop.0
    )
}

fn port_filtered(examined: &Examined) -> &'static str {
    match examined.port_state {
        Some(PortState::Filtered(Filter::Icmp { .. })) => {
            "A firewall refuses connections to the TCP port, and says so by ICMP: the host's own, one on the way, or the \
             provider's."
        }
        _ => {
            "The TCP port gives no answer at all, though the host answers otherwise: a firewall drops the connection, or \
             the provider blocks port 25."
        }
    }
}

fn turned_away(code: u16) -> String {
    let meaning = if code < 500 { "It may take mail later" } else { "It takes no mail from this host" };
    format!("In place of a greeting the server says {code}. {meaning}.")
}

fn inside(report: &AddressReport) -> String {
    let target = address_with_zone(report.address, report.zone.as_deref());
    let port = if report.port == 25 { String::new() } else { format!("-p {} ", report.port) };
    format!(
        "This host forwards for {}, where packets may be larger than the {} bytes that its way out takes. Connections from there \
         announce and send larger packets than those of this host and were not examined: what stands here does not hold for \
         their mail. Examine them from inside, a container by the PID of a process in it: `nsenter -t PID -n pmtu-probe \
         {port}{target}`, or `ip netns exec NAME pmtu-probe {port}{target}`.",
        inner_links(&report.inner_links_not_examined()),
        report.examined.local_mtu
    )
}

/// Links by name, a few of many.
fn inner_links(links: &[&InnerLink]) -> String {
    const MOST: usize = 4;
    let word = |kind: InnerKind| match kind {
        InnerKind::Bridge => "bridge",
        InnerKind::Veth => "veth",
        InnerKind::Tap => "tap",
        InnerKind::Tunnel => "tunnel",
    };
    let named = links.iter().take(MOST).map(|link| format!("{} ({}, MTU {})", link.name, word(link.kind), link.mtu));
    let more = links.len().checked_sub(MOST + 1).map(|more| format!("{} more links", more + 1));
    named.chain(more).collect::<Vec<_>>().join(", ")
}

fn incoming(report: &AddressReport) -> String {
    let source = report.here.source.map_or_else(String::new, |source| format!(" ({source})"));
    format!(
        "This host's address{source} is private. Of the other direction the answers to this host's own connections were \
         examined. Mail that comes in through a port forwarding, a VPS or a tunnel takes a path of its own, which was not."
    )
}

/// If a hop does not answer, it is not known which router has to send the message.
fn only_ptb_missing(report: &AddressReport) -> String {
    match place_of(report) {
        Some(Place::Between { last, hidden, .. }) if hidden != Some(0) => format!(
            "Other ICMP errors (time exceeded) from {} do arrive, so ICMP is not blocked altogether; whether it is the \
             router that has to send the \"too big\" message is not known.",
            last.words()
        ),
        _ => {
            "The router where large packets end does send other ICMP errors (time exceeded), and they arrive. Only its \
              \"too big\" message is missing: it is not sent, or it is filtered by its type."
                .into()
        }
    }
}

fn size_suggests(report: &AddressReport) -> String {
    let tunnels = report.examined.findings.iter().filter_map(|finding| match finding {
        Finding::SizeSuggests(tunnel) => Some(*tunnel),
        _ => None,
    });
    let names: Vec<&str> = tunnels.map(|tunnel| in_words(tunnel, report)).collect();
    let size = report.examined.path_mtu.map_or_else(String::new, |size| format!(" of {size} bytes"));
    format!("The size{size} suggests {}. This is a hint where to look, no proof.", names.join(", or "))
}

fn in_words(tunnel: Tunnel, report: &AddressReport) -> &'static str {
    let size = report.examined.path_mtu.unwrap_or(PacketSize::new(0));
    let known = hints::hints(Family::of(report.address), size, report.examined.local_mtu);
    known.iter().find(|hint| hint.tunnel == tunnel).map_or_else(|| hints::name(tunnel), |hint| hint.words)
}

fn route_mtu_below_path(report: &AddressReport) -> String {
    let proven = report.examined.path_mtu.max(report.examined.beyond_route);
    match (report.here.route_mtu, proven) {
        (Some(route), Some(proven)) if route.mtu < proven => {
            let all_pass = report.here.interface_mtu.is_none_or(|mtu| mtu <= proven);
            let why = if all_pass {
                "perhaps a workaround whose fault has been repaired"
            } else {
                "no larger ones were answered, so the fault it works around may still be there, but it could allow more"
            };
            format!(
                "The route of this host sets an MTU of {}, but packets of {proven} bytes pass: {why}. Mail passes, in \
                 needlessly small packets.",
                route.mtu
            )
        }
        _ => {
            "The MTU set on this host's route is smaller than what the path carries: perhaps a workaround whose fault \
              has been repaired."
                .into()
        }
    }
}

fn path_mtu_locked(report: &AddressReport) -> String {
    let effect = match Family::of(report.address) {
        Family::V4 => {
            "this host lets routers cut up its packets to this address, and \"fragmentation needed\" changes nothing"
        }
        Family::V6 => "\"packet too big\" changes nothing",
    };
    match (report.here.route_mtu, report.here.cached) {
        (Some(route), _) if route.locked => {
            format!("The route's MTU is locked at {} bytes: {effect}.", route.mtu)
        }
        (_, Some(cached)) if cached.locked => format!(
            "A router stated less than this kernel accepts, so the kernel locked the size at {} bytes{}: {effect}.",
            cached.mtu,
            expiry(cached)
        ),
        _ => format!("The size is locked on this host: {effect}."),
    }
}

fn pmtud_disabled(report: &AddressReport) -> String {
    let value = report.here.settings.no_pmtu_disc.map_or_else(String::new, |value| format!(" is {value}"));
    let effect = match (report.examined.verdict, report.examined.cause) {
        (Verdict::BlackHole, Some(Cause::LinkMismatch)) => {
            "Routers may then cut its packets to pieces, but where no router notices, mail hangs all the same."
        }
        (Verdict::BlackHole, _) => {
            "So routers may cut mail to pieces and deliver it, while any host with the usual setting hangs."
        }
        _ => "So routers may cut its packets to pieces instead of reporting a size.",
    };
    format!("ip_no_pmtu_disc{value} on this host: over IPv4 its TCP lets routers cut up what it sends. {effect}")
}

/// net/ipv4/tcp_timer.c: probing starts after `tcp_retries1` timeouts; net/ipv4/tcp_output.c: at `tcp_base_mss`, or at
/// half of it, again and again, where that is too large.
fn tcp_mtu_probing(report: &AddressReport) -> String {
    let KernelSettings { tcp_mtu_probing: mode, tcp_base_mss: base, .. } = report.here.settings;
    let mode = mode.unwrap_or(1);
    let base = base.filter(|base| fits(*base, report));
    let segments = base.map_or_else(|| "smaller segments".into(), |base| format!("segments of {base} bytes"));
    if mode == 2 && base.is_some() {
        format!(
            "tcp_mtu_probing is 2 on this host: its TCP starts with {segments} and feels its way up, so mail from here \
             passes. Hosts without it hang."
        )
    } else {
        format!(
            "tcp_mtu_probing is {mode} on this host: its TCP notices the hole after some seconds and goes on with \
             {segments}, so mail from here stalls in each connection, then passes. Hosts without it hang."
        )
    }
}

/// Whether a segment of this MSS, with the timestamps that Linux adds, is small enough for the path.
fn fits(mss: u16, report: &AddressReport) -> bool {
    const TIMESTAMPS: u32 = 12;
    let packet = PacketSize::from_mss(mss, Family::of(report.address)).bytes() + TIMESTAMPS;
    report.examined.path_mtu.is_some_and(|path| packet <= path.bytes())
}

fn some_flows(examined: &Examined) -> String {
    let share =
        examined.flows.as_ref().map_or_else(String::new, |flows| format!(": on {} of {}", flows.hit(), flows.known()));
    format!(
        "Large packets vanish on some connections only{share}. Something spreads them over several paths, and one of those has \
         a hole: some mails hang, others do not."
    )
}

fn tcp_ptb_missing(examined: &Examined) -> String {
    let why = match examined.cause {
        Some(Cause::LocalFirewall) => "this host's own firewall drops those about TCP",
        _ => "something on the way drops those about TCP, or changes what they quote",
    };
    format!(
        "\"Too big\" messages about ping reach this host's kernel, none about TCP: {why}. Mail is TCP, so ping works and large \
         mail does not."
    )
}

fn stale_kernel_pmtu(report: &AddressReport) -> String {
    let until = report
        .here
        .cached
        .and_then(|cached| cached.expires_in)
        .map_or_else(String::new, |left| format!(", for {} more", read_aloud(left)));
    match (report.examined.kernel_path_mtu, report.examined.path_mtu) {
        (Some(cached), Some(path)) => format!(
            "This kernel still remembers from earlier that {cached} bytes pass{until}, but now {path} do: mail passes, in needlessly \
             small packets."
        ),
        _ => format!("This kernel still remembers that less passes than does now{until}."),
    }
}

fn mss_clamped(examined: &Examined) -> String {
    let by = if examined.is_hidden() {
        "nothing on the path accounts for it, so the server seems to remember the path"
    } else {
        "a clamp on the way, or a smaller link at the peer"
    };
    match (examined.peer_mss, examined.local_mss) {
        (Some(theirs), Some(ours)) => format!("The peer's MSS is {theirs}, smaller than this host's {ours}: {by}."),
        _ => format!("The peer's MSS is smaller than this host's: {by}."),
    }
}

/// Who refuses large packets, and how.
fn large_rejected(rejection: Rejection, report: &AddressReport) -> String {
    let Rejection { from, by, smallest, count } = rejection;
    let is_in_its_name = from == report.address;
    let who = if is_in_its_name { "The server, or somebody in its name,".to_owned() } else { from.to_string() };
    let how = match by {
        RejectedBy::Icmp(code) => format!("\"{}\"", unreachable(Family::of(from), code)),
        RejectedBy::Reset => "a reset of the connection".into(),
    };
    format!(
        "{who} answers packets of {smallest} bytes and more by {how}, {count} times, and none that are smaller: a filter \
         there goes by size. TCP does not take that for \"{}\".",
        ptb_name(Family::of(report.address))
    )
}

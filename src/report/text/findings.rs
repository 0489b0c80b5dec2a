//! A sentence for each finding.

use crate::model::{Examined, Finding};

/// What the finding is and why it matters here.
pub(super) fn sentence(finding: Finding, examined: &Examined) -> String {
    match finding {
        Finding::PtbMtuZero => {
            "A router reports MTU 0, as routers older than RFC 1191 do: this host has to guess the size.".into()
        }
        Finding::PtbMtuTooLow => {
            "A router states a smaller MTU than the path carries: mail passes, in needlessly small packets.".into()
        }
        Finding::PtbBelowMinimum => {
            "A router states an MTU below the smallest that this kernel accepts: this kernel stays at its own minimum."
                .into()
        }
        Finding::PtbMtuTooHigh => {
            "A router states an MTU that does not pass: often the overhead of a tunnel that it forgot to deduct.".into()
        }
        Finding::PtbBadChecksum => {
            "A \"too big\" message came with a wrong checksum; kernels drop it without a word. A NAT or firewall on \
             the way may have damaged it."
                .into()
        }
        Finding::PtbFromPrivateAddress => {
            "A \"too big\" message came from a private address: networks that filter such sources never see it.".into()
        }
        Finding::StaleKernelPmtu => stale_kernel_pmtu(examined),
        Finding::MssClamped => mss_clamped(examined),
        Finding::NoSack => "The peer does not offer SACK, so sizes were probed one at a time.".into(),
        Finding::PortClosed => "The TCP port is closed: the host answered with a reset.".into(),
        Finding::PortFiltered => {
            "The TCP port gives no answer at all, though the host answers otherwise: a firewall drops the connection, \
             or the provider blocks port 25."
                .into()
        }
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
        Finding::DfCleared => {
            "Something on the way clears the don't-fragment bit: routers then fragment instead of reporting a size."
                .into()
        }
        Finding::FragmentsDropped => "IPv4 fragments are dropped on this path.".into(),
        Finding::ConnectionReset => "The peer reset the connection during the examination.".into(),
        Finding::NoGreeting => "The peer never sent an SMTP greeting while the connection was open.".into(),
        Finding::ZeroWindow => "The peer closed its receive window, so it took no more data.".into(),
        Finding::PacketLoss => {
            "Packets of every size are lost now and then; that slows mail, but it is no black hole.".into()
        }
        Finding::SlowToAnswer => "The address answered only after several tries.".into(),
        Finding::SendRefusedByFirewall => {
            "This host's own firewall refused to send some of the probes; they count for nothing.".into()
        }
        Finding::HoleOnSomeFlows => some_flows(examined),
        Finding::OnlyPtbMissing => {
            "The router where large packets end does send other ICMP errors (time exceeded), and they arrive: only the \
             \"too big\" message is missing, so it is not sent, or filtered by its type."
                .into()
        }
        Finding::RouteMtuBelowPath => {
            "The MTU set on this host's route is smaller than what the path carries: perhaps a workaround whose fault \
             has been repaired."
                .into()
        }
        Finding::PathMtuLocked => {
            "The path MTU of this route is locked: this host sends without don't-fragment, and PTBs change nothing."
                .into()
        }
        Finding::PmtudDisabledHere => "This kernel's path MTU discovery is switched off (ip_no_pmtu_disc).".into(),
        Finding::TcpMtuProbingOn => {
            "This kernel's TCP finds its way out of black holes by itself, after some seconds (tcp_mtu_probing).".into()
        }
        Finding::SizeSuggests(_) => "The size suggests a tunnel.".into(),
    }
}

fn some_flows(examined: &Examined) -> String {
    let share = examined
        .flows
        .as_ref()
        .map_or_else(String::new, |flows| format!(": on {} of the {} flows tried", flows.hit(), flows.known()));
    format!(
        "Large packets vanish on some flows only{share}. A load balancer spreads flows over several paths, and one of them \
         has a hole: some connections hang, others do not."
    )
}

fn stale_kernel_pmtu(examined: &Examined) -> String {
    match (examined.kernel_path_mtu, examined.path_mtu) {
        (Some(cached), Some(path)) => format!(
            "This kernel still remembers a path MTU of {cached} bytes from earlier, but the path now carries {path}: \
             mail passes, in needlessly small packets."
        ),
        _ => "This kernel still remembers a smaller path MTU than the path now carries.".into(),
    }
}

fn mss_clamped(examined: &Examined) -> String {
    match (examined.peer_mss, examined.local_mss) {
        (Some(theirs), Some(ours)) => format!(
            "The peer's MSS is {theirs}, smaller than this host's {ours}: a clamp on the way, or a smaller link at \
             the peer."
        ),
        _ => "The peer's MSS is smaller than this host's: a clamp on the way, or a smaller link at the peer.".into(),
    }
}

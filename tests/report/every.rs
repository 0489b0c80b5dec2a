//! Every reason, cause and finding that the model knows. A new variant does not compile until it stands here.

use std::time::Duration;

use pmtu_probe::model::{
    AskedBy, Cause, Confirmation, CutShort, DialogueTrouble, Doubt, Filter, Finding, Ground, HoleHere, MaskedBy,
    Obstacle, OwnLimit, OwnSearch, PortState, PtbFault, PtbOutcome, Reception, RejectedBy, Rejection, ReverseReason,
    ReverseVerdict, RouteMtu, SlowStep, Technique, TlsTrouble, Ttl, Tunnel, Unwillingness, Verdict, WithoutDf,
};

use super::fixtures::{ip, size};

/// A function with all values of an enum: for each variant a pattern, which the compiler counts, and what stands for it.
macro_rules! every {
    ($name:ident, $of:ty, { $($variant:pat => $values:expr),+ $(,)? }) => {
        pub(super) fn $name() -> Vec<$of> {
            fn _has_all(value: &$of) {
                match value {
                    $($variant => {})+
                }
            }
            let mut all: Vec<$of> = Vec::new();
            $(all.extend($values);)+
            all
        }
    };
}

every!(verdicts, Verdict, {
    Verdict::Clear => [Verdict::Clear],
    Verdict::Discoverable => [Verdict::Discoverable],
    Verdict::Masked => [Verdict::Masked],
    Verdict::Recovers => [Verdict::Recovers],
    Verdict::BlackHole => [Verdict::BlackHole],
    Verdict::Unreachable => [Verdict::Unreachable],
    Verdict::Inconclusive => [Verdict::Inconclusive],
});

every!(reverse_verdicts, ReverseVerdict, {
    ReverseVerdict::Clear => [ReverseVerdict::Clear],
    ReverseVerdict::Discoverable => [ReverseVerdict::Discoverable],
    ReverseVerdict::BlackHole => [ReverseVerdict::BlackHole],
    ReverseVerdict::Recovers => [ReverseVerdict::Recovers],
    ReverseVerdict::Untested => [ReverseVerdict::Untested],
    ReverseVerdict::Inconclusive => [ReverseVerdict::Inconclusive],
});

every!(causes, Cause, {
    Cause::LocalFirewall => [Cause::LocalFirewall],
    Cause::BadPtb => [Cause::BadPtb],
    Cause::LinkMismatch => [Cause::LinkMismatch],
    Cause::NoPtb => [Cause::NoPtb],
});

every!(maskers, MaskedBy, {
    MaskedBy::PathClamp { .. } => [MaskedBy::PathClamp { hop: None }, MaskedBy::PathClamp { hop: Some(Ttl(3)) }],
    MaskedBy::PeerLink => [MaskedBy::PeerLink],
    MaskedBy::ThisHost => [MaskedBy::ThisHost],
});

every!(techniques, Technique, {
    Technique::OldData => [Technique::OldData],
    Technique::SmtpData => [Technique::SmtpData],
    Technique::SynData => [Technique::SynData],
    Technique::RealBytes => [Technique::RealBytes],
    Technique::Echo => [Technique::Echo],
});

every!(faults, PtbFault, {
    PtbFault::MtuZero => [PtbFault::MtuZero],
    PtbFault::StatedSizeLost => [PtbFault::StatedSizeLost],
    PtbFault::NotSmaller => [PtbFault::NotSmaller],
    PtbFault::TooLow => [PtbFault::TooLow],
    PtbFault::BelowMinimum => [PtbFault::BelowMinimum],
    PtbFault::BadChecksum => [PtbFault::BadChecksum],
});

every!(outcomes, PtbOutcome, {
    PtbOutcome::NoneCame => [PtbOutcome::NoneCame],
    PtbOutcome::OnlyAboutOthers => [PtbOutcome::OnlyAboutOthers],
    PtbOutcome::DroppedHere => [PtbOutcome::DroppedHere],
    PtbOutcome::Faulty(_) => faults().into_iter().map(PtbOutcome::Faulty),
    PtbOutcome::NoneDue => [PtbOutcome::NoneDue],
    PtbOutcome::Unexplained => [PtbOutcome::Unexplained],
});

every!(confirmations, Confirmation, {
    Confirmation::RealBytes => [Confirmation::RealBytes],
    Confirmation::Technique(_) => techniques().into_iter().map(Confirmation::Technique),
    Confirmation::NoDfCopyPasses => [Confirmation::NoDfCopyPasses],
    Confirmation::FragmentedCopyPasses => [Confirmation::FragmentedCopyPasses],
});

every!(dialogue_troubles, DialogueTrouble, {
    DialogueTrouble::TcpNotAskedFor => [DialogueTrouble::TcpNotAskedFor],
    DialogueTrouble::TakesNoMoreBytes => [DialogueTrouble::TakesNoMoreBytes],
    DialogueTrouble::EndedTooSoon => [DialogueTrouble::EndedTooSoon],
    DialogueTrouble::RunEnded => [DialogueTrouble::RunEnded],
    DialogueTrouble::NoGreeting => [DialogueTrouble::NoGreeting],
});

every!(doubts, Doubt, {
    Doubt::NoSecondTechnique => [Doubt::NoSecondTechnique],
    Doubt::RealBytesPass => [Doubt::RealBytesPass],
    Doubt::OtherTechniquePasses => [Doubt::OtherTechniquePasses],
    Doubt::NoRealBytes(_) => dialogue_troubles().into_iter().map(Doubt::NoRealBytes),
    Doubt::EchoAlone => [Doubt::EchoAlone],
});

every!(obstacles, Obstacle, {
    Obstacle::Icmp { .. } => (0..16).map(|code| Obstacle::Icmp { from: ip("203.0.113.6"), code })
        .chain((0..8).map(|code| Obstacle::Icmp { from: ip("2001:db8:2::2"), code })),
    Obstacle::RoutingLoop { .. } => [Obstacle::RoutingLoop { from: ip("203.0.113.6") }],
    Obstacle::NoRoute => [Obstacle::NoRoute],
    Obstacle::InterfaceDown => [Obstacle::InterfaceDown],
});

every!(ends, CutShort, {
    CutShort::BeforeAnyAnswer => [CutShort::BeforeAnyAnswer],
    CutShort::BeforeSizesSettled => [CutShort::BeforeSizesSettled],
    CutShort::AfterMostProbes(_) => [CutShort::AfterMostProbes(2000)],
});

every!(grounds, Ground, {
    Ground::FullSizeAnswered { .. } =>
        techniques().into_iter().map(|technique| Ground::FullSizeAnswered { size: size(1500), technique }),
    Ground::LargerNotTried { .. } => [Ground::LargerNotTried { size: size(1300) }],
    Ground::RefusedByRouter { .. } => [Ground::RefusedByRouter { passes: size(1400), start: size(1500) }],
    Ground::ToldToOthers { .. } => [Ground::ToldToOthers { passes: size(1400), start: size(1500), told: 8 }],
    Ground::Rationed { .. } => [Ground::Rationed { passes: size(1400), lost: size(1401) }],
    Ground::Vanishes { .. } => outcomes().into_iter().flat_map(|ptb| {
        confirmations().into_iter().map(move |confirmation| {
            Ground::Vanishes { passes: size(1400), lost: size(1401), ptb, confirmation }
        })
    }),
    Ground::Hidden { .. } => outcomes().into_iter().map(|ptb| Ground::Hidden {
        passes: size(1400),
        lost: size(1401),
        ptb,
        confirmation: Confirmation::RealBytes,
        limit: size(1400),
    }),
    Ground::OneTechnique { .. } => doubts().into_iter().flat_map(|doubt| {
        techniques().into_iter().map(move |technique| {
            Ground::OneTechnique { technique, passes: size(1400), lost: size(1401), doubt }
        })
    }),
    Ground::AboveMssOnly { .. } => [Ground::AboveMssOnly { passes: size(1400), limit: size(1360) }],
    Ground::MayMask { .. } => [Ground::MayMask { passes: size(1400), lost: size(1401), limit: size(1400) }],
    Ground::MayBeCut { .. } => [Ground::MayBeCut { passes: size(1400), lost: size(1401) }],
    Ground::OwnTcpNotAsked { .. } => [Ground::OwnTcpNotAsked { passes: size(1400), lost: size(1401) }],
    Ground::TooLossy { .. } => [Ground::TooLossy { passes: size(1400), lost: size(1401), p: 0.01 }],
    Ground::NoSizedAnswer => [Ground::NoSizedAnswer],
    Ground::OnlyRefused { .. } => [Ground::OnlyRefused { size: size(1500) }],
    Ground::PathChanged { .. } => [Ground::PathChanged { size: size(1440) }],
    Ground::CutShort(_) => ends().into_iter().map(Ground::CutShort),
    Ground::NothingAnswered => [Ground::NothingAnswered],
    Ground::Unreachable(_) => obstacles().into_iter().map(Ground::Unreachable),
    Ground::SendingForbidden => [Ground::SendingForbidden],
    Ground::TcpEndsAtHop { .. } => [Ground::TcpEndsAtHop { hop: Ttl(1) }, Ground::TcpEndsAtHop { hop: Ttl(4) }],
    Ground::HostTooBusy => [Ground::HostTooBusy],
    Ground::OnlyWayBackAsked => [Ground::OnlyWayBackAsked],
});

every!(holes_here, HoleHere, {
    HoleHere::SendsLess { .. } => own_limits().into_iter().map(|by| HoleHere::SendsLess { most: size(1400), by }),
    HoleHere::LetsRoutersCut(_) => ways_without_df().into_iter().map(HoleHere::LetsRoutersCut),
    HoleHere::Searches(_) => [
        HoleHere::Searches(OwnSearch { mode: 1, stall: Some((Duration::from_secs(3), Duration::from_secs(7))) }),
        HoleHere::Searches(OwnSearch { mode: 2, stall: None }),
    ],
    HoleHere::Remembers { .. } => [
        HoleHere::Remembers { mtu: size(1400), expires_in: Some(Duration::from_secs(300)) },
        HoleHere::Remembers { mtu: size(1400), expires_in: None },
    ],
});

every!(own_limits, OwnLimit, {
    OwnLimit::Clamp { .. } => [OwnLimit::Clamp { mss: 1360 }],
    OwnLimit::Route(_) => [true, false].map(|locked| OwnLimit::Route(RouteMtu { mtu: size(1400), locked })),
});

every!(ways_without_df, WithoutDf, {
    WithoutDf::NoPmtuDisc(_) => (1..=3).map(WithoutDf::NoPmtuDisc),
    WithoutDf::LockedRoute(_) => [WithoutDf::LockedRoute(size(1400))],
});

every!(slow_steps, SlowStep, {
    SlowStep::Greeting => [SlowStep::Greeting],
    SlowStep::Reply => [SlowStep::Reply],
});

every!(tls_troubles, TlsTrouble, {
    TlsTrouble::Start(_) => [TlsTrouble::Start("no name".into())],
    TlsTrouble::Refused(_) => [TlsTrouble::Refused("handshake failure".into())],
    TlsTrouble::Broken(_) => [TlsTrouble::Broken("bad message".into())],
});

every!(unwillingnesses, Unwillingness, {
    Unwillingness::ConnectionRefused => [Unwillingness::ConnectionRefused],
    Unwillingness::ConnectionReset => [Unwillingness::ConnectionReset],
    Unwillingness::FellSilent => [Unwillingness::FellSilent],
    Unwillingness::ConversationEnded => [Unwillingness::ConversationEnded],
    Unwillingness::HandshakeEnded => [Unwillingness::HandshakeEnded],
    Unwillingness::NoSmtp => [Unwillingness::NoSmtp],
    Unwillingness::TurnedAway { .. } => [Unwillingness::TurnedAway { code: 554 }],
    Unwillingness::HungUp => [Unwillingness::HungUp],
    Unwillingness::NoStartTls => [Unwillingness::NoStartTls],
    Unwillingness::StartTlsRefused { .. } => [None, Some(454)].map(|code| Unwillingness::StartTlsRefused { code }),
    Unwillingness::Tls(_) => tls_troubles().into_iter().map(Unwillingness::Tls),
});

every!(askers, AskedBy, {
    AskedBy::Route => [AskedBy::Route],
    AskedBy::FirstHop => [AskedBy::FirstHop],
});

every!(reverse_reasons, ReverseReason, {
    ReverseReason::OnlyForwardAsked => [ReverseReason::OnlyForwardAsked],
    ReverseReason::ServiceUnknown => [ReverseReason::ServiceUnknown],
    ReverseReason::NoConnection => [ReverseReason::NoConnection],
    ReverseReason::PortClosed => [ReverseReason::PortClosed],
    ReverseReason::ConnectionEnded => [ReverseReason::ConnectionEnded],
    ReverseReason::TcpEndsAtHop { .. } => [ReverseReason::TcpEndsAtHop { hop: Ttl(1) }],
    ReverseReason::RunEndedBefore => [ReverseReason::RunEndedBefore],
    ReverseReason::RunEndedEarly => [ReverseReason::RunEndedEarly],
    ReverseReason::RunEndedWhileMissing { .. } =>
        [ReverseReason::RunEndedWhileMissing { missing_for: Duration::from_secs(3) }],
    ReverseReason::Slow { .. } =>
        slow_steps().into_iter().map(|step| ReverseReason::Slow { step, within: Duration::from_secs(8) }),
    ReverseReason::Unwilling(_) => unwillingnesses().into_iter().map(ReverseReason::Unwilling),
    ReverseReason::RepliesTooShort { .. } => [ReverseReason::RepliesTooShort { longest: 300 }],
    ReverseReason::InFragments => [ReverseReason::InFragments],
    ReverseReason::KeepsBelow { .. } => [None, Some(size(1400))].map(|largest| ReverseReason::KeepsBelow { largest }),
    ReverseReason::AskedForLess { .. } =>
        askers().into_iter().map(|by| ReverseReason::AskedForLess { size: size(1400), by }),
    ReverseReason::LoweredAfter { .. } => [ReverseReason::LoweredAfter { after: Duration::from_secs(2) }],
    ReverseReason::Missing { .. } => [ReverseReason::Missing { watched: Duration::from_secs(15), answers: 12 }],
    ReverseReason::MayBeChance => [ReverseReason::MayBeChance],
    ReverseReason::MayRecover { .. } => [ReverseReason::MayRecover { watched: Duration::from_secs(15) }],
    ReverseReason::NoControl => [ReverseReason::NoControl],
    ReverseReason::FellSilent => [ReverseReason::FellSilent],
    ReverseReason::SmallOnesLost => [ReverseReason::SmallOnesLost],
    ReverseReason::TooLossy => [ReverseReason::TooLossy],
    ReverseReason::HostTooBusy => [ReverseReason::HostTooBusy],
});

every!(filters, Filter, {
    Filter::Silent => [Filter::Silent],
    Filter::Icmp { .. } => [Filter::Icmp { from: ip("203.0.113.6"), code: 13 }],
});

every!(port_states, PortState, {
    PortState::Open => [PortState::Open],
    PortState::Refused => [PortState::Refused],
    PortState::Filtered(_) => filters().into_iter().map(PortState::Filtered),
    PortState::ForbiddenHere => [PortState::ForbiddenHere],
});

every!(receptions, Reception, {
    Reception::NotHeard => [Reception::NotHeard],
    Reception::Greeted => [Reception::Greeted],
    Reception::TurnedAway { .. } => [421, 554].map(|code| Reception::TurnedAway { code }),
    Reception::HungUp => [Reception::HungUp],
    Reception::Reset => [Reception::Reset],
});

every!(rejecters, RejectedBy, {
    RejectedBy::Icmp(_) => [RejectedBy::Icmp(13)],
    RejectedBy::Reset => [RejectedBy::Reset],
});

every!(tunnels, Tunnel, {
    Tunnel::Pppoe => [Tunnel::Pppoe],
    Tunnel::Ipip => [Tunnel::Ipip],
    Tunnel::Gre => [Tunnel::Gre],
    Tunnel::DsLite => [Tunnel::DsLite],
    Tunnel::L2tp => [Tunnel::L2tp],
    Tunnel::Tags => [Tunnel::Tags],
    Tunnel::Vxlan => [Tunnel::Vxlan],
    Tunnel::Ipsec => [Tunnel::Ipsec],
    Tunnel::Wireguard => [Tunnel::Wireguard],
    Tunnel::Vpn => [Tunnel::Vpn],
    Tunnel::Cloud => [Tunnel::Cloud],
    Tunnel::Mobile => [Tunnel::Mobile],
    Tunnel::Ipv6Minimum => [Tunnel::Ipv6Minimum],
    Tunnel::Ethernet => [Tunnel::Ethernet],
});

every!(findings, Finding, {
    Finding::PtbMtuZero => [Finding::PtbMtuZero],
    Finding::PtbMtuTooLow => [Finding::PtbMtuTooLow],
    Finding::PtbBelowMinimum => [Finding::PtbBelowMinimum],
    Finding::PtbMtuTooHigh => [Finding::PtbMtuTooHigh],
    Finding::PtbBadChecksum => [Finding::PtbBadChecksum],
    Finding::TcpPtbMissing => [Finding::TcpPtbMissing],
    Finding::PtbQuoteAltered => [Finding::PtbQuoteAltered],
    Finding::PtbQuoteUnknown => [Finding::PtbQuoteUnknown],
    Finding::PtbFromPrivateAddress => [Finding::PtbFromPrivateAddress],
    Finding::StaleKernelPmtu => [Finding::StaleKernelPmtu],
    Finding::MssClamped => [Finding::MssClamped],
    Finding::NoSack => [Finding::NoSack],
    Finding::PortClosed => [Finding::PortClosed],
    Finding::PortFiltered => [Finding::PortFiltered],
    Finding::TurnedAway { .. } => [421, 554].map(|code| Finding::TurnedAway { code }),
    Finding::HungUp => [Finding::HungUp],
    Finding::EchoUnanswered => [Finding::EchoUnanswered],
    Finding::LargeEchoFiltered => [Finding::LargeEchoFiltered],
    Finding::EchoPassesLarger => [Finding::EchoPassesLarger],
    Finding::SegmentsAboveMssDropped => [Finding::SegmentsAboveMssDropped],
    Finding::PtbRateLimited => [Finding::PtbRateLimited],
    Finding::AskedAlone => [Finding::AskedAlone],
    Finding::ToldAsOthers { .. } => [Finding::ToldAsOthers { hop: ip("203.0.113.6"), told: 8 }],
    Finding::PlaceShared { .. } => [1, 4].map(|others| Finding::PlaceShared { others }),
    Finding::DfCleared => [Finding::DfCleared],
    Finding::FragmentsDropped => [Finding::FragmentsDropped],
    Finding::LargeRejected(_) => rejecters().into_iter().map(|by| {
        Finding::LargeRejected(Rejection { from: ip("203.0.113.6"), by, smallest: size(1451), count: 53 })
    }),
    Finding::ConnectionReset => [Finding::ConnectionReset],
    Finding::NoGreeting => [Finding::NoGreeting],
    Finding::ZeroWindow => [Finding::ZeroWindow],
    Finding::PacketLoss => [Finding::PacketLoss],
    Finding::SlowToAnswer => [Finding::SlowToAnswer],
    Finding::SendRefusedByFirewall => [Finding::SendRefusedByFirewall],
    Finding::HoleOnSomeFlows => [Finding::HoleOnSomeFlows],
    Finding::OnlyPtbMissing => [Finding::OnlyPtbMissing],
    Finding::RouteMtuBelowPath => [Finding::RouteMtuBelowPath],
    Finding::PathMtuLocked => [Finding::PathMtuLocked],
    Finding::PmtudDisabledHere => [Finding::PmtudDisabledHere],
    Finding::TcpMtuProbingOn => [Finding::TcpMtuProbingOn],
    Finding::RecoveryWatchedBriefly { .. } => [Finding::RecoveryWatchedBriefly { watched: Duration::from_secs(7) }],
    Finding::ServerWasTaught => [Finding::ServerWasTaught],
    Finding::OwnTcpUnknown => [Finding::OwnTcpUnknown],
    Finding::TcpEndsAtHop { .. } => [Finding::TcpEndsAtHop { hop: Ttl(1) }],
    Finding::SynProxy { .. } => [Finding::SynProxy { hop: Ttl(2) }],
    Finding::AcksTooSoon => [Finding::AcksTooSoon],
    Finding::PeerWithoutDf => [Finding::PeerWithoutDf],
    Finding::PeerObeysPtb { .. } => [Finding::PeerObeysPtb { told: size(1280) }],
    Finding::PeerIgnoresPtb { .. } => [Finding::PeerIgnoresPtb { told: size(1280) }],
    Finding::InsideNotExamined => [Finding::InsideNotExamined],
    Finding::IncomingNotExamined => [Finding::IncomingNotExamined],
    Finding::SizeSuggests(_) => tunnels().into_iter().map(Finding::SizeSuggests),
});

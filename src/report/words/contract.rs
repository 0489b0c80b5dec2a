//! The enum words of the JSON contract. Text output uses the same words where it names a thing by its contract name.

use crate::model::{
    Cause, FailureKind, Finding, MaskedBy, Method, PortState, PtbFault, ReverseVerdict, Technique, Tunnel, Verdict, Who,
};

/// A word of the contract for an enum value.
pub(crate) trait Word {
    /// The word, in `snake_case`.
    fn word(self) -> &'static str;
}

impl Word for Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Discoverable => "discoverable",
            Self::Masked => "masked",
            Self::BlackHole => "black_hole",
            Self::Recovers => "recovers",
            Self::Unreachable => "unreachable",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Word for Cause {
    fn word(self) -> &'static str {
        match self {
            Self::NoPtb => "no_ptb",
            Self::LocalFirewall => "local_firewall",
            Self::BadPtb => "bad_ptb",
            Self::LinkMismatch => "link_mismatch",
        }
    }
}

impl Word for MaskedBy {
    fn word(self) -> &'static str {
        match self {
            Self::PathClamp { .. } => "path_clamp",
            Self::PeerLink => "peer_link",
            Self::ThisHost => "this_host",
        }
    }
}

impl Word for PtbFault {
    fn word(self) -> &'static str {
        match self {
            Self::MtuZero => "mtu_zero",
            Self::StatedSizeLost => "stated_size_lost",
            Self::NotSmaller => "not_smaller",
            Self::TooLow => "too_low",
            Self::BelowMinimum => "below_minimum",
            Self::BadChecksum => "bad_checksum",
        }
    }
}

impl Word for Method {
    fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Icmp => "icmp",
        }
    }
}

impl Word for Technique {
    fn word(self) -> &'static str {
        match self {
            Self::OldData => "old_data",
            Self::SmtpData => "smtp_data",
            Self::SynData => "syn_data",
            Self::RealBytes => "real_bytes",
            Self::Echo => "echo",
        }
    }
}

impl Word for ReverseVerdict {
    fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Discoverable => "discoverable",
            Self::BlackHole => "black_hole",
            Self::Recovers => "recovers",
            Self::Untested => "untested",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Word for Who {
    fn word(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::YourNetwork => "your_network",
            Self::TheirSide => "their_side",
            Self::Unknown => "unknown",
        }
    }
}

impl Word for PortState {
    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Filtered(_) => "filtered",
            Self::ForbiddenHere => "forbidden_here",
        }
    }
}

impl Word for FailureKind {
    fn word(self) -> &'static str {
        match self {
            Self::BadTarget => "bad_target",
            Self::Unresolved => "unresolved",
            Self::NoRoute => "no_route",
            Self::BadOption => "bad_option",
            Self::NoPrivilege => "no_privilege",
            Self::Interrupted => "interrupted",
            Self::System => "system",
        }
    }
}

impl Word for Finding {
    fn word(self) -> &'static str {
        match self {
            Self::PtbMtuZero => "ptb_mtu_zero",
            Self::PtbMtuTooLow => "ptb_mtu_too_low",
            Self::PtbBelowMinimum => "ptb_below_minimum",
            Self::PtbMtuTooHigh => "ptb_mtu_too_high",
            Self::PtbBadChecksum => "ptb_bad_checksum",
            Self::TcpPtbMissing => "tcp_ptb_missing",
            Self::PtbQuoteAltered => "ptb_quote_altered",
            Self::PtbQuoteUnknown => "ptb_quote_unknown",
            Self::PtbFromPrivateAddress => "ptb_from_private_address",
            Self::StaleKernelPmtu => "stale_kernel_pmtu",
            Self::MssClamped => "mss_clamped",
            Self::NoSack => "no_sack",
            Self::PortClosed => "port_closed",
            Self::PortFiltered => "port_filtered",
            Self::TurnedAway { .. } => "turned_away",
            Self::HungUp => "hung_up",
            Self::EchoUnanswered => "echo_unanswered",
            Self::LargeEchoFiltered => "large_echo_filtered",
            Self::EchoPassesLarger => "echo_passes_larger",
            Self::SegmentsAboveMssDropped => "segments_above_mss_dropped",
            Self::PtbRateLimited => "ptb_rate_limited",
            Self::AskedAlone => "asked_alone",
            Self::ToldAsOthers { .. } => "told_as_others",
            Self::PlaceShared { .. } => "place_shared",
            Self::DfCleared => "df_cleared",
            Self::FragmentsDropped => "fragments_dropped",
            Self::LargeRejected(_) => "large_rejected",
            Self::ConnectionReset => "connection_reset",
            Self::NoGreeting => "no_greeting",
            Self::ZeroWindow => "zero_window",
            Self::PacketLoss => "packet_loss",
            Self::SlowToAnswer => "slow_to_answer",
            Self::SendRefusedByFirewall => "send_refused_by_firewall",
            Self::HoleOnSomeFlows => "hole_on_some_flows",
            Self::OnlyPtbMissing => "only_ptb_missing",
            Self::RouteMtuBelowPath => "route_mtu_below_path",
            Self::PathMtuLocked => "path_mtu_locked",
            Self::PmtudDisabledHere => "pmtud_disabled_here",
            Self::TcpMtuProbingOn => "tcp_mtu_probing_on",
            Self::RecoveryWatchedBriefly { .. } => "recovery_watched_briefly",
            Self::OwnTcpUnknown => "own_tcp_unknown",
            Self::ServerWasTaught => "server_was_taught",
            Self::TcpEndsAtHop { .. } => "tcp_ends_at_hop",
            Self::SynProxy { .. } => "syn_proxy",
            Self::AcksTooSoon => "acks_too_soon",
            Self::PeerWithoutDf => "peer_without_df",
            Self::PeerObeysPtb { .. } => "peer_obeys_ptb",
            Self::PeerIgnoresPtb { .. } => "peer_ignores_ptb",
            Self::InsideNotExamined => "inside_not_examined",
            Self::IncomingNotExamined => "incoming_not_examined",
            Self::SizeSuggests(tunnel) => suggestion(tunnel),
        }
    }
}

fn suggestion(tunnel: Tunnel) -> &'static str {
    match tunnel {
        Tunnel::Pppoe => "size_suggests_pppoe",
        Tunnel::Ipip => "size_suggests_ipip",
        Tunnel::Gre => "size_suggests_gre",
        Tunnel::DsLite => "size_suggests_ds_lite",
        Tunnel::L2tp => "size_suggests_l2tp",
        Tunnel::Tags => "size_suggests_tags",
        Tunnel::Vxlan => "size_suggests_vxlan",
        Tunnel::Ipsec => "size_suggests_ipsec",
        Tunnel::Wireguard => "size_suggests_wireguard",
        Tunnel::Vpn => "size_suggests_vpn",
        Tunnel::Cloud => "size_suggests_cloud",
        Tunnel::Mobile => "size_suggests_mobile",
        Tunnel::Ipv6Minimum => "size_suggests_ipv6_minimum",
        Tunnel::Ethernet => "size_suggests_ethernet",
    }
}

/// The value of a word, or all the words that there are.
pub(crate) fn named<T: Word + Copy>(all: &[T], word: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|value| value.word() == word);
    found.ok_or_else(|| all.iter().map(|value| value.word()).collect::<Vec<_>>().join(", "))
}

/// An address with its zone, as users write it: `fe80::1%eth0`.
pub(crate) fn address_with_zone(address: std::net::IpAddr, zone: Option<&str>) -> String {
    match zone {
        Some(zone) => format!("{address}%{zone}"),
        None => address.to_string(),
    }
}

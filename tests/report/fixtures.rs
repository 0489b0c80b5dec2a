//! Reports as examinations would give them: one for each row of the decision table.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use pmtu_probe::model::{
    AddressReport, Assessment, Cause, ClampRule, Confirmation, Direction, Examined, Finding, Ground, HoleHere, Hop,
    HopNames, HostFacts, KernelSettings, Location, LocationPoint, MaskedBy, Method, MethodReason, MethodReport,
    MethodStatus, OwnLimit, OwnSearch, PacketSize, PortState, PtbFault, PtbOutcome, PtbReport, Reception, RejectedBy,
    Rejection, Report, Reverse, ReverseReason, ReverseVerdict, SizeEvidence, Technique, TlsTrouble, Ttl, Tunnel,
    Unwillingness, Verdict, VerdictReason,
};
use pmtu_probe::report::complete;

pub(crate) const V4: &str = "192.0.2.25";
pub(crate) const V6: &str = "2001:db8::25";

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) const fn size(bytes: u32) -> PacketSize {
    PacketSize::new(bytes)
}

/// How this host reaches the fixtures' addresses; its settings are those of an untouched kernel.
pub(crate) fn host_of(address: IpAddr) -> HostFacts {
    let (source, gateway, min_pmtu) =
        if address.is_ipv4() { ("198.51.100.2", "198.51.100.1", 552) } else { ("2001:db8:1::2", "fe80::1", 1280) };
    HostFacts {
        source: Some(ip(source)),
        interface: Some("eth0".into()),
        gateway: Some(ip(gateway)),
        interface_mtu: Some(size(1500)),
        settings: KernelSettings {
            no_pmtu_disc: Some(0),
            tcp_mtu_probing: Some(0),
            tcp_base_mss: Some(1024),
            min_pmtu: Some(size(min_pmtu)),
            mtu_expires: Some(Duration::from_secs(600)),
        },
        ..HostFacts::default()
    }
}

/// A path that carries 1500 bytes.
pub(crate) fn clear(address: &str) -> AddressReport {
    let address = ip(address);
    let mss = if address.is_ipv4() { 1460 } else { 1440 };
    AddressReport {
        target: "example.com".into(),
        host: "mx.example.com".into(),
        preference: Some(10),
        address,
        zone: None,
        port: 25,
        here: host_of(address),
        examined: Examined {
            verdict: Verdict::Clear,
            cause: None,
            masked_by: None,
            reason: Ground::FullSizeAnswered { size: size(1500), technique: Technique::OldData }.into(),
            confidence: Some(1.0),
            path_mtu: Some(size(1500)),
            first_lost_size: None,
            local_mtu: size(1500),
            kernel_path_mtu: Some(size(1500)),
            peer_mss: Some(mss),
            local_mss: Some(mss),
            tcp_packet_limit: Some(size(1500)),
            own_packet: None,
            rtt: Some(Duration::from_micros(20_400)),
            location: None,
            tcp_ends_at_hop: None,
            hops: Vec::new(),
            ptb: Vec::new(),
            methods: vec![
                used(Method::Tcp, Technique::OldData, 10, 10, 1500),
                used(Method::Icmp, Technique::Echo, 4, 4, 1500),
            ],
            sizes: vec![SizeEvidence { size: size(1500), sent: 3, answered: 3 }],
            flows: None,
            beyond_route: None,
            port_state: Some(PortState::Open),
            reception: Reception::Greeted,
            direction: Direction::Both,
            reverse: Reverse {
                verdict: ReverseVerdict::Clear,
                path_mtu: Some(size(1500)),
                first_lost_size: None,
                reason: None,
                recovered_after: None,
                elapsed: Some(Duration::from_millis(40)),
            },
            findings: Vec::new(),
            advice: Vec::new(),
            probes_sent: 14,
            bytes_sent: 14_200,
            elapsed: Duration::from_millis(62),
            forward_elapsed: Some(Duration::from_millis(22)),
        },
        names: HopNames::default(),
        assessment: Assessment::default(),
    }
}

/// A path that carries 1400 bytes: hop 2 cannot pass more to hop 3.
pub(crate) fn narrow(address: &str, verdict: Verdict, cause: Option<Cause>) -> AddressReport {
    let mut report = clear(address);
    let (second, third) = if report.address.is_ipv4() {
        (ip("203.0.113.2"), ip("203.0.113.6"))
    } else {
        (ip("2001:db8:2::2"), ip("2001:db8:3::2"))
    };
    let point = |ttl, address| Some(LocationPoint { ttl: Some(Ttl(ttl)), address });
    let examined = &mut report.examined;
    examined.verdict = verdict;
    examined.cause = cause;
    examined.reason = vanishes(cause);
    examined.confidence = Some(0.998_917);
    examined.path_mtu = Some(size(1400));
    examined.first_lost_size = Some(size(1401));
    examined.location = Some(Location { last_hop: point(2, second), next_hop: point(3, third) });
    let first = if address.contains(':') { "2001:db8:1::1" } else { "198.51.100.1" };
    examined.hops = vec![hop(1, first, 1500), hop(2, &second.to_string(), 1500), hop(3, &third.to_string(), 1400)];
    examined.methods = vec![
        used(Method::Tcp, Technique::OldData, 60, 41, 1400),
        MethodReport {
            status: MethodStatus::Unusable(MethodReason::EchoUnanswered),
            path_mtu: None,
            ..used(Method::Icmp, Technique::Echo, 3, 0, 0)
        },
    ];
    examined.sizes = vec![
        SizeEvidence { size: size(1500), sent: 2, answered: 0 },
        SizeEvidence { size: size(1401), sent: 8, answered: 0 },
        SizeEvidence { size: size(1400), sent: 8, answered: 8 },
    ];
    examined.probes_sent = 63;
    examined.bytes_sent = 61_000;
    examined.elapsed = Duration::from_millis(170);
    report
}

/// The reason that goes with a cause.
fn vanishes(cause: Option<Cause>) -> VerdictReason {
    let ptb = match cause {
        Some(Cause::NoPtb) | None => PtbOutcome::NoneCame,
        Some(Cause::LocalFirewall) => PtbOutcome::DroppedHere,
        Some(Cause::BadPtb) => PtbOutcome::Faulty(PtbFault::StatedSizeLost),
        Some(Cause::LinkMismatch) => PtbOutcome::NoneDue,
    };
    Ground::Vanishes { passes: size(1400), lost: size(1401), ptb, confirmation: Confirmation::RealBytes }.into()
}

pub(crate) fn no_ptb(address: &str) -> AddressReport {
    narrow(address, Verdict::BlackHole, Some(Cause::NoPtb))
}

pub(crate) fn discoverable(address: &str) -> AddressReport {
    let mut report = narrow(address, Verdict::Discoverable, None);
    report.examined.reason = Ground::RefusedByRouter { passes: size(1400), start: size(1500) }.into();
    report.examined.confidence = Some(1.0);
    report.examined.ptb = vec![ptb(&report, 1400, true, None)];
    report
}

pub(crate) fn masked(address: &str) -> AddressReport {
    let mut report = narrow(address, Verdict::Masked, Some(Cause::NoPtb));
    report.examined.peer_mss = Some(if report.address.is_ipv4() { 1360 } else { 1340 });
    report.examined.tcp_packet_limit = Some(size(1400));
    report.examined.findings = vec![Finding::MssClamped];
    report
}

/// A black hole, and what this host's own TCP makes of it.
pub(crate) fn hole_here(address: &str, verdict: Verdict, here: HoleHere) -> AddressReport {
    let mut report = narrow(address, verdict, Some(Cause::NoPtb));
    report.examined.masked_by = (verdict == Verdict::Masked).then_some(MaskedBy::ThisHost);
    report.examined.reason.here = Some(here);
    if let HoleHere::SendsLess { most, .. } = here {
        report.examined.tcp_packet_limit = Some(most);
    }
    report
}

/// This host's own firewall lowers the MSS of the server.
pub(crate) fn clamped_here(address: &str) -> AddressReport {
    let mss = if address == V4 { 1360 } else { 1340 };
    let here = HoleHere::SendsLess { most: size(1400), by: OwnLimit::Clamp { mss } };
    let mut report = hole_here(address, Verdict::Masked, here);
    report.here.clamps = vec![ClampRule {
        place: "table inet pmtu_clamp, chain input".into(),
        rule: format!("ip saddr {address} tcp flags syn tcp option maxseg size set {mss}"),
        mss: Some(mss),
        is_certain: true,
        undo: vec!["nft delete table inet pmtu_clamp".into()],
    }];
    report
}

/// `tcp_mtu_probing` is 1 on this host.
pub(crate) fn recovers_here(address: &str) -> AddressReport {
    let stall = Some((Duration::from_secs(3), Duration::from_secs(7)));
    let here = HoleHere::Searches(OwnSearch { mode: 1, stall });
    let mut report = hole_here(address, Verdict::Recovers, here);
    report.here.settings.tcp_mtu_probing = Some(1);
    report
}

pub(crate) fn local_firewall(address: &str) -> AddressReport {
    let mut report = narrow(address, Verdict::BlackHole, Some(Cause::LocalFirewall));
    report.examined.ptb = vec![ptb(&report, 1400, false, None)];
    report
}

pub(crate) fn bad_ptb(address: &str) -> AddressReport {
    let mut report = narrow(address, Verdict::BlackHole, Some(Cause::BadPtb));
    report.examined.ptb = vec![ptb(&report, 1480, true, Some(PtbFault::StatedSizeLost))];
    report.examined.findings = vec![Finding::PtbMtuTooHigh];
    report
}

pub(crate) fn link_mismatch() -> AddressReport {
    narrow(V4, Verdict::BlackHole, Some(Cause::LinkMismatch))
}

/// Packets of the target above 1400 bytes do not get here; the way there is clear.
pub(crate) fn back_hole(address: &str) -> AddressReport {
    let mut report = clear(address);
    report.examined.reverse = Reverse {
        verdict: ReverseVerdict::BlackHole,
        path_mtu: Some(size(1400)),
        first_lost_size: Some(size(1401)),
        reason: Some(ReverseReason::Missing { watched: Duration::from_millis(15_200), answers: 12 }),
        recovered_after: None,
        elapsed: Some(Duration::from_secs(16)),
    };
    report
}

/// The same, but the target finds a size that passes.
pub(crate) fn back_recovers(address: &str) -> AddressReport {
    let mut report = back_hole(address);
    report.examined.reverse.verdict = ReverseVerdict::Recovers;
    report.examined.reverse.first_lost_size = Some(size(1500));
    report.examined.reverse.reason = None;
    report.examined.reverse.recovered_after = Some(Duration::from_millis(3140));
    report
}

/// Only the way back was asked for.
pub(crate) fn back_only(mut report: AddressReport) -> AddressReport {
    let reverse = report.examined.reverse.clone();
    let address = report.address.to_string();
    report = silent(&address, Verdict::Inconclusive);
    report.examined.reason = Ground::OnlyWayBackAsked.into();
    report.examined.direction = Direction::Reverse;
    report.examined.reverse = reverse;
    report.examined.forward_elapsed = None;
    report
}

/// Nobody answers.
pub(crate) fn unreachable(address: &str) -> AddressReport {
    let mut report = silent(address, Verdict::Unreachable);
    report.examined.reason = Ground::NothingAnswered.into();
    report.examined.port_state = None;
    report.examined.reception = Reception::NotHeard;
    report.examined.methods = vec![
        MethodReport {
            status: MethodStatus::Unusable(MethodReason::PortSilent),
            path_mtu: None,
            ..used(Method::Tcp, Technique::OldData, 5, 0, 0)
        },
        MethodReport {
            status: MethodStatus::Unusable(MethodReason::EchoUnanswered),
            path_mtu: None,
            ..used(Method::Icmp, Technique::Echo, 5, 0, 0)
        },
    ];
    report
}

/// So much loss that silence proves nothing.
pub(crate) fn inconclusive(address: &str) -> AddressReport {
    let mut report = silent(address, Verdict::Inconclusive);
    report.examined.reason = Ground::TooLossy { passes: size(1200), lost: size(1400), p: 0.0123 }.into();
    report.examined.rtt = Some(Duration::from_millis(240));
    report.examined.findings = vec![Finding::PacketLoss];
    report.examined.methods = vec![
        used(Method::Tcp, Technique::OldData, 60, 20, 1400),
        MethodReport {
            status: MethodStatus::Skipped(MethodReason::NotAskedFor),
            path_mtu: None,
            ..used(Method::Icmp, Technique::Echo, 0, 0, 0)
        },
    ];
    report
}

fn silent(address: &str, verdict: Verdict) -> AddressReport {
    let mut report = clear(address);
    let examined = &mut report.examined;
    examined.verdict = verdict;
    examined.confidence = None;
    examined.path_mtu = None;
    examined.kernel_path_mtu = None;
    examined.peer_mss = None;
    examined.local_mss = None;
    examined.tcp_packet_limit = None;
    examined.rtt = None;
    examined.sizes = Vec::new();
    examined.reverse = Reverse {
        verdict: ReverseVerdict::Untested,
        path_mtu: None,
        first_lost_size: None,
        reason: Some(ReverseReason::NoConnection),
        recovered_after: None,
        elapsed: Some(Duration::from_secs(16)),
    };
    report
}

/// One for each row of the decision table, both families.
pub(crate) fn all() -> Vec<AddressReport> {
    let both = [V4, V6].into_iter().flat_map(|address| {
        [
            clear(address),
            discoverable(address),
            masked(address),
            clamped_here(address),
            recovers_here(address),
            no_ptb(address),
            local_firewall(address),
            bad_ptb(address),
            unreachable(address),
            inconclusive(address),
        ]
    });
    let back = [V4, V6].into_iter().flat_map(|address| [back_hole(address), back_recovers(address)]);
    both.chain([link_mismatch()]).chain(back).collect()
}

/// A report on these addresses, with the advice that belongs to each.
pub(crate) fn report(addresses: Vec<AddressReport>) -> Report {
    Report {
        target: "mx.example.com".into(),
        vantage: Some("mail1.example.net".into()),
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_250),
        elapsed: Duration::from_micros(171_200),
        addresses: addresses.into_iter().map(with_advice).collect(),
        errors: Vec::new(),
        ending: None,
    }
}

pub(crate) fn with_advice(mut report: AddressReport) -> AddressReport {
    complete(&mut report);
    report
}

pub(crate) fn ptb(report: &AddressReport, mtu: u32, reached_kernel: bool, fault: Option<PtbFault>) -> PtbReport {
    let from = if report.address.is_ipv4() { ip("203.0.113.2") } else { ip("2001:db8:2::2") };
    PtbReport { from, mtu, about: Method::Tcp, reached_kernel, fault, count: 3 }
}

/// Large packets reach one hop, and not the next.
pub(crate) fn between(last: (u8, &str), next: (u8, &str)) -> Location {
    let point = |(ttl, address): (u8, &str)| Some(LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) });
    Location { last_hop: point(last), next_hop: point(next) }
}

fn hop(ttl: u8, address: &str, largest: u32) -> Hop {
    Hop {
        ttl: Ttl(ttl),
        address: Some(ip(address)),
        largest_answered: Some(size(largest)),
        rtt: Some(Duration::from_micros(u64::from(ttl) * 6_800)),
    }
}

fn used(method: Method, technique: Technique, sent: u32, answered: u32, path_mtu: u32) -> MethodReport {
    MethodReport { method, technique, status: MethodStatus::Used, sent, answered, path_mtu: Some(size(path_mtu)) }
}

pub(crate) const FINDINGS: [Finding; 64] = [
    Finding::PtbMtuZero,
    Finding::PtbMtuTooLow,
    Finding::PtbBelowMinimum,
    Finding::PtbMtuTooHigh,
    Finding::PtbBadChecksum,
    Finding::TcpPtbMissing,
    Finding::PtbQuoteAltered,
    Finding::PtbQuoteUnknown,
    Finding::PtbFromPrivateAddress,
    Finding::StaleKernelPmtu,
    Finding::MssClamped,
    Finding::NoSack,
    Finding::PortClosed,
    Finding::PortFiltered,
    Finding::TurnedAway { code: 554 },
    Finding::HungUp,
    Finding::EchoUnanswered,
    Finding::LargeEchoFiltered,
    Finding::EchoPassesLarger,
    Finding::SegmentsAboveMssDropped,
    Finding::PtbRateLimited,
    Finding::AskedAlone,
    Finding::ToldAsOthers { hop: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 6)), told: 8 },
    Finding::PlaceShared { others: 4 },
    Finding::DfCleared,
    Finding::FragmentsDropped,
    Finding::LargeRejected(Rejection {
        from: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 6)),
        by: RejectedBy::Icmp(13),
        smallest: PacketSize::new(1451),
        count: 53,
    }),
    Finding::ConnectionReset,
    Finding::NoGreeting,
    Finding::ZeroWindow,
    Finding::PacketLoss,
    Finding::SlowToAnswer,
    Finding::SendRefusedByFirewall,
    Finding::HoleOnSomeFlows,
    Finding::OnlyPtbMissing,
    Finding::RecoveryWatchedBriefly { watched: Duration::from_secs(7) },
    Finding::ServerWasTaught,
    Finding::OwnTcpUnknown,
    Finding::TcpEndsAtHop { hop: Ttl(1) },
    Finding::SynProxy { hop: Ttl(2) },
    Finding::AcksTooSoon,
    Finding::PeerWithoutDf,
    Finding::PeerObeysPtb { told: size(1280) },
    Finding::PeerIgnoresPtb { told: size(1280) },
    Finding::RouteMtuBelowPath,
    Finding::PathMtuLocked,
    Finding::PmtudDisabledHere,
    Finding::TcpMtuProbingOn,
    Finding::InsideNotExamined,
    Finding::IncomingNotExamined,
    Finding::SizeSuggests(Tunnel::Pppoe),
    Finding::SizeSuggests(Tunnel::Ipip),
    Finding::SizeSuggests(Tunnel::Gre),
    Finding::SizeSuggests(Tunnel::DsLite),
    Finding::SizeSuggests(Tunnel::L2tp),
    Finding::SizeSuggests(Tunnel::Tags),
    Finding::SizeSuggests(Tunnel::Vxlan),
    Finding::SizeSuggests(Tunnel::Ipsec),
    Finding::SizeSuggests(Tunnel::Wireguard),
    Finding::SizeSuggests(Tunnel::Vpn),
    Finding::SizeSuggests(Tunnel::Cloud),
    Finding::SizeSuggests(Tunnel::Mobile),
    Finding::SizeSuggests(Tunnel::Ipv6Minimum),
    Finding::SizeSuggests(Tunnel::Ethernet),
];

pub(crate) const FAULTS: [PtbFault; 6] = [
    PtbFault::MtuZero,
    PtbFault::StatedSizeLost,
    PtbFault::NotSmaller,
    PtbFault::TooLow,
    PtbFault::BelowMinimum,
    PtbFault::BadChecksum,
];

pub(crate) const REVERSES: [ReverseVerdict; 6] = [
    ReverseVerdict::Clear,
    ReverseVerdict::Discoverable,
    ReverseVerdict::BlackHole,
    ReverseVerdict::Recovers,
    ReverseVerdict::Untested,
    ReverseVerdict::Inconclusive,
];

/// Every verdict with every finding, fault and reverse verdict that the model knows, whether or not they go together.
pub(crate) fn combinations() -> Vec<AddressReport> {
    let mut reports = all();
    for mut report in all() {
        report.examined.findings = FINDINGS.to_vec();
        report.examined.ptb = FAULTS.iter().map(|fault| ptb(&report, 1234, false, Some(*fault))).collect();
        reports.push(report.clone());
        report.zone = Some("eth0".into());
        report.port = 587;
        report.preference = None;
        for verdict in REVERSES {
            report.examined.reverse = Reverse {
                verdict,
                path_mtu: Some(size(1320)),
                first_lost_size: None,
                reason: Some(ReverseReason::RunEndedEarly),
                recovered_after: Some(Duration::from_millis(3140)),
                elapsed: Some(Duration::from_millis(3300)),
            };
            reports.push(report.clone());
            report.examined.reverse = Reverse {
                verdict,
                path_mtu: None,
                first_lost_size: None,
                reason: None,
                recovered_after: None,
                elapsed: None,
            };
            reports.push(report.clone());
        }
        report.examined.path_mtu = None;
        report.examined.first_lost_size = None;
        report.examined.location = None;
        report.host = String::new();
        reports.push(report.clone());
        for verdict in REVERSES {
            report.examined.reverse.verdict = verdict;
            reports.push(back_only(report.clone()));
        }
    }
    reports
}

/// A name and a TLS failure that try to steer the terminal, and are too long for it.
pub(crate) fn hostile() -> AddressReport {
    let evil = "\u{1b}[2J\u{9b}31m\u{7}\r\n\u{202e}\u{200b}mx\u{7f}".to_owned();
    let mut report = no_ptb(V4);
    report.host = evil.clone() + &"x".repeat(250);
    report.zone = Some("e;\u{1b}c".into());
    report.examined.reverse.verdict = ReverseVerdict::Inconclusive;
    report.examined.reverse.reason = Some(ReverseReason::Unwilling(Unwillingness::Tls(TlsTrouble::Broken(evil))));
    report
}

//! What this host's own TCP makes of the path: the path stays as measured, and what becomes of mail is decided here.

use std::time::Duration;

use crate::model::{
    Examined, Family, Finding, Ground, HoleHere, KernelSettings, MaskedBy, OwnLimit, OwnSearch, OwnTcp, PacketSize,
    Plan, RouteMtu, Verdict, VerdictReason, WithoutDf,
};

use super::super::technique::NoDfOutcome;
use super::evidence::Evidence;
use super::record::{Announced, OwnTcpFacts, Record};

/// Whether its answer can change what a verdict on the path means for mail.
pub(crate) fn is_asked_for(record: &Record, path: &Examined) -> bool {
    let is_hole = matches!(path.verdict, Verdict::BlackHole | Verdict::Masked);
    is_hole && record.session.opened.is_some() && record.plan.own_tcp.port.is_some()
}

/// Turns what the path does into what becomes of mail from this host.
pub(super) fn add(record: &Record, evidence: &Evidence, path: Examined) -> Examined {
    let path = if is_within_the_route(record, &path) { clear(record, evidence, path) } else { path };
    let Some(passes) = path.path_mtu else { return path };
    let is_hole = path.verdict == Verdict::BlackHole || path.verdict == Verdict::Masked && sends_more(record, passes);
    if !is_hole {
        return path;
    }
    let view = OwnView { plan: &record.plan, facts: record.own_tcp, no_df: evidence.no_df, passes };
    let here = view.hole();
    let lasts = matches!(here, Some(HoleHere::SendsLess { .. } | HoleHere::LetsRoutersCut(_)));
    if record.own_tcp.is_cut_short && !lasts && is_asked_for(record, &path) {
        return unasked(path);
    }
    if here.is_none() && view.may_be_cut() {
        return undecided(path);
    }
    let (verdict, masked_by) = match here {
        Some(HoleHere::SendsLess { .. } | HoleHere::LetsRoutersCut(_)) => (Verdict::Masked, Some(MaskedBy::ThisHost)),
        Some(HoleHere::Searches(_)) => (Verdict::Recovers, None),
        Some(HoleHere::Remembers { .. }) | None => (Verdict::BlackHole, None),
    };
    let mut findings = path.findings;
    if verdict == Verdict::BlackHole && record.own_tcp.told.is_none() && record.session.opened.is_some() {
        findings.push(Finding::OwnTcpUnknown);
    }
    let tcp_packet_limit = match here {
        Some(HoleHere::SendsLess { most, .. }) => Some(most),
        _ => path.tcp_packet_limit,
    };
    Examined { verdict, masked_by, tcp_packet_limit, findings, reason: VerdictReason { here, ..path.reason }, ..path }
}

/// Whether a rule of this host that lowers the MSS would change the verdict: its own TCP sends no packets that vanish, but for all
/// that TCP tells, only as long as somebody remembers the path MTU.
pub fn may_be_clamped_here(examined: &Examined) -> bool {
    let sends_less = examined.own_packet.zip(examined.path_mtu).is_some_and(|(own, passes)| own <= passes);
    examined.verdict == Verdict::BlackHole && sends_less
}

/// Takes in that a rule of this host lowers the MSS of this address to `mss`, for certain.
pub fn clamped_here(examined: Examined, mss: u16, family: Family) -> Examined {
    let most = PacketSize::from_mss(mss, family);
    if !may_be_clamped_here(&examined) || examined.path_mtu.is_none_or(|passes| most > passes) {
        return examined;
    }
    let here = Some(HoleHere::SendsLess { most, by: OwnLimit::Clamp { mss } });
    Examined {
        verdict: Verdict::Masked,
        masked_by: Some(MaskedBy::ThisHost),
        tcp_packet_limit: Some(most),
        reason: VerdictReason { here, ..examined.reason },
        ..examined
    }
}

/// The path was examined beyond what the route of this host allows, and all that it allows passes.
fn is_within_the_route(record: &Record, path: &Examined) -> bool {
    let plan = &record.plan;
    let is_settled = matches!(path.verdict, Verdict::Clear | Verdict::Discoverable | Verdict::Inconclusive);
    plan.max_size > plan.local_mtu && is_settled && path.path_mtu.is_some_and(|passes| passes >= plan.local_mtu)
}

fn clear(record: &Record, evidence: &Evidence, path: Examined) -> Examined {
    let Some((technique, _)) = evidence.carried else { return path };
    let size = record.plan.local_mtu;
    Examined {
        verdict: Verdict::Clear,
        cause: None,
        confidence: Some(1.0),
        path_mtu: Some(size),
        first_lost_size: None,
        location: None,
        beyond_route: path.beyond_route.max(path.path_mtu.filter(|passes| *passes > size)),
        reason: VerdictReason { ground: Ground::FullSizeAnswered { size, technique }, ..path.reason },
        ..path
    }
}

/// Whether mail hangs depends on copies that nobody knows the fate of.
fn undecided(path: Examined) -> Examined {
    left_open(path, |passes, lost| Ground::MayBeCut { passes, lost })
}

/// A clamp of this host may mask the hole, and its TCP could not be asked in time.
fn unasked(path: Examined) -> Examined {
    left_open(path, |passes, lost| Ground::OwnTcpNotAsked { passes, lost })
}

/// Large packets vanish, and for this reason it is not known whether that hurts.
fn left_open(path: Examined, why: impl FnOnce(PacketSize, PacketSize) -> Ground) -> Examined {
    let (Ground::Vanishes { passes, lost, .. } | Ground::Hidden { passes, lost, .. }) = path.reason.ground else {
        return path;
    };
    Examined {
        verdict: Verdict::Inconclusive,
        cause: None,
        confidence: None,
        first_lost_size: None,
        location: None,
        reason: VerdictReason { ground: why(passes, lost), ..path.reason },
        ..path
    }
}

/// The server announced a small MSS to the examination, and a larger one to this host's own TCP.
fn sends_more(record: &Record, passes: PacketSize) -> bool {
    record.own_tcp.told.is_some_and(|own| own.full_packet > passes)
}

struct OwnView<'a> {
    plan: &'a Plan,
    facts: OwnTcpFacts,
    no_df: NoDfOutcome,
    /// The largest size that passes.
    passes: PacketSize,
}

impl OwnView<'_> {
    /// What lasts comes before what helps after a stall, and that before what passes.
    fn hole(&self) -> Option<HoleHere> {
        let route =
            || self.route().map(|route| HoleHere::SendsLess { most: self.plan.local_mtu, by: OwnLimit::Route(route) });
        let cut = || self.without_df().map(HoleHere::LetsRoutersCut);
        let search = || search(self.plan.own_tcp.settings, self.passes, self.family()).map(HoleHere::Searches);
        route().or_else(|| self.clamp()).or_else(cut).or_else(search).or_else(|| self.memory())
    }

    fn family(&self) -> Family {
        self.plan.family()
    }

    fn route(&self) -> Option<RouteMtu> {
        self.plan.own_tcp.route_mtu.filter(|_| self.plan.local_mtu <= self.passes)
    }

    /// It sends less than the server's MSS allows, as that came in at the interface, and less than the path MTU that it assumes:
    /// something between the interface and TCP lowers the MSS.
    fn clamp(&self) -> Option<HoleHere> {
        let OwnTcp { full_packet, path_mtu } = self.facts.told?;
        let Announced { mss, window } = self.facts.announced?;
        let announced = PacketSize::from_mss(mss, self.family());
        let is_probing = self.probing_starts_with().is_some_and(|start| full_packet >= start);
        let is_clamped = full_packet <= self.passes
            && full_packet < path_mtu
            && full_packet < announced
            && !is_probing
            && !is_kept_to_window(window, mss);
        is_clamped.then(|| HoleHere::SendsLess {
            most: full_packet,
            by: OwnLimit::Clamp { mss: full_packet.to_mss(self.family()) },
        })
    }

    /// The packets that TCP starts with where it looks for a size on every connection.
    fn probing_starts_with(&self) -> Option<PacketSize> {
        let KernelSettings { tcp_mtu_probing, tcp_base_mss, .. } = self.plan.own_tcp.settings;
        (tcp_mtu_probing == Some(2)).then(|| PacketSize::from_mss(tcp_base_mss.unwrap_or(0), self.family()))
    }

    /// Without DF, routers cut what is too big; that they do was seen by copies of the probes without DF.
    fn without_df(&self) -> Option<WithoutDf> {
        self.sends_without_df().filter(|_| self.no_df == NoDfOutcome::Passes)
    }

    /// The same, and of the copies too little is known.
    fn may_be_cut(&self) -> bool {
        self.sends_without_df().is_some() && matches!(self.no_df, NoDfOutcome::Unclear | NoDfOutcome::Untested)
    }

    fn sends_without_df(&self) -> Option<WithoutDf> {
        let setup = &self.plan.own_tcp;
        let disc = setup.settings.no_pmtu_disc.filter(|value| *value > 0).map(WithoutDf::NoPmtuDisc);
        let lock = setup.route_mtu.filter(|route| route.locked).map(|route| WithoutDf::LockedRoute(route.mtu));
        disc.or(lock).filter(|_| self.family() == Family::V4)
    }

    fn memory(&self) -> Option<HoleHere> {
        let known = self.plan.own_tcp.cached.map(|cached| (cached.mtu, cached.expires_in));
        let learnt = self.facts.told.map(|own| (own.path_mtu, None));
        let small = [known, learnt].into_iter().flatten().find(|(mtu, _)| *mtu <= self.passes);
        small.map(|(mtu, expires_in)| HoleHere::Remembers { mtu, expires_in })
    }
}

/// Whether Linux sends smaller segments for the sake of a small window (`tcp_bound_to_half_wnd` of include/net/tcp.h), which says
/// nothing of the segments that it sends once the window has grown.
fn is_kept_to_window(window: u16, mss: u16) -> bool {
    /// `TCP_MSS_DEFAULT`.
    const SMALL: u16 = 536;
    let most = if window > SMALL { window / 2 } else { window };
    most > 0 && most < mss
}

/// `tcp_mtu_probing` of Linux (net/ipv4/tcp_timer.c): once retransmissions have gone on for longer than `tcp_retries1` time-outs of
/// 200 ms, 3 s in all, segments shrink to `tcp_base_mss`, and to half of it, and again, with each further time-out.
fn search(settings: KernelSettings, passes: PacketSize, family: Family) -> Option<OwnSearch> {
    /// The first time-out after 3 s, which may come soon or after nearly as long again.
    const STALL: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(7));
    /// The option that Linux puts into every segment.
    const TIMESTAMPS: u32 = 12;
    const BASE_MSS: u16 = 1024;
    let mode = settings.tcp_mtu_probing.filter(|mode| *mode > 0)?;
    let base = settings.tcp_base_mss.unwrap_or(BASE_MSS);
    let fits = |mss: u16| PacketSize::from_mss(mss, family).bytes() + TIMESTAMPS <= passes.bytes();
    let halvings = (0..8_u32).find(|halvings| fits(base >> halvings)).unwrap_or(8);
    let timeouts = if mode == 2 { halvings.checked_sub(1) } else { Some(halvings) };
    Some(OwnSearch { mode, stall: timeouts.map(|n| (STALL.0 * (1 << n), STALL.1 * (1 << n))) })
}

//! Findings that follow from the examination and this host together, and what they say.

use std::time::Duration;

use pmtu_probe::model::{
    AddressReport, CachedPathMtu, Cause, Family, Finding, InnerKind, InnerLink, ReverseVerdict, RouteMtu, Tunnel,
    Verdict,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::complete;
use pmtu_probe::report::text::{Detail, Style, render};

use super::fixtures::{
    V4, V6, clear, discoverable, inconclusive, ip, link_mismatch, masked, no_ptb, report, size, unreachable,
};

fn findings(mut report: AddressReport) -> Vec<Finding> {
    report.examined.findings.clear();
    complete(&mut report);
    report.examined.findings
}

/// What the report says under "Also noticed".
fn noticed(report_of: &AddressReport) -> String {
    let text =
        render(&report(vec![report_of.clone()]), &Style { color: false, detail: Detail::Normal, width: Width::USUAL });
    let (_, rest) = text.split_once("Also noticed\n").unwrap_or(("", ""));
    let rest = rest.split("\n\n").next().unwrap_or_default();
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_ordinary_host_on_a_clear_path_is_nothing_to_talk_about() {
    for report in [clear(V4), clear(V6), unreachable(V4), inconclusive(V6)] {
        assert_eq!(findings(report), []);
    }
}

/// A host that forwards from links with larger packets says nothing about the mail of those behind them.
#[test]
fn links_with_larger_packets_are_named_and_nothing_is_promised_for_them() {
    let link = |name: &str, kind, mtu| InnerLink { name: name.into(), kind, mtu: size(mtu), forwards: [true, false] };
    let mut host = clear(V4);
    host.examined.local_mtu = size(1499);
    host.here.inner_links = vec![
        link("docker0", InnerKind::Bridge, 1500),
        link("wg0", InnerKind::Tunnel, 9000),
        link("v", InnerKind::Veth, 1501),
    ];
    assert_eq!(findings(host.clone()), [Finding::InsideNotExamined]);
    let words = noticed(&host);
    assert!(words.contains("docker0 (bridge, MTU 1500), wg0 (tunnel, MTU 9000), v (veth, MTU 1501), where"), "{words}");
    assert!(words.contains("`nsenter -t PID -n pmtu-probe 192.0.2.25`"), "{words}");
    let text =
        render(&report(vec![host.clone()]), &Style { color: false, detail: Detail::VerdictOnly, width: Width::USUAL });
    assert!(
        text.ends_with("packets of 1500 bytes pass, mail of any size from this host itself gets through\n"),
        "{text}"
    );
    let larger = |way_out, family| host.here.inner_links_above(size(way_out), family).len();
    assert_eq!((larger(1499, Family::V4), larger(1500, Family::V4), larger(9000, Family::V4)), (3, 2, 0));
    assert_eq!(larger(1280, Family::V6), 0, "it does not forward IPv6");
    host.examined.local_mtu = size(9000);
    assert_eq!(findings(host), [], "what was examined holds for them as well");
}

#[test]
fn what_comes_in_to_a_private_address_was_not_examined() {
    let behind = |source: &str, target: &str| {
        let mut report = clear(target);
        report.here.source = Some(ip(source));
        report
    };
    let nat = behind("192.168.1.5", V4);
    assert_eq!(findings(nat.clone()), [Finding::IncomingNotExamined]);
    assert!(noticed(&nat).contains("This host's address (192.168.1.5) is private."), "{}", noticed(&nat));
    assert_eq!(findings(behind("198.51.100.2", V4)), [], "a public address is the one that mail comes to");
    assert_eq!(findings(behind("192.168.1.5", "192.168.1.25")), [], "so is a private one for its own network");
    let mut forward_only = nat;
    forward_only.examined.reverse.verdict = ReverseVerdict::Untested;
    assert_eq!(findings(forward_only), [], "nothing was said of the other direction");
}

#[test]
fn the_size_of_a_bottleneck_suggests_up_to_two_causes() {
    let at = |report: &AddressReport, path_mtu| {
        let mut report = report.clone();
        report.examined.path_mtu = Some(size(path_mtu));
        report
    };
    for bottleneck in [no_ptb(V4), masked(V4), discoverable(V4), link_mismatch()] {
        assert_eq!(findings(at(&bottleneck, 1476)), [Finding::SizeSuggests(Tunnel::Gre)]);
    }
    let pppoe = at(&no_ptb(V6), 1492);
    assert_eq!(findings(pppoe.clone()), [Finding::SizeSuggests(Tunnel::Pppoe), Finding::SizeSuggests(Tunnel::Tags)]);
    assert_eq!(
        noticed(&pppoe),
        "- The size of 1492 bytes suggests PPPoE (8 bytes), or two VLAN tags or MPLS labels that a switch does not allow \
         for (8 bytes). This is a hint where to look, no proof."
    );
    assert_eq!(findings(at(&no_ptb(V4), 1443)), [], "a size of no known kind");
    let mut own = at(&no_ptb(V4), 1492);
    own.examined.local_mtu = size(1492);
    assert_eq!(findings(own), [], "no bottleneck on the path");
}

#[test]
fn a_route_mtu_below_what_passes_is_a_forgotten_workaround() {
    let pinned = |mtu, path_mtu, beyond: Option<u32>| {
        let mut report = clear(V4);
        report.here.route_mtu = Some(RouteMtu { mtu: size(mtu), locked: false });
        report.examined.local_mtu = size(mtu);
        report.examined.path_mtu = Some(size(path_mtu));
        report.examined.beyond_route = beyond.map(size);
        report
    };
    assert_eq!(findings(pinned(1300, 1300, Some(1500))), [Finding::RouteMtuBelowPath]);
    assert_eq!(findings(pinned(1300, 1300, None)), [], "nothing larger is known to pass");
    assert_eq!(findings(pinned(1300, 1200, None)), []);
    assert!(noticed(&pinned(1300, 1300, Some(1500))).contains("sets an MTU of 1300, but packets of 1500 bytes pass"));
}

#[test]
fn a_lock_is_noticed_wherever_it_comes_from() {
    let mut route = clear(V4);
    route.here.route_mtu = Some(RouteMtu { mtu: size(1500), locked: true });
    assert_eq!(findings(route.clone()), [Finding::PathMtuLocked]);
    assert!(
        noticed(&route).contains("route's MTU is locked at 1500 bytes: this host lets routers cut up its packets to")
    );
    let mut learnt = discoverable(V4);
    learnt.examined.path_mtu = Some(size(1443));
    learnt.here.cached =
        Some(CachedPathMtu { mtu: size(552), expires_in: Some(Duration::from_secs(61)), locked: true });
    assert_eq!(findings(learnt.clone()), [Finding::PathMtuLocked]);
    assert!(noticed(&learnt).contains("locked the size at 552 bytes, for 1 min 1 s more"), "{}", noticed(&learnt));
}

#[test]
fn pmtud_that_is_off_matters_where_the_path_is_narrow_and_in_ipv4() {
    let off = |mut report: AddressReport| {
        report.here.settings.no_pmtu_disc = Some(1);
        report.examined.path_mtu =
            report.examined.path_mtu.map(|path| if path == size(1400) { size(1443) } else { path });
        report
    };
    assert_eq!(findings(off(no_ptb(V4))), [Finding::PmtudDisabledHere]);
    assert_eq!(findings(off(discoverable(V4))), [Finding::PmtudDisabledHere]);
    assert_eq!(findings(off(clear(V4))), []);
    assert_eq!(findings(off(no_ptb(V6))), []);
    assert!(noticed(&off(no_ptb(V4))).contains("may cut mail to pieces and deliver it, while any host with the usual"));
    assert!(noticed(&off(link_mismatch())).contains("mail hangs all the same"));
}

#[test]
fn tcp_that_probes_is_told_for_a_black_hole_with_what_it_means() {
    let probing = |mode| {
        let mut report = no_ptb(V6);
        report.examined.path_mtu = Some(size(1443));
        report.here.settings.tcp_mtu_probing = Some(mode);
        report
    };
    assert_eq!(findings(probing(0)), []);
    assert_eq!(findings(probing(1)), [Finding::TcpMtuProbingOn]);
    assert!(noticed(&probing(1)).contains("after some seconds and goes on with segments of 1024 bytes"));
    assert!(noticed(&probing(2)).contains("starts with segments of 1024 bytes"));
    // Measured: where even the first segments are too large, mode 2 stalls like mode 1.
    let mut small = probing(2);
    small.examined.path_mtu = Some(size(1095));
    assert!(noticed(&small).contains("after some seconds and goes on with smaller segments"));
    small.examined.path_mtu = Some(size(1096));
    assert!(noticed(&small).contains("starts with segments of 1024 bytes"));
    let mut masked = masked(V4);
    masked.here.settings.tcp_mtu_probing = Some(1);
    assert!(!findings(masked).contains(&Finding::TcpMtuProbingOn), "mail passes anyway");
}

#[test]
fn what_was_found_before_stays_and_nothing_is_found_twice() {
    let mut report = no_ptb(V4);
    report.examined.findings = vec![Finding::PacketLoss];
    complete(&mut report);
    let first = report.examined.findings.clone();
    assert_eq!(first[0], Finding::PacketLoss);
    complete(&mut report);
    assert_eq!(report.examined.findings, first);
    assert_eq!((report.examined.verdict, report.examined.cause), (Verdict::BlackHole, Some(Cause::NoPtb)));
}

#[test]
fn a_stale_path_mtu_says_how_long_it_will_be_believed() {
    let mut report = clear(V4);
    report.examined.kernel_path_mtu = Some(size(1300));
    report.here.cached =
        Some(CachedPathMtu { mtu: size(1300), expires_in: Some(Duration::from_secs(540)), locked: false });
    report.examined.findings = vec![Finding::StaleKernelPmtu];
    assert!(noticed(&report).contains("from earlier that 1300 bytes pass, for 9 min more, but now 1500 do"));
}

#[test]
fn a_hop_that_hides_keeps_the_blame_open() {
    let mut report = no_ptb(V4);
    report.examined.findings = vec![Finding::OnlyPtbMissing];
    assert!(noticed(&report).contains("The router where large packets end does send other ICMP errors"));
    report.examined.location.as_mut().unwrap().next_hop = None;
    let said = noticed(&report);
    assert!(said.contains("from hop 2 (203.0.113.2) do arrive") && said.contains("is not known"), "{said}");
}

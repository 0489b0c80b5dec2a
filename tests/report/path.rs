//! The drawing of the path, and the rows about flows and this host.

use std::time::Duration;

use pmtu_probe::model::{
    AddressReport, CachedPathMtu, Flow, FlowOutcome, Flows, Hop, Location, LocationPoint, RouteMtu, Ttl,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::text::{Detail, Style, render};

use super::fixtures::{V4, V6, clear, discoverable, ip, local_firewall, no_ptb, report, size};

fn row(report_of: &AddressReport, label: &str, detail: Detail) -> String {
    let text = render(&report(vec![report_of.clone()]), &Style { color: false, detail, width: Width::USUAL });
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("  {label} ")));
    let first = lines.next().unwrap_or_else(|| panic!("no row {label}\n{text}"));
    let more = lines.take_while(|line| line.starts_with("              "));
    [first].into_iter().chain(more).map(|line| line.get(14..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn path(report: &AddressReport) -> String {
    row(report, "path", Detail::Normal)
}

fn place(report: &mut AddressReport, last: Option<(u8, &str)>, next: Option<(u8, &str)>) {
    let point = |(ttl, address): (u8, &str)| LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) };
    report.examined.location = Some(Location { last_hop: last.map(point), next_hop: next.map(point) });
}

/// Hops by address, hidden where there is none.
fn hops(report: &mut AddressReport, addresses: &[Option<&str>]) {
    let hop = |(index, address): (usize, Option<&str>)| Hop {
        ttl: Ttl(u8::try_from(index).unwrap() + 1),
        address: address.map(ip),
        largest_answered: None,
        rtt: None,
    };
    report.examined.hops = addresses.iter().copied().enumerate().map(hop).collect();
}

#[test]
fn the_link_where_large_packets_end_is_marked() {
    let mut report = no_ptb(V4);
    assert_eq!(
        path(&report),
        "this host ==> 1 198.51.100.1 ==> 2 203.0.113.2\n--1400--> 3 203.0.113.6 --> ... --> 192.0.2.25"
    );
    hops(&mut report, &[Some("198.51.100.1"), Some("203.0.113.2")]);
    place(&mut report, Some((2, "203.0.113.2")), Some((3, V4)));
    assert_eq!(path(&report), "this host ==> 1 198.51.100.1 ==> 2 203.0.113.2\n--1400--> 192.0.2.25");
    assert_eq!(row(&report, "where", Detail::Normal), "between hop 2 (203.0.113.2) and the target");
    place(&mut report, None, Some((1, "198.51.100.1")));
    assert_eq!(path(&report), "this host --1400--> 1 198.51.100.1 --> 2 203.0.113.2 --> ...\n--> 192.0.2.25");
    assert_eq!(row(&report, "where", Detail::Normal), "between this host and hop 1 (198.51.100.1)");
}

#[test]
fn a_hop_that_hides_leaves_more_than_one_link_in_doubt() {
    let mut report = no_ptb(V4);
    hops(&mut report, &[Some("198.51.100.1"), None, Some("203.0.113.6")]);
    place(&mut report, Some((1, "198.51.100.1")), Some((3, "203.0.113.6")));
    assert_eq!(
        path(&report),
        "this host ==> 1 198.51.100.1 --1400?--> 2 *\n--1400?--> 3 203.0.113.6 --> ... --> 192.0.2.25"
    );
    // One that hides elsewhere changes nothing.
    hops(&mut report, &[None, Some("203.0.113.2"), Some("203.0.113.6")]);
    place(&mut report, Some((2, "203.0.113.2")), Some((3, "203.0.113.6")));
    assert_eq!(path(&report), "this host ==> 1 * ==> 2 203.0.113.2 --1400--> 3 203.0.113.6\n--> ... --> 192.0.2.25");
}

#[test]
fn where_no_hop_answers_none_is_invented() {
    let mut report = no_ptb(V4);
    hops(&mut report, &[Some("198.51.100.1"), Some("203.0.113.2")]);
    place(&mut report, Some((2, "203.0.113.2")), None);
    assert_eq!(path(&report), "this host ==> 1 198.51.100.1 ==> 2 203.0.113.2 --1400?--> ...\n--1400?--> 192.0.2.25");
    assert_eq!(row(&report, "where", Detail::Normal), "between hop 2 (203.0.113.2) and the target");
    report.examined.location = None;
    let text = render(&super::fixtures::report(vec![report]), &Style::default());
    assert!(!text.contains("  path ") && !text.contains("  where "), "{text}");
}

#[test]
fn a_router_that_reports_itself_is_the_place() {
    for (report, hidden) in [(discoverable(V4), false), (local_firewall(V4), true)] {
        let mut report = report;
        report.examined.location.as_mut().unwrap().next_hop = None;
        if hidden {
            report.examined.hops.clear();
            report.examined.location.as_mut().unwrap().last_hop.as_mut().unwrap().ttl = None;
            assert_eq!(path(&report), "this host ==> ... ==> 203.0.113.2 --1400--> ... --> 192.0.2.25");
            assert_eq!(row(&report, "where", Detail::Normal), "at 203.0.113.2, which says so itself");
        } else {
            assert!(path(&report).contains("2 203.0.113.2\n--1400--> 3 203.0.113.6"), "{}", path(&report));
        }
    }
}

#[test]
fn long_paths_are_shortened_and_long_addresses_stay_whole() {
    let mut report = no_ptb(V6);
    let addresses: Vec<String> = (1..=14).map(|n| format!("2001:db8:ffff:ffff:ffff:ffff:ffff:{n:x}")).collect();
    hops(&mut report, &addresses.iter().map(|address| Some(address.as_str())).collect::<Vec<_>>());
    place(&mut report, Some((9, &addresses[8])), Some((10, &addresses[9])));
    let drawing = row(&report, "path", Detail::Full);
    assert!(drawing.lines().count() <= 8, "{drawing}");
    for whole in [
        "==> 1 2001:db8:ffff:ffff:ffff:ffff:ffff:1",
        "==> 2-7",
        "--1400--> 10 2001:db8:ffff:ffff:ffff:ffff:ffff:a",
        "--> 12-14",
    ] {
        assert!(drawing.lines().any(|line| line.contains(whole)), "{whole}\n{drawing}");
    }
    // At first sight the place alone.
    assert_eq!(
        path(&report),
        "this host ==> 1-8 ==> 9 2001:db8:ffff:ffff:ffff:ffff:ffff:9\n\
         --1400--> 10 2001:db8:ffff:ffff:ffff:ffff:ffff:a --> 11-14 --> ...\n--> 2001:db8::25"
    );
    let full = row(&report, "hop", Detail::Full);
    assert!(addresses.iter().all(|address| full.contains(address)), "{full}");
}

#[test]
fn flows_are_a_share_and_with_detail_their_ports() {
    let mut report = no_ptb(V4);
    let outcomes =
        [FlowOutcome::Lost, FlowOutcome::Passes, FlowOutcome::Lost, FlowOutcome::Passes, FlowOutcome::Unknown];
    let flows = |outcomes: &[FlowOutcome]| Flows {
        sizes: (size(1400), size(1401)),
        flows: (40_000..).zip(outcomes).map(|(port, outcome)| Flow { port, outcome: *outcome }).collect(),
    };
    report.examined.flows = Some(flows(&outcomes));
    assert_eq!(row(&report, "flows", Detail::Full), "1401 bytes vanish on 2 of 4 flows; 1 gave no clear answer");
    let ports = row(&report, "flow", Detail::Full);
    assert!(ports.contains("source port 40001: passes") && ports.contains("source port 40002: vanishes"), "{ports}");
    report.examined.flows = Some(flows(&outcomes[..1]));
    assert_eq!(row(&report, "flows", Detail::Full), "1401 bytes vanish on the only flow that answered, 1400 pass");
    report.examined.flows = Some(flows(&outcomes[1..2]));
    assert_eq!(row(&report, "flows", Detail::Full), "1401 bytes pass on the only flow that answered");
}

#[test]
fn this_host_says_what_is_out_of_the_ordinary() {
    let mut report = clear(V4);
    assert_eq!(row(&report, "this host", Detail::Full), "eth0 (198.51.100.2), MTU 1500");
    let normal = render(&super::fixtures::report(vec![report.clone()]), &Style::default());
    assert!(!normal.contains("  this host "), "{normal}");
    report.here.route_mtu = Some(RouteMtu { mtu: size(1400), locked: true });
    report.here.cached =
        Some(CachedPathMtu { mtu: size(1300), expires_in: Some(Duration::from_secs(552)), locked: false });
    report.here.settings.no_pmtu_disc = Some(2);
    report.here.settings.tcp_mtu_probing = Some(1);
    let unusual = "its route keeps to 1400 bytes, locked; its kernel remembers that 1300 bytes pass, for 9 min 12 s more; \
                   ip_no_pmtu_disc is 2; tcp_mtu_probing is 1";
    let told = |detail| row(&report, "this host", detail).replace('\n', " ");
    assert_eq!(told(Detail::Normal), unusual);
    assert_eq!(told(Detail::Full), format!("eth0 (198.51.100.2), MTU 1500; {unusual}"));
    let kernel = row(&report, "kernel", Detail::Full);
    assert_eq!(kernel, "ip_no_pmtu_disc 2, tcp_mtu_probing 1, tcp_base_mss 1024, min_pmtu\n552, mtu_expires 10 min");
    assert_eq!(row(&report, "route", Detail::Full), "via 198.51.100.1 dev eth0, from 198.51.100.2");
    let mut v6 = clear(V6);
    v6.here.settings.no_pmtu_disc = Some(2);
    assert!(!row(&v6, "this host", Detail::Full).contains("no_pmtu_disc"), "it is a setting of IPv4");
}

/// Until the kernel forgets, it sends no packet that the hole would swallow.
#[test]
fn a_kernel_that_remembers_sends_mail_through_a_hole() {
    let mut report = no_ptb(V4);
    for (mtu, says) in [(1400, true), (1401, false)] {
        report.here.cached = Some(CachedPathMtu { mtu: size(mtu), expires_in: None, locked: false });
        let row = row(&report, "this host", Detail::Normal).replace('\n', " ");
        assert_eq!(row.contains("mail passes until it forgets"), says, "{row}");
    }
}

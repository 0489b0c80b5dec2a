//! Who is asked to do what.

use pmtu_probe::model::HostFacts;
use pmtu_probe::model::{AddressReport, Advice, Finding, Location, LocationPoint, PtbFault, ReverseVerdict, Ttl, Who};
use pmtu_probe::report::advise;

use super::fixtures::{
    V4, V6, all, bad_ptb, clear, discoverable, host_of, inconclusive, ip, link_mismatch, local_firewall, masked,
    no_ptb, ptb, size, unreachable,
};

fn advice(report: &AddressReport) -> Vec<Advice> {
    advise(report)
}

fn commands(advice: &[Advice]) -> Vec<&str> {
    advice.iter().flat_map(|advice| &advice.commands).map(String::as_str).collect()
}

fn at(report: &mut AddressReport, last: Option<(u8, &str)>, next: Option<(u8, &str)>) {
    let point = |(ttl, address): (u8, &str)| LocationPoint { ttl: Some(Ttl(ttl)), address: ip(address) };
    report.examined.location = Some(Location { last_hop: last.map(point), next_hop: next.map(point) });
}

#[test]
fn a_path_that_works_needs_nothing() {
    assert_eq!(advice(&clear(V4)), []);
    assert_eq!(advice(&discoverable(V4)), []);
}

#[test]
fn a_black_hole_is_worked_around_from_narrow_to_wide_then_reported() {
    assert_eq!(
        commands(&advice(&no_ptb(V4))),
        [
            "nft add table inet pmtu_clamp",
            "nft add chain inet pmtu_clamp input '{ type filter hook input priority -150; }'",
            "nft add rule inet pmtu_clamp input ip saddr 192.0.2.25 tcp flags syn tcp option maxseg size set 1360",
            "# undo: nft delete table inet pmtu_clamp",
            "ip route replace 192.0.2.25/32 via 198.51.100.1 dev eth0 mtu lock 1400",
            "# undo: ip route del 192.0.2.25/32",
            "sysctl -w net.ipv4.tcp_mtu_probing=1",
            "# undo: sysctl -w net.ipv4.tcp_mtu_probing=0",
        ]
    );
    let who: Vec<_> = advice(&no_ptb(V4)).iter().map(|advice| advice.who).collect();
    assert_eq!(who, [Who::You, Who::You, Who::You, Who::Unknown]);
}

#[test]
fn ipv6_headers_are_larger_and_its_message_has_another_name() {
    let advice = advice(&no_ptb(V6));
    let commands = commands(&advice);
    assert!(
        commands[2].ends_with("ip6 saddr 2001:db8::25 tcp flags syn tcp option maxseg size set 1340"),
        "{commands:?}"
    );
    assert!(
        commands.contains(&"ip -6 route replace 2001:db8::25/128 via fe80::1 dev eth0 mtu lock 1400"),
        "{commands:?}"
    );
    assert!(advice.last().unwrap().text.contains("ICMPv6 type 2"), "{advice:?}");
}

#[test]
fn no_route_is_given_where_none_can_work() {
    let route = |report: &AddressReport, host: &HostFacts| {
        let advice = advise(&AddressReport { here: host.clone(), ..report.clone() });
        commands(&advice).iter().find(|command| command.contains("route replace")).map(|command| (*command).to_owned())
    };
    // Which interface is not known.
    assert_eq!(route(&no_ptb(V4), &HostFacts::default()), None);
    // A neighbour on the link.
    let on_link = HostFacts { interface: Some("eth0".into()), gateway: None, ..HostFacts::default() };
    assert_eq!(route(&no_ptb(V4), &on_link).as_deref(), Some("ip route replace 192.0.2.25/32 dev eth0 mtu lock 1400"));
    // Linux ignores an IPv6 MTU below 1280.
    let mut tiny = no_ptb(V6);
    tiny.examined.path_mtu = Some(size(1200));
    assert_eq!(route(&tiny, &host_of(tiny.address)), None);
}

#[test]
fn without_a_known_size_only_the_kernel_can_search() {
    let mut report = no_ptb(V4);
    report.examined.path_mtu = None;
    let advice = advice(&report);
    assert_eq!(commands(&advice)[0], "sysctl -w net.ipv4.tcp_mtu_probing=1");
}

#[test]
fn this_hosts_own_firewall_is_repaired_not_worked_around() {
    let advice = advice(&local_firewall(V4));
    assert!(advice.iter().all(|advice| advice.who == Who::You), "{advice:?}");
    assert_eq!(
        commands(&advice),
        [
            "nft insert rule inet filter input icmp type { destination-unreachable, time-exceeded, parameter-problem } accept comment pmtu-probe",
            "# undo: nft -a list chain inet filter input | sed -n 's/.* comment \"pmtu-probe\" # handle //p' | xargs -n 1 nft \
             delete rule inet filter input handle",
            "iptables -I INPUT -p icmp --icmp-type destination-unreachable -j ACCEPT",
            "iptables -I INPUT -p icmp --icmp-type time-exceeded -j ACCEPT",
            "iptables -I INPUT -p icmp --icmp-type parameter-problem -j ACCEPT",
            "# undo: for kind in destination-unreachable time-exceeded parameter-problem; do iptables -D INPUT -p icmp \
             --icmp-type $kind -j ACCEPT; done",
        ]
    );
}

#[test]
fn who_runs_the_bottleneck_is_named_only_where_it_is_known() {
    let asked = |report: &AddressReport| advice(report).last().unwrap().who;
    let mut report = no_ptb(V4);
    at(&mut report, Some((1, "203.0.113.2")), Some((2, "203.0.113.6")));
    assert_eq!(asked(&report), Who::YourNetwork, "this host's own router");
    at(&mut report, None, Some((2, "203.0.113.6")));
    assert_eq!(asked(&report), Who::YourNetwork, "the hop before the second");
    at(&mut report, Some((7, "203.0.113.2")), Some((8, V4)));
    assert_eq!(asked(&report), Who::TheirSide, "the last link");
    at(&mut report, Some((7, "203.0.113.2")), Some((8, "203.0.113.6")));
    assert_eq!(asked(&report), Who::Unknown, "somewhere between");
    report.examined.location = None;
    assert_eq!(asked(&report), Who::Unknown, "nowhere");

    at(&mut report, Some((2, "10.0.2.2")), Some((3, "203.0.113.6")));
    report.examined.hops[0].address = Some(ip("10.0.1.2"));
    report.examined.hops[1].address = Some(ip("10.0.2.2"));
    assert_eq!(asked(&report), Who::YourNetwork, "private hops without a gap");
    report.examined.hops[0].address = None;
    assert_eq!(asked(&report), Who::Unknown, "a gap");
}

#[test]
fn a_lying_router_is_told_the_truth() {
    let advice = advice(&bad_ptb(V4));
    let text = &advice.last().unwrap().text;
    assert!(text.contains("203.0.113.2 states MTU 1480") && text.contains("has to state 1400"), "{text}");
    assert!(commands(&advice).iter().any(|command| command.contains("maxseg size set 1360")), "{advice:?}");
}

#[test]
fn every_fault_of_a_ptb_has_its_advice() {
    for fault in [PtbFault::StatedSizeLost, PtbFault::NotSmaller, PtbFault::BadChecksum] {
        let mut report = bad_ptb(V4);
        report.examined.ptb = vec![ptb(&report, 1480, true, Some(fault)); 3];
        let asked = advice(&report);
        assert_eq!(asked.iter().filter(|advice| advice.text.contains("203.0.113.2")).count(), 1, "{asked:?}");
    }
    for fault in [PtbFault::MtuZero, PtbFault::TooLow, PtbFault::BelowMinimum] {
        let mut report = discoverable(V4);
        report.examined.ptb = vec![ptb(&report, 500, true, Some(fault))];
        let asked = advice(&report);
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].text.contains("203.0.113.2") && asked[0].text.contains("should state 1400"), "{asked:?}");
    }
}

#[test]
fn a_link_mismatch_accuses_no_router() {
    let advice = advice(&link_mismatch());
    let last = advice.last().unwrap();
    assert!(last.text.contains("no router is refusing") && last.text.contains("both ends"), "{last:?}");
    assert!(!last.text.contains("ICMP"), "{last:?}");
}

#[test]
fn a_mismatch_on_the_first_link_is_this_hosts_to_repair() {
    let mut report = link_mismatch();
    at(&mut report, Some((0, "198.51.100.2")), Some((1, "198.51.100.1")));
    let advice = advice(&report);
    assert!(commands(&advice).contains(&"ip link set dev eth0 mtu 1400"), "{advice:?}");
    assert!(commands(&advice).contains(&"# undo: ip link set dev eth0 mtu 1500"), "{advice:?}");
}

#[test]
fn a_masked_fault_changes_nothing_for_mail() {
    let advice = advice(&masked(V4));
    assert!(advice[0].text.contains("Mail needs no change") && advice[0].text.contains("MSS of 1360"), "{advice:?}");
    assert_eq!(commands(&advice), [""; 0]);
}

#[test]
fn nobody_answers() {
    let first = advice(&unreachable(V4));
    assert_eq!(
        commands(&first),
        ["ip route get 192.0.2.25", "ping -c 3 192.0.2.25", "nc -vz -w 5 192.0.2.25 25"],
        "both methods were tried"
    );
    let mut local = unreachable("fe80::25");
    local.zone = Some("eth0".into());
    let local = advice(&local);
    assert_eq!(
        commands(&local),
        ["ip route get fe80::25 oif eth0", "ping -c 3 fe80::25%eth0", "nc -vz -w 5 fe80::25%eth0 25"]
    );
}

#[test]
fn a_closed_port_is_named() {
    for report in [unreachable(V4), inconclusive(V4)] {
        let mut report = report;
        report.port = 2525;
        report.examined.findings = vec![Finding::PortClosed];
        let advice = advice(&report);
        assert!(advice[0].text.contains("Nothing listens on port 2525"), "{advice:?}");
        assert_eq!(commands(&advice), ["pmtu-probe --method icmp 192.0.2.25"]);
    }
}

#[test]
fn doubt_is_answered_by_more_time_and_the_other_method() {
    let mut report = inconclusive(V4);
    report.port = 587;
    let advice = advice(&report);
    assert_eq!(
        commands(&advice),
        ["pmtu-probe -v --timeout 120 -p 587 192.0.2.25", "pmtu-probe --method icmp 192.0.2.25"]
    );
}

#[test]
fn the_way_back_is_clamped_to_what_came_through_but_never_to_scraps() {
    let clamp = |path_mtu| {
        let mut report = clear(V4);
        report.examined.reverse.verdict = ReverseVerdict::BlackHole;
        report.examined.reverse.path_mtu = path_mtu;
        let advice = advice(&report);
        assert_eq!(advice.last().unwrap().who, Who::TheirSide);
        commands(&advice)[2].to_owned()
    };
    let rule = "nft add rule inet pmtu_clamp output ip daddr 192.0.2.25 tcp flags syn tcp option maxseg size set ";
    assert_eq!(clamp(Some(size(1400))), format!("{rule}1360"));
    assert_eq!(clamp(Some(size(300))), format!("{rule}1240"));
    assert_eq!(clamp(None), format!("{rule}1240"));
}

#[test]
fn a_stale_path_mtu_is_forgotten() {
    let mut report = clear(V6);
    report.examined.findings = vec![Finding::StaleKernelPmtu];
    assert_eq!(commands(&advice(&report)), ["ip -6 route flush cache"]);
}

#[test]
fn a_strange_interface_name_stays_one_word() {
    let host = HostFacts { interface: Some("x;reboot".into()), gateway: None, ..HostFacts::default() };
    let advice = advise(&AddressReport { here: host, ..no_ptb(V4) });
    assert!(commands(&advice).contains(&"ip route replace 192.0.2.25/32 dev 'x;reboot' mtu lock 1400"), "{advice:?}");
}

#[test]
fn every_fault_has_advice_and_every_command_that_changes_something_its_undo() {
    for report in all() {
        let faulty = report.examined.exit_code() != 0;
        let advice = advice(&report);
        assert_eq!(!advice.is_empty(), faulty, "{:?}", report.examined.verdict);
        for advice in advice {
            let changes = ["nft add", "nft insert", "route replace", "sysctl -w", "link set", "tables -I"];
            if advice.commands.iter().any(|command| changes.iter().any(|change| command.contains(change))) {
                let undo = advice.commands.iter().any(|command| command.starts_with("# undo: "));
                assert!(undo, "{advice:?}");
            }
        }
    }
}

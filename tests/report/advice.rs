//! Who is asked to do what.

use pmtu_probe::model::{
    AddressReport, Advice, Blocker, Blockers, Container, Finding, Flow, FlowOutcome, Flows, HostFacts, HostSystems,
    IptablesBackend, LinkKind, Location, LocationPoint, PtbFault, ReverseVerdict, RouteMtu, Ttl, Who,
};
use pmtu_probe::report::advise;

use super::fixtures::{
    V4, V6, all, back_hole, back_only, back_recovers, bad_ptb, clear, discoverable, host_of, inconclusive, ip,
    link_mismatch, local_firewall, masked, no_ptb, ptb, size, unreachable,
};

fn advice(report: &AddressReport) -> Vec<Advice> {
    advise(report)
}

fn commands(advice: &[Advice]) -> Vec<&str> {
    advice.iter().flat_map(|advice| &advice.commands).map(String::as_str).collect()
}

/// Commands for this host.
fn for_you(advice: &[Advice]) -> Vec<&str> {
    let ours = advice.iter().filter(|advice| advice.who == Who::You);
    ours.flat_map(|advice| &advice.commands).map(String::as_str).collect()
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
        for_you(&advice(&no_ptb(V4))),
        [
            "nft add table inet pmtu_clamp",
            "nft add set inet pmtu_clamp ip_mss_1360 '{ type ipv4_addr; }'",
            "nft add chain inet pmtu_clamp input '{ type filter hook input priority -150; }'",
            "nft add rule inet pmtu_clamp input ip saddr @ip_mss_1360 tcp flags syn tcp option maxseg size set 1360",
            "nft add element inet pmtu_clamp ip_mss_1360 '{ 192.0.2.25 }'",
            "# undo: nft delete element inet pmtu_clamp ip_mss_1360 '{ 192.0.2.25 }'; nft list table inet pmtu_clamp | grep -q elements || nft delete table inet pmtu_clamp",
            "ip route replace 192.0.2.25/32 via 198.51.100.1 dev eth0 src 198.51.100.2 mtu lock 1400",
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
        commands[3].ends_with("ip6 saddr @ip6_mss_1340 tcp flags syn tcp option maxseg size set 1340")
            && commands[4].ends_with("'{ 2001:db8::25 }'"),
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
            "nft list chains | awk '/^table/{f=$2;t=$3} $1==\"chain\"{c=$2} f~/^(ip|inet)$/&&f c!~/^ip6?[A-Z]+$/&&\
             /type filter hook (prerouting|input)/{print f,t,c}' | while read -r f t c; do nft -e insert rule $f $t $c icmp type \
             '{ destination-unreachable, time-exceeded, parameter-problem }' accept comment pmtu-icmp; done",
            "# undo: nft -a list ruleset | awk '/^table/{f=$2;t=$3} $1==\"chain\"{c=$2} /comment \"pmtu-icmp\"/{print f,t,c,$NF}' | \
             while read -r f t c h; do nft delete rule $f $t $c handle $h; done",
            "iptables -I INPUT -p icmp --icmp-type destination-unreachable -j ACCEPT",
            "iptables -I INPUT -p icmp --icmp-type time-exceeded -j ACCEPT",
            "iptables -I INPUT -p icmp --icmp-type parameter-problem -j ACCEPT",
            "# undo: iptables -D INPUT -p icmp --icmp-type destination-unreachable -j ACCEPT",
            "# undo: iptables -D INPUT -p icmp --icmp-type time-exceeded -j ACCEPT",
            "# undo: iptables -D INPUT -p icmp --icmp-type parameter-problem -j ACCEPT",
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
    at(&mut report, Some((1, "203.0.113.2")), Some((3, "203.0.113.6")));
    assert_eq!(asked(&report), Who::Unknown, "it may be the second, which hides");
    at(&mut report, Some((1, "203.0.113.2")), None);
    assert_eq!(asked(&report), Who::Unknown, "it may be any beyond the first");
    at(&mut report, Some((1, "203.0.113.2")), Some((5, V4)));
    assert_eq!(asked(&report), Who::Unknown, "it may be any between the first and the target");
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
    assert!(last.text.contains("no router finds them too big") && last.text.contains("both ends"), "{last:?}");
    assert!(!last.text.contains("ICMP"), "{last:?}");
}

#[test]
fn the_link_that_every_path_shares_comes_first() {
    let first = |report: &AddressReport| advice(report)[0].commands.first().cloned().unwrap_or_default();
    let interface = "ip link set dev eth0 mtu 1400";
    let mut report = no_ptb(V4);
    assert_ne!(first(&report), interface, "a hop further up is not on every path");
    at(&mut report, Some((1, "198.51.100.1")), Some((2, "203.0.113.2")));
    assert_eq!(first(&report), interface, "this host's own router");
    report.examined.path_mtu = Some(size(1200));
    assert!(!first(&report).starts_with("ip link"), "IPv6 needs 1280 bytes on the same interface");

    // Its own messages do not tell how far away it is; the route does.
    let mut told = bad_ptb(V4);
    let sender = told.examined.ptb[0].from;
    let point = LocationPoint { ttl: None, address: sender };
    told.examined.location = Some(Location { last_hop: Some(point), next_hop: None });
    told.examined.hops.clear();
    assert_ne!(first(&told), interface);
    told.here.gateway = Some(sender);
    assert_eq!(first(&told), interface, "the next hop of the route");
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
    assert_eq!(for_you(&advice), [""; 0]);
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
        commands(&advice)[3].to_owned()
    };
    let rule = |mss| {
        format!(
            "nft add rule inet pmtu_clamp_back output ip daddr @ip_mss_{mss} tcp flags syn tcp option maxseg size set {mss}"
        )
    };
    assert_eq!(clamp(Some(size(1400))), rule(1360));
    assert_eq!(clamp(Some(size(300))), rule(1240));
    assert_eq!(clamp(None), rule(1240));
}

#[test]
fn the_way_back_is_worked_around_here_and_repaired_there() {
    for (address, ip, tables, length, headers) in [
        (V4, "ip", "iptables", "192.0.2.25/32 via 198.51.100.1 dev eth0 src 198.51.100.2", 40),
        (V6, "ip -6", "ip6tables", "2001:db8::25/128 via fe80::1 dev eth0", 60),
    ] {
        let advice = advice(&back_hole(address));
        let mss = 1400 - headers;
        let rule = |verb| {
            format!(
                "{tables} -t mangle {verb} OUTPUT -p tcp -d {address} --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {mss}"
            )
        };
        assert_eq!(for_you(&advice)[6], format!("{ip} route replace {length} advmss {mss}"));
        let mut without_nft = back_hole(address);
        without_nft.here.systems =
            HostSystems { has_nft: false, iptables: Some(IptablesBackend::Legacy), ..HostSystems::default() };
        let without_nft = advise(&without_nft);
        let ours = for_you(&without_nft);
        assert_eq!(ours[..2], [rule("-A"), format!("# undo: {}", rule("-D"))]);
        assert_eq!(ours[2], format!("{ip} route replace {length} advmss {mss}"));
        let asked = advice.last().unwrap();
        assert_eq!(asked.who, Who::TheirSide);
        assert!(asked.text.contains("cannot be seen from here"), "{asked:?}");
        assert_eq!(asked.commands[1], "sysctl -w net.ipv4.tcp_mtu_probing=1");
        assert!(asked.commands[3].contains("(input|forward)"), "{asked:?}");
    }
    let milder = advice(&back_recovers(V4));
    assert!(milder.last().unwrap().text.contains("found a size by itself"), "{milder:?}");
    assert!(!commands(&milder).iter().any(|command| command.contains("tcp_mtu_probing")), "{milder:?}");
}

#[test]
fn a_limit_shared_with_the_way_there_points_to_our_own_network_first() {
    let narrow_here = |router: u8, back: u32, lost: u32| {
        let mut report = discoverable(V4);
        report.examined.reverse = back_hole(V4).examined.reverse;
        report.examined.reverse.path_mtu = Some(size(back));
        report.examined.reverse.first_lost_size = Some(size(lost));
        at(&mut report, Some((router, "203.0.113.2")), Some((router + 1, "203.0.113.6")));
        report
    };
    let ours = advice(&narrow_here(1, 1400, 1401));
    let let_out = |advice: &[Advice]| {
        advice
            .iter()
            .find(|advice| advice.who == Who::YourNetwork && advice.text.starts_with("Look here first"))
            .cloned()
    };
    let router = let_out(&ours).unwrap();
    assert!(router.text.contains("1400 bytes as well, at hop 1 (203.0.113.2), in this network"), "{ours:?}");
    let rules = router.commands.join("\n");
    assert!(rules.contains("(output|forward)") && rules.contains("for c in OUTPUT FORWARD"), "{rules}");
    assert!(let_out(&advice(&narrow_here(1, 1380, 1460))).is_some(), "a bound that holds the same size");
    assert_eq!(let_out(&advice(&narrow_here(1, 1280, 1281))), None, "another size, another link");
    let far = advice(&narrow_here(7, 1400, 1401));
    assert!(far.iter().all(|advice| advice.who != Who::YourNetwork), "{far:?}");
    assert!(far.last().unwrap().text.contains("1400 bytes as well, at hop 7 (203.0.113.2): perhaps the same link"));
}

#[test]
fn a_route_is_not_given_twice_nor_one_that_is_there_taken_away() {
    let advmss = |report: &AddressReport| commands(&advice(report)).iter().any(|command| command.contains("advmss"));
    let mut both = no_ptb(V4);
    both.examined.reverse = back_hole(V4).examined.reverse;
    assert!(!advmss(&both));
    let mut set = back_hole(V4);
    set.here.route_mtu = Some(RouteMtu { mtu: size(1300), locked: true });
    assert!(!advmss(&set));
    assert!(advmss(&back_only(back_hole(V4))));
}

#[test]
fn what_the_test_of_the_server_showed_is_used() {
    let asked = |verdict: ReverseVerdict, finding| {
        let mut report = back_hole(V4);
        report.examined.reverse.verdict = verdict;
        report.examined.findings = vec![finding];
        advice(&report)
    };
    let hole = |finding| asked(ReverseVerdict::BlackHole, finding).pop().unwrap();
    assert!(
        hole(Finding::PeerObeysPtb { told: size(1280) })
            .text
            .contains("did reach the server, so a router on the way stays silent")
    );
    assert!(
        hole(Finding::PeerIgnoresPtb { told: size(1280) }).text.contains("look at the firewall of the server first")
    );
    let cut = hole(Finding::PeerWithoutDf);
    assert!(cut.text.contains("drops fragments") && cut.commands.is_empty(), "{cut:?}");

    let ignored = asked(ReverseVerdict::Clear, Finding::PeerIgnoresPtb { told: size(1280) });
    assert_eq!(ignored.len(), 1);
    assert_eq!(ignored[0].who, Who::TheirSide);
    assert!(ignored[0].commands[1].contains("(input|forward)"), "{ignored:?}");
    assert_eq!(asked(ReverseVerdict::Clear, Finding::PeerObeysPtb { told: size(1280) }), []);
}

#[test]
fn doubt_about_the_way_back_is_answered_by_more_time_once() {
    let mut report = clear(V4);
    report.examined.reverse.verdict = ReverseVerdict::Inconclusive;
    assert_eq!(commands(&advice(&report)), ["pmtu-probe -v --direction reverse --timeout 120 192.0.2.25"]);
    let mut both = inconclusive(V4);
    both.examined.reverse.verdict = ReverseVerdict::Inconclusive;
    assert!(!commands(&advice(&both)).iter().any(|command| command.contains("--direction")));
    assert_eq!(advice(&back_only(clear(V4))), []);
    let mut closed = back_only(report);
    closed.examined.findings = vec![Finding::PortClosed];
    assert_eq!(commands(&advice(&closed)), ["pmtu-probe --method icmp 192.0.2.25"]);
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
        for advice in advice.into_iter().filter(|advice| advice.who == Who::You) {
            let changes = ["nft add", "nft insert", "route replace", "sysctl -w", "link set", "tables -I"];
            if advice.commands.iter().any(|command| changes.iter().any(|change| command.contains(change))) {
                assert!(advice.commands.iter().any(|command| command.starts_with("# undo: ")), "{advice:?}");
            }
        }
    }
}

fn found(blockers: &[(&str, &str, &[&str])]) -> Blockers {
    let blocker = |(place, rule, remedy): &(&str, &str, &[&str])| Blocker {
        place: (*place).into(),
        rule: (*rule).into(),
        is_certain: true,
        remedy: remedy.iter().map(|command| (*command).into()).collect(),
    };
    Blockers::Found(blockers.iter().map(blocker).collect())
}

#[test]
fn the_rule_that_drops_is_named_and_passed_by_before_anything_else() {
    let remedy = [
        "nft insert rule inet guard in position 4 icmp type 3 accept",
        "# undo: nft delete rule inet guard in handle 9",
    ];
    let mut report = local_firewall(V4);
    report.here.blockers = found(&[("table inet guard, chain in", "icmp type 3 drop", &remedy)]);
    let advice = advice(&report);
    assert_eq!(commands(&advice), remedy);
    for words in ["table inet guard, chain in", "\"icmp type 3 drop\"", "error messages only", "gone after a reboot"] {
        assert!(advice[0].text.contains(words), "{words}: {advice:?}");
    }
    // Nobody could work out a remedy: the usual rules stand in.
    report.here.blockers = found(&[("table inet guard, chain in", "jump elsewhere", &[])]);
    let advice = advise(&report);
    assert!(commands(&advice).iter().any(|command| command.contains("nft -e insert rule")));
}

#[test]
fn rules_that_cannot_be_read_are_described_and_a_workaround_bridges_the_search() {
    let mut report = local_firewall(V6);
    report.here.blockers = Blockers::Unreadable("operation not permitted".into());
    let advice = advice(&report);
    assert_eq!(advice[0].commands, ["nft list ruleset", "ip6tables-save"]);
    for words in ["operation not permitted", "policy drop", "hook input", "ICMPv6 type 2"] {
        assert!(advice[0].text.contains(words), "{words}: {advice:?}");
    }
    assert!(commands(&advice).iter().any(|command| command.contains("maxseg size set 1340")), "{advice:?}");
    assert!(advice.iter().all(|advice| advice.who == Who::You));
}

#[test]
fn where_no_rule_drops_other_culprits_are_named() {
    let mut report = local_firewall(V4);
    report.here.blockers = Blockers::NoneFound;
    report.here.interface = Some("eth0.7".into());
    let advice = advice(&report);
    assert_eq!(advice[0].commands[0], "sysctl net/ipv4/conf/all/rp_filter net/ipv4/conf/eth0.7/rp_filter");
    assert!(commands(&advice).iter().any(|command| command.contains("maxseg")), "{advice:?}");
    let mut v6 = local_firewall(V6);
    v6.here.blockers = Blockers::NoneFound;
    assert!(!advise(&v6)[0].text.contains("rp_filter"), "there is none in IPv6");
}

#[test]
fn a_setting_is_not_advised_where_it_is_on_and_not_where_it_would_hurt() {
    let mut report = no_ptb(V4);
    report.here.settings.tcp_mtu_probing = Some(2);
    assert!(!commands(&advice(&report)).iter().any(|command| command.contains("tcp_mtu_probing")));
    // Without DF, mail passes the silent router: switching PMTUD on would make it hang.
    report.here.settings.no_pmtu_disc = Some(1);
    report.examined.findings = vec![Finding::PmtudDisabledHere];
    assert!(!commands(&advice(&report)).iter().any(|command| command.contains("no_pmtu_disc")));
    let mut works = discoverable(V4);
    works.here.settings.no_pmtu_disc = Some(3);
    works.examined.findings = vec![Finding::PmtudDisabledHere];
    assert_eq!(
        commands(&advice(&works)),
        ["sysctl -w net.ipv4.ip_no_pmtu_disc=0", "# undo: sysctl -w net.ipv4.ip_no_pmtu_disc=3"]
    );
}

#[test]
fn a_forgotten_route_mtu_is_taken_off_with_its_undo() {
    let mut report = clear(V4);
    report.here.route_mtu = Some(RouteMtu { mtu: size(1300), locked: true });
    report.examined.findings = vec![Finding::RouteMtuBelowPath];
    assert_eq!(
        commands(&advice(&report)),
        [
            r"ip route change $(ip route get fibmatch 192.0.2.25 | sed 's/ mtu\( lock\)\? [0-9]*//; s/ expires [0-9]*sec//')",
            "# undo: ip route change $(ip route get fibmatch 192.0.2.25) mtu lock 1300",
        ]
    );
    // What passes is less than the interface takes: without any MTU, larger packets would be sent again.
    report.examined.path_mtu = Some(size(1400));
    let raised = advice(&report).remove(0);
    assert!(raised.text.contains("from 1300 to 1400"), "{raised:?}");
    assert!(raised.commands[0].ends_with(" mtu lock 1400"), "{raised:?}");
}

#[test]
fn a_hole_on_some_flows_is_worked_around_at_the_size_that_passes_on_all() {
    let mut report = clear(V4);
    let flow = |port, outcome| Flow { port, outcome };
    let flows =
        vec![flow(40_000, FlowOutcome::Passes), flow(40_001, FlowOutcome::Lost), flow(40_002, FlowOutcome::Lost)];
    report.examined.flows = Some(Flows { sizes: (size(1400), size(1401)), flows });
    report.examined.findings = vec![Finding::HoleOnSomeFlows];
    let advice = advice(&report);
    assert!(commands(&advice).iter().any(|command| command.contains("maxseg size set 1360")), "{advice:?}");
    assert!(commands(&advice).iter().any(|command| command.contains("mtu lock 1400")), "{advice:?}");
    // The verdict is about a flow that is hit: its own path MTU counts, however small the control of the others was.
    let mut hit = no_ptb(V4);
    hit.examined.findings.clone_from(&report.examined.findings);
    hit.examined.flows.clone_from(&report.examined.flows);
    hit.examined.flows.as_mut().unwrap().sizes.0 = size(500);
    assert!(commands(&advise(&hit)).iter().any(|command| command.contains("mtu lock 1400")));
    let last = &advice.last().unwrap().text;
    assert!(last.contains("source port 40001, 40002 vanish, those from 40000 pass"), "{last}");
}

#[test]
fn others_get_rules_that_are_marked_as_theirs() {
    for (address, types) in [
        (V4, "icmp type '{ destination-unreachable, time-exceeded, parameter-problem }' accept"),
        (V6, "icmpv6 type '{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }' accept"),
    ] {
        let asked = advice(&no_ptb(address)).pop().unwrap();
        assert_ne!(asked.who, Who::You);
        assert_eq!(asked.commands[0], "# on that router, and on each firewall up to here, if Linux:");
        assert!(asked.commands[1].contains(types) && asked.commands[1].contains("(output|forward)"), "{asked:?}");
        assert!(asked.commands[2].starts_with("# undo: "), "{asked:?}");
        assert_eq!(asked.commands[3], "# or with iptables:");
    }
}

#[test]
fn only_a_place_that_is_known_lets_one_say_that_its_other_errors_arrive() {
    let mut report = no_ptb(V4);
    report.examined.findings = vec![Finding::OnlyPtbMissing];
    assert!(advice(&report).last().unwrap().text.contains("\"time exceeded\" arrives here"));
    at(&mut report, Some((1, "203.0.113.2")), Some((3, "203.0.113.6")));
    assert!(!advice(&report).last().unwrap().text.contains("\"time exceeded\" arrives here"));
}

/// The machine has the program and the right to use it; only its connections that it forwards for this container meet the rule.
#[test]
fn in_a_container_the_machine_comes_first() {
    for address in [V4, V6] {
        let mut report = no_ptb(address);
        report.here.systems.container = Some(Container::Docker);
        report.here.systems.link = Some(LinkKind::Veth);
        let ours = advice(&report);
        assert!(ours[0].text.contains("on the machine that this container runs on"), "{ours:?}");
        assert!(ours[0].commands[2].contains("hook forward"), "{ours:?}");
        assert!(ours[1].text.contains("NET_ADMIN") && ours[1].commands[2].contains("hook input"), "{ours:?}");
        for advice in ours.iter().filter(|advice| advice.who == Who::You) {
            let is_note = |line: &String| line.starts_with("# to keep it: start the container");
            assert!(advice.lasting.iter().all(is_note), "nothing that is written inside stays: {advice:?}");
        }
        // With the machine's own network, its own connections are meant.
        report.here.systems.link = Some(LinkKind::Ethernet);
        assert!(advice(&report)[0].commands[2].contains("hook input"));
    }
}

//! Large packets end at this host's own link or its gateway: what cures every server comes first.

use pmtu_probe::model::{
    AddressReport, Advice, Blockers, Cause, Container, InnerKind, InnerLink, IptablesBackend, LinkKind, Verdict, Who,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::text::{Detail, Style, render};
use pmtu_probe::report::{advise, advise_all};

use super::fixtures::{
    V4, V6, back_hole, bad_ptb, between, clear, discoverable, ip, local_firewall, no_ptb, report, size,
};
use super::systems::at_the_gateway;
use super::together::at;

const NORMAL: Style = Style { color: false, detail: Detail::Normal, width: Width::USUAL };

fn has(advice: &Advice, text: &str) -> bool {
    advice.commands.iter().any(|command| command.contains(text))
}

#[test]
fn the_interface_and_the_gateway_come_before_what_is_for_one_address() {
    for address in [V4, V6] {
        let advice = advise(&at_the_gateway(address));
        assert_eq!(
            (advice[0].who, &*advice[0].commands[0]),
            (Who::You, "ip link set dev eth0 mtu 1400"),
            "{advice:#?}"
        );
        assert_eq!(advice[1].who, Who::YourNetwork);
        assert!(
            has(&advice[1], "pmtu_clamp_forward forward") && has(&advice[1], "ip tcp adjust-mss") == (address == V4)
        );
        assert!(advice[..2].iter().all(|advice| !advice.is_alternative));
        let own: Vec<&Advice> = advice.iter().filter(|advice| has(advice, "@ip") || has(advice, "mtu lock")).collect();
        assert!(own.len() == 2 && own.iter().all(|advice| advice.is_alternative), "{own:#?}");
        assert!(own[0].text.starts_with("Or for this address alone. "), "{}", own[0].text);
    }
}

/// Both ways meet it, and one of them works: the cures serve the other one, for every server.
#[test]
fn the_way_back_is_cured_there_as_well() {
    let mut report = discoverable(V4);
    report.examined.location = at_the_gateway(V4).examined.location;
    report.examined.reverse = back_hole(V4).examined.reverse;
    let advice = advise(&report);
    assert!(has(&advice[0], "ip link set dev eth0 mtu 1400") && has(&advice[1], "pmtu_clamp_forward"), "{advice:#?}");
}

/// Its own messages are there, but they are wrong.
#[test]
fn so_it_is_where_the_gateway_states_a_wrong_size() {
    let mut report = bad_ptb(V4);
    report.examined.location = at_the_gateway(V4).examined.location;
    report.examined.ptb[0].from = ip("198.51.100.1");
    let advice = advise(&report);
    assert!(has(&advice[0], "ip link set dev eth0 mtu 1400"));
    // So its own route has the wrong size as well.
    assert!(has(&advice[1], "size set 1360") && !has(&advice[1], "rt mtu"), "{advice:#?}");
}

#[test]
fn further_away_nothing_is_shared() {
    for report in [no_ptb(V4), no_ptb(V6), bad_ptb(V4)] {
        let advice = advise(&report);
        assert!(
            advice.iter().all(|advice| !has(advice, "ip link set") && !has(advice, "pmtu_clamp_forward")),
            "{advice:#?}"
        );
    }
}

#[test]
fn what_works_needs_nothing() {
    let mut report = discoverable(V4);
    report.examined.location = at_the_gateway(V4).examined.location;
    assert_eq!(advise(&report), []);
}

/// It serves every server as well: the message is there. Where it may not help, the other cures follow.
#[test]
fn this_hosts_own_firewall_comes_first() {
    let mut report = local_firewall(V4);
    report.examined.location = at_the_gateway(V4).examined.location;
    let advice = advise(&report);
    assert!(advice.iter().all(|advice| has(advice, "-I INPUT") || has(advice, "nft -e insert rule")), "{advice:#?}");
    report.here.blockers = Blockers::NoneFound;
    let advice = advise(&report);
    let shared = advice.iter().position(|advice| has(advice, "ip link set dev eth0 mtu 1400"));
    assert_eq!(shared, Some(1), "{advice:#?}");
}

/// Where the gateway refuses packets for its own link, its route has the size. Where somebody else may be the one, it has not.
#[test]
fn the_clamp_goes_by_the_route_only_where_the_gateway_itself_refuses() {
    let rule = |report: &_| {
        let advice: Vec<Advice> = advise(report);
        let rule = advice[1].commands.iter().find(|command| command.contains("add rule")).unwrap();
        rule.rsplit_once(" set ").unwrap().1.to_owned()
    };
    assert_eq!(rule(&at_the_gateway(V4)), "rt mtu");
    // No copies without DF tell a refusal from a loss in IPv6.
    assert_eq!(rule(&at_the_gateway(V6)), "1340");
    let mut mismatch = at_the_gateway(V4);
    mismatch.examined.cause = Some(Cause::LinkMismatch);
    assert_eq!(rule(&mismatch), "1360");
    let mut before = at_the_gateway(V4);
    before.examined.location = Some(between((0, "198.51.100.2"), (1, "198.51.100.1")));
    assert_eq!(rule(&before), "1360");
}

/// In a container nothing is to be changed: it says what to type on the machine that runs it.
#[test]
fn a_container_is_set_up_from_outside() {
    let kinds = [
        (Container::Docker, "com.docker.network.driver.mtu=1400"),
        (Container::Podman, "podman network create --opt mtu=1400"),
        (Container::Kubernetes, "\"calicoNetwork\":{\"mtu\":1400}"),
        (Container::Lxc, "bridge.mtu=1400"),
        (Container::Nspawn, ""),
        (Container::Other, ""),
    ];
    for (container, lasting) in kinds {
        let mut report = at_the_gateway(V4);
        report.here.systems.container = Some(container);
        let first = advise(&report).remove(0);
        assert_eq!(first.who, Who::YourNetwork, "{container:?}");
        assert!(
            first.commands[0].contains("' 198.51.100.2/'") && first.commands[0].contains("eth0 mtu 1400"),
            "{first:?}"
        );
        assert!(first.lasting.iter().any(|line| line.contains(lasting)) || lasting.is_empty(), "{first:?}");
    }
}

#[test]
fn a_tunnel_has_its_mtu_in_its_configuration() {
    for (kind, words) in [
        (LinkKind::WireGuard, "MTU = 1400 below [Interface] in /etc/wireguard/wg0.conf"),
        (LinkKind::Tun, "tun-mtu 1400"),
        (LinkKind::Ppp, "mtu 1400 and mru 1400"),
        (LinkKind::Tunnel, ""),
    ] {
        let mut report = at_the_gateway(V4);
        report.here.interface = Some("wg0".into());
        report.here.systems.link = Some(kind);
        let first = advise(&report).remove(0);
        assert_eq!((first.who, &*first.commands[0]), (Who::You, "ip link set dev wg0 mtu 1400"));
        assert!(first.lasting.concat().contains(words), "{first:?}");
    }
}

/// A bridge of containers, as Docker makes it. It carries no more than the way out, and still more than what passes.
fn with_docker(mut report: AddressReport) -> AddressReport {
    let link = InnerLink { name: "docker0".into(), kind: InnerKind::Bridge, mtu: size(1500), forwards: [true, false] };
    report.here.inner_links = vec![link];
    report
}

/// The hole is at the gateway: those behind this host send packets larger than its way out will take.
#[test]
fn whom_this_host_forwards_for_is_served_as_well() {
    let advice = advise(&with_docker(at_the_gateway(V4)));
    assert!(advice[2].who == Who::You && has(&advice[2], "size set rt mtu"), "{advice:#?}");
    let behind =
        |report: &AddressReport| advise(report).iter().filter(|advice| advice.text.contains("docker0")).count();
    assert_eq!(behind(&with_docker(at_the_gateway(V4))), 1);
    assert_eq!(behind(&with_docker(at_the_gateway(V6))), 0, "it does not forward IPv6");
    // Its own interface cannot be lowered, so its route tells no size.
    let mut small = with_docker(at_the_gateway(V4));
    small.examined.path_mtu = Some(size(900));
    let advice = advise(&small);
    let clamp = advice.iter().find(|advice| advice.text.contains("docker0")).unwrap();
    assert!(has(clamp, "size set 860") && !has(clamp, "rt mtu"), "{clamp:#?}");
    small.here.systems.has_nft = false;
    small.here.systems.iptables = Some(IptablesBackend::Legacy);
    let advice = advise(&small);
    let clamp = advice.iter().find(|advice| advice.text.contains("docker0")).unwrap();
    assert!(has(clamp, "FORWARD") && has(clamp, "--set-mss 860"), "{clamp:#?}");
}

/// The hole is further up: only mail with this address meets it, from a container as from this host, and the clamp on what comes in
/// here is none on what is forwarded.
#[test]
fn a_hole_further_up_is_one_for_those_behind_as_well() {
    let behind = |report: &AddressReport| -> Vec<Advice> {
        advise(report).into_iter().filter(|advice| advice.text.contains("those behind docker0")).collect()
    };
    let found = behind(&with_docker(no_ptb(V4)));
    let [clamp] = found.as_slice() else { panic!("{found:#?}") };
    assert!(
        has(clamp, "hook forward") && has(clamp, "ip saddr @ip_mss_1360") && has(clamp, "{ 192.0.2.25 }"),
        "{clamp:#?}"
    );
    assert!(!clamp.is_alternative && clamp.who == Who::You);
    let of_this_host = advise(&no_ptb(V4)).remove(0);
    let shared = clamp.commands.iter().filter(|command| of_this_host.commands.contains(command));
    assert_eq!(shared.count(), 0, "the undo of one leaves the other");
    let found = behind(&with_docker(back_hole(V4)));
    let [clamp] = found.as_slice() else { panic!("{found:#?}") };
    assert!(has(clamp, "hook forward") && has(clamp, "ip daddr @ip_mss_1360"), "{clamp:#?}");
    for nothing in [with_docker(no_ptb(V6)), with_docker(clear(V4)), with_docker(discoverable(V4)), no_ptb(V4)] {
        assert!(behind(&nothing).is_empty(), "{:?}", behind(&nothing));
    }
    let mut narrow = with_docker(no_ptb(V4));
    narrow.here.inner_links[0].mtu = size(1400);
    assert!(behind(&narrow).is_empty(), "its packets are no larger than what passes");
}

/// Both families go over the interface: it is said once, and the clamp of each is there.
#[test]
fn both_families_are_told_once() {
    let both = [at_the_gateway(V4), at_the_gateway(V6)];
    let advice = advise_all(&both.iter().collect::<Vec<_>>());
    let with = |text: &str| advice.iter().filter(|advice| has(advice, text)).count();
    assert_eq!((with("ip link set dev eth0"), with("set rt mtu"), with("meta nfproto ipv6")), (1, 1, 1), "{advice:#?}");
    let clamp = &advice[1].commands;
    let first_other = clamp.iter().position(|command| command.starts_with("# or with ")).unwrap();
    let of_linux = &clamp[..first_other];
    assert!(of_linux.iter().any(|command| command.ends_with("set rt mtu")), "{clamp:#?}");
    assert!(of_linux.iter().any(|command| command.ends_with("size set 1340")), "{clamp:#?}");
    assert_eq!(of_linux.iter().filter(|command| command.starts_with("# undo")).count(), 1, "{clamp:#?}");
    assert_eq!(with("hook (output|forward)"), 1, "{advice:#?}");
    for system in ["iptables", "MikroTik"] {
        let heading = format!("# or with {system}:");
        assert_eq!(clamp.iter().filter(|command| **command == heading).count(), 1, "{clamp:#?}");
    }
}

/// Five servers with an address of each family behind this host's own gateway.
#[test]
fn the_report_stays_short() {
    let of = |server| [at_the_gateway(V4), at_the_gateway(V6)].map(|report| at(report, server));
    let whole = report((1..=5).flat_map(of).collect());
    let text = render(&whole, &NORMAL);
    println!("{text}");
    assert!(text.lines().count() <= 80, "{} lines", text.lines().count());
    assert_eq!(text.matches("ip link set dev eth0 mtu 1400").count(), 1);
    assert!(text.contains("--advice all has the same for iptables"));
    assert!(whole.addresses.iter().all(|address| address.examined.verdict == Verdict::BlackHole));
}

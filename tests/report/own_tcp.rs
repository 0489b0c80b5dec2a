//! What this host's own TCP makes of a hole decides what becomes of mail: in the first line, the advice and the letter.

use std::time::Duration;

use pmtu_probe::model::{
    AddressReport, AskedBy, FirewallManager, HoleHere, HostSystems, IptablesBackend, NetworkManager, OwnLimit,
    OwnSearch, ReverseReason, RouteMtu, Verdict, Who, WithoutDf,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::advise;
use pmtu_probe::report::letter::{self, Language};
use pmtu_probe::report::text::{Detail, Style, render};

use super::fixtures::{V4, V6, clamped_here, clear, hole_here, no_ptb, recovers_here, report, size};

/// Everything that works around the hole, and what takes it back.
fn in_force(address: &str) -> Vec<(AddressReport, &'static str)> {
    let route = RouteMtu { mtu: size(1400), locked: true };
    let route = HoleHere::SendsLess { most: size(1400), by: OwnLimit::Route(route) };
    let mut by_route = hole_here(address, Verdict::Masked, route);
    by_route.here.route_mtu = Some(RouteMtu { mtu: size(1400), locked: true });
    by_route.here.route_is_for_one = true;
    let no_disc = HoleHere::LetsRoutersCut(WithoutDf::NoPmtuDisc(2));
    let mut without_df = hole_here(address, Verdict::Masked, no_disc);
    without_df.here.settings.no_pmtu_disc = Some(2);
    let always = HoleHere::Searches(OwnSearch { mode: 2, stall: None });
    let mut always = hole_here(address, Verdict::Recovers, always);
    always.here.settings.tcp_mtu_probing = Some(2);
    vec![
        (clamped_here(address), "# undo: nft delete table inet pmtu_clamp"),
        (
            by_route,
            if address == V4 {
                "# undo: ip route del 192.0.2.25/32"
            } else {
                "# undo: ip -6 route del 2001:db8::25/128"
            },
        ),
        (without_df, "# undo: sysctl -w net.ipv4.ip_no_pmtu_disc=0"),
        (recovers_here(address), "# undo: sysctl -w net.ipv4.tcp_mtu_probing=0"),
        (always, "# undo: sysctl -w net.ipv4.tcp_mtu_probing=0"),
    ]
}

fn first_line(address: AddressReport) -> String {
    render(&report(vec![address]), &Style { color: false, detail: Detail::VerdictOnly, width: Width::USUAL })
}

#[test]
fn the_first_line_says_what_becomes_of_mail_from_here() {
    for address in [V4, V6] {
        for (report, _) in in_force(address) {
            let line = first_line(report);
            assert!(line.contains("pass") && !line.contains("hang"), "{line}");
        }
        let stalls = first_line(recovers_here(address));
        assert!(stalls.contains("stalls for 3 to 7 s each time, then passes"), "{stalls}");
        let forgets = HoleHere::Remembers { mtu: size(1400), expires_in: Some(Duration::from_secs(60)) };
        let forgets = first_line(hole_here(address, Verdict::BlackHole, forgets));
        assert!(forgets.contains("large mail will hang as soon as"), "{forgets}");
    }
}

#[test]
fn what_is_in_force_is_not_advised_again_but_can_be_taken_back() {
    for address in [V4, V6] {
        let workarounds: Vec<String> =
            advise(&no_ptb(address)).into_iter().flat_map(|advice| advice.commands).collect();
        for (report, undo) in in_force(address) {
            let advice = advise(&report);
            let for_you: Vec<&String> =
                advice.iter().filter(|advice| advice.who == Who::You).flat_map(|advice| &advice.commands).collect();
            assert!(for_you.iter().any(|line| *line == undo), "{undo}: {for_you:?}");
            if report.examined.verdict == Verdict::Masked {
                assert!(for_you.iter().all(|line| line.starts_with('#')), "nothing is to be run now: {for_you:?}");
            } else {
                let again = "sysctl -w net.ipv4.tcp_mtu_probing=1";
                assert!(workarounds.iter().any(|line| line == again) && for_you.iter().all(|line| *line != again));
            }
            assert!(advice.iter().any(|advice| advice.who != Who::You), "somebody has to repair the path: {advice:?}");
        }
    }
}

/// Hosts on which the workaround in force may have been made to last.
fn hosts() -> Vec<HostSystems> {
    let firewall = |manager, file: Option<&str>| HostSystems {
        firewall: Some(manager),
        rules_file: file.map(str::to_owned),
        iptables: Some(IptablesBackend::Nft),
        ..HostSystems::default()
    };
    let network = |manager| HostSystems { network: Some(manager), ..HostSystems::default() };
    vec![
        firewall(FirewallManager::Nftables, Some("/etc/nftables.conf")),
        firewall(FirewallManager::Iptables, Some("/etc/iptables/rules.v4")),
        firewall(FirewallManager::Ufw, Some("/etc/ufw/before.rules")),
        firewall(FirewallManager::Firewalld, None),
        network(NetworkManager::NetworkManager { connection: Some("lan".into()) }),
        network(NetworkManager::Networkd { file: Some("/etc/systemd/network/10-lan.network".into()) }),
        network(NetworkManager::Netplan),
        network(NetworkManager::Ifupdown),
    ]
}

fn undo_of(lasting: &[String]) -> Vec<&String> {
    // What acts now is taken back by the commands: firewalld's own word for it comes with the advice alone.
    lasting.iter().filter(|line| line.starts_with("# undo: ") && !line.contains("firewall-cmd --direct ")).collect()
}

/// Whoever followed the advice is told, while it is in force, to undo in the files what it told him then.
#[test]
fn what_was_made_to_last_is_taken_back_with_it() {
    for (address, systems) in
        [V4, V6].into_iter().flat_map(|address| hosts().into_iter().map(move |host| (address, host)))
    {
        let with = |mut report: AddressReport| {
            report.here.systems = systems.clone();
            advise(&report)
        };
        let advised = with(no_ptb(address));
        for (report, undo) in in_force(address) {
            let is_by_route = report.here.route_is_for_one;
            let back = with(report);
            let back = back.iter().find(|advice| advice.commands.iter().any(|line| line == undo)).unwrap();
            let word = match undo {
                _ if is_by_route => " route replace ",
                _ if undo.contains("pmtu_clamp") => "MSS",
                _ if undo.contains("tcp_mtu_probing") => "tcp_mtu_probing",
                // Nobody is advised to give up PMTUD.
                _ => continue,
            };
            let told = advised.iter().find(|advice| {
                advice.commands.iter().any(|line| line.contains(word) || word == "MSS" && line.contains("maxseg"))
            });
            assert_eq!(undo_of(&back.lasting), undo_of(&told.unwrap().lasting), "{systems:?}: {back:?}");
            let says = back.text.contains("out of what keeps it over a reboot");
            assert_eq!(says, !back.lasting.is_empty(), "{back:?}");
        }
    }
}

/// Nobody else's rule stands in the form of this program.
#[test]
fn a_clamp_of_somebody_else_is_left_to_him() {
    let mut report = clamped_here(V4);
    report.here.systems = hosts().remove(0);
    report.here.clamps[0].place = "table inet filter, chain input".into();
    report.here.clamps[0].undo = vec!["nft delete rule inet filter input handle 7".into()];
    let back = advise(&report).remove(0);
    assert_eq!(back.commands, ["# undo: nft delete rule inet filter input handle 7"]);
    assert_eq!(back.lasting, ["# and out of /etc/nftables.conf, if it stands there"]);
}

#[test]
fn a_letter_says_what_is_true_for_our_own_mail() {
    for (language, passes, hangs) in [
        (Language::English, "gets through", "Any other sender"),
        (Language::German, "kommen seine Mails", "jedem anderen"),
    ] {
        for (address, _) in in_force(V4) {
            let letter = letter::render(&report(vec![address]), language);
            let letter = letter.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(letter.contains(passes) && letter.contains(hangs), "{letter}");
        }
    }
}

#[test]
fn a_route_that_asks_for_less_can_be_taken_back() {
    for (address, undo) in
        [(V4, "# undo: ip route del 192.0.2.25/32"), (V6, "# undo: ip -6 route del 2001:db8::25/128")]
    {
        let mut report = clear(address);
        report.here.route_is_for_one = true;
        report.examined.reverse.reason = Some(ReverseReason::AskedForLess { size: size(1400), by: AskedBy::Route });
        let advice = advise(&report);
        assert_eq!(advice.len(), 1);
        assert_eq!(advice[0].commands, [undo]);
    }
}

#[test]
fn a_rule_that_asks_for_less_is_told_from_the_route() {
    let mut report = clear(V4);
    report.examined.reverse.reason = Some(ReverseReason::AskedForLess { size: size(1400), by: AskedBy::FirstHop });
    let advice = advise(&report);
    assert_eq!(advice.len(), 1);
    assert!(advice[0].text.contains("firewall") && !advice[0].text.contains("advmss"), "{}", advice[0].text);
    // Which rule it is, is not known: nothing is to be run but a look.
    assert!(advice[0].commands.iter().all(|command| command.contains("grep")), "{:?}", advice[0].commands);
}

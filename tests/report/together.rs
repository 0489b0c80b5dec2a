//! Addresses of which the same is true: the report says it once.

use pmtu_probe::model::{AddressReport, HoleHere, OwnLimit, Report, RouteMtu, Verdict, Who};
use pmtu_probe::report::Width;
use pmtu_probe::report::letter::{self, Language};
use pmtu_probe::report::text::{Detail, Style, render};
use pmtu_probe::report::{advise, advise_all};

use super::fixtures::{clear, hole_here, ip, local_firewall, no_ptb, report, size};

const NORMAL: Style = Style { color: false, detail: Detail::Normal, width: Width::USUAL };
const FULL: Style = Style { color: false, detail: Detail::Full, width: Width::USUAL };
/// A mail domain with so many servers, each with an address of each family.
const SERVERS: usize = 5;

pub(super) fn at(mut report: AddressReport, server: usize) -> AddressReport {
    let address = if report.address.is_ipv4() { format!("192.0.2.{server}") } else { format!("2001:db8::{server}") };
    report.host = format!("mx{server}.example.com");
    report.preference = Some(10 * server as u16);
    report.address = ip(&address);
    report
}

/// All servers behind one silent router.
pub(crate) fn behind_one_hole() -> Report {
    let servers = 1..=SERVERS;
    let of = |server| ["192.0.2.25", "2001:db8::25"].map(|address| at(no_ptb(address), server));
    report(servers.flat_map(of).collect())
}

/// The commands of a report, as they are to be typed.
fn commands(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("       ")).collect()
}

#[test]
fn one_hole_before_ten_addresses_is_told_once() {
    let text = render(&behind_one_hole(), &NORMAL);
    println!("{text}");
    let lines = text.lines().count();
    assert!(lines <= 80, "{lines} lines");
    assert_eq!(text.matches("What to do").count(), 1);
    assert_eq!(text.matches("  because ").count(), 1);
    for server in 1..=SERVERS {
        for address in [format!("192.0.2.{server}"), format!("2001:db8::{server}")] {
            let line = text.lines().filter(|line| line.contains(&format!(" {address}: black hole above 1400 bytes")));
            assert_eq!(line.count(), 1, "a line for {address}");
        }
    }
    // One set of commands, and each address in it once.
    let commands = commands(&text);
    for set in ["192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5", "2001:db8::1, 2001:db8::2, 2001:db8::3"] {
        let adds = commands.iter().filter(|line| line.starts_with("nft add element") && line.contains(set));
        assert_eq!(adds.count(), 1, "{commands:#?}");
    }
    let typed = commands.iter().filter(|command| command.starts_with("# undo: ") || !command.starts_with("# "));
    let mut sorted: Vec<_> = typed.clone().collect();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), typed.count(), "twice: {commands:#?}");
}

/// Who asks for more gets the evidence of each address, and every way to do it.
#[test]
fn more_detail_leaves_nothing_out() {
    let whole = behind_one_hole();
    let text = render(&whole, &FULL);
    for address in &whole.addresses {
        assert_eq!(text.matches(&format!("{}: black hole above 1400 bytes: large mail", address.address)).count(), 1);
        let ip = if address.address.is_ipv4() { "ip" } else { "ip -6" };
        let route = format!("{ip} route replace {}/", address.address);
        assert!(text.contains(&route), "no {route}");
    }
    assert_eq!(text.matches("  confidence ").count(), whole.addresses.len());
    assert!(
        text.contains("tcp_mtu_probing=1")
            && text.contains("iptables -I $c -p icmp")
            && text.contains("/ip firewall filter")
    );
}

/// Another size, another place, another cause: each is told by itself.
#[test]
fn what_differs_is_kept_apart() {
    let mut smaller = at(no_ptb("192.0.2.25"), 2);
    smaller.examined.path_mtu = Some(size(1300));
    smaller.examined.first_lost_size = Some(size(1301));
    let mut elsewhere = at(no_ptb("192.0.2.25"), 3);
    let location = elsewhere.examined.location.as_mut().unwrap();
    location.last_hop.as_mut().unwrap().address = ip("203.0.113.99");
    let here = at(local_firewall("192.0.2.25"), 4);
    let fine = [at(clear("192.0.2.25"), 5), at(clear("2001:db8::25"), 5)];
    let [first, second] = fine;
    let whole = report(vec![at(no_ptb("192.0.2.25"), 1), smaller, elsewhere, here, first, second]);
    let text = render(&whole, &NORMAL);
    // Four faults; the two healthy addresses are alike.
    assert_eq!(text.matches("What to do").count(), 4, "{text}");
    assert_eq!(text.matches("\n2 addresses: clear").count(), 1, "{text}");
}

/// One letter for each network and family, which names all addresses.
#[test]
fn one_hole_gives_a_letter_for_each_family() {
    for (language, and_others) in
        [(Language::English, " and others vanish"), (Language::German, " u. a. gehen verloren")]
    {
        let whole = behind_one_hole();
        let text = letter::render(&whole, language);
        let letters: Vec<&str> = text.split(&"-".repeat(72)).collect();
        assert_eq!(letters.len(), 2, "{text}");
        for (letter, is_v4) in letters.iter().zip([true, false]) {
            assert!(letter.contains(and_others), "{letter}");
            for address in whole.addresses.iter().filter(|address| address.address.is_ipv4() == is_v4) {
                let row = format!("{} ({}), ", address.address, address.host);
                assert_eq!(letter.matches(&row).count(), 1, "{row} in {letter}");
            }
            let addresses = if is_v4 { "192.0.2.1 192.0.2.2 " } else { "2001:db8::1 2001:db8::2 " };
            assert!(letter.contains(&format!("sudo pmtu-probe {addresses}")), "{letter}");
        }
    }
}

/// Each of them is worked around by a route of its own, which is to be taken back by itself.
#[test]
fn what_is_taken_back_one_by_one_is_told_one_by_one() {
    let route = RouteMtu { mtu: size(1400), locked: true };
    let by_route = HoleHere::SendsLess { most: size(1400), by: OwnLimit::Route(route) };
    let of = |server| {
        let mut report = at(hole_here("192.0.2.25", Verdict::Masked, by_route), server);
        (report.here.route_mtu, report.here.route_is_for_one) = (Some(route), true);
        report
    };
    let text = render(&report(vec![of(1), of(2)]), &NORMAL);
    for server in [1, 2] {
        assert_eq!(text.matches(&format!("# undo: ip route del 192.0.2.{server}/32")).count(), 1, "{text}");
    }
}

/// What is typed for all of them acts on each, and its undo takes back no more than that.
#[test]
fn one_set_of_commands_is_for_all() {
    let whole = behind_one_hole();
    let members: Vec<&AddressReport> = whole.addresses.iter().collect();
    let advice = advise_all(&members);
    let commands: Vec<&String> =
        advice.iter().filter(|advice| advice.who == Who::You).flat_map(|a| &a.commands).collect();
    for address in &whole.addresses {
        let own = advise(address);
        let route =
            own.iter().flat_map(|advice| &advice.commands).find(|command| command.contains(" route replace ")).unwrap();
        assert!(commands.contains(&route), "{route}");
    }
}

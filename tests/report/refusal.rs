//! Somebody refuses large packets otherwise than by the message: whose letter it is, and what it says.

use pmtu_probe::model::{AddressReport, Cause, Finding, RejectedBy, Rejection};
use pmtu_probe::report::letter::{Language, render};

use super::expected::must_be_as_expected;
use super::fixtures::{V4, V6, discoverable, ip, no_ptb, report, size};

/// Nothing else is the matter: the first size that does not pass is the first that is refused.
fn refused(address: &str, from: &str, by: RejectedBy) -> AddressReport {
    let mut report = no_ptb(address);
    if address == V4 {
        report.examined.cause = Some(Cause::LinkMismatch);
    }
    refuse(&mut report, from, by, 1401);
    report
}

fn refuse(report: &mut AddressReport, from: &str, by: RejectedBy, smallest: u32) {
    let refusal = Rejection { from: ip(from), by, smallest: size(smallest), count: 47 };
    report.examined.findings = vec![Finding::LargeRejected(refusal)];
}

fn letters(address: &AddressReport, language: Language) -> String {
    render(&report(vec![address.clone()]), language)
}

fn count(letters: &str) -> usize {
    letters.matches("Kind regards").count()
}

#[test]
fn a_refusal_has_a_letter_of_its_own() {
    must_be_as_expected(
        &letters(&refused(V4, "203.0.113.6", RejectedBy::Icmp(13)), Language::English),
        "letter_refused_en",
    );
    must_be_as_expected(&letters(&refused(V6, V6, RejectedBy::Reset), Language::German), "letter_refused_de_v6");
}

/// Who, how, the size, how often.
#[test]
fn the_letter_says_who_refuses_what() {
    let letter = letters(&refused(V4, "203.0.113.6", RejectedBy::Icmp(13)), Language::English);
    let letter = letter.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Packets above 1400 bytes to 192.0.2.25 are refused",
        "203.0.113.6, by ICMP type 3 code 13 (\"administratively prohibited\"), 47 times",
        "the smallest such packet had 1401 bytes",
    ] {
        assert!(letter.contains(words), "{words}\n{letter}");
    }
    // They do not vanish, and no router is silent: whoever gets this has a filter to look for.
    assert!(!letter.contains("vanish") && !letter.contains("nft "), "{letter}");
}

/// Of two faults one behind the other, each is somebody else's.
#[test]
fn a_silent_router_behind_it_gets_its_own_letter() {
    let mut both = no_ptb(V4);
    refuse(&mut both, "192.0.2.25", RejectedBy::Icmp(13), 1460);
    let both = letters(&both, Language::English);
    assert_eq!(count(&both), 2, "{both}");
    assert!(both.contains("Subject: Packets above 1400 bytes to 192.0.2.25 vanish"), "{both}");
    assert!(both.contains("Subject: Large packets to 192.0.2.25 are refused"), "{both}");
}

/// A router behind the filter speaks as it should, of all that gets to it.
#[test]
fn a_router_that_speaks_behind_it_gets_none() {
    let mut told = refused(V4, "203.0.113.6", RejectedBy::Reset);
    told.examined.ptb = discoverable(V4).examined.ptb;
    refuse(&mut told, "203.0.113.6", RejectedBy::Reset, 1454);
    let told = letters(&told, Language::English);
    assert_eq!(count(&told), 1, "{told}");
    assert!(told.contains("are refused"), "{told}");
}

/// Each server is refused in its own name by one filter: one network, one letter, without the count of one alone.
#[test]
fn one_filter_before_several_servers_gets_one_letter() {
    let servers = ["192.0.2.1", "192.0.2.2"].map(|address| {
        let mut server = refused(V4, address, RejectedBy::Icmp(10));
        server.address = ip(address);
        server
    });
    let letter = render(&report(servers.to_vec()), Language::English);
    assert_eq!(count(&letter), 1, "{letter}");
    assert!(letter.contains("the target, or somebody in its name") && !letter.contains("47 times"), "{letter}");
}

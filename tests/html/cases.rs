//! Pages for every kind of report.

use std::time::{Duration, SystemTime};

use pmtu_probe::model::{
    AddressReport, FailureKind, Grade, HopName, MailFlow, Peer, Reason, Report, StallStage, Suspect, TargetFailure,
};
use pmtu_probe::report::html::render;
use pmtu_probe::report::suspects::Answer;

use crate::fixtures::{
    V4, V6, back_hole, bad_ptb, between, clear, discoverable, hostile, inconclusive, local_firewall, masked, no_ptb,
    recovers_here, report, unreachable,
};

/// A page and its name.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) html: String,
    /// Addresses that it is about.
    pub(crate) addresses: usize,
    /// Pictures of paths on it.
    pub(crate) pictures: usize,
}

/// What strangers may name things: markup of all kinds, and what ends scripts, comments and attributes.
pub(crate) const MARKUP: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'></pre></title></style></textarea>\
                                 <!--<svg onload=alert(3)>&lt;b&gt;<a href=javascript:alert(4)>x</a>]]>{{7*7}}";

pub(crate) fn all() -> Vec<Case> {
    let mut both = no_ptb(V4);
    both.examined.reverse = back_hole(V4).examined.reverse;
    let mut doubt = no_ptb(V4);
    doubt.examined.hops[1].address = None;
    doubt.examined.location = Some(between((1, "198.51.100.1"), (3, "203.0.113.6")));
    let single = [
        ("clear", clear(V4)),
        ("discoverable", discoverable(V4)),
        ("black_hole", no_ptb(V4)),
        ("hole_in_doubt", doubt),
        ("both_ways", both),
        ("masked", masked(V4)),
        ("recovers", recovers_here(V4)),
        ("local_firewall", local_firewall(V4)),
        ("bad_ptb", of_a_network(bad_ptb(V4))),
        ("way_back", back_hole(V4)),
        ("unreachable", unreachable(V4)),
        ("inconclusive", inconclusive(V4)),
        ("ipv6", long_ipv6()),
        ("hostile", hostile()),
        ("markup", with_markup(no_ptb(V4))),
    ];
    let mut cases: Vec<Case> = single.into_iter().map(|(name, of)| case(name, &report(vec![of]), 1)).collect();
    cases.push(case("several", &several(), 3));
    cases.push(failed());
    cases.push(suspects());
    cases
}

fn case(name: &'static str, report: &Report, pictures: usize) -> Case {
    Case { name, html: render(report, None), addresses: report.addresses.len(), pictures }
}

/// Addresses as long as they get.
fn long_ipv6() -> AddressReport {
    let mut of = no_ptb(V6);
    of.address = "2a01:111:f403:2e09:6c34:71ff:fe9a:1d25".parse().unwrap();
    of.host = "universitaetsklinikum-musterstadt-de.mail.protection.outlook.com".into();
    for hop in &mut of.examined.hops {
        hop.address = Some(format!("2a01:4f8:1c1c:ab{:02x}:6c34:71ff:fe9a:1d2e", hop.ttl.0).parse().unwrap());
    }
    let [_, second, third] = &of.examined.hops[..] else { unreachable!() };
    let (second, third) = (second.address.unwrap().to_string(), third.address.unwrap().to_string());
    of.examined.location = Some(between((2, &second), (3, &third)));
    of.names = of.examined.hops.iter().filter_map(|hop| Some((hop.address?, LONGEST_NUMBER))).collect();
    of
}

/// A network's number has 32 bits (RFC 6793).
const LONGEST_NUMBER: HopName = HopName { name: None, asn: Some(u32::MAX) };

/// A router that sends messages, in a network with a number.
fn of_a_network(mut of: AddressReport) -> AddressReport {
    of.names = of.examined.ptb.iter().map(|ptb| (ptb.from, LONGEST_NUMBER)).collect();
    of
}

fn with_markup(mut of: AddressReport) -> AddressReport {
    of.host = MARKUP.into();
    of.zone = Some("\"><b>e".into());
    of
}

/// Three mail servers of a domain, one of them behind a hole, one over both families.
fn several() -> Report {
    let named = |mut of: AddressReport, host: &str, preference| {
        of.host = host.into();
        of.preference = Some(preference);
        of
    };
    let mut all = report(vec![
        named(no_ptb(V4), "mx1.example.com", 10),
        named(no_ptb(V6), "mx1.example.com", 10),
        named(clear("192.0.2.26"), "mx2.example.com", 20),
        named(clear("192.0.2.27"), "mx3.example.com", 30),
    ]);
    all.target = "example.com".into();
    all.errors = vec![TargetFailure {
        target: "mx4.example.com".into(),
        kind: FailureKind::Unresolved,
        text: "has no address".into(),
    }];
    all
}

/// Nothing could be examined.
fn failed() -> Case {
    let report = Report {
        target: format!("nowhere.invalid {MARKUP}"),
        started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
        elapsed: Duration::ZERO,
        addresses: Vec::new(),
        errors: vec![TargetFailure {
            target: MARKUP.into(),
            kind: FailureKind::Unresolved,
            text: format!("no such name {MARKUP}"),
        }],
        vantage: None,
        ending: Some(3),
    };
    case("failed", &report, 0)
}

fn suspect(name: &str, address: &str) -> Suspect {
    Suspect {
        flow: MailFlow::Outgoing,
        peer: Peer { name: Some(name.into()), address: Some(address.parse().unwrap()), port: None },
        also_named: vec![MARKUP.into()],
        logged_by: Some(MARKUP.into()),
        domains: vec![MARKUP.into(), "example.org".into()],
        grade: Grade::Classic,
        reasons: vec![
            Reason::Stalled { stage: StallStage::Body, mails: 2 },
            Reason::SmallPassed { mails: 3, largest: 900 },
        ],
        first: None,
        last: None,
        delays: None,
        phrases: vec![MARKUP],
        sample: format!("Nov 29 12:00:00 mail postfix/smtp[1]: 4F1: to=<{MARKUP}>, status=deferred \u{1b}[31m\u{2028}"),
    }
}

/// What a log accuses: one is confirmed, one was not examined.
fn suspects() -> Case {
    let mut report = report(vec![with_markup(no_ptb(V4)), clear("192.0.2.99")]);
    report.target = "/var/log/mail.log".into();
    let all = [suspect(MARKUP, V4), suspect("mx.fine.example", "192.0.2.99"), suspect("mx.gone.example", "192.0.2.98")];
    let answers = [
        Answer { suspect: &all[0], reports: vec![&report.addresses[0]], error: None },
        Answer { suspect: &all[1], reports: vec![&report.addresses[1], &report.addresses[0]], error: None },
        Answer { suspect: &all[2], reports: vec![], error: Some(format!("no route {MARKUP}")) },
    ];
    Case { name: "suspects", html: render(&report, Some(&answers)), addresses: 2, pictures: 2 }
}

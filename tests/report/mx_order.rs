//! What a hole means for a domain with several mail servers. The expectations follow from RFC 5321, 5.1, and from what tests/mail/mx_order.rs
//! shows: after a session that timed out Postfix and Exim try the next address, and Postfix gives up after two.

use pmtu_probe::model::{AddressReport, Direction, PortState, Reception};
use pmtu_probe::report::text::{Style, blocks, render};

use super::expected::must_be_as_expected;
use super::fixtures::{V4, V6, back_hole, clear, inconclusive, ip, no_ptb, report, unreachable};

/// A server, its preference, and what is true of each of its addresses.
fn mx(number: u8, preference: u16, addresses: &[fn(&str) -> AddressReport]) -> Vec<AddressReport> {
    let of = |(index, make): (usize, &fn(&str) -> AddressReport)| {
        let address = if index == 0 { V4 } else { V6 };
        let mut made = make(address);
        made.host = format!("mx{number}.example.com");
        made.preference = Some(preference);
        made.address = ip(&if index == 0 { format!("192.0.2.{number}") } else { format!("2001:db8::{number}") });
        made
    };
    addresses.iter().enumerate().map(of).collect()
}

/// The lines between the summary and the first address, unwrapped.
fn said(servers: &[Vec<AddressReport>]) -> String {
    let mut whole = report(servers.concat());
    whole.target = "example.com".into();
    let text = blocks(&whole, &Style::default());
    let lines = text.lines().skip(1).take_while(|line| !line.starts_with("  MX "));
    lines.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn closed(address: &str) -> AddressReport {
    let mut report = no_ptb(address);
    report.examined.port_state = Some(PortState::Refused);
    report
}

fn turned_away(address: &str) -> AddressReport {
    let mut report = clear(address);
    report.examined.reception = Reception::TurnedAway { code: 554 };
    report
}

#[test]
fn what_becomes_of_mail_depends_on_which_server_is_sick() {
    let both_clear: [fn(&str) -> AddressReport; 2] = [clear, clear];
    let late = "Then Postfix and Exim go on to mx2.example.com (preference 20), which takes it, and the mail is some minutes late.";
    let cases: [(&str, Vec<Vec<AddressReport>>, String); 14] = [
        (
            "all",
            vec![mx(1, 10, &[no_ptb, no_ptb]), mx(2, 20, &[no_ptb])],
            "Large mail hangs at every mail server of the domain, whichever is tried.".into(),
        ),
        (
            "all that are open",
            vec![mx(1, 10, &[no_ptb]), mx(2, 20, &[closed]), mx(3, 30, &[unreachable])],
            "Large mail hangs at every mail server of the domain that takes connections, whichever is tried.".into(),
        ),
        (
            "the preferred",
            vec![mx(1, 10, &[no_ptb]), mx(2, 20, &both_clear)],
            format!("Mail goes to mx1.example.com (preference 10) first, and large mail hangs there for minutes. {late}"),
        ),
        (
            "the preferred, whatever the order of the list",
            vec![mx(2, 20, &[clear]), mx(1, 10, &[no_ptb])],
            format!("Mail goes to mx1.example.com (preference 10) first, and large mail hangs there for minutes. {late}"),
        ),
        (
            "the preferred, with two addresses",
            vec![mx(1, 10, &[no_ptb, no_ptb]), mx(2, 20, &[clear])],
            "Mail goes to mx1.example.com (preference 10) first, and large mail hangs there for minutes. Postfix gives up a \
             delivery after two such hangs and never gets to mx2.example.com (preference 20); the mail waits in the queue. Exim gets there, many minutes late."
                .into(),
        ),
        (
            "the first two",
            vec![mx(1, 10, &[no_ptb]), mx(2, 20, &[no_ptb]), mx(3, 30, &[clear])],
            "Mail goes to mx1.example.com (preference 10) first, and large mail hangs there for minutes. Postfix gives up a \
             delivery after two such hangs and never gets to mx3.example.com (preference 30); the mail waits in the queue. Exim gets there, many minutes late."
                .into(),
        ),
        (
            "one of two equals",
            vec![mx(1, 10, &[no_ptb]), mx(2, 10, &[clear])],
            "Mail begins with any of mx1.example.com and mx2.example.com (preference 10); large mail hangs at mx1.example.com \
             (preference 10): that is about 1 of 2 first tries. After these minutes Postfix and Exim go on to another address, \
             which takes it."
                .into(),
        ),
        (
            "two of three equals",
            vec![mx(1, 10, &[no_ptb]), mx(2, 10, &[no_ptb]), mx(3, 10, &[clear])],
            "Mail begins with any of mx1.example.com, mx2.example.com and mx3.example.com (preference 10); large mail hangs at \
             mx1.example.com and mx2.example.com (preference 10): that is about 2 of 3 first tries. After these minutes Postfix \
             and Exim go on to another address, Postfix only once."
                .into(),
        ),
        (
            "one of three equals, and of another nothing is known",
            vec![mx(1, 10, &[no_ptb]), mx(2, 10, &[inconclusive]), mx(3, 10, &[clear])],
            "Mail begins with any of mx1.example.com, mx2.example.com and mx3.example.com (preference 10); large mail hangs at \
             mx1.example.com (preference 10): that is about 1 of 3 first tries. After these minutes Postfix and Exim go on to \
             another address, Postfix only once."
                .into(),
        ),
        (
            "more than Exim tries",
            (1..=5).map(|number| mx(number, 10 * u16::from(number), &[no_ptb])).chain([mx(6, 60, &[clear])]).collect(),
            "Mail goes to mx1.example.com (preference 10) first, and large mail hangs there for minutes. Postfix gives up a \
             delivery after two such hangs and never gets to mx6.example.com (preference 60); the mail waits in the queue."
                .into(),
        ),
        (
            "the last alone",
            vec![mx(1, 10, &both_clear), mx(2, 20, &[clear]), mx(3, 30, &[no_ptb])],
            "Mail goes to mx1.example.com (preference 10) first, where large mail passes. It meets mx3.example.com (preference \
             30) only when that is down or turns it away."
                .into(),
        ),
        (
            "the preferred over one family",
            vec![mx(1, 10, &[clear, no_ptb]), mx(2, 20, &[clear])],
            "Mail goes to mx1.example.com (preference 10) first, where large mail hangs over IPv6 alone: mailers that have both \
             families may begin with either (Exim with IPv6, Postfix by chance). After these minutes Postfix and Exim go on to \
             another address, which takes it."
                .into(),
        ),
        (
            "a preferred that turns away is passed over",
            vec![mx(1, 5, &[turned_away]), mx(3, 10, &[no_ptb]), mx(2, 20, &[clear])],
            format!("Mail goes to mx3.example.com (preference 10) first, and large mail hangs there for minutes. {late}"),
        ),
        (
            "nothing is known of the others",
            vec![mx(1, 10, &[no_ptb]), mx(2, 20, &[inconclusive])],
            "Mail goes to mx1.example.com (preference 10) first, and large mail hangs there for minutes. Whether another server \
             takes it is not known."
                .into(),
        ),
    ];
    for (name, servers, expected) in cases {
        assert_eq!(said(&servers), expected, "{name}");
    }
}

#[test]
fn nothing_is_said_where_nothing_hangs_or_no_order_is_known() {
    assert_eq!(said(&[mx(1, 10, &[clear]), mx(2, 20, &[back_hole])]), "", "mail to there passes");
    assert_eq!(said(&[mx(1, 10, &[no_ptb, clear])]), "", "one server has no other to go on to");
    let mut named = [mx(1, 10, &[no_ptb]), mx(2, 20, &[clear])].concat();
    for address in &mut named {
        address.preference = None;
    }
    let mut whole = report(named);
    assert!(!render(&whole, &Style::default()).contains("Mail goes"), "no MX records");
    for address in &mut whole.addresses {
        address.preference = Some(10);
        address.examined.direction = Direction::Reverse;
    }
    assert!(!render(&whole, &Style::default()).contains("Mail goes"), "mail to there was not examined");
    for address in &mut whole.addresses {
        address.examined.direction = Direction::Both;
    }
    whole.target = "example.com example.net".into();
    assert!(!render(&whole, &Style::default()).contains("Mail goes"), "two domains have an order each");
}

#[test]
fn a_domain_with_one_sick_server_of_five() {
    let servers = (1..=5).map(|number| {
        let sick: fn(&str) -> AddressReport = if number == 1 { no_ptb } else { clear };
        mx(number, u16::from(number) * 10, &[sick])
    });
    let mut whole = report(servers.collect::<Vec<_>>().concat());
    whole.target = "example.com".into();
    must_be_as_expected(&render(&whole, &Style::default()), "one_of_five");
}

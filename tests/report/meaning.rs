//! What a verdict means for the mail that made a relay suspect. The expectations follow from who sends to whom.

use pmtu_probe::model::{
    AddressReport, Direction, Finding, Grade, InnerKind, InnerLink, MailFlow, PacketSize, Peer, PortState, Reason,
    StallStage, Suspect, Verdict,
};
use pmtu_probe::report::Width;
use pmtu_probe::report::suspects::{Answer, meanings};

use super::fixtures::{back_hole, back_only, clear, discoverable, ip, masked, no_ptb, unreachable};

const ADDRESS: &str = "192.0.2.25";

fn suspect(flow: MailFlow, stage: StallStage) -> Suspect {
    Suspect {
        flow,
        peer: Peer { name: Some("mx.example.com".into()), address: Some(ip(ADDRESS)), port: None },
        also_named: vec![],
        logged_by: None,
        domains: vec![],
        grade: Grade::Classic,
        reasons: vec![Reason::Stalled { stage, mails: 2 }],
        first: None,
        last: None,
        delays: None,
        phrases: vec![],
        sample: String::new(),
    }
}

fn said(suspect: &Suspect, report: &AddressReport) -> (String, bool) {
    let answer = Answer { suspect, reports: vec![report], error: None };
    let is_open = answer.is_open();
    (meanings(&[answer], Width::USUAL).split_whitespace().collect::<Vec<_>>().join(" "), is_open)
}

fn must_say(flow: MailFlow, stage: StallStage, report: &AddressReport, words: &str, open: bool) {
    let (text, is_open) = said(&suspect(flow, stage), report);
    assert!(text.contains(words), "{flow:?} {stage:?}: no {words:?} in {text}");
    assert_eq!(is_open, open, "{text}");
}

#[test]
fn mail_to_a_relay_is_judged_by_the_way_there() {
    let mut parallel = clear(ADDRESS);
    parallel.examined.findings.push(Finding::HoleOnSomeFlows);
    let mut closed = clear(ADDRESS);
    closed.examined.port_state = Some(PortState::Refused);
    let rows = [
        (no_ptb(ADDRESS), "mail to mx.example.com 192.0.2.25: black hole confirmed: packets above", false),
        (masked(ADDRESS), "the MSS lets mail pass now", false),
        (discoverable(ADDRESS), "the path is fine, its smaller size", false),
        (clear(ADDRESS), "the path is fine; packets are not why it stalled", false),
        (parallel, "one of several parallel paths has a black hole", false),
        (unreachable(ADDRESS), "the path cannot be judged", true),
        // A port that is closed now says nothing about what stalled then, and is no good news.
        (closed, "its port takes no connections now, so no mail gets through", true),
        // What is wrong with the way back does not hold up the body of mail to there.
        (back_hole(ADDRESS), "the path is fine", false),
    ];
    for (report, words, open) in rows {
        must_say(MailFlow::Outgoing, StallStage::Body, &report, words, open);
    }
}

#[test]
fn mail_from_a_client_is_judged_by_the_way_back() {
    let hole = back_only(back_hole(ADDRESS));
    must_say(
        MailFlow::Incoming,
        StallStage::Data,
        &hole,
        "mail from mx.example.com 192.0.2.25: black hole confirmed",
        false,
    );
    let mut forward_only = no_ptb(ADDRESS);
    forward_only.examined.direction = Direction::Forward;
    must_say(MailFlow::Incoming, StallStage::Data, &forward_only, "the way from there was not examined", true);
}

/// What this host finds of itself does not hold for all mail that its log tells of.
#[test]
fn mail_that_takes_another_path_is_not_called_fine() {
    let mut host = clear(ADDRESS);
    host.here.inner_links = vec![InnerLink {
        name: "docker0".into(),
        kind: InnerKind::Bridge,
        mtu: PacketSize::new(1501),
        forwards: [true, true],
    }];
    let words = "the path is fine for mail that this host itself sends. If it came from behind docker0";
    must_say(MailFlow::Outgoing, StallStage::Body, &host, words, true);
    let (text, _) = said(&suspect(MailFlow::Outgoing, StallStage::Body), &host);
    assert!(!text.contains("packets are not why"), "{text}");

    let mut behind_nat = back_only(clear(ADDRESS));
    behind_nat.here.source = Some(ip("192.168.1.5"));
    must_say(MailFlow::Incoming, StallStage::Data, &behind_nat, "that path was not examined, so ask the sender", true);
    let (text, _) = said(&suspect(MailFlow::Incoming, StallStage::Data), &behind_nat);
    assert!(!text.contains("packets are not why"), "{text}");
}

#[test]
fn a_handshake_is_judged_by_the_worse_of_both_ways() {
    for flow in [MailFlow::Outgoing, MailFlow::Incoming] {
        let report = back_hole(ADDRESS);
        assert_eq!(report.examined.verdict, Verdict::Clear);
        must_say(flow, StallStage::TlsHandshake, &report, "black hole confirmed: large packets from there", false);
    }
}

#[test]
fn a_suspect_that_was_not_examined_is_named_with_the_reason() {
    let suspect = suspect(MailFlow::Outgoing, StallStage::Body);
    let answer = Answer { suspect: &suspect, reports: vec![], error: Some("no route".into()) };
    assert!(answer.is_open());
    assert!(
        meanings(&[answer], Width::USUAL)
            .ends_with("mail to mx.example.com 192.0.2.25: could not be examined: no route\n")
    );
}

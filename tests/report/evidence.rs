//! The words of the evidence against a peer, and of what speaks for it.

use pmtu_probe::model::{
    Grade, MailFlow, OwnStalls, PassedWhen, Peer, Reading, Reason, SilentForm, StallStage, Suspect, Suspects,
};
use pmtu_probe::report::suspects::render;

use super::fixtures::ip;

fn shown(reason: Reason, reading: Reading) -> String {
    let suspect = Suspect {
        flow: MailFlow::Outgoing,
        peer: Peer { name: None, address: Some(ip("192.0.2.25")), port: Some(25) },
        also_named: vec![],
        logged_by: None,
        domains: vec![],
        grade: Grade::Possible,
        reasons: vec![Reason::Stalled { stage: StallStage::EndOfData, mails: 2 }, reason],
        first: None,
        last: None,
        delays: None,
        phrases: vec![],
        sample: "line".into(),
    };
    let text = render(&Suspects { list: vec![suspect], reading });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_passed_is_said_with_counts_sizes_and_time() {
    let passed = |mails, smallest, largest, when| Reason::LargePassed { mails, smallest, largest, when };
    let rows = [
        (
            passed(20, 5_000_000, 5_000_000, PassedWhen::Between),
            "against it: 20 mails of several packets (5000000 bytes) passed since the first stall, and mail stalled again",
        ),
        (
            passed(1, 60_000, 60_000, PassedWhen::After),
            "against it: 1 mail of several packets (60000 bytes) passed since the last stall",
        ),
        (
            passed(2, 60_000, 5_000_000, PassedWhen::Before),
            "against it: 2 mails of several packets (60000 to 5000000 bytes) passed before; a hole would swallow them as \
             well, a slow filter or line only larger ones",
        ),
        (Reason::SmallPassed { mails: 3, largest: 944 }, "small mail passed: 3 mails, up to 944 bytes"),
    ];
    for (reason, words) in rows {
        let text = shown(reason, Reading::default());
        assert!(text.contains(words), "no {words:?} in {text}");
    }
}

#[test]
fn a_private_address_is_named_as_such() {
    let rows = [
        (false, None, "its address is a private one: the path is inside this network, or a tunnel"),
        (true, None, "its address is a private one that container networks give out: the path is inside"),
        (
            true,
            Some(10_024),
            "against it: its address is a private one that container networks give out and port 10024 is none of a mail \
             server's: probably a content filter, and one that is slow looks the same",
        ),
    ];
    for (container, filter_port, words) in rows {
        let text = shown(Reason::PrivateAddress { container, filter_port }, Reading::default());
        assert!(text.contains(words), "no {words:?} in {text}");
    }
}

#[test]
fn stalls_at_a_program_of_this_host_are_counted() {
    let own = |stalls, port| Some(OwnStalls { stalls, address: ip("127.0.0.1"), port });
    let reason = Reason::SmallPassed { mails: 3, largest: 944 };
    let text = shown(reason, Reading { own: own(3, Some(10_024)), ..Reading::default() });
    assert!(text.contains("3 stalls are left out: at 127.0.0.1 port 10024, which is a program of this host"), "{text}");
    let text = shown(reason, Reading { own: own(1, None), ..Reading::default() });
    assert!(text.contains("1 stall is left out: at 127.0.0.1, which"), "{text}");
}

/// A possible, and the words say why it is no more.
#[test]
fn a_server_that_gave_up_after_a_wait_that_nobody_knows_is_weak_evidence() {
    let text = shown(Reason::Stalled { stage: StallStage::GaveUp, mails: 2 }, Reading::default());
    let words = "2 mails given up by the other side, which says that it timed out; a queue does not tell after what wait, and a \
                 server that is busy may say the same";
    assert!(text.contains(words), "{text}");
}

#[test]
fn a_list_that_names_no_reason_is_said_with_what_does() {
    let reading = Reading { silent: Some(SilentForm::EximQueue), ..Reading::default() };
    let text = shown(Reason::SmallPassed { mails: 3, largest: 944 }, reading);
    let words = "Some lines name no reason: Exim's list of its queue tells how old and how large mails are and for whom, but neither \
                 the relay nor why they wait; the main log does, and the log of each mail: pmtu-probe --from-log \
                 /var/log/exim4/mainlog, or for one of them: exim -Mvl ID | pmtu-probe --from-log -.";
    assert!(text.contains(words), "{text}");
}

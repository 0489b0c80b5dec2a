//! Several files, in any order; several hosts in one log.

use pmtu_probe::intake::Period;
use pmtu_probe::intake::log::{self, Source};
use pmtu_probe::model::Grade;

use super::{file, now, suspects};

#[test]
fn rotated_logs_may_come_newest_first() {
    let text = file("postfix-3.11-iso.log");
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let folder = std::env::temp_dir().join(format!("pmtu-probe-order-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let sources: Vec<Source> = lines
        .chunks(40)
        .enumerate()
        .map(|(index, part)| {
            let path = folder.join(format!("{index}"));
            std::fs::write(&path, part.concat()).expect("a temporary file");
            Source::new(path)
        })
        .collect();
    assert!(sources.len() > 3);
    let reversed: Vec<Source> = sources.into_iter().rev().collect();
    let read = log::read(&reversed, Period::default(), now());
    std::fs::remove_dir_all(&folder).expect("the folder is there");
    assert_eq!(read.expect("a log").list, suspects(&text).list);
}

/// Another host may have another path to the same relay: what passes there is no excuse here.
#[test]
fn hosts_are_told_apart() {
    let mut text = String::new();
    for (number, host) in ["mx1", "mx2", "mx1", "mx2", "mx1", "mx2"].into_iter().enumerate() {
        let id = format!("ABCDEF{number:02}");
        let queued = format!(
            "Nov  4 05:00:0{number} {host} postfix/qmgr[1]: {id}: from=<a@b.example>, size=50000, nrcpt=1 (queue active)\n"
        );
        let (delay, outcome) = match host {
            "mx1" => {
                (180, "deferred (conversation with mx.example.com[192.0.2.1] timed out while sending message body)")
            }
            _ => (1, "sent (250 ok)"),
        };
        let record = format!(
            "Nov  4 05:00:0{number} {host} postfix/smtp[2]: {id}: to=<u@example.com>, relay=mx.example.com[192.0.2.1]:25, \
             delay={delay}, delays=0/0/0/{delay}, dsn=4.4.2, status={outcome}\n"
        );
        text.extend([queued, record]);
    }
    let found = suspects(text.as_bytes());
    let [suspect] = found.list.as_slice() else { panic!("{found:?}") };
    assert_eq!((suspect.logged_by.as_deref(), suspect.grade), (Some("mx1"), Grade::Likely));
}

#[test]
fn standard_input_has_its_sign() {
    assert_eq!(Source::new("-"), Source::Stdin);
    assert_ne!(Source::new("./-"), Source::Stdin);
}

/// An admin looks for what stalls now. A path that stalled last week may have been repaired since.
#[test]
fn who_stalled_last_comes_before_those_of_last_week() {
    let stall = |day: u32, hour: u32, number: u32, address: &str| {
        format!(
            "Nov {day:>2} {hour:02}:00:00 mx1 postfix/smtp[2]: ABCDEF{number:02}: to=<u@example.com>, \
             relay=mx[{address}]:25, delay=180, delays=0/0/0/180, dsn=4.4.2, status=deferred (conversation with mx[{address}] \
             timed out while sending message body)\n"
        )
    };
    let mut text = String::new();
    for number in 0..5 {
        text.push_str(&stall(3, number, number, "192.0.2.1"));
    }
    text.push_str(&stall(10, 1, 10, "192.0.2.2"));
    for number in 11..14 {
        text.push_str(&stall(10, number, number, "192.0.2.3"));
    }
    let found = suspects(text.as_bytes());
    let order: Vec<String> =
        found.list.iter().filter_map(|suspect| suspect.peer.address).map(|address| address.to_string()).collect();
    // On one day, the one that delays more mail comes first.
    assert_eq!(order, ["192.0.2.3", "192.0.2.2", "192.0.2.1"]);
}

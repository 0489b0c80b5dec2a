//! The list as a terminal shows it.

use pmtu_probe::intake::queue;
use pmtu_probe::report::suspects::render;

use super::{file, now, suspects};

#[test]
fn the_list_is_as_expected() {
    for name in ["postfix-3.7-rfc3164.log", "opensmtpd-6.8-iso.log"] {
        let shown = render(&suspects(&file(name)));
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/intake/expected/{name}.txt"));
        let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(shown, expected, "{name}");
    }
}

#[test]
fn nobody_is_said_plainly() {
    let line = "Nov  4 05:32:43 mail postfix/qmgr[1]: ABCDEF12: removed\n";
    let later = line.replace("05:32:43", "05:40:00");
    assert_eq!(
        render(&suspects(format!("{line}{later}").as_bytes())),
        "No suspects: nothing in 2 lines of log from 2026-11-04 05:32:43 to 2026-11-04\n  05:40:00 looks like a path that \
         swallows large packets.\n"
    );
    assert_eq!(render(&queue::parse(b"", now()).expect("an empty queue")), "No suspects: the queue is empty.\n");
}

/// A server in a container that sees every client as the gateway of its network.
#[test]
fn a_gateway_that_stands_for_all_clients_is_said_to_hide_the_sender() {
    let line = |client: &str| {
        format!(
            "Nov  4 05:32:43 mail postfix/smtpd[12]: connect from unknown[{client}]\n\
             Nov  4 05:37:44 mail postfix/smtpd[12]: timeout after DATA (0 bytes) from unknown[{client}]\n"
        )
    };
    for (client, is_hidden) in [("172.18.0.1", true), ("172.18.0.7", false), ("192.0.2.1", false)] {
        let shown = render(&suspects(line(client).repeat(3).as_bytes()));
        assert!(shown.contains(client), "{shown}");
        assert_eq!(shown.contains("  sender      not known: this is the address of a container"), is_hidden, "{shown}");
    }
}

#[test]
fn what_steers_a_terminal_is_escaped() {
    let line = "Nov  4 05:32:43 m\u{1b}[2Jx postfix/smtp[1]: ABCDEF12: to=<u@e\u{202e}vil.example>, \
                relay=mx\u{9b}.example[192.0.2.1]:25, delay=1, delays=0/0/0/180, dsn=4.4.2, status=deferred (conversation with \
                mx\u{200b}.example[192.0.2.1] timed out while sending message body)\n";
    let found = suspects(line.as_bytes());
    assert_eq!(found.list.len(), 1);
    let shown = render(&found);
    assert!(shown.contains("\\u{1b}[2J") && shown.contains("\\u{200b}"), "{shown}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    assert!(!shown.contains(['\u{202e}', '\u{200b}']), "{shown:?}");
}

#[test]
fn lists_are_the_same_every_time() {
    for name in ["postfix-3.11-journal.json", "sendmail-rfc3164.log"] {
        let text = file(name);
        let first = render(&suspects(&text));
        for _ in 0..5 {
            assert_eq!(render(&suspects(&text)), first, "{name}");
        }
    }
}

fn stalled(name: &str, address: &str, number: u32) -> String {
    format!(
        "Nov  4 05:32:43 mail postfix/smtp[12]: ABCDEF0{number}: to=<u@example.com>, relay={name}[{address}]:25, delay=180, \
         delays=0/0/0/180, dsn=4.4.2, status=deferred (conversation with {name}[{address}] timed out while sending message \
         body)\n"
    )
}

/// Both addresses of a relay stall. Each has a path of its own, and so a row, but they are one server and one suspect.
#[test]
fn addresses_of_one_name_are_rows_of_one_suspect() {
    let log = [
        stalled("mx.example.com", "192.0.2.1", 1),
        stalled("mx.example.net", "192.0.2.2", 3),
        stalled("MX.example.com", "2001:db8::1", 2),
    ];
    let found = suspects(log.concat().as_bytes());
    let peers: Vec<usize> = found.peers().iter().map(Vec::len).collect();
    assert_eq!(peers, [2, 1], "{found:#?}");
    let shown = render(&found);
    assert!(shown.starts_with("2 suspects in "), "{shown}");
    assert_eq!(shown.matches("mx.example.com, 2 addresses: likely").count(), 1, "{shown}");
    for row in ["192.0.2.1: likely", "2001:db8::1: likely"] {
        assert_eq!(shown.matches(&format!("  address     {row}\n")).count(), 1, "{shown}");
    }
}

/// A server that is the relay of several domains has a name for each.
#[test]
fn names_of_one_address_are_one_suspect() {
    let log = [
        stalled("mx.example.com", "192.0.2.1", 1),
        stalled("mx.example.net", "192.0.2.1", 2),
        stalled("Mx.Example.com", "192.0.2.1", 3),
    ];
    let shown = render(&suspects(log.concat().as_bytes()));
    assert!(shown.starts_with("1 suspect in "), "{shown}");
    assert!(
        shown.contains("\nmx.example.com 192.0.2.1: likely") && shown.contains("  also named  mx.example.net\n"),
        "{shown}"
    );
}

/// Names and addresses make a chain: the first server has the name of the second, which has one more address.
#[test]
fn a_shared_name_joins_servers_with_several_names() {
    let log = [
        stalled("a.example.com", "192.0.2.1", 1),
        stalled("b.example.com", "192.0.2.2", 2),
        stalled("a.example.com", "192.0.2.2", 3),
        stalled("c.example.com", "192.0.2.3", 4),
        stalled("b.example.com", "192.0.2.4", 5),
    ];
    for turn in 0..log.len() {
        let mut log = log.clone();
        log.rotate_left(turn);
        let found = suspects(log.concat().as_bytes());
        let mut sizes: Vec<usize> = found.peers().iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 3], "{found:#?}");
        assert_eq!(found.list.len(), 4, "nobody is lost");
    }
}

/// Each host that logs has paths of its own.
#[test]
fn hosts_that_log_are_kept_apart() {
    let own = stalled("mx.example.com", "192.0.2.1", 1);
    let other = stalled("mx.example.com", "2001:db8::1", 2).replace(" mail postfix", " relay postfix");
    assert_eq!(suspects(format!("{own}{other}").as_bytes()).peers().len(), 2);
}

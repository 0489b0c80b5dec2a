//! No bytes do harm.

use pmtu_probe::intake::queue;
use pmtu_probe::report::suspects::render;
use proptest::prelude::*;

use super::{file, now, suspects};

/// Pieces of real lines, in any order and cut anywhere, come further than noise.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"Nov  4 05:32:43 mx1 ",
        b"2026-11-24T05:32:43Z mx1 ",
        b"2026-11-24 05:32:43 ",
        b"<22>1 ",
        b"postfix/smtp[1]: ",
        b"postfix/smtpd[1]: ",
        b"postfix/qmgr[1]: ",
        b"smtpd[1]: ",
        b"sm-mta[1]: ",
        b"exim[1]: ",
        b"ABCDEF12: ",
        b"to=<u@e>, relay=mx[192.0.2.1]:25, ",
        b"delays=1/2/3/",
        b"status=deferred (",
        b"status=sent (",
        b"conversation with ",
        b"mx[192.0.2.1]",
        b" timed out while sending message body",
        b"from=<a@b>, size=",
        b"99999999999999999999",
        b"timeout after DATA (",
        b" bytes) from ",
        b"1uA001-000001-10",
        b" H=mx [192.0.2.1]: ",
        b"SMTP timeout after end of data (",
        b"0123456789abcdef ",
        b"mta connecting address=smtp://",
        b"smtp message msgid=",
        b"mta delivery evpid=",
        b" result=\"Ok\"",
        b"timeout waiting for input from ",
        b" during ",
        b", stat=Deferred: ",
        b"xdelay=9+99:99:99, ",
        b"{\"MESSAGE\":[1,2],\"SYSLOG_IDENTIFIER\":\"postfix/smtp\"}",
        b"{\"MESSAGE\":\"",
        b"\"",
        b"[",
        b"]",
        b"<",
        b">",
        b" ",
        b":",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
    ];
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn noise_is_read(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        // Only gzip, which noise may seem to be, can fail.
        let mut log = pmtu_probe::intake::log::Log::new(now());
        let read = log.read(&bytes[..], "noise");
        prop_assert!(read.is_ok() || bytes.starts_with(&[0x1f, 0x8b]));
        let _ = queue::parse(&bytes, now());
    }

    #[test]
    fn pieces_of_lines_are_read_and_shown(bytes in pieces()) {
        let shown = render(&suspects(&bytes));
        prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn a_changed_log_is_read_and_shown(
        name in prop::sample::select(vec!["postfix-3.11-iso.log", "postfix-3.11-journal.json", "exim-4.97-mainlog.log", "sendmail-rfc3164.log", "opensmtpd-6.8-iso.log"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
    ) {
        let mut text = file(name);
        for (index, byte) in changes {
            let at = index.index(text.len());
            text[at] = byte;
        }
        let shown = render(&suspects(&text));
        prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
    }
}

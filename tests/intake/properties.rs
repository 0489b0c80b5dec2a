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

/// Where the words of a server stand in a line, between what the mail server writes itself.
const LINES: [(&[u8], &[u8]); 6] = [
    (
        b"Nov  4 05:32:43 mx1 postfix/smtp[1]: ABCDEF12: to=<u@e>, relay=mx[192.0.2.99]:25, delay=1, delays=0/0/0/300, dsn=4.4.2, \
          status=deferred (host mx[192.0.2.99] said: 421 ",
        b" (in reply to end of DATA command))\n",
    ),
    (b"Nov  4 05:32:43 mx1 postfix/smtp[1]: ABCDEF12: host mx[192.0.2.99] said: 451 ", b" (in reply to RCPT TO command)\n"),
    (
        b"Nov  4 05:32:43 mx1 postfix/smtp[1]: ABCDEF12: to=<u@e>, relay=mx[192.0.2.99]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, \
          status=sent (250 ",
        b")\n",
    ),
    (
        b"2026-11-24 05:32:43 1uA001-000001-10 == u@e R=d T=r defer (-46) H=mx [192.0.2.99]: SMTP error from remote mail server \
          after end of data: 451 ",
        b"\n",
    ),
    (
        b"2026-11-24 05:32:43 1uA001-000001-10 == u@e R=d T=r defer (-46): SMTP error from remote mail server after end of data: \
          host mx [192.0.2.99]: 451 ",
        b"\n",
    ),
    (
        b"Nov  4 05:32:43 mx1 sm-mta[1]: 3A1B2C3D000123: to=<u@e>, delay=01:00:00, xdelay=00:05:00, mailer=esmtp, pri=1, \
          relay=mx. [192.0.2.99], dsn=4.0.0, stat=Deferred: 421 ",
        b"\n",
    ),
];

/// Pieces of accusing lines, without line breaks.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let whole: Vec<&'static [u8]> = vec![
        b"conversation with mx[192.0.2.1] timed out while sending message body",
        b"host mx[192.0.2.1] said: 421 4.4.2 timeout exceeded (in reply to end of DATA command)",
        b" H=mx [192.0.2.1]: SMTP timeout after end of data (90000 bytes written): Connection timed out",
        b"SMTP timeout while connected to mx [192.0.2.1] after end of data",
        b"SMTP data timeout (message abandoned) on connection from mx [192.0.2.1] F=<>",
        b"TLS session: (SSL_connect): timed out: delivering unencrypted to H=mx [192.0.2.1] (x)",
        b"SSL_connect error to mx[192.0.2.1]:25: Connection timed out",
        b"timeout waiting for input from mx. during client DATA status",
        b"timeout after DATA (0 bytes) from mx[192.0.2.1]",
        b"STARTTLS=server, error: accept failed=-1, retry=0, relay=mx [192.0.2.1]",
        b"Nov  4 05:32:43 mx1 postfix/smtp[1]: ABCDEF12: ",
        b"Nov  4 05:32:43 mx1 postfix/smtpd[1]: ",
        b"2026-11-24T05:32:43Z mx1 sm-mta[1]: 3A1B2C3D000123: ",
        b"2026-11-24 05:32:43 1uA001-000001-10 ",
        b"exim[1]: ",
        b" 1uA001-000001-10 ",
        b", status=deferred (",
        b", stat=Sent, relay=mx [192.0.2.1]",
        b" defer (110): Connection timed out: ",
        b" 4.4.2 timeout ",
    ];
    let pieces =
        pieces().prop_map(|bytes| bytes.into_iter().filter(|byte| !matches!(byte, b'\n' | b'\r')).take(400).collect());
    let wholes = prop::collection::vec(prop::sample::select(whole), 0..6).prop_map(|parts| parts.concat());
    prop_oneof![1 => pieces, 3 => wholes]
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

    /// What a stranger says stands behind the server's own words, and accuses nobody but itself.
    #[test]
    fn words_of_a_server_accuse_nobody_else(said in words(), place in 0..LINES.len()) {
        let line = [LINES[place].0, &said, LINES[place].1].concat();
        for suspect in suspects(&line).list {
            let address = suspect.peer.address;
            prop_assert!(address == "192.0.2.99".parse().ok(), "{:?} by {}", suspect.peer, String::from_utf8_lossy(&line));
        }
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

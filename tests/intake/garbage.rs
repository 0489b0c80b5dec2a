//! What is no mail log ends in one clear line, or accuses nobody.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use pmtu_probe::intake::log::{self, Log, Source};
use pmtu_probe::intake::{IntakeError, Period};

use super::{file, now, suspects};

/// A file that is gone with the test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("pmtu-probe-intake-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("a temporary file");
        Self(path)
    }

    fn source(&self) -> Source {
        Source::new(&self.0)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn message(error: &IntakeError) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n') && text.chars().all(|c| !c.is_control()), "{text:?}");
    text
}

#[test]
fn gzip_of_one_member_and_of_many_is_the_same_log() {
    let text = file("postfix-3.7-rfc3164.log");
    let plain = suspects(&text);
    assert!(!plain.list.is_empty());
    let half = text.len() / 2;
    let many = [gzip(&text[..half]), gzip(b""), gzip(&text[half..])].concat();
    assert_eq!(suspects(&gzip(&text)), plain);
    assert_eq!(suspects(&many), plain);
}

#[test]
fn gzip_that_is_cut_or_damaged_is_said() {
    let whole = gzip(&file("postfix-3.7-rfc3164.log"));
    for length in [2, 5, 12, whole.len() / 2, whole.len() - 1] {
        let error = Log::new(now()).read(&whole[..length], "mail.log.2.gz").expect_err("it is cut");
        assert_eq!(error, IntakeError::Gzip { name: "mail.log.2.gz".into() }, "{length}");
        assert!(message(&error).contains("truncated"));
    }
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    assert!(Log::new(now()).read(&damaged[..], "x").is_err());
}

#[test]
fn other_compressions_are_named() {
    for (start, program) in
        [(&b"\xfd7zXZ\0\0\0"[..], "xz"), (b"BZh91AY&SY", "bzip2"), (b"\x28\xb5\x2f\xfd\x04\x00", "zstd")]
    {
        let error = Log::new(now()).read(start, "mail.log").expect_err("it is packed");
        assert!(message(&error).contains(&format!("{program} -dc")), "{error}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named_with_the_way_out() {
    let missing =
        log::read(&[Source::new("/nonexistent/mail.log")], Period::default(), now()).expect_err("it is missing");
    assert!(message(&missing).starts_with("cannot open the log /nonexistent/mail.log: No such file"), "{missing}");
    let folder = log::read(&[Source::new("/tmp")], Period::default(), now()).expect_err("it is a folder");
    assert!(message(&folder).contains("folder"), "{folder}");
    let strange =
        log::read(&[Source::new("/nonexistent/a\nb\x1b[2J")], Period::default(), now()).expect_err("it is missing");
    message(&strange);
}

#[test]
fn a_file_without_mail_and_an_empty_one_are_said() {
    let empty = Temporary::new("empty", b"");
    assert!(
        message(&log::read(&[empty.source()], Period::default(), now()).expect_err("it is empty")).contains(": empty")
    );
    let texts: [(&str, &[u8]); 4] = [
        ("prose", b"Dear Sir or Madam,\n\nplease find attached.\n"),
        ("kernel", b"Nov  4 05:32:43 host kernel: eth0: link up\n2026-11-24T05:32:43Z host sshd[1]: hello\n"),
        ("json", b"{\"MESSAGE\":\"x\",\"SYSLOG_IDENTIFIER\":\"kernel\"}\n{}\n[]\n"),
        ("binary", &[0, 1, 2, 0xff, 0xfe, b'\n', 0x7f, b'E', b'L', b'F', 0, 0, b'\n']),
    ];
    for (name, text) in texts {
        let file = Temporary::new(name, text);
        let error = log::read(&[file.source()], Period::default(), now()).expect_err("no mail log");
        assert!(message(&error).contains("Postfix, Exim, Sendmail, OpenSMTPD, qmail or Exchange"), "{error}");
    }
}

/// Lists of queues that tell no reason, and logs of other things. "None of the lines can be read" would be untrue.
#[test]
fn what_names_no_reason_is_said_with_what_does() {
    let texts: [(&str, &str, &str); 5] = [
        (
            "exim",
            " 3h  1.2M 1tAbCd-0001Ab-2X <a@example.org>\n          u@example.com\n\n",
            "pmtu-probe --from-log /var/log/exim4/mainlog, or for one of them: exim -Mvl ID |",
        ),
        ("sendmail", "\t\t/var/spool/mqueue (1 request)\n-----Q-ID----- --Size--\n", "its log does"),
        ("qmail", "20 Nov 2026 10:00:00 GMT  #49153  1234  <a@example.org> \n\tremote\tu@example.com\n", "qmail-send"),
        ("tcpserver", "@400000006b0020ea075bcd15 tcpserver: status: 1/40\n", "qmail-send"),
        (
            "exchange",
            "\u{feff}#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n",
            "Set-SendConnector NAME -ProtocolLoggingLevel Verbose",
        ),
    ];
    for (name, text, way_out) in texts {
        let file = Temporary::new(name, text.as_bytes());
        let error = log::read(&[file.source()], Period::default(), now()).expect_err("no reasons");
        assert!(message(&error).contains(way_out), "{error}");
        assert!(!message(&error).contains("can be read"), "{error}");
    }
    // Beside a log it is a note.
    let both = [texts[0].1.as_bytes(), &file("exim-4.96-mainlog.log")].concat();
    let shown = pmtu_probe::report::suspects::render(&suspects(&both));
    assert!(shown.contains("Some lines name no reason: Exim's list of its queue"), "{shown}");
    assert_eq!(suspects(&both).list, suspects(&file("exim-4.96-mainlog.log")).list);
}

/// One file of several may be of another kind.
#[test]
fn a_mail_log_among_other_files_is_read() {
    let (mail, other) = (Temporary::new("mail", &file("exim-4.96-mainlog.log")), Temporary::new("other", b"hello\n"));
    let read =
        log::read(&[other.source(), mail.source()], Period::default(), now()).expect("one of them is a mail log");
    assert_eq!(read.list, suspects(&file("exim-4.96-mainlog.log")).list);
}

#[test]
fn formats_may_be_mixed_line_by_line() {
    let parts = ["postfix-3.7-rfc3164.log", "exim-4.96-mainlog.log", "opensmtpd-6.8-iso.log"];
    let texts: Vec<String> = parts.iter().map(|name| String::from_utf8_lossy(&file(name)).into_owned()).collect();
    // Exim's own log has no host, and the others differ in peers or name the same host: only what the first accuses is compared.
    let alone = suspects(texts[1].as_bytes());
    let mut columns: Vec<_> = texts.iter().map(|text| text.lines()).collect();
    let mut mixed = String::new();
    for _ in 0..1000 {
        for line in columns.iter_mut().filter_map(Iterator::next) {
            mixed.push_str(line);
            mixed.push('\n');
        }
    }
    let found = suspects(mixed.as_bytes());
    for suspect in &alone.list {
        assert!(found.list.contains(suspect), "{suspect:?}");
    }
}

#[test]
fn bytes_of_any_value_and_lines_of_any_length_between_do_no_harm() {
    let text = file("postfix-3.11-iso.log");
    let alone = suspects(&text);
    let huge =
        [vec![b'x'; 5 << 20], b"\n".to_vec(), vec![0; 300_000], b"\n\xff\xfe\x00\r\n{\n[\n<\n<22>\n<22>1 \n".to_vec()]
            .concat();
    let mut noisy = Vec::new();
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if index % 50 == 0 {
            noisy.extend(&huge);
        }
        noisy.extend(line);
    }
    let found = suspects(&noisy);
    assert_eq!(found.list, alone.list);
    assert!(found.reading.overlong >= 2, "{:?}", found.reading);
}

#[test]
fn every_prefix_of_a_log_is_read() {
    for name in ["postfix-3.11-journal.json", "sendmail-8.17-iso.log", "opensmtpd-6.8-rfc3164.log"] {
        let text = file(name);
        for cut in (0..text.len()).step_by(211) {
            suspects(&text[..cut]);
        }
    }
}

/// A flood of clients that stall, as of a net of machines, must not take all memory, nor hide a relay.
#[test]
fn a_flood_of_peers_is_bounded_and_said() {
    const KEPT: usize = 4096;
    let mut text = String::new();
    for number in 0..KEPT + 100 {
        let (a, b) = (number / 250, number % 250);
        let line = format!("Nov  4 05:00:00 mx1 postfix/smtpd[1]: timeout after DATA (0 bytes) from x[10.9.{a}.{b}]\n");
        text.push_str(&line);
    }
    text.push_str(
        "Nov  4 05:00:01 mx1 postfix/smtp[1]: ABCDEF12: conversation with 192.0.2.1[192.0.2.1] timed out while sending message body\n",
    );
    let found = suspects(text.as_bytes());
    assert_eq!((found.list.len(), found.reading.forgotten), (KEPT + 1, 100));
    let relay = found.list.iter().find(|suspect| suspect.peer.address == "192.0.2.1".parse().ok());
    assert_eq!(relay.and_then(|suspect| suspect.peer.name.clone()), None);
    assert!(relay.is_some());
}

/// So many healthy peers that they are forgotten now and then; those that stall are not.
#[test]
fn a_suspect_outlives_any_number_of_healthy_peers() {
    let mut text = String::from(
        "Nov  4 05:00:01 mx1 postfix/smtp[1]: ABCDEF12: conversation with mx[192.0.2.1] timed out while sending message body\n",
    );
    for number in 0..100_000_u32 {
        let (a, b, c) = (number >> 16, number >> 8 & 255, number & 255);
        let id = format!("AB{number:08X}");
        let lines = [
            format!("Nov  4 05:00:02 mx1 postfix/smtpd[1]: {id}: client=c[10.{a}.{b}.{c}]\n"),
            format!(
                "Nov  4 05:00:02 mx1 postfix/qmgr[1]: {id}: from=<a@b.example>, size=2000, nrcpt=1 (queue active)\n"
            ),
        ];
        text.extend(lines);
    }
    assert_eq!(suspects(text.as_bytes()).list.len(), 1);
}

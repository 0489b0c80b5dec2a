//! The same lines in every wrapping that people post: the suspect, its grade and its time stay what they are.

use std::fmt::Write as _;

use jiff::Timestamp;
use pmtu_probe::intake::log::Log;
use pmtu_probe::model::{MailFlow, Suspects};
use pmtu_probe::report::suspects::grade_word;
use proptest::prelude::*;

/// A line of a mail server, before anything is wrapped around it.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Seconds since 10:00:00.
    at: u32,
    tag: &'static str,
    message: &'static str,
}

/// What one mailer writes of a small mail that passes and a large one that stalls.
struct Mailer {
    name: &'static str,
    lines: &'static [Line],
    expected: (&'static str, MailFlow, &'static str),
    /// Its lines carry the date themselves.
    is_dated: bool,
}

const MAILERS: [Mailer; 5] = [
    Mailer {
        name: "postfix",
        lines: &[
            Line {
                at: 0,
                tag: "postfix/qmgr",
                message: "1AAA111111: from=<a@example.org>, size=900, nrcpt=1 (queue active)",
            },
            Line {
                at: 1,
                tag: "postfix/smtp",
                message: "1AAA111111: to=<u@example.com>, relay=mx1.example.com[192.0.2.25]:25, delay=1, delays=0.1/0/0.4/0.5, \
                          dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ABC)",
            },
            Line {
                at: 2,
                tag: "postfix/qmgr",
                message: "4ABC1D2E3F: from=<a@example.org>, size=250000, nrcpt=1 (queue active)",
            },
            Line {
                at: 200,
                tag: "postfix/smtp",
                message: "4ABC1D2E3F: to=<u@example.com>, relay=mx1.example.com[192.0.2.25]:25, delay=190, \
                          delays=0.1/0/0.4/189, dsn=4.4.2, status=deferred (conversation with mx1.example.com[192.0.2.25] \
                          timed out while sending message body)",
            },
        ],
        expected: ("192.0.2.25", MailFlow::Outgoing, "classic"),
        is_dated: false,
    },
    Mailer {
        name: "exim",
        lines: &[
            Line {
                at: 0,
                tag: "exim",
                message: "1tAbCd-0001Ab-2X <= a@example.org H=pc [10.0.0.5] P=esmtpsa S=900 id=x@y",
            },
            Line {
                at: 1,
                tag: "exim",
                message: "1tAbCd-0001Ab-2X => u@example.com R=dnslookup T=remote_smtp H=mx1.example.com [192.0.2.25] C=\"250 OK\"",
            },
            Line {
                at: 2,
                tag: "exim",
                message: "1tAbCe-0001Ab-2X <= a@example.org H=pc [10.0.0.5] P=esmtpsa S=250000 id=x@z",
            },
            Line {
                at: 200,
                tag: "exim",
                message: "1tAbCe-0001Ab-2X == u@example.com R=dnslookup T=remote_smtp defer (110): Connection timed out \
                          H=mx1.example.com [192.0.2.25]: SMTP timeout after sending data block (173000 bytes written)",
            },
        ],
        expected: ("192.0.2.25", MailFlow::Outgoing, "classic"),
        is_dated: true,
    },
    Mailer {
        name: "sendmail",
        lines: &[
            Line {
                at: 0,
                tag: "sm-mta",
                message: "3A1B2C3D000121: from=<a@example.org>, size=900, class=0, nrcpts=1, msgid=<x@y>, relay=pc [10.0.0.5]",
            },
            Line {
                at: 1,
                tag: "sm-mta",
                message: "3A1B2C3D000121: to=<u@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=120000, \
                          relay=mx1.example.com. [192.0.2.25], dsn=2.0.0, stat=Sent (Ok)",
            },
            Line {
                at: 2,
                tag: "sm-mta",
                message: "3A1B2C3D000123: from=<a@example.org>, size=250000, class=0, nrcpts=1, msgid=<x@z>, relay=pc [10.0.0.5]",
            },
            Line {
                at: 199,
                tag: "sm-mta",
                message: "3A1B2C3D000123: SYSERR(root): timeout writing message to mx1.example.com.: Connection timed out",
            },
            Line {
                at: 200,
                tag: "sm-mta",
                message: "3A1B2C3D000123: to=<u@example.com>, delay=00:03:20, xdelay=00:03:18, mailer=esmtp, pri=120000, \
                          relay=mx1.example.com. [192.0.2.25], dsn=4.0.0, stat=Deferred: Connection timed out with mx1.example.com.",
            },
        ],
        expected: ("192.0.2.25", MailFlow::Outgoing, "classic"),
        is_dated: false,
    },
    Mailer {
        name: "opensmtpd",
        lines: &[
            Line { at: 0, tag: "smtpd", message: "9a1b2c3d4e5f6071 smtp connected address=10.0.0.5 host=pc" },
            Line {
                at: 0,
                tag: "smtpd",
                message: "9a1b2c3d4e5f6071 smtp message msgid=0123abcd size=900 nrcpt=1 proto=ESMTP",
            },
            Line {
                at: 1,
                tag: "smtpd",
                message: "9a1b2c3d4e5f6072 mta delivery evpid=0123abcd4567ef89 from=<a@b.example> to=<u@example.com> rcpt=<-> \
                          source=\"192.0.2.9\" relay=\"192.0.2.25 (mx1.example.com)\" delay=1s result=\"Ok\" stat=\"250 ok\"",
            },
            Line { at: 2, tag: "smtpd", message: "9a1b2c3d4e5f6073 smtp connected address=10.0.0.5 host=pc" },
            Line {
                at: 2,
                tag: "smtpd",
                message: "9a1b2c3d4e5f6073 smtp message msgid=0123abce size=250000 nrcpt=1 proto=ESMTP",
            },
            Line {
                at: 3,
                tag: "smtpd",
                message: "9a1b2c3d4e5f6074 mta connecting address=smtp://192.0.2.25:25 host=mx1.example.com",
            },
            Line { at: 3, tag: "smtpd", message: "9a1b2c3d4e5f6074 mta connected" },
            Line {
                at: 200,
                tag: "smtpd",
                message: "9a1b2c3d4e5f6074 mta delivery evpid=0123abce4567ef89 from=<a@b.example> to=<u@example.com> rcpt=<-> \
                          source=\"192.0.2.9\" relay=\"192.0.2.25 (mx1.example.com)\" delay=3m result=\"TempFail\" \
                          stat=\"Connection timeout\"",
            },
        ],
        expected: ("192.0.2.25", MailFlow::Outgoing, "likely"),
        is_dated: false,
    },
    Mailer {
        name: "qmail",
        lines: &[
            Line {
                at: 0,
                tag: "qmail",
                message: "1795168800.5 info msg 49153: bytes 900 from <a@example.org> qp 101 uid 1000",
            },
            Line {
                at: 0,
                tag: "qmail",
                message: "1795168800.5 starting delivery 1: msg 49153 to remote u@example.com",
            },
            Line {
                at: 1,
                tag: "qmail",
                message: "1795168801.5 delivery 1: success: 192.0.2.25_accepted_message./Remote_host_said:_250_Ok/",
            },
            Line {
                at: 2,
                tag: "qmail",
                message: "1795168802.5 info msg 49154: bytes 250000 from <a@example.org> qp 102 uid 1000",
            },
            Line {
                at: 2,
                tag: "qmail",
                message: "1795168802.5 starting delivery 2: msg 49154 to remote u@example.com",
            },
            Line {
                at: 200,
                tag: "qmail",
                message: "1795169000.5 delivery 2: deferral: 192.0.2.25_failed_after_I_sent_the_message./Remote_host_said:_421_4.4.2_mx1_Error:_timeout_exceeded/",
            },
        ],
        expected: ("192.0.2.25", MailFlow::Outgoing, "classic"),
        is_dated: false,
    },
];

/// The last line is written 200 s after the first.
const LAST: &str = "2026-11-20 10:03:20";

/// A wrapping: its name, and what becomes of the lines.
struct Wrapping {
    name: &'static str,
    wrap: fn(&Mailer) -> Vec<u8>,
    /// Whether it keeps the time of the line.
    is_timed: bool,
}

fn clock(line: &Line) -> String {
    let seconds = 36_000 + line.at;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn syslog(line: &Line) -> String {
    format!("Nov 20 {} mail {}[101]: {}", clock(line), line.tag, line.message)
}

fn micros(line: &Line) -> i64 {
    let start: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
    start.as_microsecond() + i64::from(line.at) * 1_000_000
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("text")
}

/// `<` and `>` as Go writes them.
fn go_json(text: &str) -> String {
    json(text).replace('<', "\\u003c").replace('>', "\\u003e")
}

fn csv(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn each(mailer: &Mailer, line: impl Fn(&Line) -> String) -> Vec<u8> {
    mailer.lines.iter().map(|one| line(one) + "\n").collect::<String>().into_bytes()
}

macro_rules! wrappings {
    ($($name:literal, $is_timed:literal => |$line:ident| $text:expr;)*) => {
        vec![$(Wrapping { name: $name, wrap: |mailer| each(mailer, |$line| $text), is_timed: $is_timed },)*]
    };
}

#[allow(clippy::too_many_lines)] // a table
fn wrappings() -> Vec<Wrapping> {
    let mut all = wrappings! {
        "as written", true => |line| syslog(line);
        "a space for the day", true => |line| syslog(line).replace("Nov 20", "Nov  20");
        "priority", true => |line| format!("<22>{}", syslog(line));
        "rfc 5424", true => |line| format!("<22>1 2026-11-20T{}Z mail {} 101 - - {}", clock(line), line.tag, line.message);
        "iso", true => |line| format!("2026-11-20T{}.123456+00:00 mail {}[101]: {}", clock(line), line.tag, line.message);
        "short-precise", true => |line| format!("Nov 20 {}.123456 mail {}[101]: {}", clock(line), line.tag, line.message);
        "short-iso", true => |line| format!("2026-11-20T{}+0000 mail {}[101]: {}", clock(line), line.tag, line.message);
        "short-full", true => |line| format!("Fri 2026-11-20 {} CET mail {}[101]: {}", clock(line), line.tag, line.message);
        "short-unix", true => |line| format!("{}.123456 mail {}[101]: {}", micros(line) / 1_000_000, line.tag, line.message);
        "short-monotonic", false => |line| format!("[ 1234.{:06}] mail {}[101]: {}", line.at, line.tag, line.message);
        "cat", false => |line| line.message.to_owned();
        "a year behind the day", true => |line| syslog(line).replace("Nov 20", "Nov 20 2026");
        "a year in front", true => |line| format!("2026 {}", syslog(line));
        "polish", true => |line| syslog(line).replace("Nov", "lis");
        "french", true => |line| syslog(line).replace("Nov", "nov.");
        "russian", true => |line| syslog(line).replace("Nov", "ноя");
        "japanese", true => |line| syslog(line).replace("Nov", "11月");
        "dutch day first", true => |line| syslog(line).replace("Nov 20", "20 nov 2026");
        "busybox", true => |line| syslog(line).replace(" mail ", " mail mail.info ");
        "no host", true => |line| syslog(line).replace(" mail ", " ");
        "solaris", true => |line| syslog(line).replacen("]: ", "]: [ID 197553 mail.info] ", 1);
        "docker logs -t", true => |line| format!("2026-11-20T09:00:01.123456789Z {}", syslog(line));
        "compose 1", true => |line| format!("mail_1  | {}", syslog(line));
        "compose 2", true => |line| format!("mailserver  | {}", syslog(line));
        "compose 2 with colours", true => |line| format!("\u{1b}[36mmailserver  | \u{1b}[0m{}", syslog(line));
        "compose -t", true => |line| format!("mailserver  | 2026-11-20T09:00:01.123456789Z {}", syslog(line));
        "swarm", true => |line| format!("mail_postfix.1.abc123@node1    | {}", syslog(line));
        "json-file", true => |line| format!(
            "{{\"log\":{},\"stream\":\"stdout\",\"time\":\"2026-11-20T09:00:01.123456789Z\"}}", go_json(&(syslog(line) + "\n")));
        "cri", true => |line| format!("2026-11-20T09:00:01.123456789Z stdout F {}", syslog(line));
        "kubectl --prefix", true => |line| format!("[pod/postfix-0/postfix] {}", syslog(line));
        "stern", true => |line| format!("postfix-0 postfix {}", syslog(line));
        "mailcow", true => |line| format!("2026-11-20T10:00:01+01:00 localhost postfix[868]: {}", syslog(line));
        "relayed", true => |line| format!("Nov 20 10:09:59 relay 2026-11-20T{}+00:00 mail {}[101]: {}", clock(line), line.tag, line.message);
        "container by syslog", true => |line| format!("Nov 20 10:09:59 host docker/mailserver[777]: {}", syslog(line));
        "journald", true => |line| format!(
            "{{\"MESSAGE\":{},\"SYSLOG_IDENTIFIER\":\"{}\",\"_HOSTNAME\":\"mail\",\"__REALTIME_TIMESTAMP\":\"{}\"}}",
            json(line.message), line.tag, micros(line));
        "journald of a container", true => |line| format!(
            "{{\"MESSAGE\":{},\"SYSLOG_IDENTIFIER\":\"0123456789ab\",\"_HOSTNAME\":\"host\",\"__REALTIME_TIMESTAMP\":\"1\"}}",
            json(&syslog(line)));
        "json-seq", true => |line| format!(
            "\u{1e}{{\"SYSLOG_IDENTIFIER\":\"{}\",\"MESSAGE\":{},\"__REALTIME_TIMESTAMP\":\"{}\"}}",
            line.tag, json(line.message), micros(line));
        "json-sse", true => |line| format!(
            "data: {{\"SYSLOG_IDENTIFIER\":\"{}\",\"MESSAGE\":{},\"__REALTIME_TIMESTAMP\":\"{}\"}}\n",
            line.tag, json(line.message), micros(line));
        "export", true => |line| format!(
            "__CURSOR=s=1\n__REALTIME_TIMESTAMP={}\nSYSLOG_IDENTIFIER={}\n_HOSTNAME=mail\nMESSAGE={}\n",
            micros(line), line.tag, line.message);
        "verbose", true => |line| format!(
            "Fri 2026-11-20 {}.123456 UTC [s=1f;i=2;b=3]\n    _TRANSPORT=syslog\n    SYSLOG_IDENTIFIER={}\n    MESSAGE={}",
            clock(line), line.tag, line.message);
        "json-pretty", true => |line| format!(
            "{{\n\t\"__REALTIME_TIMESTAMP\" : \"{}\",\n\t\"SYSLOG_IDENTIFIER\" : \"{}\",\n\t\"MESSAGE\" : {}\n}}",
            micros(line), line.tag, json(line.message));
        "elasticsearch", true => |line| format!("{{\"_index\":\"x\",\"_source\":{{\"message\":{}}}}}", json(&syslog(line)));
        "loki", true => |line| format!("{{\"labels\":{{\"app\":\"mail\"}},\"line\":{}}}", json(&syslog(line)));
        "fields of a collector", true => |line| format!(
            "{{\"program\":\"{}\",\"pid\":\"101\",\"host\":\"mail\",\"message\":{},\"@timestamp\":\"2026-11-20T{}Z\"}}",
            line.tag, json(line.message), clock(line));
        "logfmt", true => |line| format!("level=info msg={} app=mail", json(&syslog(line)));
        "csv of lines", true => |line| format!("{},x", csv(&syslog(line)));
        "csv of columns", true => |line| format!(
            "\"2026-11-20 {}\",\"mail\",\"{}[101]\",{}", clock(line), line.tag, csv(line.message));
        "tabs", true => |line| format!("2026-11-20 {}\tmail\t{}[101]\t{}", clock(line), line.tag, line.message);
        "german web interface", true => |line| format!("20.11.2026 {} mail {}[101]: {}", clock(line), line.tag, line.message);
        "american web interface", true => |line| format!("11/20/2026 {} AM mail {}[101]: {}", clock(line), line.tag, line.message);
        "grep", true => |line| format!("/var/log/mail.log:{}", syslog(line));
        "grep -n", true => |line| format!("/var/log/mail.log:4711:{}", syslog(line));
        "grep -A", true => |line| format!("/var/log/mail.log-{}", syslog(line));
        "zgrep", true => |line| format!("/var/log/mail.log.2.gz:{}", syslog(line));
        "quoted", true => |line| format!("> {}", syslog(line));
        "quoted twice", true => |line| format!(">> {}", syslog(line));
        "indented", true => |line| format!("    {}", syslog(line));
        "tab", true => |line| format!("\t{}", syslog(line));
        "list", true => |line| format!("* {}", syslog(line));
        "backticks", true => |line| format!("`{}`", syslog(line));
        "lines with numbers", true => |line| format!("  42  {}", syslog(line));
        "windows", true => |line| syslog(line) + "\r";
        "blanks at the end", true => |line| syslog(line) + "   ";
        "empty lines between", true => |line| syslog(line) + "\n";
    };
    all.push(Wrapping {
        name: "utf-8 with a mark",
        is_timed: true,
        wrap: |mailer| [b"\xef\xbb\xbf".to_vec(), each(mailer, syslog)].concat(),
    });
    all.push(Wrapping {
        name: "utf-16",
        is_timed: true,
        wrap: |mailer| utf16(&each(mailer, syslog), u16::to_le_bytes),
    });
    all.push(Wrapping {
        name: "utf-16, the other way",
        is_timed: true,
        wrap: |mailer| utf16(&each(mailer, syslog), u16::to_be_bytes),
    });
    all.push(Wrapping { name: "json in an array", is_timed: true, wrap: in_an_array });
    all.push(Wrapping {
        name: "folded",
        is_timed: true,
        wrap: |mailer| each(mailer, |line| folded(&syslog(line), "    ")),
    });
    all.push(Wrapping {
        name: "folded and quoted",
        is_timed: true,
        wrap: |mailer| each(mailer, |line| folded(&syslog(line), "> ")),
    });
    all
}

fn utf16(text: &[u8], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
}

fn in_an_array(mailer: &Mailer) -> Vec<u8> {
    let objects: Vec<String> =
        mailer.lines.iter().map(|line| format!("{{\"message\":{}}}", json(&syslog(line)))).collect();
    format!("[{}]\n", objects.join(",\n")).into_bytes()
}

/// As mail programs wrap: at spaces, after 72 characters.
fn folded(line: &str, prefix: &str) -> String {
    let (mut out, mut length) = (String::new(), 0);
    for word in line.split(' ') {
        if length + word.len() > 72 && length > 0 {
            let _ = write!(out, "\n{prefix}");
            length = 0;
        } else if length > 0 {
            out.push(' ');
        }
        out.push_str(word);
        length += word.len() + 1;
    }
    out
}

fn read(text: &[u8]) -> Suspects {
    let mut log = Log::new("2026-11-24T12:00:00Z".parse().expect("a time"));
    log.read(text, "text").expect("a text can be read");
    log.suspects()
}

fn fault(mailer: &Mailer, wrapping: &Wrapping, text: &[u8]) -> Option<String> {
    let suspects = read(text);
    let (address, flow, grade) = mailer.expected;
    let named: Vec<_> = suspects
        .list
        .iter()
        .map(|suspect| {
            (suspect.peer.address.map(|address| address.to_string()), suspect.flow, grade_word(suspect.grade))
        })
        .collect();
    let last = suspects.list.first().and_then(|suspect| suspect.last).map(|time| time.to_string());
    let is_timed = !wrapping.is_timed || last.as_deref().is_some_and(|last| last.starts_with(LAST));
    let is_right = named == [(Some(address.to_owned()), flow, grade)] && suspects.reading.unread == 0 && is_timed;
    (!is_right).then(|| {
        format!("{} of {}: {named:?}, last {last:?}, {} unread", wrapping.name, mailer.name, suspects.reading.unread)
    })
}

/// Every wrapping of every mailer, by the name of the wrapping.
pub(super) fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let all = wrappings();
    MAILERS.iter().flat_map(|mailer| all.iter().map(move |wrapping| (wrapping.name, (wrapping.wrap)(mailer)))).collect()
}

/// Exim dates its lines itself, so a message alone is a line of its own log.
fn is_possible(mailer: &Mailer, wrapping: &Wrapping) -> bool {
    !(mailer.is_dated && wrapping.name == "cat")
}

#[test]
fn every_mailer_is_read_in_every_wrapping() {
    let wrappings = wrappings();
    println!("{} wrappings, {} mail servers", wrappings.len(), MAILERS.len());
    assert!(wrappings.len() >= 60, "{}", wrappings.len());
    let pairs = MAILERS.iter().flat_map(|mailer| wrappings.iter().map(move |wrapping| (mailer, wrapping)));
    let possible = pairs.filter(|(mailer, wrapping)| is_possible(mailer, wrapping));
    let faults: Vec<String> =
        possible.filter_map(|(mailer, wrapping)| fault(mailer, wrapping, &(wrapping.wrap)(mailer))).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Exim's own log has no tag.
#[test]
fn exims_own_log_is_read_in_prefixes() {
    let exim = &MAILERS[1];
    let own = |line: &Line| format!("2026-11-20 {} {}", clock(line), line.message);
    for prefix in [
        "",
        "exim  | ",
        "> ",
        "mainlog:",
        "/var/log/exim4/mainlog:",
        "    ",
        "2026-11-20T09:00:01.123456789Z stdout F ",
    ] {
        let text = each(exim, |line| format!("{prefix}{}", own(line)));
        let wrapping = Wrapping { name: "prefix", wrap: |_| Vec::new(), is_timed: true };
        assert_eq!(fault(exim, &wrapping, &text), None, "{prefix:?}");
    }
}

proptest! {
    /// Two wrappings of lines, one in the other, with other lines in between.
    #[test]
    fn prefixes_may_be_stacked(
        mailer in 0..MAILERS.len(),
        prefixes in proptest::collection::vec("(> |\\* |\t|    |mail_1  \\| |/var/log/mail\\.log:|\\[pod/a/b\\] |2026-11-20T09:00:01\\.123456789Z )", 0..4),
        noise in "(Nov 20 10:00:01 mail sshd\\[1\\]: session opened|-- Boot 1f --|\\{\"a\":1\\}|)",
    ) {
        let mailer = &MAILERS[mailer];
        let prefix = prefixes.concat();
        let text = each(mailer, |line| format!("{prefix}{}\n{noise}", syslog(line)));
        let wrapping = Wrapping { name: "stacked", wrap: |_| Vec::new(), is_timed: true };
        prop_assert_eq!(fault(mailer, &wrapping, &text), None);
    }
}

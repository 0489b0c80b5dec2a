//! Logs in which an event takes several lines, or whose lines name no mail: Exim's of one mail, tlsproxy, qmail, Exchange.

use super::{Meaning, exim, syslog};

const NOBODY: &[&str] = &[];

pub(super) fn meanings() -> Vec<Meaning> {
    [of_one_mail(), of_tlsproxy(), of_qmail(), of_exchange_out(), of_exchange_in(), of_queues()].concat()
}

/// `exim -Mvl`.
fn of_one_mail() -> Vec<Meaning> {
    let received = "Received from a@example.org U=root P=local S=3043128";
    let defer = |words: &str| format!("u@example.com R=dnslookup T=remote_smtp defer {words}");
    vec![
        (
            "Exim's log of a mail that stalls in its body, and again",
            exim(&[
                received,
                "H=mx.example.com [192.0.2.1]: SMTP timeout after sending data block (2800654 bytes written): Connection timed out",
                &defer(
                    "(110): Connection timed out H=mx.example.com [192.0.2.1]: SMTP timeout after sending data block (2800654 bytes written)",
                ),
                &defer(
                    "(110): Connection timed out H=mx.example.com [192.0.2.1]: SMTP timeout after end of data (3043128 bytes written)",
                ),
            ]),
            &["likely there to 192.0.2.1"],
        ),
        (
            "Exim's log of a mail of less than a packet that stalls",
            exim(&[
                "Received from <> U=root P=local S=761",
                &defer(
                    "(110): Connection timed out H=mx [192.0.2.1]: SMTP timeout after end of data (781 bytes written)",
                ),
            ]),
            NOBODY,
        ),
        (
            "Exim's log of a mail whose server was never reached",
            exim(&[
                received,
                "H=mx [192.0.2.1]: SMTP timeout after initial connection: Connection timed out",
                &defer("(110): Connection timed out H=mx [192.0.2.1]: SMTP timeout after initial connection"),
            ]),
            NOBODY,
        ),
        (
            "Exim's log of a mail whose server says what Exim would",
            exim(&[
                received,
                &defer(
                    "(-46) H=mx [192.0.2.1]: SMTP error from remote mail server after end of data: 451 H=x [192.0.2.66]: SMTP timeout after end of data (9 bytes written)",
                ),
            ]),
            NOBODY,
        ),
        (
            "Exim's log of a mail that waits for a name",
            exim(&[received, &defer("(-36): host lookup did not complete (DNS timeout?)")]),
            NOBODY,
        ),
    ]
}

fn of_tlsproxy() -> Vec<Meaning> {
    let lines = |way: &str, peer: &str, how: &str| {
        let all = [
            format!("CONNECT {way} {peer}"),
            how.replace("PEER", peer),
            format!("TLS handshake failed for service=smtp peer={peer}"),
            format!("DISCONNECT {peer}"),
        ];
        syslog("postfix/tlsproxy", &all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let timed_out = "warning: ciphertext read/write timeout for PEER";
    let broken = "warning: TLS library problem: error:0A00010B:SSL routines::wrong version number";
    vec![
        (
            "a handshake with a relay, by tlsproxy",
            lines("to", "[192.0.2.1]:25", timed_out),
            &["possible both to 192.0.2.1"],
        ),
        (
            "two handshakes of a client of postscreen",
            lines("from", "[198.51.100.7]:60054", timed_out).repeat(2),
            &["possible both from 198.51.100.7"],
        ),
        ("one handshake of a client of postscreen", lines("from", "[198.51.100.7]:60054", timed_out), NOBODY),
        ("a handshake that fails at once, by tlsproxy", lines("to", "[192.0.2.1]:25", broken), NOBODY),
        (
            "a session that times out after its handshake",
            syslog(
                "postfix/tlsproxy",
                &[
                    "CONNECT to [192.0.2.1]:25",
                    "warning: ciphertext read/write timeout for [192.0.2.1]:25",
                    "DISCONNECT [192.0.2.1]:25",
                ],
            ),
            NOBODY,
        ),
    ]
}

/// A delivery of qmail-send that takes so many seconds, as tai64nlocal shows it.
fn delivery(number: u32, size: u64, seconds: u32, outcome: &str) -> String {
    let at = |second: u32| format!("2026-11-03 1{number}:{:02}:{:02}.123456", second / 60, second % 60);
    format!(
        "{0} new msg 49153\n{0} info msg 49153: bytes {size} from <a@example.org> qp 10{number} uid 1000\n\
         {0} starting delivery {number}: msg 49153 to remote u@example.com\n{0} status: local 0/10 remote 1/20\n\
         {1} delivery {number}: {outcome}\n{1} status: local 0/10 remote 0/20\n",
        at(0),
        at(seconds)
    )
}

fn of_qmail() -> Vec<Meaning> {
    let died = "deferral: Connected_to_192.0.2.1_but_connection_died.";
    let end = format!("{died}_Possible_duplicate!_(#4.4.2)/");
    let sent = |number, size| {
        delivery(number, size, 1, "success: 192.0.2.1_accepted_message./Remote_host_said:_250_ok_1795168800_qp_12345/")
    };
    let said = |words: &str| {
        format!("deferral: 192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_{}/", words.replace(' ', "_"))
    };
    let after = |seconds, outcome: &str| sent(0, 900) + &delivery(1, 90_000, seconds, outcome);
    vec![
        ("qmail: the end of data times out, small mail passes", after(1200, &end), &["classic there to 192.0.2.1"]),
        ("qmail: the end of data times out", delivery(1, 90_000, 1200, &end), &["likely there to 192.0.2.1"]),
        (
            "qmail: a server hangs up at the end of data after five minutes",
            after(300, &end),
            &["possible there to 192.0.2.1"],
        ),
        (
            "qmail: a server gives up after five minutes and says so",
            after(301, &said("421 4.4.2 mx.example.com Error: timeout exceeded")),
            &["classic there to 192.0.2.1"],
        ),
        (
            "qmail: a large body, of which qmail does not say where it stalled",
            delivery(1, 9_000_000, 1201, &format!("{died}_(#4.4.2)/")),
            &["possible there to 192.0.2.1"],
        ),
        (
            "qmail: the handshake",
            delivery(1, 9000, 1200, "deferral: TLS_connect_failed:_timed_out;_connected_to_192.0.2.1./"),
            &["possible both to 192.0.2.1"],
        ),
        (
            "qmail by syslog",
            syslog(
                "qmail",
                &[
                    "1795168800.123456 info msg 49153: bytes 90000 from <a@example.org> qp 101 uid 1000",
                    "1795168800.123456 starting delivery 7: msg 49153 to remote u@example.com",
                    &format!("1795170001.123456 delivery 7: {end}"),
                ],
            ),
            &["likely there to 192.0.2.1"],
        ),
        (
            "qmail by multilog",
            format!(
                "@400000006b0020ea075bcd15 info msg 49153: bytes 90000 from <a@example.org> qp 101 uid 1000\n\
                 @400000006b0020ea075bcd15 starting delivery 7: msg 49153 to remote u@example.com\n\
                 @400000006b00259b075bcd15 delivery 7: {end}\n"
            ),
            &["likely there to 192.0.2.1"],
        ),
        ("qmail: a connection that dies at once", after(2, &format!("{died}_(#4.4.2)/")), NOBODY),
        ("qmail: a connection that dies at once at the end of data", after(2, &end), NOBODY),
        ("qmail: a tarpit that hangs up after ten minutes", after(600, &format!("{died}_(#4.4.2)/")), NOBODY),
        ("qmail: a scanner that times out", after(301, &said("451 4.7.1 Virus scanner timed out")), NOBODY),
        (
            "qmail: a connection that never stood",
            after(60, "deferral: Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/"),
            NOBODY,
        ),
        (
            "qmail: greylisting",
            after(
                1,
                "deferral: 192.0.2.1_does_not_like_recipient./Remote_host_said:_451_4.7.1_Greylisted,_timeout_300/",
            ),
            NOBODY,
        ),
        (
            "qmail: one accident, mail of the same size passes under the same number",
            sent(0, 90_000) + &delivery(1, 90_000, 1200, &end) + &sent(2, 90_000) + &sent(3, 90_000),
            NOBODY,
        ),
        (
            "qmail: a server that accuses another in its own words",
            after(301, &said("451 Connected to 192.0.2.66 but connection died. Possible duplicate! (#4.4.2)")),
            NOBODY,
        ),
    ]
}

/// Lines of one session: how many seconds after ten, the event, the data and the context.
fn session(number: u32, remote: &str, lines: &[(u32, &str, &str, &str)]) -> String {
    let head = "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n";
    let line = |(at, (second, event, data, context)): (usize, &(u32, &str, &str, &str))| {
        let data = if data.contains(',') { format!("\"{data}\"") } else { (*data).to_owned() };
        format!(
            "2026-11-03T1{number}:{:02}:{:02}.123Z,\"Internet, all\",08D675E58CA1DA3{number},{at},10.0.0.6:41000,{remote},{event},{data},{context}\r\n",
            second / 60,
            second % 60
        )
    };
    head.to_owned() + &lines.iter().enumerate().map(line).collect::<String>()
}

type Step = (u32, &'static str, &'static str, &'static str);

const OUT: [Step; 9] = [
    (0, "*", "", "attempting to connect"),
    (0, "+", "", ""),
    (0, "<", "220 mx.example.com ESMTP Postfix", ""),
    (0, ">", "EHLO mail.example.org", ""),
    (0, "<", "250  mx.example.com SIZE 50000000 PIPELINING CHUNKING", ""),
    (0, ">", "MAIL FROM:<a@example.org> SIZE=90000", ""),
    (0, ">", "RCPT TO:<u@example.com>", ""),
    (0, "<", "250 2.1.0 Ok", ""),
    (0, "<", "250 2.1.5 Ok", ""),
];

#[allow(clippy::too_many_lines)] // a table
fn of_exchange_out() -> Vec<Meaning> {
    let out = |rest: &[Step]| session(1, "192.0.2.1:25", &[&OUT, rest].concat());
    let small = || {
        let mut steps = OUT.to_vec();
        steps[5].2 = "MAIL FROM:<a@example.org> SIZE=900";
        steps.extend([
            (0, ">", "BDAT 900 LAST", ""),
            (1, "<", "250 2.0.0 Ok: queued as ABC", ""),
            (1, "-", "", "Local"),
        ]);
        session(0, "192.0.2.1:25", &steps)
    };
    let bdat = (0, ">", "BDAT 90000 LAST", "");
    vec![
        (
            "Exchange waits for the reply to a mail, small mail passes",
            small() + &out(&[bdat, (600, "-", "", "Local")]),
            &["classic there to 192.0.2.1"],
        ),
        (
            "Exchange waits for the reply to a mail",
            out(&[bdat, (600, "-", "", "Remote(TimedOut)")]),
            &["likely there to 192.0.2.1"],
        ),
        (
            "Exchange sends by DATA",
            out(&[(0, ">", "DATA", ""), (0, "<", "354 End data with <CR><LF>.<CR><LF>", ""), (600, "-", "", "Local")]),
            &["likely there to 192.0.2.1"],
        ),
        (
            "Exchange is told that the server gave up",
            out(&[bdat, (300, "<", "421 4.4.2 mx.example.com Error: timeout exceeded", ""), (300, "-", "", "Local")]),
            &["likely there to 192.0.2.1"],
        ),
        (
            "Exchange: the server hangs up after five minutes",
            out(&[bdat, (300, "-", "", "Remote(ConnectionReset)")]),
            &["possible there to 192.0.2.1"],
        ),
        (
            "Exchange: the handshake",
            session(
                1,
                "[2001:db8::1]:25",
                &[
                    &OUT[..5],
                    &[
                        (0, ">", "STARTTLS", ""),
                        (0, "<", "220 2.0.0 Ready to start TLS", ""),
                        (0, "*", "", "Sending certificate"),
                        (300, "-", "", "Local"),
                    ],
                ]
                .concat(),
            ),
            &["possible both to 2001:db8::1"],
        ),
        (
            "Exchange: a mail that passes slowly",
            out(&[bdat, (540, "<", "250 2.0.0 Ok: queued", ""), (540, "-", "", "Local")]),
            NOBODY,
        ),
        ("Exchange: a quick hang-up", out(&[bdat, (3, "-", "", "Remote")]), NOBODY),
        (
            "Exchange: a scanner that times out",
            out(&[bdat, (300, "<", "451 4.7.1 Virus scanner timed out", ""), (300, "-", "", "Local")]),
            NOBODY,
        ),
        (
            "Exchange: greylisting",
            session(
                1,
                "192.0.2.1:25",
                &[&OUT[..8], &[(70, "<", "450 4.2.0 Greylisted, timeout 300", ""), (70, "-", "", "Local")]].concat(),
            ),
            NOBODY,
        ),
        (
            "Exchange: a tarpit at the greeting",
            session(1, "192.0.2.1:25", &[OUT[0], OUT[1], (300, "-", "", "Local")]),
            NOBODY,
        ),
        (
            "Exchange: a session that is kept open after its mail",
            out(&[bdat, (1, "<", "250 2.0.0 Ok: queued", ""), (300, "-", "", "Remote")]),
            NOBODY,
        ),
        (
            "Exchange: a session that is kept open after its handshake",
            session(
                1,
                "192.0.2.1:25",
                &[
                    &OUT[..5],
                    &[
                        (0, ">", "STARTTLS", ""),
                        (0, "<", "220 2.0.0 Ready to start TLS", ""),
                        (
                            0,
                            "*",
                            " TLS protocol SP_PROT_TLS1_2_CLIENT negotiation succeeded using bulk encryption algorithm",
                            "",
                        ),
                        (300, "-", "", "Local"),
                    ],
                ]
                .concat(),
            ),
            NOBODY,
        ),
    ]
}

const IN: [Step; 7] = [
    (0, "+", "", ""),
    (0, ">", "220 EX1 Microsoft ESMTP MAIL Service ready at Tue, 3 Nov 2026 10:00:00 +0000", ""),
    (0, "<", "EHLO mx.example.net", ""),
    (0, ">", "250  EX1 Hello [198.51.100.7] SIZE 37748736 PIPELINING CHUNKING", ""),
    (0, "<", "MAIL FROM:<x@example.net> SIZE=90000", ""),
    (0, "<", "RCPT TO:<a@example.org>", ""),
    (0, ">", "250 2.1.0 Sender OK", ""),
];

fn of_exchange_in() -> Vec<Meaning> {
    let steps = |rest: &[Step]| session(1, "198.51.100.7:41234", &[&IN, rest].concat());
    let data: [Step; 2] = [(0, "<", "DATA", ""), (0, ">", "354 Start mail input; end with <CRLF>.<CRLF>", "")];
    let with_data = |rest: &[Step]| steps(&[&data, rest].concat());
    let arrived = || {
        let told =
            "250 2.6.0 <x@y> [InternalId=1, Hostname=EX1] 2000 bytes in 0.102, 109,173 KB/sec Queued mail for delivery";
        let mut steps = [&IN[..], &data, &[(1, ">", told, ""), (2, "-", "", "Remote")]].concat();
        steps[4].2 = "MAIL FROM:<x@example.net>";
        session(0, "198.51.100.7:41000", &steps)
    };
    vec![
        (
            "a client of Exchange falls silent in its data",
            with_data(&[(300, ">", "421 4.4.1 Connection timed out", ""), (300, "-", "", "Local")]),
            &["likely back from 198.51.100.7"],
        ),
        (
            "a client of Exchange falls silent after BDAT, its small mail arrives",
            arrived()
                + &steps(&[
                    (0, "<", "BDAT 90000 LAST", ""),
                    (300, ">", "451 4.7.0 Timeout waiting for client input", ""),
                    (300, "-", "", "Local"),
                ]),
            &["classic back from 198.51.100.7"],
        ),
        ("a client of Exchange that hangs up in its data", with_data(&[(300, "-", "", "Remote")]), NOBODY),
        (
            "an idle client of Exchange",
            steps(&[(300, ">", "421 4.4.1 Connection timed out", ""), (300, "-", "", "Local")]),
            NOBODY,
        ),
        (
            "a client of Exchange whose mail is refused after a while",
            with_data(&[(90, ">", "452 4.3.1 Insufficient system resources", ""), (90, "-", "", "Local")]),
            NOBODY,
        ),
    ]
}

/// Queues in which nobody is accused, or weakly.
fn of_queues() -> Vec<Meaning> {
    let mailq = |reason: &str| {
        format!(
            "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n\
             4ABC1D2E3F*  250000 Tue Nov  3 10:00:00  a@example.org\n({reason})\n\
             \x20                                        u@example.com\n\n-- 244 Kbytes in 1 Request.\n"
        )
    };
    let said = |words: &str| format!("host mx.example.com[192.0.2.1] said: {words} (in reply to end of DATA command)");
    vec![
        (
            "mailq: a server that gave up, nobody knows after what wait",
            mailq(&said("421 4.4.2 mx.example.com Error: timeout exceeded")),
            &["possible there to 192.0.2.1"],
        ),
        ("mailq: a scanner that times out", mailq(&said("451 4.7.1 Virus scanner timed out")), NOBODY),
        ("mailq: a full disk", mailq(&said("452 4.3.1 Insufficient system storage")), NOBODY),
        ("mailq of Exim", " 3h  1.2M 1tAbCd-0001Ab-2X <a@example.org>\n          u@example.com\n\n".to_owned(), NOBODY),
        (
            "mailq of Sendmail",
            "\t\t/var/spool/mqueue (1 request)\n\
             -----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n\
             3A1B2C3D000123     5123 Tue Nov  3 10:00 <a@example.org>\n\
             \x20                (Deferred: Connection timed out with mx.example.com.)\n\
             \t\t\t\t\t <u@example.com>\n\t\tTotal requests: 1\n"
                .to_owned(),
            NOBODY,
        ),
    ]
}

//! Stalls at every stage, in the words of every server.

use super::{Meaning, exim, postfix, syslog};

const GAVE_UP: &str = "421 4.4.2 mx.example.com Error: timeout exceeded";
const EXIM: &str = "1tAbCd-0001Ab-2X";
const IN: &str = "1tAbCd-0001Ab-2X <= a@example.org H=pc [10.0.0.5] P=esmtps S=250000 id=x@y";

pub(super) fn meanings() -> Vec<Meaning> {
    [of_postfix(), handshakes(), of_clients(), of_exim(), ended_by_relays(), of_sendmail(), of_opensmtpd()].concat()
}

fn of_postfix() -> Vec<Meaning> {
    let long = "lost connection with mx.example.com[192.0.2.1] while sending message body";
    vec![
        ("a body stalls", postfix().body(250_000).text, &["likely there to 192.0.2.1"]),
        ("the end of a body stalls", postfix().end(9000).text, &["likely there to 192.0.2.1"]),
        (
            "a Postfix gives up after its own 300 s",
            postfix().said(42_000, 300, GAVE_UP, "end of DATA").text,
            &["likely there to 192.0.2.1"],
        ),
        (
            "an Exchange gives up and tells for how long it waited",
            postfix()
                .said(
                    42_000,
                    600,
                    "421 4.4.1 Connection timed out. Total session duration: 00:10:00.3 [X]",
                    "end of DATA",
                )
                .text,
            &["likely there to 192.0.2.1"],
        ),
        (
            "an Exchange waits for input that does not come",
            postfix().said(42_000, 600, "451 4.7.0 Timeout waiting for client input [X]", "end of DATA").text,
            &["likely there to 192.0.2.1"],
        ),
        (
            "an Exim gives up",
            postfix()
                .said(42_000, 300, "421 mx.example.com SMTP incoming data timeout - closing connection.", "end of DATA")
                .text,
            &["likely there to 192.0.2.1"],
        ),
        (
            "a qmail gives up",
            postfix().said(42_000, 1200, "451 timeout (#4.4.2)", "end of DATA").text,
            &["likely there to 192.0.2.1"],
        ),
        (
            "a server gives up on mails that fit into the socket buffer, small ones pass",
            postfix()
                .sent(516)
                .sent(1231)
                .said(3246, 300, GAVE_UP, "end of DATA")
                .said(8381, 300, GAVE_UP, "end of DATA")
                .text,
            &["classic there to 192.0.2.1"],
        ),
        (
            "the other side hangs up after five minutes",
            postfix().deferred(50_000, 300, long).text,
            &["possible there to 192.0.2.1"],
        ),
        (
            "the other side hangs up after five minutes, small mail passes",
            postfix().sent(900).deferred(50_000, 300, long).text,
            &["possible there to 192.0.2.1"],
        ),
    ]
}

fn handshakes() -> Vec<Meaning> {
    let connect =
        |words: &str| postfix().line("smtp", &format!("SSL_connect error to mx.example.com[192.0.2.1]:25: {words}"));
    let accept = |client: &str, words: &str| {
        let line = format!("SSL_accept error from {client}: {words}");
        postfix().smtpd(&line).smtpd(&line).text
    };
    let exim_from = |words: &str| {
        let line = format!("TLS error on connection from mx.example.net [198.51.100.7]:41234 {words}");
        exim(&[&line, &line])
    };
    let sendmail = |words: &str| {
        let line = format!(
            "STARTTLS=server, error: accept failed=-1, reason=unknown, {words}, relay=mx.example.net [198.51.100.7]"
        );
        syslog("sm-mta", &[&line, &line])
    };
    vec![
        ("OpenSSL on glibc", connect("Connection timed out").text, &["possible both to 192.0.2.1"]),
        ("OpenSSL on musl or a BSD", connect("Operation timed out").text, &["possible both to 192.0.2.1"]),
        (
            "a client on glibc, twice",
            accept("unknown[198.51.100.7]", "Connection timed out"),
            &["possible both from 198.51.100.7"],
        ),
        (
            "a client with its port, twice",
            accept("unknown[198.51.100.7]:4711", "Operation timed out"),
            &["possible both from 198.51.100.7"],
        ),
        (
            "Exim with OpenSSL",
            exim(&[IN, &format!("{EXIM} H=mx.example.com [192.0.2.1]: TLS session: (SSL_connect): timed out")]),
            &["possible both to 192.0.2.1"],
        ),
        (
            "Exim with GnuTLS",
            exim(&[
                IN,
                &format!(
                    "{EXIM} == u@example.com R=dnslookup T=remote_smtp defer (-37) H=mx.example.com [192.0.2.1]: TLS session: (gnutls_handshake): timed out"
                ),
            ]),
            &["possible both to 192.0.2.1"],
        ),
        (
            "Exim that goes on without TLS",
            exim(&[
                IN,
                &format!(
                    "{EXIM} TLS session: (SSL_connect): timed out: delivering unencrypted to H=mx.example.com [192.0.2.1] (not in hosts_require_tls)"
                ),
                &format!("{EXIM} => u@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.1] C=\"250 Ok\""),
            ]),
            &["possible both to 192.0.2.1"],
        ),
        (
            "an old Exim",
            exim(&["TLS error on connection to mx.example.com [192.0.2.1] (gnutls_handshake): timed out"]),
            &["possible both to 192.0.2.1"],
        ),
        ("a client of Exim with OpenSSL", exim_from("(SSL_accept): timed out"), &["possible both from 198.51.100.7"]),
        (
            "a client of Exim with GnuTLS",
            exim_from("I=[192.0.2.9]:25 (gnutls_handshake): timed out"),
            &["possible both from 198.51.100.7"],
        ),
        (
            "a client of Sendmail that Sendmail waited for",
            sendmail("SSL_error=2, errno=0, retry=0"),
            &["possible both from 198.51.100.7"],
        ),
        (
            "a client of Sendmail on Linux",
            sendmail("SSL_error=5, errno=110, retry=-1"),
            &["possible both from 198.51.100.7"],
        ),
        (
            "a client of Sendmail on a BSD",
            sendmail("SSL_error=5, errno=60, retry=-1"),
            &["possible both from 198.51.100.7"],
        ),
        (
            "Sendmail's own handshake",
            syslog(
                "sendmail",
                &[
                    "STARTTLS=client, error: connect failed=-1, reason=unknown, SSL_error=2, errno=0, retry=0",
                    "3A1B2C3D000123: to=<u@example.com>, delay=01:00:00, xdelay=01:00:00, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.1], dsn=4.0.0, stat=Deferred: 403 4.7.0 TLS handshake failed.",
                ],
            ),
            &["possible both to 192.0.2.1"],
        ),
    ]
}

fn of_clients() -> Vec<Meaning> {
    vec![
        (
            "a client falls silent after DATA",
            postfix().smtpd("timeout after DATA (0 bytes) from mx.example.net[198.51.100.7]").text,
            &["likely back from 198.51.100.7"],
        ),
        (
            "a client with its port falls silent after DATA",
            postfix().smtpd("timeout after DATA (700 bytes) from mx.example.net[198.51.100.7]:41234").text,
            &["likely back from 198.51.100.7"],
        ),
        (
            "a client falls silent after BDAT, in the words of 3.10",
            postfix().smtpd("NOQUEUE: timeout after BDAT (0 bytes) from mx.example.net[2001:db8::7]").text,
            &["likely back from 2001:db8::7"],
        ),
        (
            "a client falls silent, its small mail arrives",
            postfix()
                .received("mx.example.net[198.51.100.7]", 900)
                .smtpd("timeout after DATA (0 bytes) from mx.example.net[198.51.100.7]")
                .text,
            &["classic back from 198.51.100.7"],
        ),
        (
            "every client is the gateway of a container network, so what passes is another's",
            postfix()
                .smtpd("timeout after DATA (0 bytes) from unknown[172.18.0.1]")
                .received("unknown[172.18.0.1]", 2000)
                .text,
            &["possible back from 172.18.0.1"],
        ),
    ]
}

fn of_exim() -> Vec<Meaning> {
    let data = |words: &str| exim(&[words]);
    let out = |words: &str| exim(&[IN, &format!("{EXIM} {words}")]);
    vec![
        (
            "a client that falls silent between chunks",
            data("1tAbCd-0001Ab-2X SMTP command timeout on TLS connection from (mail.example.net) [198.51.100.7]"),
            &["likely back from 198.51.100.7"],
        ),
        (
            "data from a client",
            data("SMTP data timeout (message abandoned) on connection from mx.example.net [198.51.100.7] F=<x@e>"),
            &["likely back from 198.51.100.7"],
        ),
        (
            "data from a client with its port",
            data(
                "SMTP data timeout (message abandoned) on connection from mx.example.net [198.51.100.7]:41234 F=<x@e>",
            ),
            &["likely back from 198.51.100.7"],
        ),
        (
            "data from a client, with a name of the mail and a duration",
            data(
                "1nwMTE-00061M-Fv SMTP data timeout (message abandoned) on connection from (mail.example.com) [198.51.100.7] F=<x@e> D=5m",
            ),
            &["likely back from 198.51.100.7"],
        ),
        (
            "data from a client whose HELO is another address",
            data("SMTP data timeout (message abandoned) on connection from ([192.0.2.66]) [198.51.100.7] F=<x@e>"),
            &["likely back from 198.51.100.7"],
        ),
        (
            "a data block",
            out(
                "H=mx.example.com [192.0.2.1]: SMTP timeout after sending data block (173000 bytes written): Connection timed out",
            ),
            &["likely there to 192.0.2.1"],
        ),
        (
            "the end of data on a BSD, at a submission port",
            out(
                "== u@e R=d T=r defer (60): Operation timed out H=mx.example.com [192.0.2.1]:587: SMTP timeout after pipelined end of data (251000 bytes written)",
            ),
            &["likely there to 192.0.2.1 port 587"],
        ),
        (
            "a data block in the words of 4.80",
            out(
                "SMTP timeout while connected to mx.example.com [192.0.2.1] after sending data block (173000 bytes written): Connection timed out",
            ),
            &["likely there to 192.0.2.1"],
        ),
        (
            "the end of data in the words of 4.80",
            out(
                "== u@e R=d T=r defer (110): Connection timed out: SMTP timeout while connected to mx.example.com [192.0.2.1] after end of data (251000 bytes written)",
            ),
            &["likely there to 192.0.2.1"],
        ),
        (
            "a server that gave up after five minutes",
            out(
                "== u@e R=d T=r defer (-46) H=mx.example.com [192.0.2.1] DT=5m1s: SMTP error from remote mail server after end of data: 421 4.4.2 mx Error: timeout exceeded",
            ),
            &["likely there to 192.0.2.1"],
        ),
    ]
}

/// Exim's relays that gave up, in logs that do not say after how long.
fn ended_by_relays() -> Vec<Meaning> {
    let out = |words: &str| exim(&[IN, &format!("{EXIM} {words}")]);
    // The mail came in at 09:55:00.
    let five_minutes_later = |words: &str| exim(&[&format!("1xOBEK-0001Ab-2X {words}")]);
    vec![
        (
            "a Postfix gives up, and the log does not say after how long",
            out(
                "H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after pipelined end of data: 421 4.4.2 mx Error: timeout exceeded",
            ),
            &["likely there to 192.0.2.1"],
        ),
        (
            "an Exim gives up between chunks, and the log does not say after how long",
            out(
                "== u@e R=d T=r defer (-46) H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after end of data: 421 mx.example.com: SMTP command timeout - closing connection",
            ),
            &["likely there to 192.0.2.1"],
        ),
        (
            "some server gives up five minutes after the mail came",
            five_minutes_later(
                "H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after end of data: 451 timeout (#4.4.2)",
            ),
            &["likely there to 192.0.2.1"],
        ),
        (
            "a hang-up five minutes after the mail came",
            five_minutes_later(
                "H=mx.example.com [192.0.2.1]: Remote host closed connection in response to end of data",
            ),
            &["possible there to 192.0.2.1"],
        ),
        (
            "a hang-up in TLS five minutes after the mail came",
            five_minutes_later("H=mx.example.com [192.0.2.1]: mx.example.com [192.0.2.1]: No such file or directory"),
            &["possible there to 192.0.2.1"],
        ),
    ]
}

fn of_sendmail() -> Vec<Meaning> {
    let record = |xdelay: &str, words: &str| {
        format!(
            "3A1B2C3D000123: to=<u@example.com>, delay=01:00:00, xdelay={xdelay}, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.1], dsn=4.0.0, stat=Deferred: {words}"
        )
    };
    let out = |words: &str, xdelay: &str| {
        let record = record(xdelay, "Connection timed out with mx.example.com.");
        syslog("sendmail", &[&format!("3A1B2C3D000123: {words}"), &record])
    };
    let collect = "3A1B2C3D000124: collect: read timeout on connection from mx.example.net, sender=<x@e>";
    let from = "3A1B2C3D000124: from=<x@e>, size=1460, class=0, nrcpts=1, proto=ESMTP, daemon=MTA, relay=mx.example.net [198.51.100.7]";
    vec![
        (
            "the end of data",
            out("timeout waiting for input from mx.example.com. during client DATA status", "01:00:00"),
            &["likely there to 192.0.2.1"],
        ),
        (
            "the body, on a BSD",
            out("SYSERR(root): timeout writing message to mx.example.com.: Operation timed out", "01:00:00"),
            &["likely there to 192.0.2.1"],
        ),
        (
            "a hang-up after five minutes",
            out("451 4.4.1 reply: read error from mx.example.com.", "00:05:00"),
            &["possible there to 192.0.2.1"],
        ),
        (
            "a server that gave up after five minutes",
            syslog("sendmail", &[&record("00:05:00", "421 4.4.2 mx Error: timeout exceeded")]),
            &["possible there to 192.0.2.1"],
        ),
        (
            "data from a client, whose address follows",
            syslog("sm-mta", &[collect, from]),
            &["likely back from 198.51.100.7"],
        ),
        (
            "data from a client without a name",
            syslog("sm-mta", &["3A1B2C3D000124: timeout waiting for input from [198.51.100.7] during message collect"]),
            &["likely back from 198.51.100.7"],
        ),
        (
            "data from a client that 8.13 names",
            syslog("sm-mta", &["3A1B2C3D000124: timeout waiting for input from mx.example.net during message collect"]),
            &["likely back from mx.example.net"],
        ),
    ]
}

fn of_opensmtpd() -> Vec<Meaning> {
    vec![(
        "a session",
        syslog(
            "smtpd",
            &[
                "9a1b2c3d4e5f6071 mta connecting address=smtp://192.0.2.1:25 host=mx.example.com",
                "9a1b2c3d4e5f6071 mta connected",
                "9a1b2c3d4e5f6071 mta delivery evpid=0123abcd4567ef89 from=<a@b.example> to=<u@example.com> rcpt=<-> source=\"192.0.2.9\" relay=\"192.0.2.1 (mx.example.com)\" delay=5m result=\"TempFail\" stat=\"Connection timeout\"",
            ],
        ),
        &["possible there to 192.0.2.1"],
    )]
}

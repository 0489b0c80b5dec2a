//! Causes that have nothing to do with the size of packets.

use super::{Meaning, Postfix, exim, postfix, syslog};

const NOBODY: &[&str] = &[];

pub(super) fn meanings() -> Vec<Meaning> {
    [servers(), connections(), clients(), milters(), others()].concat()
}

/// Servers that answer, whatever they answer.
fn servers() -> Vec<Meaning> {
    let said =
        |sending: u32, words: &str, command: &str| postfix().sent(900).said(50_000, sending, words, command).text;
    vec![
        ("greylisting", said(1, "450 4.2.0 Greylisted, see http://postgrey.example/", "RCPT TO"), NOBODY),
        (
            "greylisting that speaks of a timeout, after the data",
            said(90, "450 4.7.1 Greylisted, timeout is 300 s", "end of DATA"),
            NOBODY,
        ),
        ("a full disk", said(70, "452 4.3.1 Insufficient system storage", "end of DATA"), NOBODY),
        ("a full mailbox", said(2, "452 4.2.2 Mailbox full", "RCPT TO"), NOBODY),
        (
            "a queue file that cannot be written",
            said(120, "451 4.3.0 Error: queue file write error", "end of DATA"),
            NOBODY,
        ),
        (
            "a milter that does not answer",
            said(300, "451 4.7.1 Service unavailable - try again later", "end of DATA"),
            NOBODY,
        ),
        ("a virus scanner that times out", said(300, "451 4.7.1 Virus scanner timed out", "end of DATA"), NOBODY),
        (
            "a content filter that times out",
            said(180, "451 Content filter timeout, please try later", "end of DATA"),
            NOBODY,
        ),
        (
            "a look-up that times out",
            said(90, "451 4.4.3 Temporary lookup failure: LDAP timeout", "end of DATA"),
            NOBODY,
        ),
        (
            "a server that is quick to call it a timeout",
            said(5, "421 4.4.2 mx.example.com Error: timeout exceeded", "end of DATA"),
            NOBODY,
        ),
        (
            "a server that gave up at RCPT TO",
            said(300, "421 4.4.2 mx.example.com Error: timeout exceeded", "RCPT TO"),
            NOBODY,
        ),
        ("a refusal that names a timeout", said(300, "554 5.4.2 timeout exceeded", "end of DATA"), NOBODY),
        ("too large a mail", said(1, "552 5.3.4 Message size exceeds fixed limit", "MAIL FROM"), NOBODY),
        ("a rate limit", said(1, "421 4.7.28 Our system has detected an unusual rate", "end of DATA"), NOBODY),
        (
            "a server that accuses another in its own words",
            said(1, "451 conversation with other[192.0.2.66] timed out while sending message body", "end of DATA"),
            NOBODY,
        ),
        (
            "Exim: a server that says what Exim would",
            exim(&[
                "1tAbCd-0001Ab-2X == u@e R=d T=r defer (-46): SMTP error from remote mail server after end of data: host mx [192.0.2.1]: 451 no H=x [192.0.2.66]: SMTP timeout after end of data (90000 bytes written)",
            ]),
            NOBODY,
        ),
        (
            "Exim: greylisting",
            exim(&[
                "1tAbCd-0001Ab-2X H=mx [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<u@e>: 451 4.7.1 Greylisted, timeout 300",
            ]),
            NOBODY,
        ),
        ("a slow server that takes the mail", slow().text, NOBODY),
    ]
}

/// A mail of 5 MB that takes nine minutes, and passes.
fn slow() -> Postfix {
    let (log, id) = postfix().mail(5_000_000);
    let record = format!(
        "{id}: to=<u@example.com>, relay={}:25, delay=540, delays=0.1/0/0.4/540, dsn=2.0.0, status=sent (250 Ok)",
        Postfix::RELAY
    );
    log.line("smtp", &record)
}

fn connections() -> Vec<Meaning> {
    let relay = Postfix::RELAY;
    let deferred = |sending: u32, reason: String| postfix().deferred(50_000, sending, &reason).text;
    vec![
        ("port 25 blocked", postfix().deferred_at("none", 50_000, 30, "connect to mx.example.com[192.0.2.1]:25: Connection timed out").text, NOBODY),
        ("port 25 refused", postfix().deferred_at("none", 50_000, 0, "connect to mx.example.com[192.0.2.1]:25: Connection refused").text, NOBODY),
        ("no route", postfix().deferred_at("none", 50_000, 0, "connect to mx.example.com[2001:db8::1]:25: Network is unreachable").text, NOBODY),
        ("no name", postfix().deferred_at("none", 50_000, 0, "Host or domain name not found. Name service error for name=example.com type=MX: Host not found, try again").text, NOBODY),
        ("a tarpit at the greeting", deferred(300, format!("conversation with {relay} timed out while receiving the initial server greeting")), NOBODY),
        ("a quick hang-up in the body", deferred(3, format!("lost connection with {relay} while sending message body")), NOBODY),
        ("a quick hang-up at the end", deferred(20, format!("lost connection with {relay} while sending end of data -- message may be sent more than once")), NOBODY),
        ("a hang-up at RCPT TO after minutes", deferred(300, format!("lost connection with {relay} while sending RCPT TO")), NOBODY),
        ("one recipient that is slow to be checked", deferred(300, format!("conversation with {relay} timed out while sending RCPT TO")), NOBODY),
        ("the farewell", deferred(300, format!("conversation with {relay} timed out while sending QUIT")), NOBODY),
        ("a handshake that fails at once", postfix().line("smtp", "SSL_connect error to mx.example.com[192.0.2.1]:25: lost connection").text, NOBODY),
        ("a handshake that the other side does not like", postfix().line("smtp", "SSL_connect error to mx.example.com[192.0.2.1]:25: -1").text, NOBODY),
        ("Sendmail: a connection that never stood", syslog("sendmail", &["3A1B2C3D000123: to=<u@example.com>, delay=01:00:00, xdelay=00:05:00, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.1], dsn=4.0.0, stat=Deferred: Connection timed out with mx.example.com."]), NOBODY),
        ("Sendmail: a quick read error", syslog("sendmail", &["3A1B2C3D000123: 451 4.4.1 reply: read error from mx.example.com.", "3A1B2C3D000123: to=<u@example.com>, delay=01:00:00, xdelay=00:00:02, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.1], dsn=4.0.0, stat=Deferred: Connection reset by mx.example.com."]), NOBODY),
        ("Exim: a connection that never stood", exim(&["1tAbCd-0001Ab-2X H=mx [192.0.2.1] Connection timed out", "1tAbCd-0001Ab-2X == u@e R=d T=r defer (110): Connection timed out"]), NOBODY),
        ("Exim: a tarpit", exim(&["1tAbCd-0001Ab-2X H=mx [192.0.2.1]: SMTP timeout after initial connection: Connection timed out"]), NOBODY),
        ("Exim of old: a tarpit", exim(&["1tAbCd-0001Ab-2X SMTP timeout while connected to mx [192.0.2.1] after initial connection: Connection timed out"]), NOBODY),
    ]
}

fn clients() -> Vec<Meaning> {
    let client = |words: &str| postfix().smtpd(&format!("{words} from unknown[198.51.100.7]")).text;
    vec![
        ("a scanner that looks at the certificate", client("lost connection after STARTTLS"), NOBODY),
        (
            "a scanner that leaves a handshake unfinished",
            postfix().smtpd("SSL_accept error from unknown[198.51.100.7]: Connection timed out").text,
            NOBODY,
        ),
        (
            "a scanner with an old protocol",
            postfix().smtpd("SSL_accept error from unknown[198.51.100.7]: -1").text,
            NOBODY,
        ),
        ("a hang-up after AUTH", client("lost connection after AUTH"), NOBODY),
        ("many hang-ups after AUTH", client("lost connection after AUTH").repeat(20), NOBODY),
        ("an idle client", client("timeout after CONNECT"), NOBODY),
        ("an idle client after AUTH", client("timeout after AUTH"), NOBODY),
        ("a client that says nothing more after RCPT", client("timeout after RCPT"), NOBODY),
        ("a client that hangs up in its data", client("lost connection after DATA (0 bytes)"), NOBODY),
        ("a client whose full packets arrive", client("timeout after DATA (524288 bytes)"), NOBODY),
        ("a client whose mail is filtered too slowly", client("timeout after END-OF-MESSAGE"), NOBODY),
        (
            "Exim: a hang-up a minute after the mail came, at 09:59:00",
            exim(&["1xOBIC-0001Ab-2X H=mx [192.0.2.1]: Remote host closed connection in response to end of data"]),
            NOBODY,
        ),
        (
            "Exim: a hang-up in TLS at once",
            exim(&["1xOBJA-0001Ab-2X H=mx [192.0.2.1]: mx [192.0.2.1]: No such file or directory"]),
            NOBODY,
        ),
        (
            "Exim: a hang-up at RCPT TO five minutes after the mail came, at 09:55:00",
            exim(&["1xOBEK-0001Ab-2X H=mx [192.0.2.1]: Remote host closed connection in response to RCPT TO:<u@e>"]),
            NOBODY,
        ),
        (
            "Exim: a time-out of the server's own four minutes after the mail came, at 09:56:00",
            exim(&[
                "1xOBFI-0001Ab-2X H=mx [192.0.2.1]: SMTP error from remote mail server after end of data: 451 timeout (#4.4.2)",
            ]),
            NOBODY,
        ),
        ("Exim: an idle client", exim(&["SMTP command timeout on connection from mx [198.51.100.7]:41234"]), NOBODY),
        ("Exim: one scan", exim(&["TLS error on connection from [198.51.100.7] (SSL_accept): timed out"]), NOBODY),
        (
            "Sendmail: a client that hangs up",
            syslog(
                "sm-mta",
                &["3A1B2C3D000124: collect: unexpected close on connection from mx.example.net, sender=<x@e>"],
            ),
            NOBODY,
        ),
        (
            "Sendmail: a client that says what Sendmail would",
            syslog("sm-mta", &["3A1B2C3D000124: <-- HELP timeout writing message to mx.example.com."]),
            NOBODY,
        ),
    ]
}

/// Filters that the server asks, and their time-outs.
fn milters() -> Vec<Meaning> {
    let smtpd = |words: &str| postfix().smtpd(words).smtpd(words).text;
    let words = "milter-reject: END-OF-MESSAGE from mx.example.net[198.51.100.7]: 4.7.1 Service unavailable; timeout after DATA";
    vec![
        ("a milter that Postfix waits for", smtpd("warning: milter inet:127.0.0.1:8891: can't read SMFIC_BODYEOB reply packet header: Connection timed out"), NOBODY),
        ("a milter in a container", smtpd("warning: connect to Milter service inet:172.18.0.5:11332: Connection timed out"), NOBODY),
        ("a mail that a milter turned away", smtpd(&format!("NOQUEUE: {words}")), NOBODY),
        ("a policy service", smtpd("warning: problem talking to server private/policy: Connection timed out"), NOBODY),
        ("a proxy filter", smtpd("warning: timeout talking to proxy 127.0.0.1:10024"), NOBODY),
        ("a look-up of a block list", smtpd("warning: 7.100.51.198.zen.example.org: RBL lookup error: Host or domain name not found. Name service error: try again"), NOBODY),
        ("Exim: a spam scanner", exim(&["1tAbCd-0001Ab-2X spam acl condition: spamd connection to 127.0.0.1, port 783 failed: Connection timed out"]), NOBODY),
        ("Exim: a virus scanner", exim(&["1tAbCd-0001Ab-2X malware acl condition: clamd [192.0.2.66]: unable to read from socket (Connection timed out)"]), NOBODY),
        ("Exim: an identd that does not answer", exim(&["no host name found for IP address 198.51.100.7", "SMTP connection from [198.51.100.7]:41234 lost D=5m"]), NOBODY),
        ("Sendmail: a milter", syslog("sm-mta", &["3A1B2C3D000124: Milter (clamav): timeout before data read", "3A1B2C3D000124: Milter: data, reject=451 4.3.2 Please try again later"]), NOBODY),
        ("Sendmail: a client that is sent away", syslog("sm-mta", &["ruleset=check_relay, arg1=[198.51.100.7], relay=[198.51.100.7], reject=421 4.3.2 Connection rate limit exceeded, timeout."]), NOBODY),
        ("a relay that wants another password", postfix().deferred(50_000, 300, "SASL authentication failed; server mx.example.com[192.0.2.1] said: 454 4.7.0 Temporary authentication failure: timeout exceeded (in reply to end of DATA command)").text, NOBODY),
        ("a relay that does not talk to us", postfix().deferred(50_000, 300, "host mx.example.com[192.0.2.1] refused to talk to me: 421 4.4.2 timeout exceeded (in reply to end of DATA command)").text, NOBODY),
        ("a mail that was not tried", postfix().deferred(50_000, 300, "delivery temporarily suspended: host mx.example.com[192.0.2.1] said: 421 4.4.2 timeout exceeded (in reply to end of DATA command)").text, NOBODY),
    ]
}

/// Programs of this host, and mailbox servers.
fn others() -> Vec<Meaning> {
    let filter = "conversation with 127.0.0.1[127.0.0.1] timed out while sending end of data -- message may be sent more than once";
    vec![
        ("a content filter on this host", postfix().deferred_at("127.0.0.1[127.0.0.1]:10024", 5_000_000, 600, filter).text, NOBODY),
        ("a mailbox server by LMTP", postfix().line("lmtp", "5ABC000001: to=<u@example.com>, relay=mx[192.0.2.1]:24, delay=300, delays=0/0/0/300, dsn=4.4.2, status=deferred (conversation with mx[192.0.2.1] timed out while sending end of data -- message may be sent more than once)").text, NOBODY),
        ("mail of less than a packet stalls as well", postfix().end(600).end(700).end(9000).text, NOBODY),
        ("mail as large as what stalled passes between", postfix().end(9000).sent(9000).sent(20_000).end(9000).text, NOBODY),
    ]
}

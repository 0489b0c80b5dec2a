//! Postfix: its log lines, and the reasons in its queue.

use crate::model::{Delays, MailFlow, StallStage};

use super::bytes::{
    after, after_unquoted, domain, is_time_out, leading_number, name_and_address, number_after, seconds, split,
    split_unquoted, until,
};
use super::event::{MailEvent, PeerRef, Stall};
use super::said::tells_time_out;

/// A peer that closes the connection after so many seconds has timed out itself: a working server answers within a minute.
pub(super) const LONG_WAIT: f64 = 60.0;
/// The payload of a full-size packet is larger. If no more than this arrived from a client, none of its full-size packets did.
const ONE_PACKET: u64 = 1500;

/// Which program wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Daemon {
    Client,
    Server,
    QueueManager,
    /// Does TLS for postscreen, and for clients that use connections again.
    TlsProxy,
    /// A program whose lines are not needed.
    Other,
}

impl Daemon {
    /// From `postfix/smtp` or `postfix/submission/smtpd`. The first part is configurable (`syslog_name`), but never missing.
    pub(super) fn of_tag(tag: &[u8]) -> Option<Self> {
        let slash = memchr::memrchr(b'/', tag)?;
        Some(match &tag[slash + 1..] {
            b"smtp" => Self::Client,
            b"smtpd" => Self::Server,
            b"qmgr" | b"nqmgr" | b"oqmgr" => Self::QueueManager,
            b"tlsproxy" => Self::TlsProxy,
            _ if tag.starts_with(b"postfix") => Self::Other,
            _ => return None,
        })
    }
}

/// The event that a line describes.
pub(super) fn event(daemon: Daemon, message: &[u8]) -> Option<MailEvent<'_>> {
    match daemon {
        Daemon::Client => client(message),
        Daemon::Server => server(message),
        Daemon::QueueManager => queue_manager(message),
        // Its lines belong together: `log/tlsproxy.rs`.
        Daemon::TlsProxy | Daemon::Other => None,
    }
}

/// A reason as a delivery record, a line of its own, or the queue has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Failure<'a> {
    pub(super) relay: PeerRef<'a>,
    pub(super) how: How,
    /// The reason is that of another mail. Postfix did not try this one because of it.
    pub(super) suspended: bool,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    TimedOut(Where),
    Lost(Where),
    /// The server gave up in reply to the end of data, and says that it timed out.
    GaveUp,
}

/// The stages in which size may matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Envelope,
    Body,
    EndOfData,
}

impl How {
    /// The stage of the stall. A peer that ends the conversation counts only after a long wait, else it has another reason.
    pub(super) fn stage(self, sending: Option<f64>) -> Option<StallStage> {
        let is_long = sending.is_some_and(|waited| waited >= LONG_WAIT);
        match self {
            Self::GaveUp => is_long.then_some(StallStage::EndOfData),
            Self::TimedOut(Where::Body) => Some(StallStage::Body),
            Self::TimedOut(Where::EndOfData) => Some(StallStage::EndOfData),
            Self::TimedOut(Where::Envelope) => Some(StallStage::ManyRecipients),
            Self::Lost(Where::Envelope) => None,
            Self::Lost(Where::Body | Where::EndOfData) => is_long.then_some(StallStage::LostInBody),
        }
    }

    /// The same for a queue, which does not say how long a peer waited. A hang-up is then none, and the words of a server are weak.
    pub(super) fn stage_in_queue(self) -> Option<StallStage> {
        match self {
            Self::GaveUp => Some(StallStage::GaveUp),
            Self::TimedOut(_) | Self::Lost(_) => self.stage(None),
        }
    }
}

/// Reads a reason from its first byte, because the words of a server may contain the same text later.
pub(super) fn failure(reason: &[u8]) -> Option<Failure<'_>> {
    let own = reason.strip_prefix(b"delivery temporarily suspended: ");
    let (reason, suspended) = (own.unwrap_or(reason), own.is_some());
    if let Some(rest) = reason.strip_prefix(b"conversation with ") {
        let (relay, rest) = name_and_address(rest)?;
        let place = place(rest.strip_prefix(b" timed out while ")?)?;
        return Some(Failure { relay, how: How::TimedOut(place), suspended });
    }
    if let Some(rest) = reason.strip_prefix(b"host ") {
        let (relay, rest) = name_and_address(rest)?;
        return gave_up(rest.strip_prefix(b" said: ")?).then_some(Failure { relay, how: How::GaveUp, suspended });
    }
    let (relay, rest) = name_and_address(reason.strip_prefix(b"lost connection with ")?)?;
    let place = place(rest.strip_prefix(b" while ")?)?;
    Some(Failure { relay, how: How::Lost(place), suspended })
}

/// Postfix ends with the command that the server replied to. The server's own words stand before, and may say the same of another.
fn gave_up(said: &[u8]) -> bool {
    let said = said.strip_suffix(b")").filter(|said| said.ends_with(b")")).unwrap_or(said);
    said.strip_suffix(b" (in reply to end of DATA command)").is_some_and(tells_time_out)
}

fn place(words: &[u8]) -> Option<Where> {
    let words = words.strip_prefix(b"sending ")?;
    let starts = |with: &[u8]| words.starts_with(with);
    if starts(b"message body") {
        Some(Where::Body)
    } else if starts(b"end of data") {
        Some(Where::EndOfData)
    } else if starts(b"MAIL FROM") || starts(b"RCPT TO") || starts(b"DATA command") {
        Some(Where::Envelope)
    } else {
        None
    }
}

fn client(message: &[u8]) -> Option<MailEvent<'_>> {
    if let Some(rest) = message.strip_prefix(b"SSL_connect error to ") {
        return handshake(MailFlow::Outgoing, rest);
    }
    let (mail, rest) = queue_id(message)?;
    let stalled = |failure: Failure<'_>, delays: Option<Delays>| {
        let stage = failure.how.stage(delays.map(|delays| delays.sending))?;
        (!failure.suspended).then_some(stage)
    };
    let Some(record) = rest.strip_prefix(b"to=<") else {
        let failure = failure(rest)?;
        let stall = Stall::new(MailFlow::Outgoing, failure.relay, stalled(failure, None)?);
        return Some(MailEvent::Stalled(Stall { mail: Some(mail), ..stall }));
    };
    let (recipient, record) = behind_recipients(record)?;
    let relay = record.strip_prefix(b"relay=").and_then(name_and_address);
    let (record, outcome) = split(record, b", status=")?;
    if outcome.starts_with(b"sent ") {
        return Some(MailEvent::Sent { mail, relay: relay?.0 });
    }
    let failure = failure(split(outcome, b" (")?.1)?;
    let delays = delays(record);
    let stall = Stall::new(MailFlow::Outgoing, failure.relay, stalled(failure, delays)?);
    // Only the delivery record has the port.
    let port = relay.and_then(|(relay, _)| (relay.address == failure.relay.address).then_some(relay.port)?);
    let peer = PeerRef { port, ..failure.relay };
    Some(MailEvent::Stalled(Stall { mail: Some(mail), domain: domain(recipient), delays, peer, ..stall }))
}

/// The recipient of a delivery record, and what follows `to=<RECIPIENT>, orig_to=<RECIPIENT>, `.
///
/// Before Postfix 3.5, and with `info_log_address_format = internal`, mailboxes have no quotes. Then one may look like the end of itself, and
/// like a whole record; but the true record follows it. Which one is true cannot be told, so such a line says nothing.
fn behind_recipients(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let (recipient, rest) = split_unquoted(record, b">, ")?;
    let rest = match rest.strip_prefix(b"orig_to=<") {
        Some(original) => after_unquoted(original, b">, ")?,
        None => rest,
    };
    let has = |needle: &[u8]| memchr::memmem::find(rest, needle).is_some();
    (!has(b">, relay=") && !has(b">, orig_to=<")).then_some((recipient, rest))
}

fn delays(record: &[u8]) -> Option<Delays> {
    let text = until(after(record, b"delays=")?, b',');
    let mut parts = text.split(|byte| *byte == b'/').map(seconds);
    let mut next = || parts.next().flatten();
    Some(Delays { before_queue: next()?, in_queue: next()?, connecting: next()?, sending: next()? })
}

/// `SSL_connect error to host[address]:port: Connection timed out`, and the same for the server side.
pub(super) fn handshake(flow: MailFlow, rest: &[u8]) -> Option<MailEvent<'_>> {
    let (peer, rest) = name_and_address(rest)?;
    is_time_out(rest.strip_prefix(b": ")?).then(|| MailEvent::Stalled(Stall::new(flow, peer, StallStage::TlsHandshake)))
}

/// The name of the mail comes first from Postfix 3.10 on, and is missing before.
fn server(message: &[u8]) -> Option<MailEvent<'_>> {
    if let Some(rest) = message.strip_prefix(b"SSL_accept error from ") {
        return handshake(MailFlow::Incoming, rest);
    }
    let named = queue_id(message);
    if let Some((mail, rest)) = named
        && let Some(client) = rest.strip_prefix(b"client=")
    {
        return Some(MailEvent::Begun { mail, client: name_and_address(client)?.0 });
    }
    let rest = named.map_or(message, |(_, rest)| rest).strip_prefix(b"timeout after ")?;
    let rest = rest.strip_prefix(b"DATA").or_else(|| rest.strip_prefix(b"BDAT"))?;
    let (arrived, rest) = match rest.strip_prefix(b" (") {
        Some(rest) => {
            let (bytes, rest) = leading_number(rest)?;
            (bytes, rest.strip_prefix(b" bytes)")?)
        }
        None => (0, rest),
    };
    if arrived > ONE_PACKET {
        return None;
    }
    let (peer, _) = name_and_address(rest.strip_prefix(b" from ")?)?;
    let mail = named.map(|(mail, _)| mail).filter(|mail| *mail != b"NOQUEUE");
    Some(MailEvent::Stalled(Stall { mail, ..Stall::new(MailFlow::Incoming, peer, StallStage::Data) }))
}

fn queue_manager(message: &[u8]) -> Option<MailEvent<'_>> {
    let (mail, rest) = queue_id(message)?;
    let rest = rest.strip_prefix(b"from=<")?;
    let rest = after_unquoted(rest, b">, size=").filter(|rest| after(rest, b">, size=").is_none())?;
    let (size, rest) = leading_number(rest)?;
    Some(MailEvent::Received { mail, size, recipients: number_after(rest, b", nrcpt=").unwrap_or(1), client: None })
}

/// `QID: rest`.
fn queue_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = message.iter().take(32).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let rest = message[length..].strip_prefix(b": ")?;
    (length >= 5).then_some((&message[..length], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage_of(daemon: Daemon, line: &str) -> Option<StallStage> {
        match event(daemon, line.as_bytes()) {
            Some(MailEvent::Stalled(stall)) => Some(stall.stage),
            _ => None,
        }
    }

    #[test]
    fn a_delivery_record_is_read_old_and_new() {
        for tls in ["", "tls=none, ", "tls=secure/!dane/mx.example.com:x?, "] {
            let line = format!(
                "4BcDfG1z2Xz9: to=<u@example.com>, orig_to=<v@example.org>, relay=mx.example.com[2001:db8::1]:25, conn_use=2, \
                 delay=182, delays=1/0.5/0.5/180, {tls}dsn=4.4.2, status=deferred (conversation with \
                 mx.example.com[2001:db8::1] timed out while sending message body)"
            );
            let Some(MailEvent::Stalled(stall)) = event(Daemon::Client, line.as_bytes()) else { panic!("{line}") };
            assert_eq!(stall.stage, StallStage::Body);
            assert_eq!(stall.peer.port, Some(25));
            assert_eq!(stall.domain, Some(&b"example.com"[..]));
            assert_eq!(stall.delays.map(|delays| delays.sending), Some(180.0));
        }
    }

    #[test]
    fn words_of_a_server_accuse_nobody() {
        for line in [
            "ABCDEF12: to=<u@e.com>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.0.0, status=deferred (host \
             mx[192.0.2.1] said: 451 conversation with mx[192.0.2.1] timed out while sending message body)",
            "ABCDEF12: host mx[192.0.2.1] said: 451 conversation with mx[192.0.2.1] timed out while sending message body",
            "ABCDEF12: to=<u@e.com>, relay=none, delay=9, delays=0/0/0/0, dsn=4.4.2, status=deferred (delivery temporarily \
             suspended: conversation with mx[192.0.2.1] timed out while sending message body)",
        ] {
            assert_eq!(stage_of(Daemon::Client, line), None, "{line}");
        }
    }

    /// A mail that was delivered, to mailboxes that look like records: anybody who may send a mail can choose them.
    #[test]
    fn mailboxes_accuse_nobody() {
        let forged = "relay=evil.example[192.0.2.66]:6379, delay=182, delays=1/0.5/0.5/180, dsn=4.4.2, status=deferred (conversation with \
                      evil.example[192.0.2.66] timed out while sending message body)";
        let own = "relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)";
        for line in [
            format!("ABCDEF12: to=<\"x>, {forged}\"@example.org>, {own}"),
            format!("ABCDEF12: to=<\"x\\\">, {forged}\"@example.org>, {own}"),
            format!("ABCDEF12: to=<u@e.com>, orig_to=<\"x>, {forged}\"@example.org>, {own}"),
            // Without quotes, as Postfix before 3.5 wrote them.
            format!("ABCDEF12: to=<x>, {forged}@example.org>, {own}"),
            format!("ABCDEF12: to=<u@e.com>, {forged}@example.org>, {own}"),
            format!("ABCDEF12: to=<u@e.com>, {forged}@example.org>, orig_to=<a@b>, {own}"),
            format!("ABCDEF12: to=<u@e.com>, orig_to=<x>, {forged}@example.org>, {own}"),
        ] {
            let stalled = match event(Daemon::Client, line.as_bytes()) {
                Some(MailEvent::Stalled(stall)) => stall.peer.address,
                Some(MailEvent::Sent { relay, .. }) if relay.address != "192.0.2.1".parse().ok() => relay.address,
                _ => None,
            };
            assert_eq!(stalled, None, "{line}");
        }
        for line in [
            "ABCDEF12: from=<\"x>, size=99999999, nrcpt=1 (queue active)\"@example.org>, size=400, nrcpt=1 (queue active)",
            "ABCDEF12: from=<x>, size=99999999, nrcpt=1 (queue active)@example.org>, size=400, nrcpt=1 (queue active)",
        ] {
            let size = match event(Daemon::QueueManager, line.as_bytes()) {
                Some(MailEvent::Received { size, .. }) => Some(size),
                _ => None,
            };
            assert_ne!(size, Some(99_999_999), "{line}");
        }
    }

    #[test]
    fn a_handshake_times_out_in_the_words_of_any_system() {
        let rows = [
            ("Connection timed out", Some(StallStage::TlsHandshake)),
            ("Operation timed out", Some(StallStage::TlsHandshake)),
            ("Connection reset by peer", None),
            ("lost connection", None),
            ("-1", None),
        ];
        for (words, expected) in rows {
            let line = format!("SSL_connect error to mx[192.0.2.1]:25: {words}");
            assert_eq!(stage_of(Daemon::Client, &line), expected, "{words}");
        }
    }

    /// A silent hole swallows a body that fits into the socket buffer. The server gives up first, with a 421.
    #[test]
    fn a_server_that_gave_up_after_a_long_wait_counts() {
        let said = "host mx[192.0.2.1] said: 421 4.4.2 mx Error: timeout exceeded";
        let rows = [
            ("300", said, "(in reply to end of DATA command)", Some(StallStage::EndOfData)),
            ("60", said, "(in reply to end of DATA command)", Some(StallStage::EndOfData)),
            ("59", said, "(in reply to end of DATA command)", None),
            ("300", said, "(in reply to RCPT TO command)", None),
            ("300", said, "(in reply to end of DATA command) (in reply to MAIL FROM command)", None),
            (
                "300",
                "host mx[192.0.2.1] said: 451 4.3.0 queue file write error",
                "(in reply to end of DATA command)",
                None,
            ),
            ("300", "host mx[192.0.2.1] said: 554 5.4.2 timeout", "(in reply to end of DATA command)", None),
            ("300", "host mx[192.0.2.1] refused to talk to me: 421 timeout", "(in reply to end of DATA command)", None),
        ];
        for (sending, said, reply_to, expected) in rows {
            let line = format!(
                "ABCDEF12: to=<u@e.com>, relay=mx[192.0.2.1]:25, delay=305, delays=0/0/5/{sending}, dsn=4.4.2, status=deferred \
                 ({said} {reply_to})"
            );
            assert_eq!(stage_of(Daemon::Client, &line), expected, "{line}");
        }
        // The line of its own before the next server is tried does not say how long it took.
        assert_eq!(stage_of(Daemon::Client, &format!("ABCDEF12: {said} (in reply to end of DATA command)")), None);
    }

    #[test]
    fn what_a_server_says_accuses_only_itself() {
        let line = "ABCDEF12: to=<u@e.com>, relay=mx[192.0.2.1]:25, delay=305, delays=0/0/5/300, dsn=4.4.2, status=deferred \
                    (host mx[192.0.2.1] said: 421 4.4.2 timeout host other[192.0.2.66] said: 421 4.4.2 timeout exceeded (in \
                    reply to end of DATA command))";
        let Some(MailEvent::Stalled(stall)) = event(Daemon::Client, line.as_bytes()) else { panic!("{line}") };
        assert_eq!(stall.peer.address, "192.0.2.1".parse().ok());
    }

    #[test]
    fn a_hang_up_counts_after_a_long_wait() {
        for (sending, expected) in [("59.9", None), ("60", Some(StallStage::LostInBody)), ("nan", None)] {
            let line = format!(
                "ABCDEF12: to=<u@e.com>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/{sending}, dsn=4.4.2, status=deferred \
                 (lost connection with mx[192.0.2.1] while sending end of data -- message may be sent more than once)"
            );
            assert_eq!(stage_of(Daemon::Client, &line), expected, "{sending}");
        }
    }

    #[test]
    fn a_client_that_falls_silent_in_its_body_counts() {
        let rows = [
            ("timeout after DATA (0 bytes) from c.example[192.0.2.9]", Some(StallStage::Data)),
            ("timeout after DATA from c.example[192.0.2.9]", Some(StallStage::Data)),
            ("NOQUEUE: timeout after BDAT (700 bytes) from c.example[192.0.2.9]:4711", Some(StallStage::Data)),
            ("ABCDEF12: timeout after DATA (1200 bytes) from unknown[2001:db8::9]", Some(StallStage::Data)),
            ("timeout after DATA (40960 bytes) from c.example[192.0.2.9]", None),
            ("timeout after END-OF-MESSAGE from c.example[192.0.2.9]", None),
            ("timeout after RCPT from c.example[192.0.2.9]", None),
            ("lost connection after DATA (0 bytes) from c.example[192.0.2.9]", None),
            ("SSL_accept error from c.example[192.0.2.9]: Connection timed out", Some(StallStage::TlsHandshake)),
            ("SSL_accept error from c.example[192.0.2.9]:4711: Operation timed out", Some(StallStage::TlsHandshake)),
            ("SSL_accept error from c.example[192.0.2.9]: -1", None),
            ("SSL_accept error from c.example[192.0.2.9]: lost connection", None),
        ];
        for (line, expected) in rows {
            assert_eq!(stage_of(Daemon::Server, line), expected, "{line}");
        }
    }
}

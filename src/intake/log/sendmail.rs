//! Sendmail.
//!
//! One line has the time-out, the mail and the relay's name. The delivery record that follows has the address. The record alone
//! says only `Deferred: Connection timed out`, as it does for a connection that was never opened.

use crate::intake::bytes::{
    address, after, after_unquoted, domain, is_time_out, leading_number, number_after, split, split_unquoted,
};
use crate::intake::event::{MailEvent, PeerRef, Stall};
use crate::intake::postfix::LONG_WAIT;
use crate::intake::said::tells_time_out;
use crate::model::{MailFlow, StallStage};

/// ETIMEDOUT of Linux, of the BSDs, and of Solaris.
const TIMED_OUT: [u64; 3] = [110, 60, 145];

/// The event that a line describes.
pub(super) fn event(message: &[u8]) -> Option<MailEvent<'_>> {
    if let Some(rest) = message.strip_prefix(b"STARTTLS=") {
        return handshake(rest);
    }
    let (mail, rest) = queue_id(message)?;
    if rest.starts_with(b"from=") {
        let client = relay(rest);
        let size = number_unquoted(rest, b", size=")?;
        let recipients = number_unquoted(rest, b", nrcpts=").unwrap_or(1);
        return Some(MailEvent::Received { mail, size, recipients, client });
    }
    if rest.starts_with(b"to=") {
        return delivery(mail, rest);
    }
    let own = without_code(rest);
    if let Some(rest) = own.strip_prefix(b"timeout waiting for input from ") {
        return waiting(mail, rest);
    }
    if let Some(rest) = own.strip_prefix(b"timeout writing message to ") {
        return Some(MailEvent::UnresolvedStall { mail, relay: host_name(rest), stage: StallStage::Body });
    }
    if let Some(rest) = own.strip_prefix(b"reply: read error from ") {
        return Some(MailEvent::UnresolvedStall { mail, relay: host_name(rest), stage: StallStage::LostInBody });
    }
    let rest = own.strip_prefix(b"collect: ")?.strip_prefix(b"read timeout on connection from ")?;
    let client = split(rest, b", sender=").or_else(|| split(rest, b", from=")).map_or(rest, |(client, _)| client);
    incoming(mail, client)
}

/// Its own words come first, perhaps after `SYSERR(root): ` and `451 4.4.1 `. What a client or a server said stands further behind.
fn without_code(rest: &[u8]) -> &[u8] {
    let rest = rest.strip_prefix(b"SYSERR(").and_then(|rest| after(rest, b"): ")).unwrap_or(rest);
    let code = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b' ');
    let length = rest.iter().take_while(|byte| code(byte)).count();
    &rest[length..]
}

/// `server, error: accept failed=0, reason=unknown, SSL_error=2, errno=0, retry=0, relay=host [address]`: Sendmail waited in vain, or
/// the system did.
fn handshake(rest: &[u8]) -> Option<MailEvent<'_>> {
    let (flow, rest) = match rest.strip_prefix(b"server, error: accept failed=") {
        Some(rest) => (MailFlow::Incoming, rest),
        None => (MailFlow::Outgoing, rest.strip_prefix(b"client, error: connect failed=")?),
    };
    let waited = number_after(rest, b", retry=") == Some(0) || number_after(rest, b", timedout=") == Some(1);
    let system = number_after(rest, b", errno=").is_some_and(|errno| TIMED_OUT.contains(&errno));
    let reason = after(rest, b", reason=").is_some_and(|reason| is_time_out(reason) || reason.starts_with(b"timeout"));
    let stall = Stall::new(flow, relay(rest)?, StallStage::TlsHandshake);
    (waited || system || reason).then_some(MailEvent::Stalled(stall))
}

fn waiting<'a>(mail: &'a [u8], rest: &'a [u8]) -> Option<MailEvent<'a>> {
    let (peer, phase) = split(rest, b" during ")?;
    match phase {
        b"client DATA status" => {
            Some(MailEvent::UnresolvedStall { mail, relay: host_name(peer), stage: StallStage::EndOfData })
        }
        b"client DATA 354" | b"client MAIL" | b"client RCPT" => {
            Some(MailEvent::UnresolvedStall { mail, relay: host_name(peer), stage: StallStage::ManyRecipients })
        }
        b"message collect" => incoming(mail, peer),
        _ => None,
    }
}

/// Sendmail names a client by its name alone; the line with its address follows.
fn incoming<'a>(mail: &'a [u8], client: &'a [u8]) -> Option<MailEvent<'a>> {
    let Some(peer) = host(client) else {
        let relay = host_name(client);
        let is_name = !matches!(relay, b"" | b"local" | b"localhost");
        return is_name.then_some(MailEvent::UnresolvedStall { mail, relay, stage: StallStage::Data });
    };
    let stall = Stall::new(MailFlow::Incoming, peer, StallStage::Data);
    Some(MailEvent::Stalled(Stall { mail: Some(mail), ..stall }))
}

fn delivery<'a>(mail: &'a [u8], rest: &'a [u8]) -> Option<MailEvent<'a>> {
    let (record, status) = split_unquoted(rest, b", stat=")?;
    let relay = relay(record)?;
    if status.starts_with(b"Sent") {
        return Some(MailEvent::Sent { mail, relay });
    }
    let recipient = record.strip_prefix(b"to=")?;
    let recipient = split_unquoted(recipient, b",").map_or(recipient, |(first, _)| first);
    let seconds = after_unquoted(record, b", xdelay=").and_then(clock);
    let reason = status.strip_prefix(b"Deferred")?;
    let said = reason.strip_prefix(b": ").unwrap_or_default();
    let is_long = seconds.is_some_and(|seconds| seconds >= LONG_WAIT);
    let stage = if is_long && said.starts_with(b"403 4.7.0 TLS handshake") {
        StallStage::TlsHandshake
    } else if is_long && tells_time_out(said) {
        // It does not say in reply to what.
        StallStage::Session
    } else {
        return Some(MailEvent::Deferred { mail, relay, domain: domain(recipient), seconds });
    };
    let stall = Stall::new(MailFlow::Outgoing, relay, stage);
    Some(MailEvent::Stalled(Stall { mail: Some(mail), domain: domain(recipient), ..stall }))
}

fn number_unquoted(record: &[u8], needle: &[u8]) -> Option<u64> {
    Some(leading_number(after_unquoted(record, needle)?)?.0)
}

/// `relay=name [address]`, with more behind it.
fn relay(record: &[u8]) -> Option<PeerRef<'_>> {
    host(after_unquoted(record, b", relay=")?)
}

fn host(text: &[u8]) -> Option<PeerRef<'_>> {
    let (before, rest) = split(text, b"[")?;
    let (inside, _) = split(rest, b"]")?;
    let name = host_name(before);
    // A relay without an address has the next brackets of the line, or none.
    let is_near = before.len() <= name.len() + 2 && !name.contains(&b',');
    is_near.then_some(PeerRef { name, address: Some(address(inside)?), port: None })
}

/// A name up to the first character that cannot be part of it, without the final dot.
fn host_name(text: &[u8]) -> &[u8] {
    if text.starts_with(b"[")
        && let Some(end) = memchr::memchr(b']', text)
    {
        return &text[..=end];
    }
    let end = text.iter().position(|byte| matches!(byte, b' ' | b':' | b',' | b'(')).unwrap_or(text.len());
    let name = &text[..end];
    name.strip_suffix(b".").unwrap_or(name)
}

/// `00:05:01` or, with days, `1+00:05:01`.
fn clock(text: &[u8]) -> Option<f64> {
    let (days, text) = match leading_number(text)? {
        (days, rest) if rest.starts_with(b"+") => (days, &rest[1..]),
        _ => (0, text),
    };
    let (hours, rest) = leading_number(text)?;
    let (minutes, rest) = leading_number(rest.strip_prefix(b":")?)?;
    let (seconds, _) = leading_number(rest.strip_prefix(b":")?)?;
    let part = |number: u64, unit: u32| u32::try_from(number).ok().map(|number| f64::from(number) * f64::from(unit));
    Some(part(days, 86_400)? + part(hours, 3600)? + part(minutes, 60)? + part(seconds, 1)?)
}

fn queue_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = message.iter().take(32).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let rest = message[length..].strip_prefix(b": ")?;
    (length >= 8).then_some((&message[..length], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mailboxes are chosen by whoever sends the mail.
    #[test]
    fn mailboxes_accuse_nobody() {
        let forged = "delay=01:00:00, xdelay=00:10:05, mailer=esmtp, relay=evil.example. [192.0.2.66], dsn=4.0.0, stat=Deferred: 403 4.7.0 TLS handshake";
        let own = "delay=00:00:01, xdelay=00:00:01, mailer=esmtp, relay=mx.example.com. [192.0.2.1], dsn=2.0.0, stat=Sent (ok)";
        for line in [
            format!("3A1B2C3D000123: to=<\"x, {forged}\"@example.org>, {own}"),
            format!("3A1B2C3D000123: to=<u@example.com>,<\"x, {forged}\"@example.org>, {own}"),
        ] {
            let Some(MailEvent::Sent { relay, .. }) = event(line.as_bytes()) else { panic!("{line}") };
            assert_eq!(relay.address, "192.0.2.1".parse().ok(), "{line}");
        }
        let line = "3A1B2C3D000123: from=<\"x, size=99999999, nrcpts=1\"@example.org>, size=400, class=0, nrcpts=1, relay=c [192.0.2.9]";
        let Some(MailEvent::Received { size, .. }) = event(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(size, 400);
    }

    #[test]
    fn a_record_is_read_with_and_without_a_reply() {
        for reply in ["", ", reply=read error from mx.example.com."] {
            let line = format!(
                "3A1B2C3D000123: to=<u@example.com>, delay=01:00:00, xdelay=1+00:10:05, mailer=esmtp, pri=120000, \
                 relay=mx.example.com. [192.0.2.1], dsn=4.0.0{reply}, stat=Deferred: Connection timed out with mx.example.com."
            );
            let Some(MailEvent::Deferred { relay, domain, seconds, .. }) = event(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(
                (relay.name, domain, seconds),
                (&b"mx.example.com"[..], Some(&b"example.com"[..]), Some(87_005.0))
            );
        }
    }

    #[test]
    fn only_time_outs_of_the_body_hang() {
        let rows = [
            ("timeout waiting for input from mx.example.com. during client DATA status", Some(StallStage::EndOfData)),
            ("SYSERR(root): timeout writing message to mx.example.com.: Connection timed out", Some(StallStage::Body)),
            ("timeout waiting for input from mx.example.com. during client greeting", None),
            ("timeout waiting for input from mx.example.com. during client QUIT", None),
        ];
        for (words, expected) in rows {
            let line = format!("3A1B2C3D000123: {words}");
            let stage = match event(line.as_bytes()) {
                Some(MailEvent::UnresolvedStall { relay: b"mx.example.com", stage, .. }) => Some(stage),
                _ => None,
            };
            assert_eq!(stage, expected, "{words}");
        }
    }

    #[test]
    fn a_handshake_that_times_out_is_read_on_both_sides() {
        use MailFlow::{Incoming, Outgoing};
        let rows = [
            (
                "STARTTLS=server, error: accept failed=-1, reason=unknown, SSL_error=2, errno=0, retry=0, relay=c.example [192.0.2.1]",
                Some(Incoming),
            ),
            (
                "STARTTLS=server, error: accept failed=-1, reason=unknown, SSL_error=5, errno=110, retry=-1, relay=[192.0.2.1]",
                Some(Incoming),
            ),
            (
                "STARTTLS=server, error: accept failed=-1, reason=unknown, SSL_error=5, errno=60, retry=-1, relay=[192.0.2.1]",
                Some(Incoming),
            ),
            (
                "STARTTLS=server, error: accept failed=0, reason=wrong version number, SSL_error=1, errno=0, retry=-1, relay=[192.0.2.1]",
                None,
            ),
            (
                "STARTTLS=server, error: accept failed=-1, reason=unknown, SSL_error=5, errno=104, retry=-1, relay=[192.0.2.1]",
                None,
            ),
            (
                "STARTTLS=client, error: connect failed=-1, reason=timeout, SSL_error=5, errno=0, retry=-1, relay=mx.example. [192.0.2.1]",
                Some(Outgoing),
            ),
            // Without a relay it accuses nobody; the record of the mail does.
            ("STARTTLS=client, error: connect failed=-1, reason=unknown, SSL_error=2, errno=0, retry=0", None),
        ];
        for (line, expected) in rows {
            let flow = match event(line.as_bytes()) {
                Some(MailEvent::Stalled(stall)) => Some(stall.flow),
                _ => None,
            };
            assert_eq!(flow, expected, "{line}");
        }
    }

    #[test]
    fn the_record_alone_tells_of_a_handshake_or_a_server_that_gave_up() {
        let rows = [
            ("01:00:00", "403 4.7.0 TLS handshake failed.", Some(StallStage::TlsHandshake)),
            ("00:00:02", "403 4.7.0 TLS handshake failed.", None),
            ("00:05:00", "421 4.4.2 mx.example Error: timeout exceeded", Some(StallStage::Session)),
            ("00:00:50", "421 4.4.2 mx.example Error: timeout exceeded", None),
            ("00:05:00", "451 4.3.0 Temporary failure", None),
            ("00:05:00", "Connection timed out with mx.example.", None),
        ];
        for (xdelay, words, expected) in rows {
            let line = format!(
                "3A1B2C3D000123: to=<u@example.com>, delay=01:00:00, xdelay={xdelay}, mailer=esmtp, pri=120000, \
                 relay=mx.example. [192.0.2.1], dsn=4.0.0, stat=Deferred: {words}"
            );
            let stage = match event(line.as_bytes()) {
                Some(MailEvent::Stalled(stall)) => Some(stall.stage),
                _ => None,
            };
            assert_eq!(stage, expected, "{line}");
        }
    }

    #[test]
    fn what_a_client_says_accuses_nobody() {
        for words in [
            "<-- HELP timeout waiting for input from mx.example. during client DATA status",
            "--- 250 2.1.0 timeout writing message to mx.example.",
            "ruleset=check_mail, arg1=<a timeout waiting for input from mx.example. during client DATA status>",
        ] {
            assert_eq!(event(format!("3A1B2C3D000123: {words}").as_bytes()), None, "{words}");
        }
    }
}

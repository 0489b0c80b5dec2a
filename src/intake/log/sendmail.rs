//! Sendmail.
//!
//! One line has the time-out, the mail and the relay's name. The delivery record that follows has the address. The record alone
//! says only `Deferred: Connection timed out`, as it does for a connection that was never opened.

use crate::intake::bytes::{address, after, domain, leading_number, number_after, split, until};
use crate::intake::event::{MailEvent, PeerRef, Stall};
use crate::model::{MailFlow, StallStage};

/// The event that a line describes.
pub(super) fn event(message: &[u8]) -> Option<MailEvent<'_>> {
    let (mail, rest) = queue_id(message)?;
    if rest.starts_with(b"from=") {
        let client = relay(rest);
        let size = number_after(rest, b", size=")?;
        let recipients = number_after(rest, b", nrcpts=").unwrap_or(1);
        return Some(MailEvent::Received { mail, size, recipients, client });
    }
    if rest.starts_with(b"to=") {
        return delivery(mail, rest);
    }
    if let Some(rest) = after(rest, b"timeout waiting for input from ") {
        return waiting(mail, rest);
    }
    if let Some(rest) = after(rest, b"timeout writing message to ") {
        return Some(MailEvent::UnresolvedStall { mail, relay: host_name(rest), stage: StallStage::Body });
    }
    if let Some(rest) = after(rest, b"reply: read error from ") {
        return Some(MailEvent::UnresolvedStall { mail, relay: host_name(rest), stage: StallStage::LostInBody });
    }
    let rest = rest.strip_prefix(b"collect: ")?.strip_prefix(b"read timeout on connection from ")?;
    incoming(mail, split(rest, b", sender=").map_or(rest, |(client, _)| client))
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

fn incoming<'a>(mail: &'a [u8], client: &'a [u8]) -> Option<MailEvent<'a>> {
    let stall = Stall::new(MailFlow::Incoming, host(client)?, StallStage::Data);
    Some(MailEvent::Stalled(Stall { mail: Some(mail), ..stall }))
}

fn delivery<'a>(mail: &'a [u8], rest: &'a [u8]) -> Option<MailEvent<'a>> {
    let (record, status) = split(rest, b", stat=")?;
    let relay = relay(record)?;
    if status.starts_with(b"Sent") {
        return Some(MailEvent::Sent { mail, relay });
    }
    let recipient = until(record.strip_prefix(b"to=")?, b',');
    let seconds = after(record, b", xdelay=").and_then(clock);
    status.starts_with(b"Deferred").then_some(MailEvent::Deferred { mail, relay, domain: domain(recipient), seconds })
}

/// `relay=name [address]`, with more behind it.
fn relay(record: &[u8]) -> Option<PeerRef<'_>> {
    host(after(record, b", relay=")?)
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
}

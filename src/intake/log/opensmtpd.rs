//! OpenSMTPD. Its lines belong together by their session, and it never says at which stage a session timed out.

use crate::intake::bytes::{address, after, after_unquoted, domain, number_after, split, split_unquoted, until};
use crate::intake::event::{MailEvent, PeerRef};
use crate::model::MailFlow;

/// Names of sessions and envelopes have this many hexadecimal digits. The first half of an envelope's name is that of its message.
const NAME: usize = 16;
const MESSAGE: usize = 8;

/// The event that a line describes.
pub(super) fn event(message: &[u8]) -> Option<MailEvent<'_>> {
    let session = message.get(..NAME).filter(|name| name.iter().all(u8::is_ascii_hexdigit))?;
    let rest = message[NAME..].strip_prefix(b" ")?;
    if let Some(rest) = rest.strip_prefix(b"mta ") {
        return outgoing(session, rest);
    }
    incoming(session, rest.strip_prefix(b"smtp ")?)
}

fn outgoing<'a>(session: &'a [u8], rest: &'a [u8]) -> Option<MailEvent<'a>> {
    if let Some(rest) = rest.strip_prefix(b"connecting address=") {
        let url = until(rest, b' ');
        let peer = from_url(url)?;
        let name = after(rest, b" host=").map_or(&b""[..], |name| until(name, b' '));
        return Some(MailEvent::Opened { session, flow: MailFlow::Outgoing, peer: PeerRef { name, ..peer } });
    }
    if rest.starts_with(b"connected") {
        return Some(MailEvent::Connected { session });
    }
    let record = rest.strip_prefix(b"delivery evpid=")?;
    let mail = record.get(..MESSAGE)?;
    // What follows the mailboxes is its own; what stands in them is not.
    let record = after_unquoted(after(record, b" from=<")?, b"> to=<")?;
    let (recipient, record) = split_unquoted(record, b"> rcpt=<")?;
    let record = after_unquoted(record, b"> ")?;
    let (record, status) = split(record, b" result=\"")?;
    if status.starts_with(b"Ok\"") {
        return Some(MailEvent::Sent { mail, relay: relay(record)? });
    }
    let timed_out = status.starts_with(b"TempFail\" stat=\"Connection timeout\"");
    timed_out.then(|| MailEvent::StalledIn { session, mail, domain: domain(recipient) })
}

fn incoming<'a>(session: &'a [u8], rest: &'a [u8]) -> Option<MailEvent<'a>> {
    if let Some(rest) = rest.strip_prefix(b"connected address=") {
        let address = Some(address(until(rest, b' '))?);
        let name = after(rest, b" host=").map_or(&b""[..], |name| until(name, b' '));
        let peer = PeerRef { name, address, port: None };
        return Some(MailEvent::Opened { session, flow: MailFlow::Incoming, peer });
    }
    if let Some(rest) = rest.strip_prefix(b"message msgid=") {
        let (mail, size) = (rest.get(..MESSAGE)?, number_after(rest, b" size=")?);
        let recipients = number_after(rest, b" nrcpt=").unwrap_or(1);
        return Some(MailEvent::ReceivedIn { session, mail, size, recipients });
    }
    let reason = after(rest.strip_prefix(b"disconnected")?, b"reason=")?;
    (reason == b"timeout").then_some(MailEvent::TimedOut { session })
}

/// `smtp://192.0.2.1:25`, `smtp+tls://[2001:db8::1]:25`.
fn from_url(url: &[u8]) -> Option<PeerRef<'_>> {
    let place = after(url, b"://")?;
    let colon = memchr::memrchr(b':', place)?;
    let port = std::str::from_utf8(&place[colon + 1..]).ok()?.parse().ok();
    Some(PeerRef { name: b"", address: Some(address(&place[..colon])?), port })
}

/// `relay="192.0.2.1 (mx.example.com)"`.
fn relay(record: &[u8]) -> Option<PeerRef<'_>> {
    let text = until(after(record, b"relay=\"")?, b'"');
    let (place, name) = split(text, b" (").unwrap_or((text, b""));
    Some(PeerRef { name: name.strip_suffix(b")").unwrap_or(name), address: Some(address(place)?), port: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_urls() {
        for (url, expected) in [
            ("smtp://192.0.2.1:25", Some(("192.0.2.1", 25))),
            ("smtp+tls://[2001:db8::1]:587", Some(("2001:db8::1", 587))),
            ("smtp://IPv6:2001:db8::1:25", Some(("2001:db8::1", 25))),
            ("smtp://", None),
        ] {
            let read = from_url(url.as_bytes());
            let expected = expected.map(|(address, port)| (address.parse().ok(), Some(port)));
            assert_eq!(read.map(|peer| (peer.address, peer.port)), expected, "{url}");
        }
    }

    #[test]
    fn a_record_names_its_relay() {
        let line = "9a1b2c3d4e5f6071 mta delivery evpid=0123abcd4567ef89 from=<a@b.example> to=<u@example.com> rcpt=<-> \
                    source=\"192.0.2.9\" relay=\"192.0.2.1 (mx.example.com)\" delay=1s result=\"Ok\" stat=\"250 ok\"";
        let Some(MailEvent::Sent { mail, relay }) = event(line.as_bytes()) else { panic!("{line}") };
        assert_eq!((mail, relay.name), (&b"0123abcd"[..], &b"mx.example.com"[..]));
    }
}

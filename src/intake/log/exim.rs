//! The main log of Exim.

use super::ended;
use crate::intake::bytes::{
    address, after, after_unquoted, domain, is_time_out, leading_number, number_after, split, split_unquoted, until,
};
use crate::intake::event::{MailEvent, PeerRef, Stall};
use crate::model::{MailFlow, StallStage};

/// The event that a line describes. The line comes without its date.
pub(super) fn event(message: &[u8]) -> Option<MailEvent<'_>> {
    let message = without_pid(message);
    let mail = message_id(message);
    let rest = match mail {
        Some(mail) => message[mail.len()..].strip_prefix(b" ")?,
        None => message,
    };
    if let Some(event) = event_of(mail, rest) {
        return Some(event);
    }
    let mail = mail?;
    match rest.get(..3) {
        Some(b"<= ") => received(mail, rest),
        Some(b"=> ") => Some(MailEvent::Sent { mail, relay: host(after_unquoted(rest, b" H=")?)?.0 }),
        Some(b"== " | b"** ") => record(mail, &rest[3..]),
        _ => None,
    }
}

/// The event of a line that says nothing of one recipient. `rest` stands behind the name of the mail.
pub(super) fn event_of<'a>(mail: Option<&'a [u8]>, rest: &'a [u8]) -> Option<MailEvent<'a>> {
    match rest.strip_prefix(b"H=") {
        Some(host) => stalled(mail?, None, host),
        None => with_or_without_mail(mail, rest),
    }
}

/// Lines that name the mail only if it has one by then.
fn with_or_without_mail<'a>(mail: Option<&'a [u8]>, rest: &'a [u8]) -> Option<MailEvent<'a>> {
    if let Some(rest) = rest.strip_prefix(b"SMTP data timeout (message abandoned) on ") {
        let (client, _) = host(after(rest, b"connection from ")?)?;
        let stall = Stall::new(MailFlow::Incoming, client, StallStage::Data);
        return Some(MailEvent::Stalled(Stall { mail, ..stall }));
    }
    if mail.is_some()
        && let Some(rest) = rest.strip_prefix(b"SMTP command timeout on ")
    {
        // A mail has a name before its end only where it comes in chunks (RFC 3030), and the next chunk is awaited like a command.
        let (client, _) = host(after(rest, b"connection from ")?)?;
        let stall = Stall::new(MailFlow::Incoming, client, StallStage::Data);
        return Some(MailEvent::Stalled(Stall { mail, ..stall }));
    }
    if let Some(rest) = rest.strip_prefix(b"SMTP timeout while connected to ") {
        return while_connected(mail, None, rest);
    }
    if let Some(words) = rest.strip_prefix(b"TLS session: ") {
        // It tries again without TLS.
        let (relay, _) = host(after(words, b": delivering unencrypted to ")?)?;
        let stall = Stall::new(MailFlow::Outgoing, relay, StallStage::TlsHandshake);
        return is_handshake_time_out(words).then_some(MailEvent::Stalled(Stall { mail, ..stall }));
    }
    let rest = rest.strip_prefix(b"TLS error on ")?;
    let rest = rest.strip_prefix(b"TLS ").unwrap_or(rest);
    let (flow, rest) = match rest.strip_prefix(b"connection from ") {
        Some(rest) => (MailFlow::Incoming, rest),
        None => (MailFlow::Outgoing, rest.strip_prefix(b"connection to ")?),
    };
    let (peer, rest) = host(rest)?;
    let stall = Stall::new(flow, peer, StallStage::TlsHandshake);
    is_handshake_time_out(rest).then_some(MailEvent::Stalled(Stall { mail, ..stall }))
}

/// `(SSL_connect): timed out`, `(gnutls_handshake): timed out`, perhaps after an interface.
fn is_handshake_time_out(words: &[u8]) -> bool {
    let Some((_, call)) = split(words, b"(") else { return false };
    let Some((call, reason)) = split(call, b"): ") else { return false };
    [&b"SSL_connect"[..], b"SSL_accept", b"gnutls_handshake"].contains(&call) && is_time_out(reason)
}

/// `ADDRESS R=router T=transport defer (110): Connection timed out H=host [address]: reason`. Before 4.83, the reason has the host.
pub(super) fn record<'a>(mail: &'a [u8], rest: &'a [u8]) -> Option<MailEvent<'a>> {
    let (recipient, _) = split_unquoted(rest, b" ")?;
    let (domain, rest) = (domain(recipient), &rest[recipient.len()..]);
    if let Some((_, failure)) = split_unquoted(rest, b" defer (")
        && let Some((errno, connected)) = split(failure, b": SMTP timeout while connected to ")
        && is_time_out(after(errno, b"): ").unwrap_or_default())
        && !errno.contains(&b'[')
    {
        return while_connected(Some(mail), domain, connected);
    }
    let (before, from_host) = split_unquoted(rest, b" H=")?;
    // What follows is what the server said.
    let is_said = memchr::memmem::find(before, b"SMTP error from remote").is_some();
    if is_said { None } else { stalled(mail, domain, from_host) }
}

/// Whether this is a line of Exim.
pub(super) fn is_exim(message: &[u8]) -> bool {
    let message = without_pid(message);
    message_id(message).is_some()
        || [
            &b"SMTP "[..],
            b"TLS error on ",
            b"exim ",
            b"Start queue run",
            b"End queue run",
            b"no host name found for IP",
        ]
        .iter()
        .any(|start| message.starts_with(start))
}

/// With the log selector `pid`, `[123] ` comes first.
fn without_pid(message: &[u8]) -> &[u8] {
    let pid = message.strip_prefix(b"[").and_then(leading_number);
    pid.and_then(|(_, rest)| rest.strip_prefix(b"] ")).unwrap_or(message)
}

/// Three groups of 6, 6 and 2 characters; 6, 11 and 4 from Exim 4.97 on.
pub(super) fn message_id(message: &[u8]) -> Option<&[u8]> {
    let fits = |second: usize, length: usize| {
        let id = message.get(..length)?;
        let is_dash = |at: usize| at == 6 || at == second;
        let good = id
            .iter()
            .enumerate()
            .all(|(at, byte)| if is_dash(at) { *byte == b'-' } else { byte.is_ascii_alphanumeric() });
        good.then_some(id)
    };
    fits(13, 16).or_else(|| fits(18, 23))
}

fn received<'a>(mail: &'a [u8], rest: &'a [u8]) -> Option<MailEvent<'a>> {
    let client = after_unquoted(rest, b" H=").and_then(host).map(|(client, _)| client);
    let (size, _) = leading_number(after_unquoted(rest, b" S=")?)?;
    Some(MailEvent::Received { mail, size, recipients: 1, client })
}

fn stalled<'a>(mail: &'a [u8], domain: Option<&'a [u8]>, from_host: &'a [u8]) -> Option<MailEvent<'a>> {
    let (peer, rest) = host(from_host)?;
    let (fields, reason) = split(rest, b": ")?;
    let stall = if let Some(command) = reason.strip_prefix(b"SMTP timeout after ") {
        after_command(peer, command)?
    } else if let Some(words) = reason.strip_prefix(b"TLS session: ") {
        is_handshake_time_out(words).then(|| Stall::new(MailFlow::Outgoing, peer, StallStage::TlsHandshake))?
    } else {
        return ended::event(mail, domain, peer, fields, reason);
    };
    Some(MailEvent::Stalled(Stall { mail: Some(mail), domain, ..stall }))
}

/// `host [address] after sending data block (51200 bytes written)`.
fn while_connected<'a>(mail: Option<&'a [u8]>, domain: Option<&'a [u8]>, rest: &'a [u8]) -> Option<MailEvent<'a>> {
    let (peer, rest) = host(rest)?;
    let stall = after_command(peer, rest.strip_prefix(b" after ")?)?;
    Some(MailEvent::Stalled(Stall { mail, domain, ..stall }))
}

fn after_command<'a>(peer: PeerRef<'a>, command: &[u8]) -> Option<Stall<'a>> {
    let command = command.strip_prefix(b"pipelined ").unwrap_or(command);
    let stage = if command.starts_with(b"sending data block") {
        StallStage::Body
    } else if command.starts_with(b"end of data") {
        StallStage::EndOfData
    } else {
        return None;
    };
    // If a body stopped halfway, this number is less than the size of the mail.
    let size = number_after(command, b"end of data (");
    Some(Stall { size, ..Stall::new(MailFlow::Outgoing, peer, stage) })
}

/// `name [address]:port`, `name (helo) [address]`, `(helo) [address]` or `[address]`, and what follows.
fn host(text: &[u8]) -> Option<(PeerRef<'_>, &[u8])> {
    let text = text.strip_prefix(b"H=").unwrap_or(text);
    let named = text.iter().take_while(|byte| !matches!(**byte, b'[' | b'(')).count();
    // What a client said in HELO stands in brackets, and may be an address in square ones.
    let from = match text.get(named) {
        Some(b'(') => named + split(&text[named..], b")")?.0.len(),
        _ => named,
    };
    let (_, rest) = split(&text[from..], b"[")?;
    let before = &text[..named];
    let (inside, rest) = split(rest, b"]")?;
    let (port, rest) = match rest.strip_prefix(b":").and_then(leading_number) {
        Some((port, rest)) => (u16::try_from(port).ok(), rest),
        None => (None, rest),
    };
    let name = until(before, b' ');
    Some((PeerRef { name, address: Some(address(inside)?), port }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mailboxes are chosen by whoever sends the mail.
    #[test]
    fn mailboxes_accuse_nobody() {
        let forged = "R=dnslookup T=remote_smtp defer (110): Connection timed out H=evil.example [192.0.2.66]:6379: SMTP timeout after \
                      sending data block (51200 bytes written)";
        let id = "1rAbCd-0001Ab-2X";
        for line in [
            format!(
                "{id} == \"x {forged}\"@example.org R=dnslookup T=remote_smtp defer (-44) H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after RCPT TO: 450 no"
            ),
            format!(
                "{id} == u@example.com <\"x {forged}\"@example.org> R=dnslookup T=remote_smtp defer (-44) H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after RCPT TO: 450 no"
            ),
            format!(
                "{id} => \"x {forged}\"@example.org R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.1] C=\"250 ok\""
            ),
        ] {
            let accused = match event(line.as_bytes()) {
                Some(MailEvent::Stalled(stall)) => stall.peer.address,
                Some(MailEvent::Sent { relay, .. }) => {
                    relay.address.filter(|found| Some(*found) != "192.0.2.1".parse().ok())
                }
                _ => None,
            };
            assert_eq!(accused, None, "{line}");
        }
        let line =
            format!("{id} <= \"x H=evil [192.0.2.66] S=99999999\"@example.org H=c.example [192.0.2.9] P=esmtp S=400");
        let Some(MailEvent::Received { size, client, .. }) = event(line.as_bytes()) else { panic!("{line}") };
        assert_eq!((size, client.and_then(|client| client.address)), (400, "192.0.2.9".parse().ok()));
    }

    #[test]
    fn a_stall_is_read_in_both_kinds_of_line() {
        for line in [
            "1rAbCd-0001Ab-2X H=mx.example.com [192.0.2.1]: SMTP timeout after end of data (51200 bytes written): Connection timed out",
            "1rAbCd-00000001Ab2-2XyZ H=mx.example.com [192.0.2.1]:25: SMTP timeout after end of data (51200 bytes written): Connection timed out",
            "[4711] 1rAbCd-0001Ab-2X == u@example.com R=dnslookup T=remote_smtp defer (110): Connection timed out H=mx.example.com [192.0.2.1]: SMTP timeout after pipelined end of data (51200 bytes written)",
        ] {
            let Some(MailEvent::Stalled(stall)) = event(line.as_bytes()) else { panic!("{line}") };
            assert_eq!(
                (stall.stage, stall.size, stall.peer.name),
                (StallStage::EndOfData, Some(51200), &b"mx.example.com"[..])
            );
        }
    }

    #[test]
    fn other_time_outs_are_none() {
        for line in [
            "1rAbCd-0001Ab-2X H=mx.example.com [192.0.2.1] Connection timed out",
            "1rAbCd-0001Ab-2X == u@example.com R=dnslookup T=remote_smtp defer (110): Connection timed out",
            "1rAbCd-0001Ab-2X H=mx.example.com [192.0.2.1]: SMTP timeout after initial connection: Connection timed out",
            "1rAbCd-0001Ab-2X H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after end of data: 451 SMTP timeout after end of data",
        ] {
            assert_eq!(stall_of(line), None, "{line}");
        }
    }

    fn stall_of(line: &str) -> Option<(MailFlow, StallStage, String)> {
        match event(line.as_bytes()) {
            Some(MailEvent::Stalled(stall)) => {
                Some((stall.flow, stall.stage, stall.peer.address.expect("an address").to_string()))
            }
            _ => None,
        }
    }

    #[test]
    fn every_wording_of_a_stall_is_read() {
        use MailFlow::{Incoming, Outgoing};
        use StallStage::{Body, Data, EndOfData, LostInBody, TlsHandshake};
        const ID: &str = "1rAbCd-0001Ab-2X";
        let rows = [
            ("SMTP data timeout (message abandoned) on connection from mx [192.0.2.1]:41234 F=<x@e>", Incoming, Data),
            (
                "SMTP data timeout (message abandoned) on TLS connection from (a.b) [192.0.2.1] F=<x@e> D=5m",
                Incoming,
                Data,
            ),
            // Without a mail it is a client that is idle.
            ("SMTP command timeout on TLS connection from (a.b) [192.0.2.1]", Incoming, Data),
            (
                "SMTP data timeout (message abandoned) on connection from H=([10.0.0.9]) [192.0.2.1] F=<x@e>",
                Incoming,
                Data,
            ),
            (
                "TLS error on connection from mx (helo) [192.0.2.1]:99 I=[192.0.2.9]:25 (SSL_accept): timed out",
                Incoming,
                TlsHandshake,
            ),
            ("TLS error on connection from (h) [192.0.2.1] (gnutls_handshake): timed out", Incoming, TlsHandshake),
            ("TLS error on connection to mx [192.0.2.1] (SSL_connect): timed out", Outgoing, TlsHandshake),
            ("H=mx [192.0.2.1]: TLS session: (gnutls_handshake): timed out", Outgoing, TlsHandshake),
            (
                "== u@e R=d T=r defer (-37) H=mx [192.0.2.1]: TLS session: (SSL_connect): timed out",
                Outgoing,
                TlsHandshake,
            ),
            (
                "TLS session: (SSL_connect): timed out: delivering unencrypted to H=mx [192.0.2.1] (not in hosts_require_tls)",
                Outgoing,
                TlsHandshake,
            ),
            (
                "SMTP timeout while connected to mx [192.0.2.1] after sending data block (173000 bytes written): Connection timed out",
                Outgoing,
                Body,
            ),
            (
                "== u@e R=d T=r defer (110): Connection timed out: SMTP timeout while connected to mx [192.0.2.1] after end of data (9 bytes written)",
                Outgoing,
                EndOfData,
            ),
            (
                "== u@e R=d T=r defer (60): Operation timed out H=mx [192.0.2.1] I=[192.0.2.9]:4711: SMTP timeout after end of data (9 bytes written)",
                Outgoing,
                EndOfData,
            ),
            (
                "== u@e R=d T=r defer (-46) H=mx [192.0.2.1] DT=5m1s: SMTP error from remote mail server after end of data: 421 4.4.2 mx Error: timeout exceeded",
                Outgoing,
                EndOfData,
            ),
            (
                "H=mx [192.0.2.1]: SMTP error from remote mail server after pipelined end of data: 421 4.4.2 mx Error: timeout exceeded",
                Outgoing,
                EndOfData,
            ),
            (
                "== u@e R=d T=r defer (-45) H=mx [192.0.2.1]: SMTP error from remote mail server after end of data: 421 mx: SMTP command timeout - closing connection",
                Outgoing,
                EndOfData,
            ),
            (
                "== u@e R=d T=r defer (-18) H=mx [192.0.2.1] DT=5m: Remote host closed connection in response to end of data",
                Outgoing,
                LostInBody,
            ),
        ];
        for (words, flow, stage) in rows {
            let expected = Some((flow, stage, "192.0.2.1".to_owned()));
            let is_of_a_mail = ["==", "H=", "SMTP command"].iter().any(|start| words.starts_with(start));
            for line in [format!("{ID} {words}"), words.to_owned()].iter().take(if is_of_a_mail { 1 } else { 2 }) {
                assert_eq!(stall_of(line), expected, "{line}");
            }
        }
    }

    #[test]
    fn what_a_stranger_says_accuses_nobody() {
        for words in [
            "== u@e R=d T=r defer (-46): SMTP error from remote mail server after end of data: host mx [192.0.2.1]: 451 no H=x [192.0.2.66]: SMTP timeout after end of data (9 bytes written)",
            "== u@e R=d T=r defer (-46): SMTP error from remote mail server after end of data: host mx [192.0.2.1]: 451 timed out: SMTP timeout while connected to x [192.0.2.66] after end of data",
            "== u@e R=d T=r defer (-46) H=mx [192.0.2.1]: SMTP error from remote mail server after end of data: 421 4.4.2 timeout exceeded",
            "== u@e R=d T=r defer (-46) H=mx [192.0.2.1] DT=12s: SMTP error from remote mail server after end of data: 421 4.4.2 timeout exceeded",
            "== u@e R=d T=r defer (-46) H=mx [192.0.2.1] DT=5m: SMTP error from remote mail server after RCPT TO:<u@e>: 421 4.4.2 timeout exceeded",
            "TLS error on connection from (h) [192.0.2.1] (SSL_accept): error:1408F10B:SSL routines: timed out",
            "TLS error on connection from (h) [192.0.2.1] (recv): timed out",
            "TLS session: (certificate verification failed): timed out: delivering unencrypted to H=mx [192.0.2.1] (no)",
            "SMTP timeout while connected to mx [192.0.2.1] after initial connection: Connection timed out",
            "== u@e R=d T=r defer (-18) H=mx [192.0.2.1] DT=2s: Remote host closed connection in response to end of data",
            "== u@e R=d T=r defer (-18) H=mx [192.0.2.1] DT=5m: Remote host closed connection in response to RCPT TO:<u@e>",
        ] {
            assert_eq!(stall_of(&format!("1rAbCd-0001Ab-2X {words}")), None, "{words}");
        }
    }

    /// A log without DT= leaves it to the name of the mail and the clock how long the relay waited.
    #[test]
    fn an_end_without_a_duration_keeps_when_the_mail_came() {
        let begun = "2026-11-29T14:46:10Z".parse::<jiff::Timestamp>().expect("a time").as_second();
        for words in [
            "H=mx [192.0.2.1]: Remote host closed connection in response to pipelined end of data",
            "== u@e R=d T=r defer (-18) H=mx [192.0.2.1]: Remote host closed connection in response to sending data block",
            "H=mx [192.0.2.1]: mx [192.0.2.1]: No such file or directory",
            "== u@e R=d T=r defer (2): No such file or directory H=mx [192.0.2.1]:25: mx [192.0.2.1]",
        ] {
            let line = format!("1xXgAM-0002m5-0A {words}");
            let Some(MailEvent::EndedByRelay { stall, begun: read }) = event(line.as_bytes()) else { panic!("{line}") };
            assert_eq!((stall.stage, read), (StallStage::LostInBody, begun), "{line}");
        }
    }
}

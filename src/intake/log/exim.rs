//! The main log of Exim.

use crate::intake::bytes::{address, after, domain, leading_number, number_after, split, until};
use crate::intake::event::{MailEvent, PeerRef, Stall};
use crate::model::{MailFlow, StallStage};

/// The event that a line describes. The line comes without its date.
pub(super) fn event(message: &[u8]) -> Option<MailEvent<'_>> {
    let message = without_pid(message);
    if let Some(rest) = message.strip_prefix(b"SMTP data timeout (message abandoned) on connection from ") {
        let (client, _) = host(rest)?;
        return Some(MailEvent::Stalled(Stall::new(MailFlow::Incoming, client, StallStage::Data)));
    }
    let mail = message_id(message)?;
    let rest = message[mail.len()..].strip_prefix(b" ")?;
    match rest.get(..3) {
        Some(b"<= ") => received(mail, rest),
        Some(b"=> ") => Some(MailEvent::Sent { mail, relay: host(after(rest, b" H=")?)?.0 }),
        Some(b"== " | b"** ") => {
            let recipient = until(&rest[3..], b' ');
            stalled(mail, domain(recipient), after(rest, b" H=")?)
        }
        Some([b'H', b'=', _]) => stalled(mail, None, &rest[2..]),
        _ => None,
    }
}

/// Whether this is a line of Exim.
pub(super) fn is_exim(message: &[u8]) -> bool {
    let message = without_pid(message);
    message_id(message).is_some()
        || [&b"SMTP "[..], b"exim ", b"Start queue run", b"End queue run", b"no host name found for IP"]
            .iter()
            .any(|start| message.starts_with(start))
}

/// With the log selector `pid`, `[123] ` comes first.
fn without_pid(message: &[u8]) -> &[u8] {
    let pid = message.strip_prefix(b"[").and_then(leading_number);
    pid.and_then(|(_, rest)| rest.strip_prefix(b"] ")).unwrap_or(message)
}

/// Three groups of 6, 6 and 2 characters; 6, 11 and 4 from Exim 4.97 on.
fn message_id(message: &[u8]) -> Option<&[u8]> {
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
    let client = after(rest, b" H=").and_then(host).map(|(client, _)| client);
    Some(MailEvent::Received { mail, size: number_after(rest, b" S=")?, recipients: 1, client })
}

fn stalled<'a>(mail: &'a [u8], domain: Option<&'a [u8]>, from_host: &'a [u8]) -> Option<MailEvent<'a>> {
    let (peer, rest) = host(from_host)?;
    let command = rest.strip_prefix(b": SMTP timeout after ")?;
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
    let stall = Stall::new(MailFlow::Outgoing, peer, stage);
    Some(MailEvent::Stalled(Stall { mail: Some(mail), domain, size, ..stall }))
}

/// `name [address]:port`, `name (helo) [address]`, `(helo) [address]` or `[address]`, and what follows.
fn host(text: &[u8]) -> Option<(PeerRef<'_>, &[u8])> {
    let (before, rest) = split(text, b"[")?;
    let (inside, rest) = split(rest, b"]")?;
    let (port, rest) = match rest.strip_prefix(b":").and_then(leading_number) {
        Some((port, rest)) => (u16::try_from(port).ok(), rest),
        None => (None, rest),
    };
    let name = until(before, b' ');
    let name = if name.starts_with(b"(") { &b""[..] } else { name };
    Some((PeerRef { name, address: Some(address(inside)?), port }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(event(line.as_bytes()), None, "{line}");
        }
    }
}

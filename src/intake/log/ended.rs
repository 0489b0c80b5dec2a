//! Conversations of Exim that a relay ended. A relay that never gets the rest of a mail does so after the minutes that it waits.

use crate::intake::bytes::{address, after, seconds, until};
use crate::intake::event::{MailEvent, PeerRef, Stall};
use crate::intake::postfix::LONG_WAIT;
use crate::intake::said::{tells_time_out, waited_for_us};
use crate::model::{MailFlow, StallStage};

/// The least that a server waits for the rest of a mail (RFC 5321, section 4.5.3.2.7).
const FIVE_MINUTES: f64 = 300.0;

/// The event of a `reason` to end, with or without words of the relay. `fields` stand before it.
pub(super) fn event<'a>(
    mail: &'a [u8],
    domain: Option<&'a [u8]>,
    peer: PeerRef<'a>,
    fields: &[u8],
    reason: &[u8],
) -> Option<MailEvent<'a>> {
    let (stage, how_long) = if let Some(said) = reason.strip_prefix(b"SMTP error from remote mail server after ") {
        let said = without_pipelined(said).strip_prefix(b"end of data: ").filter(|said| tells_time_out(said))?;
        (StallStage::EndOfData, if waited_for_us(said) { None } else { Some(LONG_WAIT) })
    } else if let Some(command) = reason.strip_prefix(b"Remote host closed connection in response to ") {
        let command = without_pipelined(command);
        let is_in_body = command.starts_with(b"end of data") || command.starts_with(b"sending data block");
        (is_in_body.then_some(StallStage::LostInBody)?, Some(LONG_WAIT))
    } else {
        // The reason is the relay's own name and address where it closes without the end of its TLS session. The stage is not told.
        let again = reason.strip_prefix(peer.name)?.trim_ascii_start().strip_prefix(b"[")?;
        (address(until(again, b']')) == peer.address).then_some((StallStage::LostInBody, Some(FIVE_MINUTES)))?
    };
    let stall = Stall { mail: Some(mail), domain, ..Stall::new(MailFlow::Outgoing, peer, stage) };
    match (after(fields, b" DT=").and_then(duration), how_long) {
        (Some(waited), how_long) => (waited >= how_long.unwrap_or(LONG_WAIT)).then_some(MailEvent::Stalled(stall)),
        (None, None) => Some(MailEvent::Stalled(stall)),
        (None, Some(_)) => Some(MailEvent::EndedByRelay { stall, begun: seconds_of(mail)? }),
    }
}

fn without_pipelined(words: &[u8]) -> &[u8] {
    words.strip_prefix(b"pipelined ").unwrap_or(words)
}

/// The second in which a mail came in, which its name begins with.
fn seconds_of(mail: &[u8]) -> Option<i64> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'a'..=b'z' => Some(byte - b'a' + 36),
        _ => None,
    };
    mail.get(..6)?.iter().try_fold(0, |sum: i64, byte| Some(sum * 62 + i64::from(digit(*byte)?)))
}

/// `5m1s` or `300.120s`.
fn duration(text: &[u8]) -> Option<f64> {
    let mut rest = until(text, b' ');
    let mut total = 0.0;
    while !rest.is_empty() {
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let (number, unit) = (seconds(&rest[..length])?, rest.get(length)?);
        let unit = match unit {
            b'w' => 604_800.0,
            b'd' => 86_400.0,
            b'h' => 3600.0,
            b'm' => 60.0,
            b's' => 1.0,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[length + 1..];
    }
    Some(total)
}

//! qmail: what qmail-send logs of its deliveries.
//!
//! A delivery is known by a number, and an earlier line says of which mail it is. The time between the two tells a time-out from a
//! connection that was cut.

use jiff::Timestamp;

use crate::intake::bytes::{address, after, domain, leading_number, split, until};
use crate::intake::event::{LineContext, MailEvent, PeerRef, Stall};
use crate::intake::mails::hash;
use crate::intake::pending::PendingTable;
use crate::intake::postfix::LONG_WAIT;
use crate::intake::said::tells_time_out;
use crate::intake::stamp::Stamp;
use crate::model::{MailFlow, StallStage};

/// How long it waits for anything of a server, unless `control/timeoutremote` says otherwise. Whole seconds are all that some logs have.
const OWN_TIME_OUT: f64 = 1195.0;
/// The longest message of a delivery that is looked at.
const LONGEST: usize = 4096;

/// The mails and deliveries that are under way.
pub(super) struct Qmail {
    /// The names of mails by their numbers. A number is used again as soon as its mail is gone, so the process that queued it is added.
    mails: PendingTable<Vec<u8>>,
    deliveries: PendingTable<Delivery>,
    name: Vec<u8>,
    ended: Delivery,
}

/// An attempt to deliver a mail to another host.
struct Delivery {
    mail: Vec<u8>,
    domain: Option<Vec<u8>>,
    began: Stamp,
}

impl Default for Qmail {
    fn default() -> Self {
        let ended = Delivery { mail: Vec::new(), domain: None, began: Stamp::None };
        Self { mails: PendingTable::new(), deliveries: PendingTable::new(), name: Vec::new(), ended }
    }
}

impl Qmail {
    /// The event that a line completes.
    pub(super) fn event<'a>(
        &'a mut self,
        message: &'a [u8],
        context: &LineContext<'_>,
        now: Timestamp,
    ) -> Option<MailEvent<'a>> {
        // splogger puts a more exact time before it.
        let (stamp, message) = stamped(message).unwrap_or((context.stamp, message));
        let key = |number: &[u8]| hash(&[context.host, number]);
        if let Some(rest) = message.strip_prefix(b"info msg ") {
            let (number, rest) = digits(rest)?;
            let (size, rest) = leading_number(rest.strip_prefix(b": bytes ")?)?;
            let process = after(rest, b"> qp ").and_then(digits).map_or(&b""[..], |(process, _)| process);
            self.name = [number, b" ", process].concat();
            self.mails.insert(key(number), self.name.clone());
            return Some(MailEvent::Received { mail: &self.name, size, recipients: 1, client: None });
        }
        if let Some(rest) = message.strip_prefix(b"starting delivery ") {
            let (delivery, rest) = digits(rest)?;
            let (number, rest) = digits(rest.strip_prefix(b": msg ")?)?;
            let recipient = rest.strip_prefix(b" to remote ")?;
            let mail = self.mails.get_mut(key(number)).map_or_else(|| number.to_owned(), |name| name.clone());
            let domain = domain(recipient).map(<[u8]>::to_owned);
            self.deliveries.insert(key(delivery), Delivery { mail, domain, began: stamp });
            return None;
        }
        let (delivery, outcome) = digits(message.strip_prefix(b"delivery ")?)?;
        let outcome = outcome.strip_prefix(b": ")?;
        self.ended = self.deliveries.remove(key(delivery))?;
        let Delivery { mail, domain, began } = &self.ended;
        if let Some(said) = outcome.strip_prefix(b"success: ") {
            let (place, _) = split(said, b"_accepted_message.")?;
            let relay = PeerRef { name: b"", address: Some(address(place)?), port: None };
            return Some(MailEvent::Sent { mail, relay });
        }
        let waited = seconds_between(began, &stamp, now)?;
        let (relay, stage) = failure(outcome.strip_prefix(b"deferral: ")?, waited)?;
        let stall = Stall::new(MailFlow::Outgoing, relay, stage);
        Some(MailEvent::Stalled(Stall { mail: Some(mail), domain: domain.as_deref(), waited: Some(waited), ..stall }))
    }
}

/// The digits of a number at the very start, and what follows.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=20).contains(&length).then(|| text.split_at(length))
}

fn seconds_between(began: &Stamp, ended: &Stamp, now: Timestamp) -> Option<f64> {
    let (began, ended) = (began.read(now)?, ended.read(now)?);
    Some(ended.order().duration_since(began.order()).as_secs_f64())
}

/// The stage of a stall, after so many seconds. qmail puts `_` for each space and `/` for each line end.
fn failure(words: &[u8], waited: f64) -> Option<(PeerRef<'_>, StallStage)> {
    let words = words.get(..LONGEST).unwrap_or(words);
    let starts_with_address = |text| {
        let place: &[u8] = until(text, b'_');
        Some((PeerRef { name: b"", address: Some(address(place)?), port: None }, &text[place.len()..]))
    };
    if waited < LONG_WAIT {
        return None;
    }
    if let Some(rest) = words.strip_prefix(b"Connected_to_") {
        let (relay, rest) = starts_with_address(rest)?;
        let how = rest.strip_prefix(b"_but_connection_died._")?;
        return Some((relay, died(how, waited)?));
    }
    if let Some(rest) = words.strip_prefix(b"TLS_connect_failed:_timed_out;_connect") {
        let (_, place) = split(rest, b"_to_")?;
        let place = place.split(|byte| *byte == b'/').next()?.strip_suffix(b".")?;
        let relay = PeerRef { name: b"", address: Some(address(place)?), port: None };
        return Some((relay, StallStage::TlsHandshake));
    }
    let (relay, rest) = starts_with_address(words)?;
    let said = rest.strip_prefix(b"_failed_after_I_sent_the_message./Remote_host_said:_")?;
    let said: Vec<u8> = said.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
    tells_time_out(&said).then_some((relay, StallStage::EndOfData))
}

/// Once the end of the data is sent, the mail may arrive twice, and qmail says so. Before, it does not say where it was.
fn died(how: &[u8], waited: f64) -> Option<StallStage> {
    let (is_end_of_data, how) = match how.strip_prefix(b"Possible_duplicate!_") {
        Some(how) => (true, how),
        None => (false, how),
    };
    let is_own_time_out = waited >= OWN_TIME_OUT || how.starts_with(b"timed_out_");
    match (is_end_of_data, is_own_time_out) {
        (true, true) => Some(StallStage::EndOfData),
        (true, false) => Some(StallStage::LostInBody),
        (false, true) => Some(StallStage::Session),
        // Who hangs up early has another reason: a server that waits for the body says so at the end of it.
        (false, false) => None,
    }
}

/// Whether this is a line of qmail-send.
pub(super) fn is_line(message: &[u8]) -> bool {
    let numbered = |message: &[u8], start: &[u8]| {
        let rest = message.strip_prefix(start).and_then(leading_number);
        rest.is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(b": "))
    };
    let message = stamped(message).map_or(message, |(_, message)| message);
    let starts: [&[u8]; 6] =
        [b"delivery ", b"starting delivery ", b"info msg ", b"new msg ", b"end msg ", b"bounce msg "];
    let status = message.strip_prefix(b"status: ");
    starts.iter().any(|start| numbered(message, start))
        || status.is_some_and(|rest| rest.starts_with(b"local ") || rest.starts_with(b"exiting"))
}

/// The time at the start of a text, as multilog writes it (`@400000006920…`, TAI64N) or splogger (`1795168800.123456`), and what follows it.
pub(super) fn stamped(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let Some(label) = text.strip_prefix(b"@") else {
        let (seconds, rest) = leading_number(text).filter(|_| text.get(10) == Some(&b'.'))?;
        let (micros, rest) = leading_number(rest.strip_prefix(b".")?)?;
        let micros = i64::try_from(seconds.checked_mul(1_000_000)?.checked_add(micros)?).ok()?;
        return Some((Stamp::Micros(micros), rest.strip_prefix(b" ")?));
    };
    let digits = label.get(..24)?;
    let hexadecimal = |digits: &[u8]| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    // Seconds of TAI count from 2^62, and were 10 ahead of UTC in 1970.
    let seconds = hexadecimal(&digits[..16])?.checked_sub((1 << 62) + 10)?;
    let micros = hexadecimal(&digits[16..])? / 1000;
    let micros = i64::try_from(seconds.checked_mul(1_000_000)?.checked_add(micros)?).ok()?;
    Some((Stamp::Micros(micros), label[24..].strip_prefix(b" ")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_notations() {
        // 1795168800 is 2026-11-20 10:00:00 UTC.
        let rows = [
            ("@400000006b0020ea075bcd15 status: local 0/10 remote 1/20", Some(1_795_170_528_123_456)),
            ("1795168800.123456 status: exiting", Some(1_795_168_800_123_456)),
            ("@400000006b0020ea status: exiting", None),
            ("@4000000z6b0020ea075bcd15 status: exiting", None),
            ("@0000000000000000075bcd15 x", None),
            ("1795168800 status", None),
        ];
        for (text, expected) in rows {
            let found = stamped(text.as_bytes());
            assert_eq!(found.map(|(stamp, _)| stamp), expected.map(Stamp::Micros), "{text}");
            assert!(found.is_none_or(|(_, rest)| is_line(rest)), "{text}");
        }
    }

    #[test]
    fn a_stage_is_told_by_the_words_and_the_time() {
        use StallStage::{EndOfData, LostInBody, Session, TlsHandshake};
        let rows = [
            ("Connected_to_192.0.2.1_but_connection_died._Possible_duplicate!_(#4.4.2)/", 1200.0, Some(EndOfData)),
            ("Connected_to_192.0.2.1_but_connection_died._Possible_duplicate!_(#4.4.2)/", 300.0, Some(LostInBody)),
            (
                "Connected_to_192.0.2.1_but_connection_died._Possible_duplicate!_timed_out_(#4.4.2)/",
                180.0,
                Some(EndOfData),
            ),
            ("Connected_to_192.0.2.1_but_connection_died._Possible_duplicate!_(#4.4.2)/", 5.0, None),
            ("Connected_to_192.0.2.1_but_connection_died._(#4.4.2)/", 1200.4, Some(Session)),
            ("Connected_to_192.0.2.1_but_connection_died._(#4.4.2)/", 300.0, None),
            ("Connected_to_192.0.2.1_but_connection_died._Will_try_alternate_MX._(#4.4.2)/", 0.3, None),
            ("Connected_to_192.0.2.1_but_greeting_failed./Remote_host_said:_421_timeout/", 300.0, None),
            ("Connected_to_192.0.2.1_but_sender_was_rejected./Remote_host_said:_451_timeout/", 300.0, None),
            (
                "192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_421_4.4.2_mx_Error:_timeout_exceeded/",
                301.0,
                Some(EndOfData),
            ),
            (
                "192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_421_4.4.2_mx_Error:_timeout_exceeded/",
                20.0,
                None,
            ),
            (
                "192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_451_4.7.1_Virus_scanner_timed_out/",
                301.0,
                None,
            ),
            ("192.0.2.1_failed_on_DATA_command./Remote_host_said:_421_timeout/", 301.0, None),
            ("TLS_connect_failed:_timed_out;_connected_to_192.0.2.1./", 1200.0, Some(TlsHandshake)),
            ("TLS_connect_failed:_error:1408F10B:SSL_routines;_connected_to_192.0.2.1./", 1200.0, None),
            ("Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/", 1200.0, None),
            ("CNAME_lookup_failed_temporarily._(#4.4.3)/", 1200.0, None),
        ];
        for (words, waited, expected) in rows {
            let found = failure(words.as_bytes(), waited);
            assert_eq!(found.map(|(_, stage)| stage), expected, "{words} after {waited}");
            assert!(found.is_none_or(|(relay, _)| relay.address == "192.0.2.1".parse().ok()), "{words}");
        }
    }

    /// The number of a mail is that of a file, and the next mail may have the same.
    #[test]
    fn a_number_that_is_used_again_is_another_mail() {
        let mut qmail = Qmail::default();
        let mut sent = Vec::new();
        for process in ["100", "200"] {
            for line in [
                "new msg 49153".to_owned(),
                format!("info msg 49153: bytes 900 from <a@b.example> qp {process} uid 1000"),
                "starting delivery 1: msg 49153 to remote u@example.com".to_owned(),
                "status: local 0/10 remote 1/20".to_owned(),
                "delivery 1: success: 192.0.2.1_accepted_message./Remote_host_said:_250_ok/".to_owned(),
                "end msg 49153".to_owned(),
            ] {
                assert!(is_line(line.as_bytes()), "{line}");
                let context = LineContext { host: b"", stamp: Stamp::None, line: b"" };
                if let Some(MailEvent::Sent { mail, .. }) =
                    qmail.event(line.as_bytes(), &context, Timestamp::UNIX_EPOCH)
                {
                    sent.push(mail.to_owned());
                }
            }
        }
        assert_eq!(sent, [b"49153 100", b"49153 200"]);
    }
}

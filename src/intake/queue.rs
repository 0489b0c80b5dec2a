//! The queue of Postfix, as `postqueue -j` lists it: one JSON object a line.
//!
//! A queue knows the sizes and the reasons, but not what passed, so its evidence is never [`Grade::Classic`](crate::model::Grade).

mod child;
mod environment;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{MailFlow, Reading, ReadingKind, StallStage, Suspects};

use super::IntakeError;
use super::bytes::domain;
use super::correlator::Correlator;
use super::event::{LineContext, MailEvent, Stall};
use super::postfix::{Failure, failure};
use super::stamp::Stamp;

pub use environment::Environment;

#[derive(Deserialize)]
struct QueuedMail {
    queue_id: String,
    #[serde(default)]
    arrival_time: i64,
    #[serde(rename = "message_size")]
    size: u64,
    recipients: Vec<QueuedRecipient>,
}

#[derive(Clone, Deserialize)]
struct QueuedRecipient {
    address: String,
    delay_reason: Option<String>,
}

/// Asks Postfix for its queue and returns the suspects.
pub fn read(environment: Environment, now: Timestamp) -> Result<Suspects, IntakeError> {
    parse(&child::postqueue("postqueue", environment)?, now)
}

/// Returns the suspects of a list as `postqueue -j` prints it. The text is empty if the queue is.
pub fn parse(list: &[u8], now: Timestamp) -> Result<Suspects, IntakeError> {
    let mut queue = Queue::default();
    for (index, line) in list.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // Addresses may hold any byte, and Postfix passes it on.
        let text = String::from_utf8_lossy(line);
        let garbage = |_| IntakeError::PostqueueGarbage { line: index as u64 + 1 };
        queue.add(&serde_json::from_str(&text).map_err(garbage)?, now);
    }
    Ok(queue.suspects(now))
}

/// A queue while it is read.
#[derive(Default)]
struct Queue {
    correlator: Correlator,
    reading: Reading,
    /// Relays at which a mail stalled that is still in the queue.
    accused: BTreeSet<IpAddr>,
    /// One mail for each relay that Postfix did not try, because another mail to that relay had stalled.
    suspended: BTreeMap<IpAddr, (QueuedRecipient, Stamp)>,
}

impl Queue {
    fn add(&mut self, message: &QueuedMail, now: Timestamp) {
        self.reading.lines += 1;
        self.reading.mail_lines += 1;
        let mail = message.queue_id.as_bytes();
        let stamp = message.arrival_time.checked_mul(1_000_000).map_or(Stamp::None, Stamp::Micros);
        if let Some(time) = stamp.read(now) {
            self.reading.saw(time);
        }
        let recipients = message.recipients.len() as u64;
        let received = MailEvent::Received { mail, size: message.size, recipients, client: None };
        self.correlator.note(&received, &LineContext { host: b"", stamp, line: b"" });
        for recipient in &message.recipients {
            let Some((failure, stage)) = recipient.failure() else { continue };
            let Some(address) = failure.relay.address else { continue };
            if failure.suspended {
                self.suspended.entry(address).or_insert_with(|| (recipient.clone(), stamp));
            } else if note(&mut self.correlator, Some(mail), recipient, stamp) && stage != StallStage::ManyRecipients {
                self.accused.insert(address);
            }
        }
    }

    /// A suspended mail shows that another mail stalled, which may have left the queue since.
    fn suspects(mut self, now: Timestamp) -> Suspects {
        for (address, (recipient, stamp)) in &self.suspended {
            if !self.accused.contains(address) {
                note(&mut self.correlator, None, recipient, *stamp);
            }
        }
        self.correlator.suspects(Reading { kind: ReadingKind::Queue, ..self.reading }, now)
    }
}

impl QueuedRecipient {
    /// No hang-up counts, because a queue does not say how long a peer waited before it closed the connection.
    fn failure(&self) -> Option<(Failure<'_>, StallStage)> {
        let failure = failure(self.delay_reason.as_ref()?.as_bytes())?;
        let stage = failure.how.stage_in_queue()?;
        Some((failure, stage))
    }
}

fn note(correlator: &mut Correlator, mail: Option<&[u8]>, recipient: &QueuedRecipient, stamp: Stamp) -> bool {
    let Some((failure, stage)) = recipient.failure() else { return false };
    let domain = domain(recipient.address.as_bytes());
    let stall = Stall { mail, domain, ..Stall::new(MailFlow::Outgoing, failure.relay, stage) };
    let line = recipient.delay_reason.as_ref().map_or(&b""[..], |reason| reason.as_bytes());
    correlator.note(&MailEvent::Stalled(stall), &LineContext { host: b"", stamp, line });
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Grade, Reason};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn message(id: &str, size: u64, reason: &str) -> String {
        format!(
            r#"{{"queue_name": "deferred", "queue_id": "{id}", "arrival_time": 1700000000, "message_size": {size}, "forced_expire": false, "sender": "a@b.example", "recipients": [{{"address": "u@example.com", "delay_reason": "{reason}"}}]}}"#
        )
    }

    #[test]
    fn stuck_mail_accuses_its_relay() {
        let reason = "conversation with mx.example.com[192.0.2.1] timed out while sending message body";
        let list = [
            message("4BcDfG1z2Xz9", 60_000, reason),
            message("4BcDfG1z2Xz8", 90_000, reason),
            message("4BcDfG1z2Xz7", 500, &format!("delivery temporarily suspended: {reason}")),
            message("4BcDfG1z2Xz6", 90_000, "connect to mx.example.net[192.0.2.2]:25: Connection timed out"),
        ];
        let suspects = parse(list.join("\n").as_bytes(), NOW).expect("a queue");
        assert_eq!(suspects.reading.lines, 4);
        let [suspect] = suspects.list.as_slice() else { panic!("{suspects:?}") };
        assert_eq!((suspect.grade, suspect.domains.as_slice()), (Grade::Likely, &["example.com".to_owned()][..]));
        assert!(suspect.reasons.contains(&Reason::Stalled { stage: StallStage::Body, mails: 2 }), "{suspect:?}");
        assert!(suspect.reasons.contains(&Reason::StuckSizes { mails: 2, smallest: 60_000, largest: 90_000 }));
    }

    #[test]
    fn a_suspended_mail_tells_of_one_that_stalled() {
        let reason =
            "delivery temporarily suspended: conversation with mx[192.0.2.1] timed out while sending end of data -- x";
        let list = [message("4BcDfG1z2Xz9", 600, reason), message("4BcDfG1z2Xz8", 700, reason)];
        let suspects = parse(list.join("\n").as_bytes(), NOW).expect("a queue");
        let [suspect] = suspects.list.as_slice() else { panic!("{suspects:?}") };
        assert_eq!(suspect.reasons, [Reason::Stalled { stage: StallStage::EndOfData, mails: 1 }]);
    }

    #[test]
    fn an_empty_queue_accuses_nobody_and_garbage_is_said() {
        assert_eq!(parse(b"", NOW).map(|suspects| suspects.list.len()), Ok(0));
        assert_eq!(parse(b"\nMail queue is empty\n", NOW), Err(IntakeError::PostqueueGarbage { line: 2 }));
        assert!(parse(b"{\"queue_id\": 7}", NOW).is_err());
        assert!(parse(&[0xff, 0, 0x80], NOW).is_err());
    }
}

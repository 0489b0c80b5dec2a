//! The log that Exim keeps of each mail in its spool, as `exim -Mvl ID` shows it.
//!
//! Its lines are those of the main log without the name of the mail. The first says how large it is.

use std::fmt::Write;

use super::exim;
use crate::intake::bytes::{after_unquoted, leading_number, split, split_unquoted};
use crate::intake::event::MailEvent;

/// Where such a log is being read.
#[derive(Default)]
pub(super) struct MessageLogs {
    number: u64,
    /// What stands for the name of the mail.
    name: String,
}

impl MessageLogs {
    /// The event that a line describes. The line comes without its date.
    pub(super) fn event<'a>(&'a mut self, message: &'a [u8]) -> Option<MailEvent<'a>> {
        let is_first = message.starts_with(RECEIVED);
        if is_first || self.name.is_empty() {
            self.number += 1;
            self.name.clear();
            // No second can be read from it, as from the names that Exim gives.
            let _ = write!(self.name, "a mail {}", self.number);
        }
        let mail = self.name.as_bytes();
        if is_first {
            // Who sent it stands there too, but the mail of others, which the main log has, would be needed to judge that.
            return Some(MailEvent::Received {
                mail,
                size: leading_number(after_unquoted(message, b" S=")?)?.0,
                recipients: 1,
                client: None,
            });
        }
        exim::event_of(Some(mail), message).or_else(|| exim::record(mail, message))
    }
}

/// How far into a line it shows what it is.
const LONGEST: usize = 1024;
const RECEIVED: &[u8] = b"Received from ";

/// Whether this is a line of such a log, behind its date.
pub(super) fn is_line(message: &[u8]) -> bool {
    let message = message.get(..LONGEST).unwrap_or(message);
    let has = |text: &[u8], needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    if let Some(rest) = message.strip_prefix(RECEIVED) {
        return has(rest, b" P=") && has(rest, b" S=");
    }
    if let Some(rest) = message.strip_prefix(b"H=") {
        return split(rest, b" [").is_some_and(|(name, _)| name.len() <= 255);
    }
    // `u@example.com R=dnslookup T=remote_smtp defer (110): …`, perhaps with the first address of an alias.
    let Some((recipient, rest)) = split_unquoted(message, b" R=") else { return false };
    let (address, alias) = split_unquoted(recipient, b" ").unwrap_or((recipient, b"<"));
    let is_address = recipient.len() <= 512 && address.contains(&b'@') && alias.starts_with(b"<");
    is_address && has(rest, b" defer (")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StallStage;

    /// As Exim 4.96 writes them.
    #[test]
    fn lines_of_one_mail_share_a_name() {
        let lines = [
            "Received from a@example.org U=root P=local S=3043128",
            "H=mx [192.0.2.1]: SMTP timeout after sending data block (2800654 bytes written): Connection timed out",
            "u@body.test R=out T=remote_smtp defer (110): Connection timed out H=mx [192.0.2.1]: SMTP timeout after sending data block (2800654 bytes written)",
            "Received from <> U=root P=local S=761",
            "u@end.test R=out T=remote_smtp defer (110): Connection timed out H=mx [192.0.2.1]: SMTP timeout after end of data (781 bytes written)",
        ];
        let mut logs = MessageLogs::default();
        let mut found = Vec::new();
        for line in lines {
            assert!(is_line(line.as_bytes()), "{line}");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            found.push(match logs.event(line.as_bytes()) {
                Some(MailEvent::Received { mail, size, .. }) => (text(mail), size, None),
                Some(MailEvent::Stalled(stall)) => {
                    (text(stall.mail.expect("a name")), 0, Some((stall.stage, stall.domain.map(text))))
                }
                other => panic!("{line}: {other:?}"),
            });
        }
        let domain = |name: &str| Some(name.to_owned());
        let stalled = |number: u32, stage, domain| (format!("a mail {number}"), 0, Some((stage, domain)));
        assert_eq!(
            found,
            [
                ("a mail 1".to_owned(), 3_043_128, None),
                stalled(1, StallStage::Body, None),
                stalled(1, StallStage::Body, domain("body.test")),
                ("a mail 2".to_owned(), 761, None),
                stalled(2, StallStage::EndOfData, domain("end.test")),
            ]
        );
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "Received from nowhere",
            "the database is ready",
            "user x R=out T=remote_smtp",
            "u@six.test says R=out and more words than an address has, defer (-36)",
            "H=x",
        ] {
            assert!(!is_line(line.as_bytes()), "{line}");
        }
        let mut logs = MessageLogs::default();
        for line in [
            "u@six.test R=out defer (-36): host lookup for 2001 did not complete (DNS timeout?)",
            "u@dead.test R=out T=remote_smtp defer (110): Connection timed out H=mx [192.0.2.9]: SMTP timeout after initial connection",
            "u@said.test R=out T=remote_smtp defer (-46) H=mx [192.0.2.3]: SMTP error from remote mail server after end of data: 421 4.4.2 timeout exceeded",
            "defer@end.test R=out T=remote_smtp defer (111): Connection refused",
        ] {
            assert!(is_line(line.as_bytes()), "{line}");
            assert_eq!(logs.event(line.as_bytes()), None, "{line}");
        }
    }
}

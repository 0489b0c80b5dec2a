//! A pasted list of Postfix's queue, as `mailq` and `postqueue -p` print it.

use crate::intake::bytes::{domain, leading_number};
use crate::intake::event::{MailEvent, Stall};
use crate::intake::postfix;
use crate::intake::stamp::Stamp;
use crate::model::MailFlow;

/// The mail whose lines are being read.
#[derive(Default)]
pub(super) struct Mailq {
    mail: Option<Queued>,
}

struct Queued {
    name: Vec<u8>,
    size: u64,
    stamp: Stamp,
    /// Why the recipients in the next lines wait.
    reason: Vec<u8>,
}

impl Mailq {
    /// Passes on what a line says. `shown` is the reason. Returns whether the line is part of a list.
    pub(super) fn take(&mut self, line: &[u8], note: &mut dyn FnMut(&MailEvent<'_>, Stamp, &[u8])) -> bool {
        if let Some(mail) = heading(line) {
            let received = MailEvent::Received { mail: &mail.name, size: mail.size, recipients: 1, client: None };
            note(&received, mail.stamp, line);
            self.mail = Some(mail);
            return true;
        }
        let Some(mail) = self.mail.as_mut() else { return line.starts_with(b"-Queue ID-") };
        let text = line.trim_ascii();
        if let Some(reason) = text.strip_prefix(b"(") {
            reason.strip_suffix(b")").unwrap_or(reason).clone_into(&mut mail.reason);
            return true;
        }
        if text.is_empty() || !line.starts_with(b" ") {
            self.mail = None;
            return text.starts_with(b"-- ");
        }
        if let Some(stall) = mail.stall(text) {
            note(&MailEvent::Stalled(stall), mail.stamp, &mail.reason);
        }
        true
    }
}

impl Queued {
    /// No hang-up counts, because a queue does not say how long a peer waited before it closed the connection.
    fn stall<'a>(&'a self, recipient: &'a [u8]) -> Option<Stall<'a>> {
        let failure = postfix::failure(&self.reason).filter(|failure| !failure.suspended)?;
        let stall = Stall::new(MailFlow::Outgoing, failure.relay, failure.how.stage_in_queue()?);
        Some(Stall { mail: Some(&self.name), domain: domain(recipient), ..stall })
    }
}

/// `4ABC1D2E3F   250000 Fri Nov 20 10:00:00  a@example.org`; a mark behind the name tells that the mail is active or on hold.
fn heading(line: &[u8]) -> Option<Queued> {
    let length = line.iter().take(32).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let rest = &line[length..];
    let rest =
        rest.strip_prefix(b"*").or_else(|| rest.strip_prefix(b"!")).or_else(|| rest.strip_prefix(b"#")).unwrap_or(rest);
    if length < 5 || !rest.starts_with(b" ") {
        return None;
    }
    let (size, rest) = leading_number(rest.trim_ascii_start())?;
    let date = rest.strip_prefix(b" ")?.get(..19)?;
    let is_date = date.get(3) == Some(&b' ') && date.get(13) == Some(&b':') && date.get(16) == Some(&b':');
    is_date.then(|| Queued { name: line[..length].to_owned(), size, stamp: Stamp::text(date), reason: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalls(text: &str) -> Vec<(String, Option<String>)> {
        let (mut mailq, mut found) = (Mailq::default(), Vec::new());
        for line in text.lines() {
            mailq.take(line.as_bytes(), &mut |event, _, _| {
                if let MailEvent::Stalled(stall) = event {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    found.push((text(stall.mail.unwrap_or_default()), stall.domain.map(text)));
                }
            });
        }
        found
    }

    #[test]
    fn only_time_outs_in_the_body_count() {
        let list = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n\
                    4ABC1D2E3F*  250000 Fri Nov 20 10:00:00  a@example.org\n\
                    (conversation with mx1.example.com[192.0.2.25] timed out while sending message body)\n\
                    \x20                                        u@example.com\n\
                    \n\
                    5ABC1D2E3F     900 Fri Nov 20 10:00:00  a@example.org\n\
                    (connect to mx2.example.com[192.0.2.26]:25: Connection timed out)\n\
                    \x20                                        u@example.net\n\
                    \n\
                    -- 244 Kbytes in 2 Requests.\n";
        assert_eq!(stalls(list), [("4ABC1D2E3F".to_owned(), Some("example.com".to_owned()))]);
    }

    #[test]
    fn a_line_of_a_log_is_no_mail() {
        assert!(heading(b"Nov 20 10:00:00 mail postfix/smtp[101]: x").is_none());
        assert!(heading(b"4ABC1D2E3F: to=<u@example.com>").is_none());
    }
}

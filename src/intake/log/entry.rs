//! An entry of a log: its time, host, program and message.

use std::borrow::Cow;

use crate::intake::postfix::Daemon;
use crate::intake::stamp::Stamp;

/// A line of a mail server, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LogEntry<'a> {
    pub(super) stamp: Stamp,
    /// Empty where the log has none.
    pub(super) host: &'a [u8],
    pub(super) program: MailServer,
    pub(super) message: Cow<'a, [u8]>,
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailServer {
    Postfix(Daemon),
    Exim,
    /// Exim's log of one mail.
    EximOfOneMail,
    Sendmail,
    OpenSmtpd,
    Qmail,
    Exchange,
}

impl MailServer {
    /// From the tag of syslog, without the process number.
    pub(super) fn of_tag(tag: &[u8]) -> Option<Self> {
        if let Some(daemon) = Daemon::of_tag(tag) {
            return Some(Self::Postfix(daemon));
        }
        let starts = |with: &[u8]| tag.starts_with(with);
        if tag == b"smtpd" {
            Some(Self::OpenSmtpd)
        } else if starts(b"exim") {
            Some(Self::Exim)
        } else if starts(b"sendmail") || starts(b"sm-") {
            Some(Self::Sendmail)
        } else if tag == b"qmail" || tag == b"splogger" || starts(b"qmail-send") {
            Some(Self::Qmail)
        } else {
            None
        }
    }
}

//! From a line to the entry in it.

use super::entry::LogEntry;
use super::{wrapped, written};

/// The entry in a line. Lines as mail servers write them are the quick case.
pub(super) fn entry(line: &[u8]) -> Option<LogEntry<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    written::entry(line).or_else(|| wrapped::entry(line))
}

/// The entry in what another program passed on, such as a container. Who may choose a word in it, like the name of a user, writes no entry.
pub(super) fn entry_passed_on(message: &[u8]) -> Option<LogEntry<'_>> {
    written::entry(message).or_else(|| wrapped::entry_passed_on(message))
}

#[cfg(test)]
mod tests {
    use super::super::entry::MailServer;
    use super::*;
    use crate::intake::postfix::Daemon;
    use crate::intake::stamp::Stamp;

    #[test]
    fn every_prefix_is_read() {
        let client = MailServer::Postfix(Daemon::Client);
        let server = MailServer::Postfix(Daemon::Server);
        let rows = [
            ("Nov  4 05:32:43 mx1 postfix/smtp[123]: hello", client, "mx1"),
            ("Nov 04 05:32:43 mx1 postfix-out/smtp[123]: hello", client, "mx1"),
            ("<22>Nov  4 05:32:43 mx1 postfix/submission/smtpd[123]: hello", server, "mx1"),
            ("Nov  4 05:32:43 mx1 postfix/smtp[123]: [ID 197553 mail.info] hello", client, "mx1"),
            ("2026-11-24T05:32:43.123456+00:00 mx1 postfix/relay/smtp[123]: hello", client, "mx1"),
            ("2026-11-24T05:32:43+0000 mx1 postfix/smtp[123]: hello\r", client, "mx1"),
            ("<22>1 2026-11-24T05:32:43Z mx1 postfix/smtp 123 - - hello", client, "mx1"),
            ("<22>1 2026-11-24T05:32:43Z mx1 postfix/smtp 123 - [a b=\"c\"] hello", client, "mx1"),
            ("Nov  4 05:32:43 mx1 smtpd[123]: hello", MailServer::OpenSmtpd, "mx1"),
            ("Nov  4 05:32:43 mx1 sm-mta[123]: hello", MailServer::Sendmail, "mx1"),
            ("Nov  4 05:32:43 mx1 exim[123]: 2026-11-24 05:32:43 +0000 hello", MailServer::Exim, "mx1"),
            ("Nov  4 05:32:43 mx1 exim4[123]: hello", MailServer::Exim, "mx1"),
        ];
        for (line, program, host) in rows {
            let entry = entry(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (entry.program, entry.host, &*entry.message),
                (program, host.as_bytes(), &b"hello"[..]),
                "{line}"
            );
        }
    }

    #[test]
    fn exims_own_log_is_known_by_its_names() {
        for (date, stamp) in [
            ("2026-11-24 05:32:43", "2026-11-24 05:32:43"),
            ("2026-11-24 05:32:43.123 +0100", "2026-11-24 05:32:43.123 +0100"),
        ] {
            let line = format!("{date} 1rAbCd-0001Ab-2X Completed");
            let entry = entry(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (entry.stamp, &*entry.message),
                (Stamp::text(stamp.as_bytes()), &b"1rAbCd-0001Ab-2X Completed"[..])
            );
        }
        assert_eq!(entry(b"2026-11-24 05:32:43 the database is ready"), None);
    }

    #[test]
    fn other_programs_are_passed_over() {
        for line in ["Nov  4 05:32:43 mx1 dovecot: imap-login: x", "-- Boot 123 --", "", "\0\0\0\0", "Nov", "2026-"] {
            assert_eq!(entry(line.as_bytes()), None, "{line}");
        }
    }
}

//! Forms that are known and name neither the peer nor why mail waits: lists of queues, and logs of other things. They accuse nobody, and it
//! would be untrue to say that nobody can read them.

use crate::intake::bytes::{after, leading_number, split};
use crate::model::SilentForm;

/// Which of them a line is. Only lines that tell nothing else are asked about.
pub(super) fn form_of(line: &[u8]) -> Option<SilentForm> {
    let text = line.trim_ascii();
    match text.first()? {
        b'0'..=b'9' if is_exim_heading(text) => Some(SilentForm::EximQueue),
        b'0'..=b'9' if is_tracking(text) => Some(SilentForm::ExchangeTracking),
        b'0'..=b'9' if is_of_qread(text) => Some(SilentForm::QmailQueue),
        b'C' if is_exiqsumm(text) => Some(SilentForm::EximQueue),
        b'-' if text.starts_with(b"-----Q-ID-----") => Some(SilentForm::SendmailQueue),
        b'#' if is_header_of_tracking(text) => Some(SilentForm::ExchangeTracking),
        b'/' if text.starts_with(b"/") && is_mqueue(text) => Some(SilentForm::SendmailQueue),
        _ if is_brief(text) => Some(SilentForm::EximQueue),
        _ if is_tcpserver(text) => Some(SilentForm::Tcpserver),
        _ => None,
    }
}

/// ` 3h  1.2M 1tAbCd-0001Ab-2X <a@example.org>`, of `exim -bp`, exipick and exiqgrep.
fn is_exim_heading(text: &[u8]) -> bool {
    let Some((_, rest)) = leading_number(text) else { return false };
    let Some(rest) = rest.strip_prefix(b"m").or_else(|| rest.strip_prefix(b"h")).or_else(|| rest.strip_prefix(b"d"))
    else {
        return false;
    };
    let mut words = rest.trim_ascii_start().split(|byte| *byte == b' ');
    let (Some(size), Some(id), Some(sender)) = (words.next(), words.next(), words.next()) else { return false };
    let is_size = size.first().is_some_and(u8::is_ascii_digit) && size.len() <= 6;
    is_size && super::exim::message_id(id).is_some_and(|whole| whole.len() == id.len()) && sender.starts_with(b"<")
}

/// `1tAbCd-0001Ab-2X From: <a@example.org> To: u@example.com`, of `exiqgrep -b`.
fn is_brief(text: &[u8]) -> bool {
    super::exim::message_id(text).is_some_and(|id| text[id.len()..].starts_with(b" From: <"))
}

/// The head of exiqsumm's table.
fn is_exiqsumm(text: &[u8]) -> bool {
    text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).eq([
        &b"Count"[..],
        b"Volume",
        b"Oldest",
        b"Newest",
        b"Domain",
    ])
}

/// `/var/spool/mqueue (1 request)`, above Sendmail's list.
fn is_mqueue(text: &[u8]) -> bool {
    split(text, b" (").is_some_and(|(_, rest)| rest.ends_with(b" request)") || rest.ends_with(b" requests)"))
}

/// `20 Nov 2026 10:00:00 GMT  #49153  1234  <a@example.org>`, of qmail-qread.
fn is_of_qread(text: &[u8]) -> bool {
    let number = after(text, b" GMT  #").and_then(leading_number);
    number.is_some_and(|(_, rest)| rest.starts_with(b"  ")) && text.get(2..20).is_some_and(|date| date.contains(&b':'))
}

/// `tcpserver: end 123 status 0`, perhaps behind a time: the connections that come in to qmail-smtpd.
fn is_tcpserver(text: &[u8]) -> bool {
    // A time of multilog, of tai64nlocal, or a header of syslog.
    let near = &text[..text.len().min(96)];
    let Some((_, rest)) = split(near, b"tcpserver: ") else { return false };
    [&b"status: "[..], b"pid ", b"ok ", b"deny ", b"end "].iter().any(|start| rest.starts_with(start))
}

/// `#Log-type: Message Tracking Log` of Exchange, or the names of its columns.
fn is_header_of_tracking(text: &[u8]) -> bool {
    let value = |name: &[u8]| {
        text.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &text[name.len()..])
    };
    value(b"#Log-Type: ").is_some_and(|kind| kind.starts_with(b"Message Tracking"))
        || value(b"#Fields: ").is_some_and(|names| names.starts_with(b"date-time,client-ip,"))
}

/// `2026-11-20T10:00:00.123Z,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,…`
fn is_tracking(text: &[u8]) -> bool {
    let is_date = text.get(23..25) == Some(b"Z,") && text.get(10) == Some(&b'T');
    let is_upper = |column: &[u8]| column.len() >= 3 && column.iter().all(u8::is_ascii_uppercase);
    // The source-context may hold commas in its quotes, so the columns do not count from the start alone.
    is_date && text.split(|byte| *byte == b',').skip(7).take(8).filter(|column| is_upper(column)).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_known() {
        use SilentForm::{ExchangeTracking, EximQueue, QmailQueue, SendmailQueue, Tcpserver};
        let rows = [
            (" 5m  2.9M 1xXfrm-00002q-1W <a@example.org>", Some(EximQueue)),
            (" 5m  2.9M 1xXfrm-00002q-1W <a@example.org> *** frozen ***", Some(EximQueue)),
            ("26h   761 1xXfrm-00000002q1W-0abc <>", Some(EximQueue)),
            (" 5d   761 1xXfrm-00003P-2Z <> (smtp)", Some(EximQueue)),
            ("1xXfrm-00003P-2Z From: <> To: u@end.test", Some(EximQueue)),
            ("Count  Volume  Oldest  Newest  Domain", Some(EximQueue)),
            ("\t\t/var/spool/mqueue (2 requests)", Some(SendmailQueue)),
            ("-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------", Some(SendmailQueue)),
            ("20 Nov 2026 10:00:00 GMT  #49153  1234  <a@example.org> ", Some(QmailQueue)),
            ("@400000006b0020ea075bcd15 tcpserver: end 123 status 256", Some(Tcpserver)),
            ("Nov 20 10:00:00 mail smtpd: 1795168800.123456 tcpserver: status: 1/40", Some(Tcpserver)),
            ("#Log-type: Message Tracking Log", Some(ExchangeTracking)),
            ("#Fields: date-time,client-ip,client-hostname,server-ip", Some(ExchangeTracking)),
            (
                "2026-11-20T10:00:00.123Z,,,,EX1,No suitable shadow servers,,SMTP,HADISCARD,72,<x@y>,,,,,,,",
                Some(ExchangeTracking),
            ),
            (
                "2026-11-20T10:00:00.123Z,10.0.0.1,EX1,192.0.2.1,mx.example.com,;ClientSubmitTime:,Internet,SMTP,DEFER,72,<x@y>,,u@example.com,451 4.4.0,1234,1,,,,",
                Some(ExchangeTracking),
            ),
            ("#Log-type: SMTP Send Protocol Log", None),
            ("#Software: Microsoft Exchange Server", None),
            (" 5m  2.9M something <else>", None),
            ("1xXfrm-00003P-2Z Completed", None),
            ("2026-11-20T10:00:00.123Z,a,b,c", None),
            ("Count  Volume", None),
            ("Nov 20 10:00:00 mail sshd[1]: no tcpserver: here", None),
            ("", None),
            ("12", None),
        ];
        for (line, expected) in rows {
            assert_eq!(form_of(line.as_bytes()), expected, "{line}");
        }
    }
}

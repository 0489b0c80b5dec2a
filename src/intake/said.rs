//! What a server says when it gave up waiting for the rest of a mail.
//!
//! The words are a stranger's. They are read only behind the server's own name, and accuse nobody else.

/// Words of a time-out: Postfix and Exim say "timeout", Exchange "Connection timed out" or "session duration", Dovecot
/// "inactivity", others "Exceeded allowable connection time".
const TIME_OUT: [&[u8]; 9] = [
    b"timeout",
    b"timed out",
    b"timedout",
    b"time-out",
    b"time out",
    b"session duration",
    b"connection time",
    b"connection expired",
    b"inactivity",
];

/// What a server waits for that is not the mail: then it has the mail.
const ELSEWHERE: [&[u8]; 21] = [
    b"scan",
    b"virus",
    b"spam",
    b"filter",
    b"milter",
    b"clam",
    b"amavis",
    b"rspamd",
    b"policy",
    b"greylist",
    b"graylist",
    b"backend",
    b"back-end",
    b"database",
    b"mysql",
    b"ldap",
    b"dns",
    b"lookup",
    b"callout",
    b"queue",
    b"proxy",
];

/// The longest reply that is looked at.
const LONGEST: usize = 2048;

/// Whether a reply tells that the server timed out while it waited for this host. Only a temporary failure does.
pub(super) fn tells_time_out(reply: &[u8]) -> bool {
    let reply = reply.get(..LONGEST).unwrap_or(reply);
    let [b'4', tens, units, rest @ ..] = reply else { return false };
    if !tens.is_ascii_digit() || !units.is_ascii_digit() {
        return false;
    }
    let words: Vec<u8> = rest.to_ascii_lowercase();
    is_of_the_network(&words)
        && TIME_OUT.iter().any(|needle| memchr::memmem::find(&words, needle).is_some())
        && !names_another_cause(&words)
}

/// What Postfix, Exim and Exchange say if the rest of a mail did not come for as long as they wait, and at no other time.
const WAITED_FOR_US: [&[u8]; 4] = [
    b" error: timeout exceeded",
    b"smtp incoming data timeout",
    b"smtp command timeout",
    b"timeout waiting for client input",
];

/// Whether such a reply says so in words that need no look at the clock.
pub(super) fn waited_for_us(reply: &[u8]) -> bool {
    let words = reply.get(..LONGEST).unwrap_or(reply).to_ascii_lowercase();
    WAITED_FOR_US.iter().any(|needle| memchr::memmem::find(&words, needle).is_some())
}

/// RFC 3463, sections 3.4 to 3.8: subject 4 is the network, 7 is what Exchange uses, 3 is the server itself and 2 the mailbox.
fn is_of_the_network(words: &[u8]) -> bool {
    match words.get(1..4) {
        Some([b'4', b'.', subject]) if subject.is_ascii_digit() => matches!(subject, b'0' | b'4' | b'5' | b'7'),
        _ => true,
    }
}

/// A server named `spamfilter.example.com` that times out is no filter that does.
fn names_another_cause(words: &[u8]) -> bool {
    words
        .split(u8::is_ascii_whitespace)
        .filter(|word| !is_host_name(word))
        .any(|word| ELSEWHERE.iter().any(|cause| memchr::memmem::find(word, cause).is_some()))
}

fn is_host_name(word: &[u8]) -> bool {
    word.windows(3)
        .any(|three| three[0].is_ascii_alphanumeric() && three[1] == b'.' && three[2].is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_are_told_in_the_words_of_many_servers() {
        for reply in [
            "421 4.4.2 mx1.example.com Error: timeout exceeded",
            "421 4.4.2 spamfilter.example.com Error: timeout exceeded",
            "451 4.4.2 Timeout - closing connection. a1-20020si.7 - gsmtp",
            "421 4.4.1 Connection timed out. Total session duration: 00:05:00.1234567 [X.prod.outlook.com]",
            "421 4.4.2 Connection dropped due to TimedOut",
            "451 4.7.0 Timeout waiting for client input [BL0.prod.outlook.com]",
            "421 mx.example.com: SMTP command timeout - closing connection",
            "421 mx.example.com SMTP incoming data timeout - closing connection.",
            "451 timeout (#4.4.2)",
            "421 4.4.2 Disconnected for inactivity.",
            "421 Exceeded allowable connection time, disconnecting.",
            "421-4.7.0 Connection expired, try reconnecting",
        ] {
            assert!(tells_time_out(reply.as_bytes()), "{reply}");
        }
    }

    #[test]
    fn other_failures_are_none() {
        for reply in [
            "451 4.3.0 Error: queue file write error",
            "452 4.3.1 Insufficient system storage",
            "450 4.7.1 Greylisted, timeout is 300 seconds",
            "451 4.3.2 Timeout of the system",
            "451 4.7.1 Virus scanner timed out",
            "451 4.7.1 Content filter timeout, try later",
            "451 4.4.3 DNS lookup timed out",
            "451 Temporary local problem - please try later",
            "554 5.4.2 timeout exceeded",
            "250 2.0.0 timeout",
            "4",
            "4xx timeout",
            "",
        ] {
            assert!(!tells_time_out(reply.as_bytes()), "{reply}");
        }
    }
}

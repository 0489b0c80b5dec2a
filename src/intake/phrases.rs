//! The words of mail servers about mail that stalls, as an admin looks for them in a log.

use memchr::memmem;

/// The longer one first where one holds another.
const PHRASES: [&str; 45] = [
    "timed out while sending message body",
    "timed out while sending end of data",
    "while sending message body",
    "while sending end of data",
    "(in reply to end of DATA command)",
    "timeout after DATA",
    "timeout after BDAT",
    "timed out while sending RCPT TO",
    "timed out while sending MAIL FROM",
    "SSL_connect error",
    "SSL_accept error",
    "SMTP timeout while connected",
    "SMTP timeout after sending data block",
    "SMTP timeout after",
    "SMTP data timeout",
    "after sending data block",
    "after end of data",
    "after pipelined end of data",
    "Remote host closed connection",
    "No such file or directory",
    "SMTP command timeout on",
    "TLS error on connection",
    "TLS session: (",
    "timeout writing message to",
    "during client DATA status",
    "during message collect",
    "collect: read timeout",
    "timeout waiting for input",
    "reply: read error",
    "STARTTLS=client",
    "STARTTLS=server",
    "TLS handshake",
    "Connection timeout",
    "Connection timed out",
    "connection died",
    "disconnected reason=timeout",
    "stat=Deferred: 4",
    "Possible_duplicate!",
    "but_connection_died",
    "failed_after_I_sent_the_message",
    "TLS_connect_failed",
    "Timeout waiting for client input",
    "timeout exceeded",
    ",-,,Local",
    ",-,,Remote",
];

/// The words in a line that accuse, if they are known.
pub(super) fn phrase_of(line: &[u8]) -> Option<&'static str> {
    PHRASES.into_iter().find(|phrase| memmem::find(line, phrase.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_hides_a_longer_one() {
        for (at, phrase) in PHRASES.iter().enumerate() {
            for earlier in &PHRASES[..at] {
                assert!(!phrase.contains(earlier), "{earlier} comes before {phrase}");
            }
        }
    }
}

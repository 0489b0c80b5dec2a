//! Words that accuse, in a line that no reader understands.

use memchr::memmem;

/// Mail servers say so of mail that stalls.
const PHRASES: [&[u8]; 12] = [
    b"timed out while sending",
    b"while sending message body",
    b"while sending end of data",
    b"timeout after DATA",
    b"timeout after BDAT",
    b"SMTP timeout after",
    b"SMTP timeout while connected",
    b"SMTP data timeout",
    b"timeout waiting for input from",
    b"timeout writing message to",
    b"timeout exceeded (in reply to end of DATA",
    b"result=\"TempFail\" stat=\"Connection timeout\"",
];

pub(super) fn is_accusing(line: &[u8]) -> bool {
    // Most lines hold none of these words.
    let may = [&b"time"[..], b"while sending"].iter().any(|part| memmem::find(line, part).is_some());
    may && PHRASES.iter().any(|phrase| memmem::find(line, phrase).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_mail_servers_say_accuses() {
        assert!(is_accusing(b"??? conversation with mx[192.0.2.1] timed out while sending message body"));
        assert!(is_accusing(b"xx lost connection with mx[192.0.2.1] while sending end of data -- message may be sent"));
        assert!(!is_accusing(b"Nov 20 10:00:00 mail sshd[1]: Timeout, client not responding"));
        assert!(!is_accusing(b"it is time"));
    }
}

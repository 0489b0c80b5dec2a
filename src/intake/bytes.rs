//! Small parsers for lines that need not be UTF-8.

use std::net::{IpAddr, Ipv6Addr};

use memchr::{memchr, memchr_iter};

use super::event::PeerRef;

/// The bytes before and after the first `needle`.
///
/// Looks for the last byte of the needle, because needles and lines are short and preparing a longer search costs more.
pub(super) fn split<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (last, start) = needle.split_last()?;
    memchr_iter(*last, text).find_map(|at| text[..at].strip_suffix(start).map(|before| (before, &text[at + 1..])))
}

/// The bytes after the first `needle`.
pub(super) fn after<'a>(text: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    split(text, needle).map(|(_, rest)| rest)
}

/// The bytes before and after the first `needle` that stands outside of quotes.
///
/// Whoever sends or receives a mail chooses its mailboxes. A quoted local part may hold any text (RFC 5321, 4.1.2), and mailers log
/// it in its quotes: what stands in there is nothing that the mailer says. A quote that never ends leaves no needle.
pub(super) fn split_unquoted<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        if !is_quoted && let Some(rest) = text[at..].strip_prefix(needle) {
            return Some((&text[..at], rest));
        }
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ => {}
        }
    }
    None
}

/// The bytes after the first `needle` that stands outside of quotes.
pub(super) fn after_unquoted<'a>(text: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    split_unquoted(text, needle).map(|(_, rest)| rest)
}

/// The text up to the byte, or all of it.
pub(super) fn until(text: &[u8], end: u8) -> &[u8] {
    memchr(end, text).map_or(text, |at| &text[..at])
}

/// A number at the very start, and what follows it.
pub(super) fn leading_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    Some((number, &text[digits..]))
}

/// The number after the first `needle`.
pub(super) fn number_after(text: &[u8], needle: &[u8]) -> Option<u64> {
    Some(leading_number(after(text, needle)?)?.0)
}

/// A whole text as a number of seconds.
pub(super) fn seconds(text: &[u8]) -> Option<f64> {
    let seconds: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (seconds.is_finite() && (0.0..1e9).contains(&seconds)).then_some(seconds)
}

/// An address as logs write it: plain, in brackets, or with `IPv6:` before it.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
    let tagged = text.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"ipv6:"));
    let text = std::str::from_utf8(if tagged { &text[5..] } else { text }).ok()?;
    let plain = text.split_once('%').map_or(text, |(address, _)| address);
    match plain.parse::<IpAddr>().ok()? {
        IpAddr::V6(v6) => Some(v6.to_canonical()),
        v4 @ IpAddr::V4(_) => Some(v4),
    }
}

/// `name[address]` or `name[address]:port`, and what follows it.
pub(super) fn name_and_address(text: &[u8]) -> Option<(PeerRef<'_>, &[u8])> {
    let (name, rest) = split(text, b"[")?;
    let (inside, rest) = split(rest, b"]")?;
    if name.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
        return None;
    }
    let (port, rest) = match rest.strip_prefix(b":").and_then(leading_number) {
        Some((port, rest)) => (u16::try_from(port).ok(), rest),
        None => (None, rest),
    };
    Some((PeerRef { name, address: Some(address(inside)?), port }, rest))
}

/// Whether the words of an operating system or a TLS library tell a time-out: glibc and Solaris say "Connection timed out", musl and
/// the BSDs "Operation timed out", Exim "timed out".
pub(super) fn is_time_out(words: &[u8]) -> bool {
    let words = words.strip_prefix(b"Connection ").or_else(|| words.strip_prefix(b"Operation ")).unwrap_or(words);
    words.starts_with(b"timed out")
}

/// The domain of `<user@domain>` or `user@domain`.
pub(super) fn domain(mailbox: &[u8]) -> Option<&[u8]> {
    let mailbox = mailbox.strip_prefix(b"<").and_then(|text| text.strip_suffix(b">")).unwrap_or(mailbox);
    let at = memchr::memrchr(b'@', mailbox)?;
    let domain = &mailbox[at + 1..];
    let fits = (1..=255).contains(&domain.len()) && domain.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80);
    fits.then_some(domain)
}

/// Whether an address is this host itself. A time-out there is that of a content filter.
pub(super) fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified() || address == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, address, port.
    type Parts = (&'static str, &'static str, Option<u16>);

    #[test]
    fn peers_are_read_in_every_notation() {
        let rows: [(&str, Option<Parts>); 8] = [
            ("mx.example.com[192.0.2.1]:25, delay=1", Some(("mx.example.com", "192.0.2.1", Some(25)))),
            ("mx.example.com[192.0.2.1] timed", Some(("mx.example.com", "192.0.2.1", None))),
            ("mx[2001:db8::1]:25", Some(("mx", "2001:db8::1", Some(25)))),
            ("unknown[::ffff:192.0.2.1]", Some(("unknown", "192.0.2.1", None))),
            ("mx[private/dovecot-lmtp]", None),
            ("unknown[unknown]", None),
            ("none, delay=3", None),
            ("a b[192.0.2.1]", None),
        ];
        for (text, expected) in rows {
            let read = name_and_address(text.as_bytes()).map(|(peer, _)| peer);
            let expected = expected.map(|(name, address, port)| PeerRef {
                name: name.as_bytes(),
                address: address.parse().ok(),
                port,
            });
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_split_at_the_first_needle() {
        assert_eq!(split(b"a, b, c", b", "), Some((&b"a"[..], &b"b, c"[..])));
        assert_eq!(split(b"size=1, resize=2", b"resize="), Some((&b"size=1, "[..], &b"2"[..])));
        assert_eq!(split(b"==x", b"=x"), Some((&b"="[..], &b""[..])));
        assert_eq!(split(b"abc", b"bd"), None);
        assert_eq!(split(b"", b"x"), None);
    }

    #[test]
    fn what_stands_in_quotes_is_passed_over() {
        let rows: [(&str, Option<(&str, &str)>); 7] = [
            ("a@b>, c", Some(("a@b", "c"))),
            (r#""x>, y"@b>, c"#, Some((r#""x>, y"@b"#, "c"))),
            (r#""x\">, y"@b>, c"#, Some((r#""x\">, y"@b"#, "c"))),
            (r#""x\\">, c"#, Some((r#""x\\""#, "c"))),
            (r#"a."b>, c"@d>, e"#, Some((r#"a."b>, c"@d"#, "e"))),
            (r#""never ends>, c"#, None),
            ("nothing", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(before, rest)| (before.as_bytes(), rest.as_bytes()));
            assert_eq!(split_unquoted(text.as_bytes(), b">, "), expected, "{text}");
        }
    }

    #[test]
    fn a_domain_is_what_follows_the_last_at() {
        assert_eq!(domain(b"<\"a@b\"@example.com>"), Some(&b"example.com"[..]));
        assert_eq!(domain(b"user@example.com"), Some(&b"example.com"[..]));
        assert_eq!(domain(b"postmaster"), None);
        assert_eq!(domain(b"user@"), None);
        assert_eq!(domain(b"user@exa mple"), None);
    }
}

//! Strings of strangers (host names, banners) on a terminal.

use std::borrow::Cow;

/// Whether a terminal might act on the character instead of showing it: control characters, and marks that
/// reorder or hide text.
pub(super) fn is_unsafe_to_print(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every unsafe character written as an escape.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe_to_print(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The same for a text of lines that is ready to be shown: line ends, tabs and the colours of this program stay. The last gate
/// before a terminal, for what comes through all others.
pub(crate) fn printable_lines(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_unsafe_to_print(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = colour_at_start(rest);
        if colour > 0 || matches!(c, '\n' | '\t') || !is_unsafe_to_print(c) {
            out.push_str(&rest[..colour.max(c.len_utf8())]);
        } else {
            out.extend(c.escape_default());
        }
        rest = &rest[colour.max(c.len_utf8())..];
    }
    Cow::Owned(out)
}

/// The bytes of a sequence that chooses a colour (`ESC [ 1;31 m`), which does nothing else to a terminal; 0 if there is none.
fn colour_at_start(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\u{1b}[") else { return 0 };
    let numbers = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
    if numbers < 16 && rest[numbers..].starts_with('m') { 2 + numbers + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let rows = [
            ("mx.example.com", "mx.example.com"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("two\nlines\r", "two\\nlines\\r"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("m\u{fc}ller.example", "m\u{fc}ller.example"),
        ];
        for (raw, expected) in rows {
            assert_eq!(printable(raw), expected);
        }
    }

    #[test]
    fn lines_tabs_and_colours_pass_the_last_gate() {
        let rows = [
            ("two\n\tlines\n", "two\n\tlines\n"),
            ("\u{1b}[1;31mred\u{1b}[0m\n", "\u{1b}[1;31mred\u{1b}[0m\n"),
            ("\u{1b}[2J\u{1b}]0;t\u{7}\u{1b}[", "\\u{1b}[2J\\u{1b}]0;t\\u{7}\\u{1b}["),
            ("back\r\u{8}\u{9b}31m\u{202e}\u{7f}\n", "back\\r\\u{8}\\u{9b}31m\\u{202e}\\u{7f}\n"),
        ];
        for (raw, expected) in rows {
            assert_eq!(printable_lines(raw), expected);
        }
    }
}

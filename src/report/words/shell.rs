//! Words of commands.

/// A word that a shell takes as one. Interface names may hold anything but a slash and white space.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '@' | '%' | '/');
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { quoted(word) }
}

/// A text that a shell takes as one word, always in quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn an_interface_name_cannot_end_the_command() {
        assert_eq!(shell_word("eth0.100"), "eth0.100");
        assert_eq!(shell_word("a;reboot"), "'a;reboot'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}

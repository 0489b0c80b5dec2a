//! The reader of DNS answers as a function of bytes, for `tests/fuzz` alone.

use super::dns;

/// What is made of a message that answers a question about this name: the names that it may speak of, and the data of its records
/// in text. `None`: it is no message with a question.
pub fn answer(bytes: &[u8], name: &str) -> Option<(Vec<String>, Vec<String>)> {
    dns::of_message(bytes, name)
}

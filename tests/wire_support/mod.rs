//! What the tests of `wire` share: packets in bytes with their meaning, and packets at random.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod golden;
pub(crate) mod strategies;

/// Bytes from hexadecimal digits; anything between two digit pairs separates fields for the reader.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The payload of an echo request: 00 01 02 …
pub(crate) fn filler(len: usize) -> impl Iterator<Item = u8> {
    (0..=u8::MAX).cycle().take(len)
}

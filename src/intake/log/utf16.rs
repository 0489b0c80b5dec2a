//! UTF-16, as Windows saves text.

use std::io::{self, Read};

/// Which byte of a unit comes first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    LittleEndian,
    BigEndian,
}

/// The text as UTF-8.
pub(super) struct Decoded<R> {
    from: R,
    order: Order,
    /// A unit that is not complete yet, or the first half of a pair.
    odd: Option<u8>,
    high: Option<u16>,
    ready: Vec<u8>,
    given: usize,
}

const BUFFER: usize = 32 << 10;

impl<R: Read> Decoded<R> {
    pub(super) fn new(from: R, order: Order) -> Self {
        Self { from, order, odd: None, high: None, ready: Vec::new(), given: 0 }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        let mut raw = vec![0; BUFFER];
        while self.ready.is_empty() {
            let read = match self.from.read(&mut raw) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            };
            if read == 0 {
                return Ok(());
            }
            raw[..read].iter().for_each(|byte| self.byte(*byte));
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) {
        let Some(first) = self.odd.take() else {
            self.odd = Some(byte);
            return;
        };
        let unit = match self.order {
            Order::LittleEndian => u16::from_le_bytes([first, byte]),
            Order::BigEndian => u16::from_be_bytes([first, byte]),
        };
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return;
        }
        let units: Vec<u16> = self.high.take().into_iter().chain([unit]).collect();
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            // The mark at the start says only which byte comes first.
            if character != '\u{feff}' {
                self.ready.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.refill()?;
        }
        let left = &self.ready[self.given..];
        let length = left.len().min(into.len());
        into[..length].copy_from_slice(&left[..length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_in_either_order() {
        let text = "Mär 20 10:00:00 mail 𝄞\n";
        for (order, bytes) in [
            (Order::LittleEndian, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
            (Order::BigEndian, text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ] {
            let mut read = String::new();
            Decoded::new(&bytes[..], order).read_to_string(&mut read).expect("text");
            assert_eq!(read, text);
        }
    }
}

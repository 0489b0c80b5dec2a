//! TCP options: those of a path MTU probe and of its answers (RFC 9293, 3.1; RFC 2018; RFC 7323).

use pnet::packet::tcp::TcpOptionNumbers;

use crate::model::{SackBlocks, Segment, SeqNumber};

use super::error::{Layer, WireError};

const END: u8 = TcpOptionNumbers::EOL.0;
const NOP: u8 = TcpOptionNumbers::NOP.0;
const MSS: u8 = TcpOptionNumbers::MSS.0;
const SACK_PERMITTED: u8 = TcpOptionNumbers::SACK_PERMITTED.0;
const SACK: u8 = TcpOptionNumbers::SACK.0;
const TIMESTAMPS: u8 = TcpOptionNumbers::TIMESTAMPS.0;

/// The most that a data offset of 15 leaves for options.
pub(super) const MOST: usize = 40;

/// The options that a [`Segment`] can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// SACK blocks.
    pub sack: SackBlocks,
    /// Timestamp value and echo reply.
    pub timestamps: Option<(u32, u32)>,
}

/// Writes the options of `segment` into `buffer`, which is as long as [`Segment::options_len`] says.
///
/// Each option is padded in front to a multiple of four bytes.
pub(super) fn write(segment: &Segment, buffer: &mut [u8]) {
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        if let Some(slot) = buffer.get_mut(at..at + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
        at += bytes.len();
    };
    if let Some(mss) = segment.mss {
        put(&[MSS, 4]);
        put(&mss.to_be_bytes());
    }
    if segment.sack_permitted {
        put(&[NOP, NOP, SACK_PERMITTED, 2]);
    }
    if let Some((value, echo)) = segment.timestamps {
        put(&[NOP, NOP, TIMESTAMPS, 10]);
        put(&value.to_be_bytes());
        put(&echo.to_be_bytes());
    }
    if !segment.sack.is_empty() {
        put(&[NOP, NOP, SACK, (2 + 8 * segment.sack.len()) as u8]);
        for (left, right) in segment.sack.iter() {
            put(&left.0.to_be_bytes());
            put(&right.0.to_be_bytes());
        }
    }
}

/// Reads the options part of a TCP header. Options of other kinds are skipped. An impossible length is an error (RFC 9293,
/// MUST-7), because nothing after it can be trusted.
pub fn parse_tcp_options(mut bytes: &[u8]) -> Result<TcpOptions, WireError> {
    let mut options = TcpOptions::default();
    while let Some((kind, after_kind)) = bytes.split_first() {
        match *kind {
            END => break,
            NOP => bytes = after_kind,
            kind => {
                let (data, rest) = split_option(bytes)?;
                options.take(kind, data)?;
                bytes = rest;
            }
        }
    }
    Ok(options)
}

/// Splits one option with a length into its data and what follows.
fn split_option(bytes: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let truncated = |need| WireError::truncated(Layer::TcpOptions, "option", need, bytes.len());
    let len = usize::from(*bytes.get(1).ok_or(truncated(2))?);
    if len < 2 {
        return Err(wrong_length("at least 2", len));
    }
    let (option, rest) = bytes.split_at_checked(len).ok_or(truncated(len))?;
    Ok((&option[2..], rest))
}

impl TcpOptions {
    fn take(&mut self, kind: u8, data: &[u8]) -> Result<(), WireError> {
        match kind {
            MSS => {
                let mss = data.try_into().map_err(|_| wrong_length("4 for MSS", data.len() + 2))?;
                self.mss = Some(u16::from_be_bytes(mss));
            }
            SACK_PERMITTED if data.is_empty() => self.sack_permitted = true,
            SACK_PERMITTED => return Err(wrong_length("2 for SACK-permitted", data.len() + 2)),
            SACK => self.take_sack(data)?,
            TIMESTAMPS => {
                let (value, echo) = two_words(data).ok_or(wrong_length("10 for timestamps", data.len() + 2))?;
                self.timestamps = Some((value, echo));
            }
            _ => {}
        }
        Ok(())
    }

    fn take_sack(&mut self, data: &[u8]) -> Result<(), WireError> {
        let wrong = wrong_length("2 plus 8 for each SACK block", data.len() + 2);
        if data.is_empty() {
            return Err(wrong);
        }
        for block in data.chunks(8) {
            let (left, right) = two_words(block).ok_or(wrong)?;
            self.sack.push(SeqNumber(left), SeqNumber(right));
        }
        Ok(())
    }
}

fn two_words(data: &[u8]) -> Option<(u32, u32)> {
    let (first, second) = data.split_first_chunk()?;
    Some((u32::from_be_bytes(*first), u32::from_be_bytes(second.try_into().ok()?)))
}

fn wrong_length(need: &'static str, have: usize) -> WireError {
    WireError::Malformed { layer: Layer::TcpOptions, field: "option length", need, have: have as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_puts_into_a_syn_ack() {
        let bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7];
        let expected =
            TcpOptions { mss: Some(1460), sack_permitted: true, timestamps: Some((9, 8)), ..TcpOptions::default() };
        assert_eq!(parse_tcp_options(&bytes), Ok(expected));
    }

    #[test]
    fn nothing_after_the_end_of_the_list_counts() {
        assert_eq!(parse_tcp_options(&[1, 0, 2, 4, 5, 0xb4]), Ok(TcpOptions::default()));
    }

    #[test]
    fn skips_unknown_options_by_their_length() {
        let read = parse_tcp_options(&[254, 6, 2, 4, 0, 1, 4, 2]);
        assert_eq!(read, Ok(TcpOptions { sack_permitted: true, ..TcpOptions::default() }));
    }

    #[test]
    fn refuses_lengths_that_cannot_be() {
        let wrong: [&[u8]; 9] = [
            &[8],
            &[8, 0],
            &[99, 1],
            &[2, 4, 5],
            &[2, 3, 5],
            &[4, 3, 0],
            &[5, 2],
            &[5, 9, 0, 0, 0, 0, 0, 0, 0],
            &[8, 9, 0, 0, 0, 0, 0, 0, 0],
        ];
        for bytes in wrong {
            assert!(parse_tcp_options(bytes).is_err(), "{bytes:?}");
        }
    }
}

//! Fragments: those of a packet in any order, with others between them.

use std::time::Duration;

use pmtu_probe::model::{PacketSize, Timestamp};
use pmtu_probe::wire::{Piece, Reassembler, fragment};

use super::input::Input;

const MOST_PIECES: usize = 400;
/// No packet in more fragments is put together.
const MOST_FRAGMENTS: usize = 128;

/// A packet comes apart, and its fragments arrive in an order of the input's, some twice, some changed, some never.
pub(crate) fn reassembly(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let family = input.byte();
    let length = usize::from(input.word()) % 9000;
    let largest = PacketSize::new(68 + u32::from(input.word()) % 1500);
    let packet = packet(family, length);
    let Ok(fragments) = fragment(&packet, largest) else { return };
    if fragments.len() > MOST_FRAGMENTS {
        return;
    }
    let mut reassembler = Reassembler::default();
    let mut now = Timestamp::ZERO;
    let (mut is_pure, mut given) = (true, vec![false; fragments.len()]);
    for _ in 0..MOST_PIECES {
        if input.is_empty() {
            break;
        }
        let at = usize::from(input.byte()) % fragments.len();
        let mut piece = fragments[at].clone();
        match input.byte() {
            0..=199 => given[at] = true,
            200..=229 => {
                is_pure = false;
                let place = usize::from(input.word()) % piece.len();
                piece[place] ^= input.byte();
            }
            230..=239 => {
                is_pure = false;
                piece.truncate(usize::from(input.word()) % (piece.len() + 1));
            }
            240..=249 => {
                let length = usize::from(input.byte());
                piece = input.take(length).to_vec();
                is_pure = false;
            }
            _ => {
                now = now + Duration::from_millis(u64::from(input.word()));
                is_pure = false;
            }
        }
        let Ok(read) = Piece::read(&piece) else { continue };
        if let Some(whole) = reassembler.add(&read, now) {
            assert!(whole.largest_fragment <= largest.max(PacketSize::new(65_535)));
            assert!(whole.bytes.len() <= 65_575);
            if is_pure {
                assert_eq!(whole.bytes, packet, "what came apart is put together the same");
                assert!(given.iter().all(|given| *given), "no fragment was missing");
            }
        }
    }
    if is_pure && fragments.len() > 1 {
        // What is missing comes at last, in order; a packet that was whole once begins anew.
        let mut last = None;
        for piece in &fragments {
            let read = Piece::read(piece).expect("our own fragment");
            last = last.or(reassembler.add(&read, now));
        }
        assert_eq!(last.expect("all has come").bytes, packet);
    }
}

/// IPv4 without DF, or IPv6, with UDP inside.
fn packet(family: u8, length: usize) -> Vec<u8> {
    let payload = (0..length).map(|at| (at % 251) as u8);
    let mut packet = if family & 1 == 0 {
        let total = ((20 + length) as u16).to_be_bytes();
        vec![0x45, 0, total[0], total[1], 1, 2, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 25]
    } else {
        let total = (length as u16).to_be_bytes();
        let mut head = vec![0x60, 0, 0, 0, total[0], total[1], 17, 64];
        head.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        head.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        head
    };
    if family & 1 == 0 {
        let sum: u32 = packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

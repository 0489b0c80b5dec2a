//! What may become of a line.

use std::io::{self, Read};

/// xorshift64*: quick, and the same for the same seed.
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.number()) * bound as u128) >> 64) as usize
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Damages a line, or leaves it as it is: two of five lines stay.
    pub(super) fn damage(&mut self, line: &mut Vec<u8>, others: &[Vec<u8>]) {
        match self.below(40) {
            0..=8 => (0..=self.below(4)).for_each(|_| self.change_a_byte(line)),
            9..=11 => line.truncate(self.below(line.len() + 1)),
            12..=14 => {
                let other = self.pick(others);
                let cut = self.below(other.len() + 1);
                line.truncate(self.below(line.len() + 1));
                line.extend_from_slice(&other[cut..]);
            }
            15..=16 => {
                let spice = *self.pick(&SPICES);
                self.insert(line, spice);
            }
            17..=18 => self.replace_a_number(line),
            19 => {
                let (from, to) = self.range(line);
                let part = line[from..to].to_vec();
                self.insert(line, &part);
            }
            20 => {
                let (from, to) = self.range(line);
                line.drain(from..to);
            }
            21 => self.blow_up(line),
            22 => *line = (0..self.below(200)).map(|_| self.number() as u8).filter(|byte| *byte != b'\n').collect(),
            // Two kinds of damage at once.
            23 => (0..2).for_each(|_| self.damage(line, others)),
            _ => {}
        }
    }

    fn range(&mut self, line: &[u8]) -> (usize, usize) {
        let (a, b) = (self.below(line.len() + 1), self.below(line.len() + 1));
        (a.min(b), a.max(b))
    }

    fn change_a_byte(&mut self, line: &mut [u8]) {
        if line.is_empty() {
            return;
        }
        let at = self.below(line.len());
        let byte = match self.below(3) {
            0 => line[at] ^ (1 << self.below(8)),
            1 => self.number() as u8,
            _ => *self.pick(b" \t\"'[](){}<>:;,.=@#*-+/\\%0129aZ\0\x1b\x80\xff"),
        };
        line[at] = if byte == b'\n' { b' ' } else { byte };
    }

    fn insert(&mut self, line: &mut Vec<u8>, what: &[u8]) {
        let at = self.below(line.len() + 1);
        line.splice(at..at, what.iter().copied());
    }

    fn replace_a_number(&mut self, line: &mut Vec<u8>) {
        let start = self.below(line.len() + 1);
        let Some(from) = line[start..].iter().position(u8::is_ascii_digit).map(|found| start + found) else { return };
        let length = line[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = *self.pick(&NUMBERS);
        line.splice(from..from + length, number.iter().copied());
    }

    /// A field, or a depth, of up to a few kilobytes; rarely longer than any line may be.
    fn blow_up(&mut self, line: &mut Vec<u8>) {
        let length = if self.below(400) == 0 { 60_000 + self.below(200_000) } else { 1 << self.below(13) };
        let unit = *self.pick(&UNITS);
        let field: Vec<u8> = unit.iter().copied().cycle().take(length).collect();
        self.insert(line, &field);
    }
}

const SPICES: [&[u8]; 18] = [
    b"\0",
    b"\0\0\0\0\0\0\0\0",
    b"\r",
    b"\x1b[31m",
    b"\x1b[",
    b"\xc3",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\"\"",
    b"\\\"",
    b"\\u0000\\ud800",
    b"MESSAGE",
    b"postfix/smtp[1]: ",
    b"2026-11-20 10:00:00 ",
    b"@400000006b0020ea075bcd15 ",
    b"{\"MESSAGE\":",
];

const NUMBERS: [&[u8]; 10] = [
    b"0",
    b"-1",
    b"00000000000000000000000000000000",
    b"99",
    b"4294967296",
    b"9223372036854775807",
    b"18446744073709551616",
    b"99999999999999999999999999999999999999999999999999999999999999",
    b"1e308",
    b"9999",
];

const UNITS: [&[u8]; 12] =
    [b"a", b" ", b"\"", b"[", b"{\"a\":", b"(", b"<", b"9", b"\xff", b"\0", b"2026-11-20 10:00:00 ", b"x[192.0.2.1]: "];

/// Damaged lines, one run of neighbours after the other, since entries may take several lines.
pub(super) struct Damaged<'a> {
    lines: &'a [Vec<u8>],
    random: Random,
    left: usize,
    /// The next line of the run, and how many are left of it.
    next: usize,
    run: usize,
    line: Vec<u8>,
    given: usize,
    begun: bool,
}

impl<'a> Damaged<'a> {
    pub(super) fn new(lines: &'a [Vec<u8>], random: Random, left: usize) -> Self {
        Self { lines, random, left, next: 0, run: 0, line: Vec::new(), given: 0, begun: false }
    }

    pub(super) fn is_at_start(&self) -> bool {
        !self.begun
    }

    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    fn advance(&mut self) {
        if self.run == 0 {
            (self.next, self.run) = (self.random.below(self.lines.len()), 1 + self.random.below(12));
        }
        self.line.clone_from(&self.lines[self.next % self.lines.len()]);
        self.random.damage(&mut self.line, self.lines);
        self.line.push(b'\n');
        (self.next, self.run, self.given, self.left) = (self.next + 1, self.run - 1, 0, self.left - 1);
    }
}

impl Read for Damaged<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.begun = true;
        let mut at = 0;
        while at < into.len() {
            if self.given == self.line.len() {
                if self.left == 0 {
                    break;
                }
                self.advance();
            }
            let rest = &self.line[self.given..];
            let length = rest.len().min(into.len() - at);
            into[at..at + length].copy_from_slice(&rest[..length]);
            (self.given, at) = (self.given + length, at + length);
        }
        Ok(at)
    }
}

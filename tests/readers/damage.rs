//! What may become of an input, and the hunt for one that a reader does not stand. proptest makes it and makes it small.

use std::fmt;
use std::time::{Instant, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Inputs, a reader, and where chance begins.
pub(crate) struct Hunt<'a> {
    pub(crate) inputs: &'a [Vec<u8>],
    pub(crate) longest: usize,
    pub(crate) check: fn(&[u8]),
    pub(crate) seed: u64,
}

/// So many inputs between two looks at the clock.
const ROUND: u32 = 64;

/// One change.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Words(Index, &'static [u8]),
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index),
    /// A number in digits becomes another.
    Number(Index, &'static [u8]),
    /// Four bytes become a number that is hard on sums.
    Long(Index, u32),
    /// From here on it is another input, from there.
    Splice(Index, Index, Index),
}

const WORDS: [&[u8]; 20] = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\r\n",
    b"\n",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\"",
    b"\\u0000\\ud800",
    b"[192.0.2.1]:6379",
    b"<\"x>, relay=host[192.0.2.66]:6379, ",
    b"status=deferred (conversation with host[192.0.2.66] timed out while sending message body)",
    b"{\"a\":[",
    b"]}",
    b"- ",
    b"%",
    b":",
    b"/0",
    b"reverse:",
];

const NUMBERS: [&[u8]; 10] = [
    b"0",
    b"-1",
    b"00000000000000000000000000000001",
    b"65536",
    b"4294967296",
    b"9223372036854775808",
    b"18446744073709551616",
    b"99999999999999999999999999999999999999",
    b"1e308",
    b"0.1",
];

const LONGS: [u32; 8] = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff, 0x0100_0000, 0x0001_0000];

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (at(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (at(), select(&WORDS[..])).prop_map(|(at, word)| Damage::Words(at, word)),
        at().prop_map(Damage::Cut),
        (at(), at()).prop_map(|(from, to)| Damage::Remove(from, to)),
        (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        (at(), select(&NUMBERS[..])).prop_map(|(at, number)| Damage::Number(at, number)),
        (at(), select(&LONGS[..])).prop_map(|(at, number)| Damage::Long(at, number)),
        (at(), at(), at()).prop_map(|(at, other, from)| Damage::Splice(at, other, from)),
    ]
}

/// Which input, and what becomes of it.
#[derive(Clone)]
struct Plan {
    input: Index,
    damages: Vec<Damage>,
}

impl Damage {
    fn change(&self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
        let place = |index: &Index, bytes: &[u8]| index.index(bytes.len() + 1);
        let range = |from: &Index, to: &Index, bytes: &[u8]| {
            let (from, to) = (place(from, bytes), place(to, bytes));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Flip(at, bit) => {
                let at = place(at, bytes);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << bit);
            }
            Self::Set(at, value) => {
                let at = place(at, bytes);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte = *value);
            }
            Self::Insert(at, what) => insert(bytes, place(at, bytes), what),
            Self::Words(at, what) => insert(bytes, place(at, bytes), what),
            Self::Cut(at) => bytes.truncate(place(at, bytes)),
            Self::Remove(from, to) => drop(bytes.drain(range(from, to, bytes))),
            Self::Repeat(from, to) => {
                let range = range(from, to, bytes);
                let part = bytes[range.clone()].to_vec();
                insert(bytes, range.end, &part);
            }
            Self::Number(at, number) => {
                let start = place(at, bytes);
                let Some(from) = bytes[start..].iter().position(u8::is_ascii_digit).map(|found| start + found) else {
                    return;
                };
                let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(from..from + length, number.iter().copied());
            }
            Self::Long(at, number) => {
                let at = place(at, bytes);
                for (byte, new) in bytes[at..].iter_mut().zip(number.to_be_bytes()) {
                    *byte = new;
                }
            }
            Self::Splice(at, other, from) => {
                if others.is_empty() {
                    return;
                }
                let other = other.get(others);
                bytes.truncate(place(at, bytes));
                bytes.extend_from_slice(&other[place(from, other)..]);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

impl Plan {
    fn carry_out(&self, inputs: &[Vec<u8>], longest: usize) -> Vec<u8> {
        let mut bytes = if inputs.is_empty() { Vec::new() } else { self.input.get(inputs).clone() };
        for damage in &self.damages {
            damage.change(&mut bytes, inputs);
        }
        bytes.truncate(longest);
        bytes
    }
}

/// As libtest prints it where the hunt ends.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes of input {:?}", self.damages.len(), self.input)
    }
}

impl Hunt<'_> {
    /// Goes on until then. Returns how many inputs were read, or what does not hold, and the input.
    pub(crate) fn until(&self, end: Instant) -> Result<u64, String> {
        let (mut executions, mut round) = (0, self.seed);
        let config = Config { cases: ROUND, failure_persistence: None, max_shrink_time: 20_000, ..Config::default() };
        let plans = (any::<Index>(), vec(damage(), 1..7)).prop_map(|(input, damages)| Plan { input, damages });
        while Instant::now() < end {
            let seed: Vec<u8> = round.to_le_bytes().repeat(4);
            let mut runner = TestRunner::new_with_rng(config.clone(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
            let read = |plan: Plan| {
                (self.check)(&plan.carry_out(self.inputs, self.longest));
                Ok(())
            };
            if let Err(TestError::Fail(reason, plan)) = runner.run(&plans, read) {
                let bytes = plan.carry_out(self.inputs, self.longest);
                return Err(format!("{reason}\nby {} bytes, {}", bytes.len(), bytes.escape_ascii()));
            }
            executions += u64::from(ROUND);
            round = round.wrapping_add(1);
        }
        Ok(executions)
    }
}

/// Another one each time.
pub(crate) fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64 >> 10)
}

//! Sorts long lists of values.

use std::net::IpAddr;
use std::sync::Arc;

use super::intervals::Intervals;
use super::term::{Term, Values};

/// Below this a list stays one: looking at each is as fast.
const LONG: usize = 16;

/// Makes a list, or values, of what comes.
#[derive(Default)]
pub(super) struct ValuesBuilder {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    numbers: Vec<(u64, u64)>,
    words: Vec<Arc<str>>,
    rest: Vec<Term>,
    is_long: bool,
}

impl ValuesBuilder {
    /// Returns the bytes that it takes.
    pub(super) fn push(&mut self, item: Term) -> usize {
        if !self.is_long {
            self.rest.push(item);
            if self.rest.len() > LONG {
                self.is_long = true;
                for item in std::mem::take(&mut self.rest) {
                    self.sort(item);
                }
            }
            return size_of::<Term>();
        }
        self.sort(item)
    }

    fn sort(&mut self, item: Term) -> usize {
        match interval(&item) {
            Some(Interval::V4(first, last)) => {
                self.v4.push((first, last));
                size_of_val(&(first, last))
            }
            Some(Interval::V6(first, last)) => {
                self.v6.push((first, last));
                size_of_val(&(first, last))
            }
            Some(Interval::Numbers(first, last)) => {
                self.numbers.push((first, last));
                size_of_val(&(first, last))
            }
            None => match item {
                Term::Word(word) if means_itself(&word) => {
                    self.words.push(word);
                    size_of::<Arc<str>>()
                }
                item => {
                    self.rest.push(item);
                    size_of::<Term>() + 16
                }
            },
        }
    }

    pub(super) fn finish(mut self) -> Term {
        if !self.is_long {
            return Term::List(self.rest.into());
        }
        let plain = self.v4.len() + self.v6.len() + self.numbers.len() + self.words.len();
        if plain == 0 {
            return Term::List(self.rest.into());
        }
        self.words.sort_unstable();
        Term::Values(Box::new(Values {
            v4: Intervals::of(self.v4),
            v6: Intervals::of(self.v6),
            numbers: Intervals::of(self.numbers),
            words: self.words.into(),
            rest: self.rest.into(),
        }))
    }
}

/// A pattern or the name of a set means more.
fn means_itself(word: &str) -> bool {
    !word.ends_with('*') && !word.starts_with('@')
}

enum Interval {
    V4(u32, u32),
    V6(u128, u128),
    Numbers(u64, u64),
}

/// `None`: not a value, a range or a network.
fn interval(item: &Term) -> Option<Interval> {
    match item {
        Term::Number(number) => Some(Interval::Numbers(*number, *number)),
        Term::Address(address) => between(*address, *address),
        Term::Object(_) => match item.entry()? {
            ("range", ends) => match ends.as_list()? {
                [Term::Number(first), Term::Number(last)] => Some(Interval::Numbers(*first, *last)),
                [Term::Address(first), Term::Address(last)] => between(*first, *last),
                _ => None,
            },
            ("prefix", inside) => match (inside.get("addr")?, inside.get("len")?) {
                (Term::Address(address), Term::Number(length)) => network(*address, *length),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn between(first: IpAddr, last: IpAddr) -> Option<Interval> {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Some(Interval::V4(first.to_bits(), last.to_bits())),
        (IpAddr::V6(first), IpAddr::V6(last)) => Some(Interval::V6(first.to_bits(), last.to_bits())),
        _ => None,
    }
}

fn network(address: IpAddr, length: u64) -> Option<Interval> {
    let length = u32::try_from(length).ok()?;
    match address {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(length).unwrap_or(0);
            Some(Interval::V4(address.to_bits() & !rest, address.to_bits() | rest))
        }
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(length).unwrap_or(0);
            Some(Interval::V6(address.to_bits() & !rest, address.to_bits() | rest))
        }
    }
}

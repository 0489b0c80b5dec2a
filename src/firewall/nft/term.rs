//! What nft prints as JSON, kept small: a ruleset of some MiB must not become hundreds in memory.
//!
//! Words are kept once, addresses as numbers, and long lists of plain values sorted, as [`Values`].

use std::net::IpAddr;
use std::sync::Arc;

use super::intervals::Intervals;

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// `null`, truth values, and numbers that no rule about packets has.
    Nothing,
    Number(u64),
    /// Priorities of chains have a sign.
    Negative(i64),
    Word(Arc<str>),
    /// A word that is an address.
    Address(IpAddr),
    List(Box<[Term]>),
    /// A list in which most are plain values, and which is long.
    Values(Box<Values>),
    Object(Box<[(Arc<str>, Term)]>),
}

impl Term {
    /// What an object has under this name.
    pub(super) fn get(&self, name: &str) -> Option<&Term> {
        let Term::Object(entries) = self else { return None };
        entries.iter().find(|(key, _)| **key == *name).map(|(_, value)| value)
    }

    /// Takes out what an object has under this name.
    pub(super) fn take(self, name: &str) -> Term {
        let Term::Object(entries) = self else { return Term::Nothing };
        entries.into_iter().find(|(key, _)| **key == *name).map_or(Term::Nothing, |(_, value)| value)
    }

    /// The first entry of an object: most have but one.
    pub(super) fn entry(&self) -> Option<(&str, &Term)> {
        let Term::Object(entries) = self else { return None };
        entries.first().map(|(key, value)| (&**key, value))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        let Term::Word(word) = self else { return None };
        Some(word)
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        let Term::Number(number) = self else { return None };
        Some(*number)
    }

    /// 0 where it is no number.
    pub(super) fn as_i64(&self) -> i64 {
        match self {
            Term::Number(number) => i64::try_from(*number).unwrap_or(i64::MAX),
            Term::Negative(number) => *number,
            _ => 0,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Term]> {
        let Term::List(items) = self else { return None };
        Some(items)
    }

    /// The word of that name, empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Term::as_str).unwrap_or_default()
    }

    /// The words in it, whether one or a list.
    pub(super) fn words(&self) -> Vec<&str> {
        match self {
            Term::Word(word) => vec![word],
            Term::List(items) => items.iter().filter_map(Term::as_str).collect(),
            Term::Values(values) => values.words().collect(),
            _ => Vec::new(),
        }
    }
}

/// A list of many values, of which most are plain.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    pub(super) v4: Intervals<u32>,
    pub(super) v6: Intervals<u128>,
    pub(super) numbers: Intervals<u64>,
    /// Words that mean themselves.
    pub(super) words: Box<[Arc<str>]>,
    /// Whatever else there is: patterns, tuples, sets of sets.
    pub(super) rest: Box<[Term]>,
}

impl Values {
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.numbers.len() + self.words.len() + self.rest.len()
    }

    pub(super) fn holds_address(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.around(address.to_bits()).is_some(),
            IpAddr::V6(address) => self.v6.around(address.to_bits()).is_some(),
        }
    }

    /// Whether the address is an element of its own, and no part of a larger one.
    pub(super) fn names_address(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.around(address.to_bits()) == Some((address.to_bits(), address.to_bits())),
            IpAddr::V6(address) => self.v6.around(address.to_bits()) == Some((address.to_bits(), address.to_bits())),
        }
    }

    pub(super) fn holds_number(&self, number: u64) -> bool {
        self.numbers.around(number).is_some()
    }

    pub(super) fn holds_word(&self, word: &str) -> bool {
        self.words.binary_search_by(|own| (**own).cmp(word)).is_ok()
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| &**word).chain(self.rest.iter().filter_map(Term::as_str))
    }

    pub(super) fn has_addresses(&self) -> bool {
        self.v4.len() + self.v6.len() > 0
    }

    pub(super) fn has_numbers(&self) -> bool {
        self.numbers.len() > 0
    }

    pub(super) fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    /// What has to be looked at one by one.
    pub(super) fn rest(&self) -> &[Term] {
        &self.rest
    }
}

//! Reads what nft prints into terms. What all of it takes is counted meanwhile, and reading ends where that is too much.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::term::Term;
use super::values::ValuesBuilder;

/// Why JSON cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::firewall) enum Unread {
    /// It is not what nft prints.
    Strange,
    /// It would take more memory than a report is worth.
    TooLarge,
}

/// Reads `{"nftables": [{KIND: INSIDE}, …]}` and hands on one item after the other.
pub(super) fn read(json: &str, memory: u64, each: &mut dyn FnMut(&str, Term)) -> Result<(), Unread> {
    let reading = Reading { left: Cell::new(memory), words: RefCell::default() };
    let mut document = serde_json::Deserializer::from_str(json);
    let read = Document { reading: &reading, each }.deserialize(&mut document);
    match read.and_then(|is_of_nft| document.end().map(|()| is_of_nft)) {
        Ok(true) => Ok(()),
        _ if reading.left.get() == 0 => Err(Unread::TooLarge),
        _ => Err(Unread::Strange),
    }
}

/// The state of one reading.
struct Reading {
    /// Bytes that may still be taken, roughly.
    left: Cell<u64>,
    words: RefCell<BTreeSet<Arc<str>>>,
}

impl Reading {
    fn charge<E: de::Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.left.get().saturating_sub(bytes as u64);
        self.left.set(left);
        if left == 0 { Err(E::custom("too large")) } else { Ok(()) }
    }

    /// Each word once: a ruleset has few.
    fn word<E: de::Error>(&self, text: &str) -> Result<Arc<str>, E> {
        if let Some(word) = self.words.borrow().get(text) {
            return Ok(word.clone());
        }
        self.charge(text.len() + 64)?;
        let word: Arc<str> = text.into();
        self.words.borrow_mut().insert(word.clone());
        Ok(word)
    }
}

/// A term, or the visitor that makes one.
#[derive(Clone, Copy)]
struct TermSeed<'r>(&'r Reading);

impl<'de> DeserializeSeed<'de> for TermSeed<'_> {
    type Value = Term;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Term, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TermSeed<'_> {
    type Value = Term;

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Term, E> {
        Ok(Term::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Term, E> {
        Ok(Term::Nothing)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Term, E> {
        Ok(Term::Nothing)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Term, E> {
        Ok(u64::try_from(number).map_or(Term::Negative(number), Term::Number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Term, E> {
        Ok(Term::Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Term, E> {
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Term::Address(address)),
            Err(_) => self.0.word(text).map(Term::Word),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Term, A::Error> {
        let mut list = ValuesBuilder::default();
        while let Some(item) = items.next_element_seed(self)? {
            self.0.charge(list.push(item))?;
        }
        Ok(list.finish())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Term, A::Error> {
        let Some(key) = map.next_key_seed(WordSeed(self.0))? else { return Ok(Term::Object(Box::default())) };
        if *key != *"elem" {
            return self.object(key, map);
        }
        // An element with a time-out, a counter or a comment is the same element without.
        let value = map.next_value_seed(ElementSeed(self.0))?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

impl TermSeed<'_> {
    fn object<'de, A: MapAccess<'de>>(self, first: Arc<str>, mut map: A) -> Result<Term, A::Error> {
        let (mut entries, mut next) = (Vec::with_capacity(1), Some(first));
        while let Some(key) = next {
            let value = map.next_value_seed(self)?;
            self.0.charge(size_of::<(Arc<str>, Term)>() + 16)?;
            entries.push((key, value));
            next = map.next_key_seed(WordSeed(self.0))?;
        }
        Ok(Term::Object(entries.into()))
    }
}

/// What stands in `elem`: `{"val": VALUE, "timeout": …}`, of which the value is kept.
struct ElementSeed<'r>(&'r Reading);

impl<'de> DeserializeSeed<'de> for ElementSeed<'_> {
    type Value = Term;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Term, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_> {
    type Value = Term;

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("an element")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Term, A::Error> {
        let mut value = Term::Nothing;
        while let Some(key) = map.next_key_seed(WordSeed(self.0))? {
            if *key == *"val" {
                value = map.next_value_seed(TermSeed(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(value)
    }
}

struct WordSeed<'r>(&'r Reading);

impl<'de> DeserializeSeed<'de> for WordSeed<'_> {
    type Value = Arc<str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Arc<str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for WordSeed<'_> {
    type Value = Arc<str>;

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Arc<str>, E> {
        self.0.word(text)
    }
}

/// The whole: an object with a list of items, of which each is read, handed on and forgotten.
struct Document<'r, 'e> {
    reading: &'r Reading,
    each: &'e mut dyn FnMut(&str, Term),
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = bool;

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("what nft prints")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut is_of_nft = false;
        while let Some(key) = map.next_key_seed(WordSeed(self.reading))? {
            if *key == *"nftables" {
                map.next_value_seed(Items { reading: self.reading, each: &mut *self.each })?;
                is_of_nft = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(is_of_nft)
    }
}

struct Items<'r, 'e> {
    reading: &'r Reading,
    each: &'e mut dyn FnMut(&str, Term),
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element_seed(TermSeed(self.reading))? {
            let Term::Object(entries) = item else { continue };
            if let Some((kind, inside)) = entries.into_iter().next() {
                (self.each)(&kind, inside);
            }
        }
        Ok(())
    }
}

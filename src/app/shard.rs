//! `--shard I/N`: one list, several machines.

use std::str::FromStr;

use super::target_key::TargetKey;

/// Which part of the list a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardChoice {
    /// This one.
    Part(Shard),
    /// The one that the engine which started this process has numbered.
    Numbered,
}

/// A part of the list. Every target belongs to exactly one of the N parts, on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 on.
    index: u32,
    of: u32,
}

impl Shard {
    /// The whole list.
    pub const ALL: Self = Self { index: 1, of: 1 };

    /// Number `index`, from 1 on, of `of` parts.
    pub fn new(index: u32, of: u32) -> Option<Self> {
        (1..=of).contains(&index).then_some(Self { index, of })
    }

    pub(super) fn has(self, key: TargetKey) -> bool {
        key.part(self.of) + 1 == self.index
    }

    pub(super) fn of(self) -> u32 {
        self.of
    }
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" { Ok(Self::Numbered) } else { text.parse().map(Self::Part) }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let shard = parts.and_then(|(index, of)| Self::new(index, of));
        shard.ok_or_else(|| "is no part of a list; give one like 1/3, 2/3 or 3/3, or auto".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_belongs_to_exactly_one_part() {
        let parts: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| text.parse().expect("a part")).to_vec();
        for n in 0..1000 {
            let key = TargetKey::of(&format!("mx{n}.example.com"));
            assert_eq!(parts.iter().filter(|part| part.has(key)).count(), 1, "{n}");
            assert!(Shard::ALL.has(key));
        }
    }

    #[test]
    fn parts_do_not_depend_on_machine_or_version() {
        let part = |target| TargetKey::of(target).part(3);
        assert_eq!([part("mx.example.com"), part("192.0.2.25"), part("[2001:db8::25]:587")], PARTS_OF_THREE);
    }

    /// Fixed for ever: another value would let a list that is worked on fall apart.
    const PARTS_OF_THREE: [u32; 3] = [2, 0, 0];

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "1", "/", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1/99999999999"] {
            assert!(text.parse::<Shard>().is_err(), "{text:?}");
            assert!(text.parse::<ShardChoice>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn auto_leaves_the_number_to_the_engine() {
        assert_eq!("auto".parse(), Ok(ShardChoice::Numbered));
        assert_eq!("2/3".parse(), Ok(ShardChoice::Part(Shard { index: 2, of: 3 })));
    }
}

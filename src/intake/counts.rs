//! The counts of one peer, taken in the order of the log.

use std::net::IpAddr;

use crate::model::{Delays, StallStage};

use super::phrases::phrase_of;
use super::stamp::Stamp;

/// A mail up to this size fits into one packet with its commands, so it cannot stall because of its size.
pub(super) const SMALL: u64 = 1000;
/// A mail from this size on is several packets. Below it, a mail may fit into one beyond its header.
pub(super) const SEVERAL: u64 = 4096;
/// The commands for so many recipients, about 40 bytes each, fill a packet of 1280 bytes when they are sent together.
const MANY_RECIPIENTS: u16 = 30;
/// How many mails are told apart. The attempts and recipients of one mail are close together in a log.
const TOLD_APART: usize = 64;
/// So many domains, names and phrases are kept.
const LONGEST_LIST: usize = 4;
const LONGEST_NAME: usize = 255;
const LONGEST_SAMPLE: usize = 400;

/// All counts of a peer.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerCounts {
    /// Mails that passed before the first stalled.
    pub(super) before: PassedMails,
    pub(super) stalls: Option<Box<StallCounts>>,
    last_passed: u64,
}

/// The counts of a peer at which mail stalled.
#[derive(Clone, Debug)]
pub(super) struct StallCounts {
    /// Its names, in the order in which the log has them.
    pub(super) names: Vec<String>,
    pub(super) port: Option<u16>,
    pub(super) logged_by: String,
    pub(super) domains: Vec<String>,
    /// Distinct mails by stage, as far as they can be told apart.
    pub(super) by_stage: [u32; Self::STAGES.len()],
    /// Distinct mails over all stages in which the size of a mail matters.
    pub(super) mails: u32,
    /// Mails that stalled and are larger than one packet, and those that are small.
    pub(super) large: SizeRange,
    pub(super) small: u32,
    /// Mails that passed between two stalls, and after the last.
    pub(super) between: PassedMails,
    pub(super) after: PassedMails,
    pub(super) first: Stamp,
    pub(super) last: Stamp,
    pub(super) longest_wait: Option<f64>,
    pub(super) sample: Sample,
    /// What the log says of the stalls, in its own words.
    pub(super) phrases: Vec<&'static str>,
    seen: Vec<(u64, u8)>,
}

/// The line that is shown.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) stage: StallStage,
    pub(super) delays: Option<Delays>,
    pub(super) line: String,
}

/// A number of mails, with the smallest and the largest size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SizeRange {
    pub(super) count: u32,
    pub(super) smallest: u64,
    pub(super) largest: u64,
}

/// Mails that passed, by size.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PassedMails {
    small: SizeRange,
    /// Those of several packets.
    several: SizeRange,
    /// By powers of two.
    classes: [u16; 28],
}

/// A mail that stalled.
#[derive(Clone, Copy, Debug)]
pub(super) struct StalledMail<'a> {
    pub(super) stage: StallStage,
    pub(super) mail: u64,
    pub(super) size: Option<u64>,
    pub(super) recipients: u16,
    pub(super) domain: Option<&'a [u8]>,
    pub(super) delays: Option<Delays>,
    /// How long its transmission took.
    pub(super) waited: Option<f64>,
    pub(super) stamp: Stamp,
    pub(super) line: &'a [u8],
}

impl PeerCounts {
    /// A mail of a known size passed. Further recipients of the same mail add nothing.
    pub(super) fn passed(&mut self, mail: u64, size: u64) {
        if self.last_passed == mail {
            return;
        }
        self.last_passed = mail;
        self.stalls.as_mut().map_or(&mut self.before, |stalls| &mut stalls.after).add(size);
    }
}

impl StallCounts {
    pub(super) const STAGES: [StallStage; 8] = [
        StallStage::Body,
        StallStage::EndOfData,
        StallStage::Data,
        StallStage::LostInBody,
        StallStage::GaveUp,
        StallStage::Session,
        StallStage::ManyRecipients,
        StallStage::TlsHandshake,
    ];

    pub(super) fn new(logged_by: &[u8], first: &StalledMail<'_>) -> Self {
        Self {
            names: Vec::new(),
            port: None,
            logged_by: lossy(logged_by, LONGEST_NAME),
            domains: Vec::new(),
            by_stage: [0; Self::STAGES.len()],
            mails: 0,
            large: SizeRange::default(),
            small: 0,
            between: PassedMails::default(),
            after: PassedMails::default(),
            first: first.stamp,
            last: first.stamp,
            longest_wait: None,
            sample: Sample { stage: first.stage, delays: None, line: String::new() },
            phrases: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Notes a name of the peer, unless it is none.
    pub(super) fn name(&mut self, name: &[u8]) {
        if self.names.len() >= LONGEST_LIST
            || self.names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
        {
            return;
        }
        let name = lossy(name, LONGEST_NAME);
        // A relay that was given by its address has the address as its name.
        let is_none = matches!(name.as_str(), "" | "unknown" | "<unknown>") || name.parse::<IpAddr>().is_ok();
        if !is_none {
            self.names.push(name);
        }
    }

    pub(super) fn add(&mut self, stall: &StalledMail<'_>) {
        self.between.merge(&self.after);
        self.after = PassedMails::default();
        self.last = stall.stamp;
        self.count(stall);
        if let Some(waited) = stall.waited {
            self.longest_wait = Some(self.longest_wait.unwrap_or(0.0).max(waited));
        }
        if let Some(domain) = stall.domain
            && self.domains.len() < LONGEST_LIST
        {
            let domain = lossy(domain, LONGEST_NAME).to_lowercase();
            if let Err(at) = self.domains.binary_search(&domain) {
                self.domains.insert(at, domain);
            }
        }
        let phrase = phrase_of(stall.line).filter(|phrase| !self.phrases.contains(phrase));
        self.phrases.extend(phrase.filter(|_| self.phrases.len() < LONGEST_LIST));
        // A line of the strongest stage says most, and of two such lines the one with delays.
        let is_better = stall.stage < self.sample.stage
            || (stall.stage == self.sample.stage && self.sample.delays.is_none() && stall.delays.is_some());
        if self.sample.line.is_empty() || is_better {
            self.sample = Sample { stage: stall.stage, delays: stall.delays, line: lossy(stall.line, LONGEST_SAMPLE) };
        }
    }

    /// Counts each mail once over all stages, and once in each.
    fn count(&mut self, stall: &StalledMail<'_>) {
        let index = Self::index(stall.stage);
        let bit = 1 << index;
        let known = self.seen.iter().position(|(mail, _)| *mail == stall.mail);
        let stages = known.map_or(0, |at| self.seen.remove(at).1);
        if known.is_none() && self.seen.len() >= TOLD_APART {
            self.seen.remove(0);
        }
        self.seen.push((stall.mail, stages | bit));
        if stages & bit == 0 {
            self.by_stage[index] = self.by_stage[index].saturating_add(1);
        }
        let is_of_size = |stages: u8| stages & Self::OF_SIZE != 0;
        if !is_of_size(bit) || is_of_size(stages) {
            return;
        }
        self.mails = self.mails.saturating_add(1);
        match stall.size {
            Some(size) if size <= SMALL => self.small = self.small.saturating_add(1),
            Some(size) => self.large.add(size),
            None => {}
        }
    }

    pub(super) fn at(&self, stage: StallStage) -> u32 {
        self.by_stage[Self::index(stage)]
    }

    /// The stages in which mails stall for their size: the first six.
    const OF_SIZE: u8 = 0b11_1111;

    fn index(stage: StallStage) -> usize {
        stage as usize
    }
}

impl StalledMail<'_> {
    /// Whether a time-out at this stage can depend on size.
    pub(super) fn counts(&self) -> bool {
        self.stage != StallStage::ManyRecipients || self.recipients >= MANY_RECIPIENTS
    }
}

impl SizeRange {
    pub(super) fn add(&mut self, size: u64) {
        self.smallest = if self.count == 0 { size } else { self.smallest.min(size) };
        self.largest = self.largest.max(size);
        self.count = self.count.saturating_add(1);
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.smallest = if self.count == 0 { other.smallest } else { self.smallest.min(other.smallest) };
        self.largest = self.largest.max(other.largest);
        self.count = self.count.saturating_add(other.count);
    }
}

impl PassedMails {
    pub(super) fn add(&mut self, size: u64) {
        if size < SEVERAL { &mut self.small } else { &mut self.several }.add(size);
        let class = &mut self.classes[Self::class(size)];
        *class = class.saturating_add(1);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.small.merge(&other.small);
        self.several.merge(&other.several);
        for (ours, theirs) in self.classes.iter_mut().zip(other.classes) {
            *ours = ours.saturating_add(theirs);
        }
    }

    /// Those that are at least as large. The number is exact for several packets, else rounded to a power of two unless it is none
    /// or all; the smallest is the smallest that is certain.
    pub(super) fn at_least(&self, size: u64) -> SizeRange {
        if size == SEVERAL {
            return self.several;
        }
        let all = self.all();
        if all.count == 0 || all.largest < size {
            return SizeRange::default();
        }
        if all.smallest >= size {
            return all;
        }
        let above: u32 = self.classes[Self::class(size) + 1..].iter().map(|count| u32::from(*count)).sum();
        let smallest = if size > SEVERAL || self.several.count == 0 { all.largest } else { self.several.smallest };
        SizeRange { count: above.max(1), smallest, largest: all.largest }
    }

    /// Those that are smaller, with the same rounding, and the largest of them that is certain.
    pub(super) fn below(&self, size: u64) -> SizeRange {
        if size == SEVERAL {
            return self.small;
        }
        let all = self.all();
        if all.count == 0 || all.smallest >= size {
            return SizeRange::default();
        }
        if all.largest < size {
            return all;
        }
        let count: u32 = self.classes[..Self::class(size)].iter().map(|count| u32::from(*count)).sum();
        SizeRange { count: count.max(1), largest: all.smallest, ..all }
    }

    fn all(&self) -> SizeRange {
        let mut all = self.small;
        all.merge(&self.several);
        all
    }

    fn class(size: u64) -> usize {
        (size.max(1).ilog2() as usize).min(26)
    }
}

/// Text that a stranger wrote, cut to the length that is kept.
fn lossy(bytes: &[u8], longest: usize) -> String {
    let cut = bytes.get(..longest).unwrap_or(bytes);
    String::from_utf8_lossy(cut).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_have_their_own_places() {
        for (index, stage) in StallCounts::STAGES.into_iter().enumerate() {
            assert_eq!(StallCounts::index(stage), index);
        }
    }

    #[test]
    fn a_mail_counts_once_and_its_recipients_not_at_all() {
        let stall = StalledMail {
            stage: StallStage::Body,
            mail: 1,
            size: Some(50_000),
            recipients: 1,
            domain: Some(b"Example.com"),
            delays: None,
            waited: Some(180.0),
            stamp: Stamp::None,
            line: b"line",
        };
        let mut stalls = StallCounts::new(b"", &stall);
        for stall in [
            stall,
            stall,
            StalledMail { stage: StallStage::EndOfData, ..stall },
            StalledMail { mail: 2, size: None, ..stall },
        ] {
            stalls.add(&stall);
        }
        assert_eq!((stalls.mails, stalls.at(StallStage::Body), stalls.at(StallStage::EndOfData)), (2, 2, 1));
        assert_eq!(stalls.large, SizeRange { count: 1, smallest: 50_000, largest: 50_000 });
        assert_eq!(stalls.domains, ["example.com"]);
    }

    #[test]
    fn sizes_are_counted_on_both_sides_of_a_bound() {
        let mut passed = PassedMails::default();
        for size in [800, 900, 5000, 100_000] {
            passed.add(size);
        }
        assert_eq!(passed.at_least(50_000), SizeRange { count: 1, smallest: 100_000, largest: 100_000 });
        assert_eq!(passed.at_least(200_000), SizeRange::default());
        assert_eq!(passed.at_least(800).count, 4);
        assert_eq!(passed.below(200_000), SizeRange { count: 4, smallest: 800, largest: 100_000 });
        assert_eq!(passed.below(500), SizeRange::default());
        // The bound between one packet and several is exact.
        assert_eq!(passed.below(SEVERAL), SizeRange { count: 2, smallest: 800, largest: 900 });
        assert_eq!(passed.at_least(SEVERAL), SizeRange { count: 2, smallest: 5000, largest: 100_000 });
    }
}

//! A letter to whoever runs the place where large packets end: what was measured, why it breaks mail, what to change.
//!
//! Addresses of one family with one fault at one place share a letter, since one network has to repair it. They may give more than one:
//! one for each complaint. Four steps make a letter:
//!
//! * `complaint`: what is wrong, or why nothing is; `recipient`: which addresses share a letter;
//! * `facts`, `measured`, `effect`, `plea`, `ping`: what the letter says, in no language;
//! * `skeleton`: the order of its parts, the same in every language, with the sentences of `words`;
//! * `block`: its layout.
//!
//! Every function of `words` matches on the language, so that a missing translation does not compile.

mod block;
mod complaint;
mod effect;
mod facts;
mod measured;
mod ping;
mod plea;
mod recipient;
mod skeleton;
mod words;

use crate::model::{AddressReport, Report};
pub use crate::report::language::Language;

use super::printable::printable;
use block::{WIDTH, lay_out};
use complaint::{Complaint, complaints, why_none};
use facts::LetterFacts;
use recipient::is_one_letter;

/// All letters that the report asks for, and a line for each address that needs none.
pub fn render(report: &Report, language: Language) -> String {
    let Letters { mut letters, none } = Letters::of(report, language, WIDTH);
    if !none.is_empty() || report.addresses.is_empty() {
        letters.push(none.iter().flat_map(|line| [line.as_str(), "\n"]).collect());
    }
    letters.join(&format!("\n{}\n\n", "-".repeat(WIDTH)))
}

/// The letters that a report asks for.
pub(super) struct Letters {
    /// Each of them.
    pub(super) letters: Vec<String>,
    /// A line for each address that needs none.
    pub(super) none: Vec<String>,
}

impl Letters {
    /// With a paragraph in each line, for readers that break lines themselves.
    pub(super) fn unbroken(report: &Report, language: Language) -> Self {
        Self::of(report, language, usize::MAX)
    }

    fn of(report: &Report, language: Language, width: usize) -> Self {
        let (groups, none) = groups(report, language);
        let facts = groups.iter().filter_map(|group| LetterFacts::of(report, &group.addresses, group.complaint));
        let letters = facts.map(|facts| lay_out(&skeleton::letter(language, &facts), width)).collect();
        Self { letters, none }
    }
}

/// What there is to write about, and why there is nothing.
fn groups(report: &Report, language: Language) -> (Vec<Group<'_>>, Vec<String>) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut none = Vec::new();
    for address in &report.addresses {
        let found = complaints(address);
        if found.is_empty() {
            none.push(printable(&words::no_letter(language, address, why_none(address))));
        }
        for complaint in found {
            match groups.iter_mut().find(|group| group.takes(complaint, address)) {
                Some(group) => group.addresses.push(address),
                None => groups.push(Group { complaint, addresses: vec![address] }),
            }
        }
    }
    (groups, none)
}

/// Addresses that one letter is about.
struct Group<'a> {
    complaint: Complaint,
    addresses: Vec<&'a AddressReport>,
}

impl<'a> Group<'a> {
    fn takes(&self, complaint: Complaint, address: &'a AddressReport) -> bool {
        complaint == self.complaint
            && self.addresses.first().is_some_and(|first| is_one_letter(complaint, first, address))
    }
}

//! A letter to whoever runs the place where large packets end: what was measured, why it breaks mail, what to change.
//!
//! Addresses of one family that are alike share a letter. They may give more than one: one for each complaint. Four steps make a letter:
//!
//! * `complaint`: what is wrong, or why nothing is;
//! * `facts`, `measured`, `effect`, `plea`: what the letter says, in no language;
//! * `skeleton`: the order of its parts, the same in every language, with the sentences of `words`;
//! * `block`: its layout.
//!
//! Every function of `words` matches on the language, so that a missing translation does not compile.

mod block;
mod complaint;
mod effect;
mod facts;
mod measured;
mod plea;
mod skeleton;
mod words;

use crate::model::{AddressReport, Family, Report};
pub use crate::report::language::Language;

use super::alike::alike;
use super::printable::printable;
use block::{WIDTH, lay_out};
use complaint::{complaints, why_none};
use facts::LetterFacts;

/// All letters that the report asks for, and a line for each address that needs none.
pub fn render(report: &Report, language: Language) -> String {
    let mut letters = Vec::new();
    let mut none = String::new();
    for group in of_one_family(&report.addresses) {
        let found = group.first().map_or_else(Vec::new, |address| complaints(address));
        if found.is_empty() {
            for address in &group {
                none.push_str(&printable(&words::no_letter(language, address, why_none(address))));
                none.push('\n');
            }
        }
        letters.extend(found.into_iter().filter_map(|complaint| {
            let facts = LetterFacts::of(report, &group, complaint)?;
            Some(lay_out(&skeleton::letter(language, &facts)))
        }));
    }
    if !none.is_empty() || report.addresses.is_empty() {
        letters.push(none);
    }
    letters.join(&format!("\n{}\n\n", "-".repeat(WIDTH)))
}

/// Addresses that are alike, by family: each family has a message of its own, and hops of its own.
fn of_one_family(addresses: &[AddressReport]) -> Vec<Vec<&AddressReport>> {
    let groups = alike(&addresses.iter().collect::<Vec<_>>()).into_iter().flat_map(by_family);
    groups.filter(|group| !group.is_empty()).collect()
}

fn by_family(group: Vec<&AddressReport>) -> [Vec<&AddressReport>; 2] {
    let (v4, v6) = group.into_iter().partition(|report| Family::of(report.address) == Family::V4);
    [v4, v6]
}

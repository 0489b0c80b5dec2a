//! A letter to whoever runs the place where large packets end: what was measured, why it breaks mail, what to change.
//!
//! An address may give more than one letter: one for each complaint. Four steps make a letter:
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

use crate::model::Report;
pub use crate::report::language::Language;

use super::printable::printable;
use block::{WIDTH, lay_out};
use complaint::{complaints, why_none};
use facts::LetterFacts;

/// All letters that the report asks for, and a line for each address that needs none.
pub fn render(report: &Report, language: Language) -> String {
    let mut letters = Vec::new();
    let mut none = String::new();
    for address in &report.addresses {
        let found = complaints(address);
        if found.is_empty() {
            none.push_str(&printable(&words::no_letter(language, address, why_none(address))));
            none.push('\n');
        }
        letters.extend(found.into_iter().map(|complaint| {
            let facts = LetterFacts::of(report, address, complaint);
            lay_out(&skeleton::letter(language, &facts))
        }));
    }
    if !none.is_empty() || report.addresses.is_empty() {
        letters.push(none);
    }
    letters.join(&format!("\n{}\n\n", "-".repeat(WIDTH)))
}

//! What the report says of several addresses that are alike: once for all.

use std::collections::HashSet;
use std::fmt::Write;

use super::block::{headline, then_check, what_to_do};
use super::page::Page;
use super::row::EvidenceRow;
use super::screen::Screen;
use super::style::Detail;
use super::{evidence, findings, verdict};
use crate::model::AddressReport;
use crate::report::advice::{advise_all, likely_commands_besides};
use crate::report::alike::representatives;
use crate::report::words::address_with_zone;

/// Of what is left out where one way is enough.
pub(in crate::report) const OTHER_WAYS: &str = "Other ways to the same end";

/// What families have each for themselves.
const OF_A_FAMILY: [&str; 3] = ["ICMP", "where", "path"];

/// One block for all of them; in full detail, the evidence of each.
pub(super) fn of_several(out: &mut String, group: &[&AddressReport], detail: Detail, page: Page) {
    let shown = representatives(group);
    let Some(&first) = shown.first() else { return };
    headline(out, &headline_of_all(group, first), &first.examined, page);
    let mut rows = vec![addresses(group)];
    if detail != Detail::Full {
        rows.extend(rows_of_all(&shown, page));
    }
    Screen::new(rows, Vec::new()).push(out, page);
    if detail == Detail::Full {
        for report in group {
            out.push('\n');
            headline(out, &verdict::headline(report), &report.examined, page);
            Screen::new(evidence::rows(report, detail, page), Vec::new()).push(out, page);
        }
    }
    Screen::new(Vec::new(), remarks(&shown, detail)).push(out, page);
    advice_for_all(out, group, detail, page);
    then_check(out, group, page);
}

/// What the first line says of all of them.
pub(super) fn headline_of_all(group: &[&AddressReport], first: &AddressReport) -> String {
    verdict::headline_of(&format!("{} addresses", group.len()), first)
}

/// What is remarkable about any of these, once.
pub(super) fn remarks(shown: &[&AddressReport], detail: Detail) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for sentence in shown.iter().flat_map(|report| findings::sentences(report, detail)) {
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}

/// The likely ways; those who ask for more get the others as well.
fn advice_for_all(out: &mut String, group: &[&AddressReport], detail: Detail, page: Page) {
    let all = advise_all(group);
    let mut likely = all.clone();
    if !detail.has_all_advice() {
        likely.retain(|advice| !advice.is_alternative);
        let mut known = HashSet::new();
        for advice in &mut likely {
            advice.commands = likely_commands_besides(&advice.commands, &mut known);
        }
    }
    what_to_do(out, 1, &likely.iter().collect::<Vec<_>>(), detail, page);
    if likely.len() != all.len() {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "  {OTHER_WAYS}: --advice all shows them.");
    }
}

/// Which addresses they are.
pub(super) fn addresses(group: &[&AddressReport]) -> EvidenceRow {
    let all: Vec<_> = group.iter().map(|report| address_with_zone(report.address, report.zone.as_deref())).collect();
    let seen = "what follows was seen at the first, and alike at the others";
    EvidenceRow::new("addresses", format!("{}; {seen}", all.join(", ")))
}

/// The rows of the first, and behind each kind those in which the other family differs.
pub(super) fn rows_of_all(shown: &[&AddressReport], page: Page) -> Vec<EvidenceRow> {
    let rows = |report: &AddressReport| evidence::rows(report, Detail::Normal, page);
    let Some((first, others)) = shown.split_first() else { return Vec::new() };
    let mut all = rows(first);
    for row in others.iter().flat_map(|report| rows(report)).filter(|row| OF_A_FAMILY.contains(&row.label)) {
        let is_known = all.iter().any(|known| (known.label, &known.value) == (row.label, &row.value));
        let last = all.iter().rposition(|known| known.label == row.label);
        if let Some(last) = last.filter(|_| !is_known) {
            all.insert(last + 1, row);
        }
    }
    all
}

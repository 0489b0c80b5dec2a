//! What the report says of several addresses that are alike: once for all.

use std::collections::HashSet;

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

/// What families have each for themselves.
const OF_A_FAMILY: [&str; 3] = ["ICMP", "where", "path"];

/// One block for all of them; in full detail, the evidence of each.
pub(super) fn of_several(out: &mut String, group: &[&AddressReport], detail: Detail, page: Page) {
    let shown = representatives(group);
    let Some(&first) = shown.first() else { return };
    let name = format!("{} addresses", group.len());
    headline(out, &verdict::headline_of(&name, first), &first.examined, page);
    let mut rows = vec![EvidenceRow::new("addresses", addresses(group))];
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
    let mut sentences: Vec<String> = Vec::new();
    for sentence in shown.iter().flat_map(|report| findings::sentences(report, detail)) {
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    Screen::new(Vec::new(), sentences).push(out, page);
    advice_for_all(out, group, detail, page);
    then_check(out, group, page);
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
        out.push_str("  Other ways to the same end: --advice all shows them.\n");
    }
}

fn addresses(group: &[&AddressReport]) -> String {
    let all: Vec<_> = group.iter().map(|report| address_with_zone(report.address, report.zone.as_deref())).collect();
    format!("{}; what follows was seen at the first, and alike at the others", all.join(", "))
}

/// The rows of the first, and behind each kind those in which the other family differs.
fn rows_of_all(shown: &[&AddressReport], page: Page) -> Vec<EvidenceRow> {
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

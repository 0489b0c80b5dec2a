//! What the report says of several addresses that are alike: once for all.

use super::block::{all_rows, evidence_rows, headline, noticed, then_check, what_to_do};
use super::paint::Painter;
use super::row::EvidenceRow;
use super::style::Detail;
use super::{findings, verdict};
use crate::model::AddressReport;
use crate::report::advice::{advise_all, likely_commands};
use crate::report::alike::representatives;
use crate::report::words::address_with_zone;

/// What differs from address to address and says little; those who ask for more get it for each.
const OF_ONE: [&str; 4] = ["method", "round trip", "sent", "confidence"];
/// What families have each for themselves.
const OF_A_FAMILY: [&str; 4] = ["ICMP", "where", "path", "MSS"];

/// One block for all of them; in full detail, the evidence of each.
pub(super) fn of_several(out: &mut String, group: &[&AddressReport], detail: Detail, painter: Painter) {
    let shown = representatives(group);
    let Some(&first) = shown.first() else { return };
    let name = format!("{} addresses", group.len());
    headline(out, &verdict::headline_of(&name, first), &first.examined, painter);
    out.push('\n');
    let mut rows = vec![EvidenceRow::new("addresses", addresses(group))];
    if detail != Detail::Full {
        rows.extend(rows_of_all(&shown));
    }
    evidence_rows(out, rows, painter);
    if detail == Detail::Full {
        for report in group {
            out.push('\n');
            headline(out, &verdict::headline(report), &report.examined, painter);
            out.push('\n');
            evidence_rows(out, all_rows(report, detail), painter);
        }
    }
    let mut sentences: Vec<String> = Vec::new();
    for sentence in shown.iter().flat_map(|report| findings::sentences(report)) {
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    noticed(out, &sentences, painter);
    advice_for_all(out, group, detail, painter);
    then_check(out, group, painter);
}

/// The likely ways; those who ask for more get the others as well.
fn advice_for_all(out: &mut String, group: &[&AddressReport], detail: Detail, painter: Painter) {
    let all = advise_all(group);
    let mut likely = all.clone();
    if detail != Detail::Full {
        likely.retain(|advice| !advice.is_alternative);
        for advice in &mut likely {
            advice.commands.truncate(likely_commands(&advice.commands).len());
        }
    }
    what_to_do(out, 1, &likely.iter().collect::<Vec<_>>(), painter);
    if likely != all {
        out.push_str("  Other ways to the same end: -v shows them.\n");
    }
}

fn addresses(group: &[&AddressReport]) -> String {
    let all: Vec<_> = group.iter().map(|report| address_with_zone(report.address, report.zone.as_deref())).collect();
    format!("{}; what follows was seen at the first, and alike at the others", all.join(", "))
}

/// The rows of the first, and behind each kind those in which the other family differs.
fn rows_of_all(shown: &[&AddressReport]) -> Vec<EvidenceRow> {
    let rows = |report: &AddressReport| {
        all_rows(report, Detail::Normal).into_iter().filter(|row| !OF_ONE.contains(&row.label))
    };
    let Some((first, others)) = shown.split_first() else { return Vec::new() };
    let mut all: Vec<EvidenceRow> = rows(first).collect();
    for row in others.iter().flat_map(|report| rows(report)).filter(|row| OF_A_FAMILY.contains(&row.label)) {
        let is_known = all.iter().any(|known| (known.label, &known.value) == (row.label, &row.value));
        let last = all.iter().rposition(|known| known.label == row.label);
        if let Some(last) = last.filter(|_| !is_known) {
            all.insert(last + 1, row);
        }
    }
    all
}

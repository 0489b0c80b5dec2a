//! A report that comes in stages: the way there as soon as it stands, then what the way back adds.

use super::super::layout::push_line;
use super::block::{all_rows, block, evidence_rows, headline, noticed, what_to_do};
use super::paint::Painter;
use super::row::EvidenceRow;
use super::style::{Detail, Style};
use super::{findings, other_way, verdict};
use crate::model::{AddressReport, Advice, Examined};

/// What the rows of the other direction are labelled with.
const OTHER_WAY: &str = "other way";
/// What was sent, which grows until the end.
const SENT: &str = "sent";

/// The way there, while the way back is examined.
pub fn way_there(report: &AddressReport, style: &Style) -> String {
    let painter = Painter { color: style.color };
    let mut out = String::new();
    headline(&mut out, &verdict::so_far(report), &report.examined, painter);
    out.push('\n');
    evidence_rows(&mut out, rows_of_the_way_there(report, style.detail), painter);
    noticed(&mut out, &findings::sentences(report), painter);
    what_to_do(&mut out, 1, &report.examined.advice.iter().collect::<Vec<_>>(), painter);
    out
}

/// The same in one line, where several addresses are examined and the whole report follows.
pub fn way_there_in_a_line(report: &AddressReport, style: &Style) -> String {
    let painter = Painter { color: style.color };
    let mut out = String::new();
    headline(&mut out, &format!("{} (so far)", verdict::so_far(report)), &report.examined, painter);
    out
}

/// The way there once more, after it was shown and has changed.
pub fn correction(report: &AddressReport, style: &Style) -> String {
    format!("\n{CORRECTION}\n{}", way_there(report, style))
}

const CORRECTION: &str = "Correction, by what came later:";

/// What is to be said after the way there was shown: the first line of one piece, and what is new.
pub fn rest(shown: &AddressReport, whole: &AddressReport, style: &Style) -> String {
    let painter = Painter { color: style.color };
    let mut out = String::from("\n");
    if has_changed(&shown.examined, &whole.examined) {
        push_line(&mut out, CORRECTION);
        block(&mut out, whole, style.detail, painter);
        return out;
    }
    headline(&mut out, &verdict::headline(whole), &whole.examined, painter);
    out.push('\n');
    let of_the_way_back = other_way::lines(whole).into_iter().map(|line| EvidenceRow::new(OTHER_WAY, line));
    let sent = all_rows(whole, style.detail).into_iter().filter(|row| row.label == SENT);
    evidence_rows(&mut out, of_the_way_back.chain(sent).collect(), painter);
    let known = findings::sentences(shown);
    let new: Vec<String> = findings::sentences(whole).into_iter().filter(|each| !known.contains(each)).collect();
    noticed(&mut out, &new, painter);
    let known = &shown.examined.advice;
    let new: Vec<&Advice> = whole.examined.advice.iter().filter(|advice| !known.contains(advice)).collect();
    what_to_do(&mut out, known.len() + 1, &new, painter);
    out
}

/// Whether what was shown of the way there is no longer so.
fn has_changed(shown: &Examined, now: &Examined) -> bool {
    let facts = |examined: &Examined| {
        (examined.verdict, examined.cause, examined.path_mtu, examined.first_lost_size, examined.port_state)
    };
    facts(shown) != facts(now)
}

fn rows_of_the_way_there(report: &AddressReport, detail: Detail) -> Vec<EvidenceRow> {
    let rows = all_rows(report, detail).into_iter();
    let mut rows: Vec<EvidenceRow> = rows.filter(|row| row.label != OTHER_WAY && row.label != SENT).collect();
    rows.push(EvidenceRow::new(OTHER_WAY, "being examined; it follows"));
    rows
}

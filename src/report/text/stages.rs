//! A report that comes in stages: the way there as soon as it stands, then what the way back adds.

use super::super::layout::push_line;
use super::super::printable::printable;
use super::block::{block, headline, push_lines, then_check, what_to_do};
use super::page::Page;
use super::row::EvidenceRow;
use super::screen::Screen;
use super::style::{Detail, Style, more};
use super::{evidence, findings, verdict};
use crate::model::{AddressReport, Advice, Examined};

/// What the rows of the other direction are labelled with.
const OTHER_WAY: &str = "other way";
/// What was sent, which grows until the end.
const SENT: &str = "sent";

/// The way there, while the way back is examined.
pub fn way_there(report: &AddressReport, style: &Style) -> String {
    let page = Page::of(style);
    let mut out = String::new();
    let above = headline(&mut out, &verdict::so_far(report), &report.examined, page);
    let rows = rows_of_the_way_there(report, style.detail, page);
    Screen::new(rows, findings::sentences(report, style.detail)).fitted(style.detail, page, above).push(&mut out, page);
    what_to_do(&mut out, 1, &report.examined.advice.iter().collect::<Vec<_>>(), style.detail, page);
    out
}

/// The same in one line, where several addresses are examined and the whole report follows.
pub fn way_there_in_a_line(report: &AddressReport, style: &Style) -> String {
    let page = Page::of(style);
    let mut out = String::new();
    let words = printable(&format!("{} (so far)", verdict::so_far(report)));
    push_lines(&mut out, &words, &report.examined, page);
    out
}

/// The way there once more, after it was shown and has changed.
pub fn correction(report: &AddressReport, style: &Style) -> String {
    format!("\n{CORRECTION}\n{}", way_there(report, style))
}

const CORRECTION: &str = "Correction, by what came later:";

/// What is to be said after the way there was shown: the first line of one piece, and what is new.
pub fn rest(shown: &AddressReport, whole: &AddressReport, style: &Style) -> String {
    let page = Page::of(style);
    let mut out = String::from("\n");
    if has_changed(&shown.examined, &whole.examined) {
        push_line(&mut out, CORRECTION);
        block(&mut out, whole, style.detail, page);
        return out + more(style);
    }
    headline(&mut out, &verdict::headline(whole), &whole.examined, page);
    let rows = evidence::rows(whole, style.detail, page).into_iter();
    let rows = rows.filter(|row| row.label == OTHER_WAY || row.label == SENT).collect();
    let known = findings::sentences(shown, style.detail);
    let remarks = findings::sentences(whole, style.detail).into_iter().filter(|each| !known.contains(each)).collect();
    Screen::new(rows, remarks).push(&mut out, page);
    let known = &shown.examined.advice;
    let new: Vec<&Advice> = whole.examined.advice.iter().filter(|advice| !known.contains(advice)).collect();
    what_to_do(&mut out, known.len() + 1, &new, style.detail, page);
    then_check(&mut out, &[whole], page);
    out + more(style)
}

/// Whether what was shown of the way there is no longer so.
fn has_changed(shown: &Examined, now: &Examined) -> bool {
    let facts = |examined: &Examined| {
        (examined.verdict, examined.cause, examined.path_mtu, examined.first_lost_size, examined.port_state)
    };
    facts(shown) != facts(now)
}

fn rows_of_the_way_there(report: &AddressReport, detail: Detail, page: Page) -> Vec<EvidenceRow> {
    let rows = evidence::rows(report, detail, page).into_iter();
    let mut rows: Vec<EvidenceRow> = rows.filter(|row| row.label != OTHER_WAY && row.label != SENT).collect();
    rows.push(EvidenceRow::new(OTHER_WAY, "being examined; it follows"));
    rows
}

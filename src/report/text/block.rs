//! What the report says of one address, piece by piece.

use super::super::advice::check;
use super::super::layout::{push_line, wrap};
use super::super::printable::printable;
use super::paint::{Ink, Painter};
use super::row::{EvidenceRow, LABEL};
use super::style::Detail;
use super::{evidence, findings, verdict};
use crate::model::{AddressReport, Advice, Examined, Who};

/// All of it.
pub(super) fn block(out: &mut String, report: &AddressReport, detail: Detail, painter: Painter) {
    let examined = &report.examined;
    headline(out, &verdict::headline(report), examined, painter);
    out.push('\n');
    evidence_rows(out, all_rows(report, detail), painter);
    noticed(out, &findings::sentences(report), painter);
    what_to_do(out, 1, &examined.advice.iter().collect::<Vec<_>>(), painter);
    then_check(out, &[report], painter);
}

/// The first line of a block, in as many lines as it needs.
pub(super) fn headline(out: &mut String, words: &str, examined: &Examined, painter: Painter) {
    for line in wrap(&printable(words), "", "  ") {
        push_line(out, &painter.paint(ink(examined), &line));
    }
}

pub(super) fn all_rows(report: &AddressReport, detail: Detail) -> Vec<EvidenceRow> {
    let mut rows = evidence::rows(report);
    if detail == Detail::Full {
        rows.extend(evidence::detail_rows(report));
    }
    rows
}

pub(super) fn evidence_rows(out: &mut String, rows: Vec<EvidenceRow>, painter: Painter) {
    let mut last = "";
    for EvidenceRow { label, value } in rows {
        evidence_row(out, if label == last { "" } else { label }, &value, painter);
        last = label;
    }
}

pub(super) fn noticed(out: &mut String, sentences: &[String], painter: Painter) {
    if sentences.is_empty() {
        return;
    }
    title(out, "Also noticed", painter);
    for line in sentences.iter().flat_map(|sentence| wrap(&printable(sentence), "  - ", "    ")) {
        push_line(out, &line);
    }
}

/// Advice, numbered from this number on.
pub(super) fn what_to_do(out: &mut String, first: usize, advice: &[&Advice], painter: Painter) {
    if advice.is_empty() {
        return;
    }
    title(out, "What to do", painter);
    for (number, advice) in (first..).zip(advice) {
        advice_lines(out, number, advice, painter);
    }
}

/// How to see whether it worked.
pub(super) fn then_check(out: &mut String, reports: &[&AddressReport], painter: Painter) {
    let Some(check) = check(reports) else { return };
    title(out, "Check yourself", painter);
    for line in wrap(&printable(&check.text), "  ", "  ") {
        push_line(out, &line);
    }
    for command in &check.commands {
        push_line(out, &format!("    {}", painter.paint(Ink::Command, &printable(command))));
    }
}

fn evidence_row(out: &mut String, label: &str, value: &str, painter: Painter) {
    let indent = " ".repeat(2 + LABEL);
    for (index, line) in wrap(&printable(value), &indent, &indent).into_iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let padded = painter.paint(Ink::Label, &format!("{label:<LABEL$}"));
        push_line(out, &format!("  {padded}{}", &line[indent.len()..]));
    }
}

fn advice_lines(out: &mut String, number: usize, advice: &Advice, painter: Painter) {
    let who = match advice.who {
        Who::You => "On this host",
        Who::YourNetwork => "In your network",
        Who::TheirSide => "Ask their side",
        Who::Unknown => "Owner not known from here",
    };
    let text = printable(&format!("{who}: {}", advice.text));
    for line in wrap(&text, &format!("  {number}. "), "     ") {
        push_line(out, &line);
    }
    for command in advice.commands.iter().chain(&advice.lasting) {
        push_line(out, &format!("       {}", painter.paint(Ink::Command, &printable(command))));
    }
}

fn title(out: &mut String, text: &str, painter: Painter) {
    out.push('\n');
    push_line(out, &painter.paint(Ink::Title, text));
}

pub(super) fn ink(examined: &Examined) -> Ink {
    Ink::of_exit_code(examined.exit_code())
}

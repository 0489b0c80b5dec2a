//! What the report says of one address, piece by piece.

use super::super::advice::check;
use super::super::layout::push_line;
use super::super::printable::printable;
use super::page::{Ink, Page};
use super::screen::Screen;
use super::style::Detail;
use super::verdict;
use crate::model::{AddressReport, Advice, Examined, Who};
use crate::report::advice::likely_commands;

/// The title of the advice.
pub(in crate::report) const WHAT_TO_DO: &str = "What to do";
/// The title of what shows whether it helped.
pub(in crate::report) const CHECK: &str = "Check yourself";

/// All of it.
pub(super) fn block(out: &mut String, report: &AddressReport, detail: Detail, page: Page) {
    let examined = &report.examined;
    let above = headline(out, &verdict::headline(report), examined, page);
    Screen::of(report, detail, page, above).push(out, page);
    what_to_do(out, 1, &examined.advice.iter().collect::<Vec<_>>(), detail, page);
    then_check(out, &[report], page);
}

/// The first line of a block, in as many lines as it needs, and an empty one. How many that are.
pub(super) fn headline(out: &mut String, words: &str, examined: &Examined, page: Page) -> usize {
    let lines = push_lines(out, &printable(words), examined, page);
    out.push('\n');
    lines + 1
}

/// Words in the colour of the verdict. How many lines they take.
pub(super) fn push_lines(out: &mut String, words: &str, examined: &Examined, page: Page) -> usize {
    let lines = page.wrap(words, "", "  ");
    for line in &lines {
        push_line(out, &page.paint(ink(examined), line));
    }
    lines.len()
}

/// Advice, numbered from this number on; for the likely kind of system only, unless all is wanted.
pub(super) fn what_to_do(out: &mut String, first: usize, advice: &[&Advice], detail: Detail, page: Page) {
    if advice.is_empty() {
        return;
    }
    title(out, WHAT_TO_DO, page);
    for (number, advice) in (first..).zip(advice) {
        advice_lines(out, number, advice, detail, page);
    }
}

/// How to see whether it worked.
pub(super) fn then_check(out: &mut String, reports: &[&AddressReport], page: Page) {
    let Some(check) = check(reports) else { return };
    title(out, CHECK, page);
    for line in page.wrap(&printable(&check.text), "  ", "  ") {
        push_line(out, &line);
    }
    for command in &check.commands {
        push_line(out, &format!("    {}", page.paint(Ink::Command, &printable(command))));
    }
}

fn advice_lines(out: &mut String, number: usize, advice: &Advice, detail: Detail, page: Page) {
    let text = printable(&format!("{}: {}", for_whom(advice.who), advice.text));
    for line in page.wrap(&text, &format!("  {number}. "), "     ") {
        push_line(out, &line);
    }
    let commands = if detail.has_all_advice() { advice.commands.clone() } else { likely_commands(&advice.commands) };
    for command in commands.iter().chain(&advice.lasting) {
        push_line(out, &format!("       {}", page.paint(Ink::Command, &printable(command))));
    }
}

/// What advice begins with.
pub(super) fn for_whom(who: Who) -> &'static str {
    match who {
        Who::You => "On this host",
        Who::YourNetwork => "In your network",
        Who::TheirSide => "Ask their side",
        Who::Unknown => "Owner not known from here",
    }
}

fn title(out: &mut String, text: &str, page: Page) {
    out.push('\n');
    push_line(out, &page.paint(Ink::Title, text));
}

pub(super) fn ink(examined: &Examined) -> Ink {
    Ink::of_exit_code(examined.exit_code())
}

//! The report for a mail admin: the verdict first, then the evidence, then what to do.
//!
//! Prose fits into the width of the style; a command to paste is never broken.

mod because;
pub(super) mod block;
mod compared;
mod evidence;
mod findings;
pub(super) mod group;
mod mx_order;
mod other_way;
mod overview;
mod page;
mod path;
mod phrase;
pub(super) mod pieces;
mod port;
mod row;
pub(super) mod screen;
mod stages;
mod style;
mod this_host;
mod verdict;

use block::{block, ink};
use group::of_several;
use overview::{all_in_a_line, groups, with_preference, worst_first};
use page::{Ink, Page};
pub use stages::{correction, rest, way_there, way_there_in_a_line};
pub use style::{Detail, Style, more};
pub(crate) use verdict::{headline, name};

use super::layout::push_line;
pub(crate) use super::printable::printable;

use crate::model::{AddressReport, Report};

/// The report as lines of text, with a final newline.
pub fn render(report: &Report, style: &Style) -> String {
    blocks(report, style) + if report.addresses.is_empty() { "" } else { more(style) }
}

/// The same, to be followed by more: [`more`] belongs to the end of all.
pub fn blocks(report: &Report, style: &Style) -> String {
    let page = Page::of(style);
    let addresses = worst_first(&report.addresses);
    let mut out = String::new();
    if style.detail == Detail::VerdictOnly {
        for address in addresses {
            let line = printable(&verdict::headline(address));
            push_line(&mut out, &page.paint(ink(&address.examined), &line));
        }
        return out;
    }
    if report.addresses.len() != 1 {
        summary(&mut out, report, page);
        for address in &addresses {
            line_of(&mut out, address, page);
        }
    }
    for (index, group) in groups(&addresses).into_iter().enumerate() {
        if index > 0 || report.addresses.len() != 1 {
            out.push('\n');
        }
        match group.as_slice() {
            [only] => block(&mut out, only, style.detail, page),
            several => of_several(&mut out, several, style.detail, page),
        }
    }
    out
}

fn summary(out: &mut String, report: &Report, page: Page) {
    for line in page.wrap(&printable(&all_in_a_line(report)), "", "  ") {
        push_line(out, &page.paint(Ink::Title, &line));
    }
    let meaning = mx_order::meaning(report).map(|text| page.wrap(&printable(&text), "  ", "  "));
    for line in meaning.into_iter().flatten() {
        push_line(out, &line);
    }
}

/// One address of several: what its block says first, and which MX record leads to it. What it means for mail is left to the block where
/// it does not fit into one line.
fn line_of(out: &mut String, report: &AddressReport, page: Page) {
    let mut text = printable(&with_preference(report));
    let is_of_one_way = !text.contains("; ");
    if let Some((short, _)) =
        text.rsplit_once(": ").filter(|_| text.chars().count() > page.width.columns() - 2 && is_of_one_way)
    {
        text = short.to_owned();
    }
    for line in page.wrap(&text, "  ", "    ") {
        push_line(out, &page.paint(ink(&report.examined), &line));
    }
}

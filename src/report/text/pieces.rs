//! What the report says, piece by piece, for layouts that are no lines of text.

use super::block::for_whom;
use super::overview::{all_in_a_line, groups, with_preference, worst_first};
use super::page::Page;
pub(in crate::report) use super::phrase::{large_packets, seconds};
use super::row::EvidenceRow;
use super::style::{Detail, Style};
use super::{evidence, findings, group, mx_order, other_way, verdict};
use crate::model::{AddressReport, Advice, Direction, Report};
use crate::report::advice::{Check, advise_all, by_system, check, system_name};
use crate::report::alike::representatives;

/// A label and its value.
pub(in crate::report) type Row = (&'static str, String);

/// A whole report.
pub(in crate::report) struct Pieces<'a> {
    /// What it is about, and how many addresses have which verdict.
    pub(in crate::report) summary: String,
    /// What that means for the mail of a domain.
    pub(in crate::report) meaning: Option<String>,
    /// The worst first.
    pub(in crate::report) blocks: Vec<Block<'a>>,
}

/// What is said of one address, or of several that are alike.
pub(in crate::report) struct Block<'a> {
    pub(in crate::report) headline: String,
    /// All of them, each with its line for a list.
    pub(in crate::report) members: Vec<(&'a AddressReport, String)>,
    /// One of each family.
    pub(in crate::report) shown: Vec<&'a AddressReport>,
    /// The evidence that a mail admin needs.
    pub(in crate::report) rows: Vec<Row>,
    pub(in crate::report) remarks: Vec<String>,
    pub(in crate::report) advice: Vec<AdvicePiece>,
    pub(in crate::report) check: Option<Check>,
}

/// A piece of advice.
pub(in crate::report) struct AdvicePiece {
    pub(in crate::report) for_whom: &'static str,
    pub(in crate::report) text: String,
    /// What to type, on the likeliest system.
    pub(in crate::report) commands: Vec<String>,
    /// The same on others, each with its name.
    pub(in crate::report) others: Vec<(String, Vec<String>)>,
    /// The same so that it lasts.
    pub(in crate::report) lasting: Vec<String>,
    /// Whether it is another way to the end of one that stands before.
    pub(in crate::report) is_alternative: bool,
}

/// All pieces of a report.
pub(in crate::report) fn of(report: &Report) -> Pieces<'_> {
    let groups = groups(&worst_first(&report.addresses));
    Pieces {
        summary: all_in_a_line(report),
        meaning: mx_order::meaning(report),
        blocks: groups.iter().filter_map(|group| of_group(group)).collect(),
    }
}

/// What is said of these, which are alike.
pub(in crate::report) fn of_group<'a>(group: &[&'a AddressReport]) -> Option<Block<'a>> {
    let shown = representatives(group);
    let first = *shown.first()?;
    let (headline, rows, advice) = match group {
        [only] => (verdict::headline(only), evidence::rows(only, Detail::Normal, page()), only.examined.advice.clone()),
        several => {
            let mut rows = vec![group::addresses(several)];
            rows.extend(group::rows_of_all(&shown, page()));
            (group::headline_of_all(several, first), rows, advise_all(several))
        }
    };
    Some(Block {
        headline,
        members: group.iter().map(|report| (*report, with_preference(report))).collect(),
        rows: plain(rows),
        remarks: group::remarks(&shown, Detail::Normal),
        advice: advice.into_iter().map(AdvicePiece::of).collect(),
        check: check(group),
        shown,
    })
}

/// All of the evidence.
pub(in crate::report) fn all_rows(report: &AddressReport) -> Vec<Row> {
    plain(evidence::rows(report, Detail::Full, page()))
}

/// Every remark.
pub(in crate::report) fn all_remarks(report: &AddressReport) -> Vec<String> {
    findings::sentences(report, Detail::Full)
}

/// What is known of the way there; `None`: it was not asked for.
pub(in crate::report) fn way_there(report: &AddressReport) -> Option<String> {
    report.examined.direction.is_forward().then(|| verdict::there(report))
}

/// What is known of the way back; `None`: it was not asked for.
pub(in crate::report) fn way_back(report: &AddressReport) -> Option<String> {
    (report.examined.direction != Direction::Forward).then(|| other_way::in_short(report))
}

impl AdvicePiece {
    fn of(advice: Advice) -> Self {
        let Advice { who, text, commands, lasting, is_alternative } = advice;
        let mut systems = by_system(commands).into_iter();
        let commands = systems.next().map(|(_, lines)| lines).unwrap_or_default();
        let others = systems.filter_map(|(introduction, lines)| Some((system_name(&introduction)?.to_owned(), lines)));
        Self { for_whom: for_whom(who), text, commands, others: others.collect(), lasting, is_alternative }
    }
}

/// The path is drawn otherwise where it is no text.
fn plain(rows: Vec<EvidenceRow>) -> Vec<Row> {
    rows.into_iter().filter(|row| row.label != "path").map(|row| (row.label, row.value)).collect()
}

/// Nothing is laid out on it.
fn page() -> Page {
    Page::of(&Style::default())
}

//! The rows of one run over a list, counted as targets get their results: what is wrong, where, and for whom.

use std::cmp::Reverse as Descending;
use std::collections::HashMap;
use std::fmt::Write;

use super::found::Found;
use super::key::{Named, RowKey};
use super::line::Document;
use super::place::{Place, Spot};
use super::what::What;
use super::words;
use crate::model::{FailureKind, Report};

/// All that somebody has to do something about. It does not grow with the list, only with the rows, up to a limit.
#[derive(Debug, Default)]
pub(in crate::report) struct Tally {
    rows: Vec<Row>,
    numbers: HashMap<RowKey, usize>,
}

#[derive(Debug)]
struct Row {
    key: RowKey,
    /// The smallest and the largest size that passes.
    path_mtu: Option<(u16, u16)>,
    targets: u64,
    addresses: u64,
    examples: Vec<Named>,
}

/// Rows by place and network; what is beyond them is counted by verdict alone.
const MOST_ROWS: usize = 4096;
/// Rows that are shown.
const MOST_SHOWN: usize = 20;
/// Addresses that a row names.
const EXAMPLES: usize = 5;
/// The longest part of a name that is kept: longer ones are not names.
const LONGEST_NAME: usize = 255;

impl Tally {
    /// Counts a target that has its result.
    pub(in crate::report) fn note_report(&mut self, report: &Report) {
        self.note_target(&mut report.addresses.iter().flat_map(Found::all_of));
        if report.addresses.is_empty() {
            let kind = report.errors.first().map_or(FailureKind::Unresolved, |failure| failure.kind);
            self.note_failure(&report.target, kind);
        }
    }

    /// Counts a target by its line.
    pub(in crate::report) fn note_line(&mut self, document: &Document<'_>) {
        self.note_target(&mut document.found.iter());
        if let Some(kind) = document.failure {
            self.note_failure(&document.target, kind);
        }
    }

    /// Counts a target that could not be examined.
    pub(in crate::report) fn note_failure(&mut self, target: &str, kind: FailureKind) {
        let row = self.row(RowKey::elsewhere(What::NotExamined(kind)));
        row.targets += 1;
        row.name(|| Named { host: name(target), address: None, port: 0 });
    }

    fn note_target<'a, F: std::borrow::Borrow<Found<'a>>>(&mut self, found: &mut dyn Iterator<Item = F>) {
        let mut rows_of_target = Vec::new();
        for one in found {
            let one = one.borrow();
            if one.is_expected == Some(true) || one.what.is_fine() {
                continue;
            }
            let number = self.number(RowKey::of(one.what, one.spot, one.address, THIS_HOST));
            let Some(row) = self.rows.get_mut(number) else { continue };
            row.addresses += 1;
            if !rows_of_target.contains(&number) {
                row.targets += 1;
                rows_of_target.push(number);
            }
            if one.path_mtu > 0 {
                let (least, most) = row.path_mtu.unwrap_or((one.path_mtu, one.path_mtu));
                row.path_mtu = Some((least.min(one.path_mtu), most.max(one.path_mtu)));
            }
            row.name(|| Named { host: name(&one.host), address: Some(one.address), port: one.port });
        }
    }

    fn row(&mut self, key: RowKey) -> &mut Row {
        let number = self.number(key);
        &mut self.rows[number]
    }

    fn number(&mut self, key: RowKey) -> usize {
        let is_room = self.rows.len() < MOST_ROWS || self.numbers.contains_key(&key);
        let key = if is_room { key } else { RowKey::elsewhere(key.what) };
        let next = self.rows.len();
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.rows.push(Row::new(key));
        }
        number
    }

    /// A paragraph for each row, the worst first, and of those the largest.
    pub(in crate::report) fn words(&self) -> String {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| (row.key.what.rank(), Descending((row.targets, row.addresses))));
        let mut out: String = rows.iter().take(MOST_SHOWN).map(|row| row.words()).collect();
        if let Some(more @ 1..) = rows.len().checked_sub(MOST_SHOWN) {
            let targets: u64 = rows.iter().skip(MOST_SHOWN).map(|row| row.targets).sum();
            let targets = words::counted(targets, "target", "targets");
            // Writing into a String cannot fail.
            let _ =
                writeln!(out, "\nand {more} more such groups of {targets}; --merge shows those of a file of --jsonl");
        }
        out
    }
}

/// There is one vantage.
const THIS_HOST: u32 = 0;

impl RowKey {
    /// Of all for whom place and network are not told apart.
    fn elsewhere(what: What) -> Self {
        Self { what, place: Place::new(Spot::Unknown, THIS_HOST), network: None }
    }
}

impl Row {
    fn new(key: RowKey) -> Self {
        Self { key, path_mtu: None, targets: 0, addresses: 0, examples: Vec::new() }
    }

    fn name(&mut self, named: impl FnOnce() -> Named) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(named());
        }
    }

    fn words(&self) -> String {
        let size = words::size(self.key.what, self.path_mtu).map_or_else(String::new, |size| format!("; {size}"));
        let here = self.key.place.vantage.map(|_| "this host".to_owned());
        let place = words::place(self.key, here).map_or_else(String::new, |place| format!("  {place}\n"));
        let members = words::members(self.targets, self.addresses, &self.examples);
        format!("\n{}{size}\n{place}  {members}\n", words::what(self.key.what))
    }
}

fn name(host: &str) -> Box<str> {
    host.chars().take(LONGEST_NAME).collect::<String>().into_boxed_str()
}

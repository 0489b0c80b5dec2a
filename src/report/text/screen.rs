//! The first screen: what stands before the advice. At 3 a.m. it has to fit into one glance.

use super::page::{Ink, Page};
use super::row::EvidenceRow;
use super::style::Detail;
use super::{evidence, findings};
use crate::model::AddressReport;
use crate::report::layout::push_line;
use crate::report::printable::printable;

/// The title of the remarks.
pub(in crate::report) const REMARKS: &str = "Also noticed";

/// The most lines that stand before "What to do", for one address.
const MOST_LINES: usize = 24;

/// Rows that can be missed before others, the least needed first: what they say, the headline or another row says in short.
const LEAST_NEEDED: [&str; 3] = ["this host", "ICMP", "other way"];

/// Evidence and remarks of one address, or of several that are alike.
pub(super) struct Screen {
    rows: Vec<EvidenceRow>,
    /// The least important last.
    remarks: Vec<String>,
}

impl Screen {
    pub(super) fn new(rows: Vec<EvidenceRow>, remarks: Vec<String>) -> Self {
        Self { rows, remarks }
    }

    /// What belongs to this address in so much detail, fit to stand below so many lines.
    pub(super) fn of(report: &AddressReport, detail: Detail, page: Page, above: usize) -> Self {
        let screen = Self::new(evidence::rows(report, detail, page), findings::sentences(report, detail));
        screen.fitted(detail, page, above)
    }

    /// The same, short enough for one glance unless all of it is wanted.
    pub(super) fn fitted(mut self, detail: Detail, page: Page, above: usize) -> Self {
        if detail != Detail::Full {
            self.fit(page, above);
        }
        self
    }

    pub(super) fn push(&self, out: &mut String, page: Page) {
        for line in self.row_lines(page).into_iter().chain(remark_lines(&self.remarks, page)) {
            push_line(out, &line);
        }
    }

    /// Leaves out what is needed least, until all of it and an empty line fit.
    fn fit(&mut self, page: Page, above: usize) {
        let is_too_long = |screen: &Self| {
            above + screen.row_lines(page).len() + remark_lines(&screen.remarks, page).len() + 1 > MOST_LINES
        };
        while is_too_long(self) && self.leave_one_out() {}
    }

    fn leave_one_out(&mut self) -> bool {
        if self.remarks.pop().is_some() {
            return true;
        }
        let of_label = |label: &str| self.rows.iter().filter(|row| row.label == label).count();
        let last = LEAST_NEEDED.iter().find_map(|label| {
            // Of what has several rows, the first says most.
            let least = usize::from(*label != LEAST_NEEDED[0]);
            self.rows.iter().rposition(|row| row.label == *label).filter(|_| of_label(label) > least)
        });
        last.map(|at| self.rows.remove(at)).is_some()
    }

    fn row_lines(&self, page: Page) -> Vec<String> {
        let mut last = "";
        let lines = self.rows.iter().flat_map(|row| {
            let label = if row.label == last { "" } else { row.label };
            last = row.label;
            row.lines(label, page)
        });
        lines.collect()
    }
}

/// With an empty line and a title before them, if there are any.
fn remark_lines(remarks: &[String], page: Page) -> Vec<String> {
    if remarks.is_empty() {
        return Vec::new();
    }
    let title = [String::new(), page.paint(Ink::Title, REMARKS)];
    title.into_iter().chain(remarks.iter().flat_map(|remark| page.wrap(&printable(remark), "  - ", "    "))).collect()
}

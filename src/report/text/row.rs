//! A line of evidence: a label and its value.

use super::page::{Ink, Page};
use crate::report::printable::printable;

/// Columns of the labels.
const LABEL: usize = 12;

/// A label and its value.
pub(super) struct EvidenceRow {
    pub(super) label: &'static str,
    pub(super) value: String,
}

impl EvidenceRow {
    pub(super) fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into() }
    }

    /// Laid out. `label`: the row's own, or nothing below a row of the same kind.
    pub(super) fn lines(&self, label: &str, page: Page) -> Vec<String> {
        let indent = " ".repeat(2 + LABEL);
        let lines = page.wrap(&printable(&self.value), &indent, &indent).into_iter().enumerate();
        let lines = lines.map(|(index, line)| {
            let label = if index == 0 { label } else { "" };
            format!("  {}{}", page.paint(Ink::Label, &format!("{label:<LABEL$}")), &line[indent.len()..])
        });
        lines.collect()
    }
}

/// Columns of the values.
pub(super) fn value_columns(page: Page) -> usize {
    page.width.columns() - 2 - LABEL
}

//! A line of evidence: a label and its value.

use crate::report::layout::WIDTH;

/// Columns of the labels.
pub(super) const LABEL: usize = 12;
/// Columns of the values.
pub(super) const VALUE: usize = WIDTH - 2 - LABEL;

/// A label and its value.
pub(super) struct EvidenceRow {
    pub(super) label: &'static str,
    pub(super) value: String,
}

impl EvidenceRow {
    pub(super) fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into() }
    }
}

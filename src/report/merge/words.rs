//! The words that only a summary of several vantages needs.

use super::summary::{Row, Summary};
use crate::report::rows::words::{self, shortened};

/// Where the row is, if anything is known of it.
pub(super) fn place(row: &Row, summary: &Summary) -> Option<String> {
    words::place(row.key, row.key.place.vantage.map(|vantage| vantage_name(summary, vantage)))
}

pub(super) fn vantage_name(summary: &Summary, vantage: u32) -> String {
    summary.vantages.get(vantage as usize).map_or_else(String::new, |vantage| shortened(&vantage.name))
}

/// Vantages by name, or their number where they are many.
pub(super) fn vantages(summary: &Summary, vantages: &[u32]) -> String {
    const MOST: usize = 6;
    let mut names: Vec<String> = vantages.iter().take(MOST).map(|vantage| vantage_name(summary, *vantage)).collect();
    if let Some(more @ 1..) = vantages.len().checked_sub(MOST) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

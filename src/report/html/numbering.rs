//! Ids that are there once on a page.

/// Counts what has an id.
#[derive(Default)]
pub(super) struct Numbering(u32);

impl Numbering {
    /// An id that begins with this word.
    pub(super) fn next(&mut self, word: &str) -> String {
        self.0 += 1;
        format!("{word}-{}", self.0)
    }
}

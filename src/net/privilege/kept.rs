//! What giving up did not reach.

/// What a process kept because its kernel, its service manager or its container does not let it go: clauses for the log.
#[derive(Debug, Default)]
pub struct Kept(Vec<String>);

impl Kept {
    /// The clauses, of which each says what is as before and why.
    pub fn clauses(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }
}

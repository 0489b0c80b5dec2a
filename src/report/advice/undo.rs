//! How a command is taken back.

/// What such a comment begins with.
pub(super) const UNDO: &str = "# undo: ";

/// A comment, so that pasting all lines does not undo the first ones.
pub(super) fn undo(command: &str) -> String {
    format!("{UNDO}{command}")
}

//! Lines of limited width.

/// Columns that prose may take. Narrower lines tear sentences apart, and eyes lose their way on wider ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width(usize);

impl Width {
    /// The narrowest.
    pub const LEAST: Self = Self(60);
    /// The widest.
    pub const MOST: Self = Self(100);
    /// That of pipes, files and terminals that do not tell.
    pub const USUAL: Self = Self(80);

    /// The nearest that prose may take on a terminal of so many columns.
    pub fn of_terminal(columns: usize) -> Self {
        Self(columns.clamp(Self::LEAST.0, Self::MOST.0))
    }

    /// In columns.
    pub fn columns(self) -> usize {
        self.0
    }
}

impl Default for Width {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Breaks prose into lines: the first starts with `first`, the others with `rest`, both as wide as they are long.
pub(super) fn wrap(width: Width, prose: &str, first: &str, rest: &str) -> Vec<String> {
    wrap_at(width.columns(), prose, first, rest)
}

/// The same at a width that is no terminal's.
pub(super) fn wrap_at(width: usize, prose: &str, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in prose.split_whitespace() {
        for piece in pieces(word, width.saturating_sub(columns(rest).max(columns(first)))) {
            if !empty && columns(&line) + 1 + columns(piece) > width {
                lines.push(std::mem::replace(&mut line, rest.to_owned()));
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(piece);
            empty = false;
        }
    }
    lines.push(line);
    lines
}

/// Adds a line, without blanks at its end.
pub(super) fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Cuts a word that no line can hold: a host name may have 253 characters.
fn pieces(word: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut used = 0;
    for (at, c) in word.char_indices() {
        if used + width_of(c) > room && at > start {
            pieces.push(&word[start..at]);
            start = at;
            used = 0;
        }
        used += width_of(c);
    }
    pieces.push(&word[start..]);
    pieces
}

/// Columns of a text, never too few.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// Wide scripts take two columns; which letters are wide is a table that this program does without. Latin letters and
/// the quotation marks of European languages are not.
fn width_of(c: char) -> usize {
    if c < '\u{300}' || matches!(c, '\u{2010}'..='\u{2027}') { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_breaks_between_words() {
        let prose = "word ".repeat(20);
        let lines = wrap(Width::USUAL, &prose, "- ", "  ");
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], format!("- {}", ["word"; 15].join(" ")));
        assert_eq!(lines[1], format!("  {}", ["word"; 5].join(" ")));
    }

    #[test]
    fn a_word_that_fits_exactly_stays() {
        let word = "x".repeat(80 - 2);
        assert_eq!(wrap(Width::USUAL, &word, "- ", "  "), [format!("- {word}")]);
    }

    #[test]
    fn the_width_of_a_terminal_has_bounds() {
        let rows = [(0, 60), (59, 60), (60, 60), (72, 72), (100, 100), (101, 100), (500, 100)];
        for (terminal, columns) in rows {
            assert_eq!(Width::of_terminal(terminal).columns(), columns);
        }
        assert_eq!(Width::default().columns(), 80);
    }

    #[test]
    fn a_word_wider_than_a_line_is_cut() {
        let lines = wrap(Width::USUAL, &"x".repeat(200), "", "  ");
        assert_eq!(lines.concat().matches('x').count(), 200);
        assert!(lines.iter().all(|line| columns(line) <= 80));
    }
}

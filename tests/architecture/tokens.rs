//! Rust source as tokens.

/// Words, `::` and single signs. Comments, strings and character literals are left out.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        let c = at(index);
        if c == '/' && at(index + 1) == '/' {
            index = (index..chars.len()).find(|&i| at(i) == '\n').unwrap_or(chars.len());
        } else if c == '/' && at(index + 1) == '*' {
            index = end_of_comment(&chars, index);
        } else if let Some(end) = end_of_raw_string(&chars, index) {
            index = end;
        } else if c == '"' {
            index = end_of_quoted(&chars, index, '"');
        } else if c == '\'' && (at(index + 1) == '\\' || at(index + 2) == '\'') {
            index = end_of_quoted(&chars, index, '\'');
        } else if is_word(c) {
            let end = (index..chars.len()).find(|&i| !is_word(at(i))).unwrap_or(chars.len());
            tokens.push(chars[index..end].iter().collect());
            index = end;
        } else if c == ':' && at(index + 1) == ':' {
            tokens.push("::".into());
            index += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            index += 1;
        }
    }
    tokens
}

/// Comments of this form nest.
fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut index) = (0, start);
    while index < chars.len() {
        match chars[index..] {
            ['/', '*', ..] => (depth, index) = (depth + 1, index + 2),
            ['*', '/', ..] => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            break;
        }
    }
    index
}

/// The end of `r"…"`, `r#"…"#`, `br"…"` and so on, if one starts here.
fn end_of_raw_string(chars: &[char], start: usize) -> Option<usize> {
    let start = start + usize::from(chars[start] == 'b');
    if chars.get(start) != Some(&'r') {
        return None;
    }
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |i: usize| chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    Some((open + 1..chars.len()).find(|&i| closes(i)).map_or(chars.len(), |i| i + 1 + hashes))
}

fn end_of_quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut index = start + 1;
    while index < chars.len() && chars[index] != quote {
        index += if chars[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

//! In the core a field is written by one file: the one that declares it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sources::sources;
use crate::tokens::tokens;

/// The room that this holds for, and the one whose plain values anybody fills in.
const CORE: &str = "examine";
const VALUES: &str = "model";

#[test]
fn no_field_of_the_core_is_written_from_another_file() {
    let files = sources();
    let fields_of = |room: &str| -> BTreeSet<String> {
        files.iter().filter(|(path, _)| path.starts_with(room)).flat_map(|(_, text)| declared(&tokens(text))).collect()
    };
    let (values, core) = (fields_of(VALUES), fields_of(CORE));
    assert!(core.len() > 150, "only {} fields", core.len());
    let mut writes = 0;
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with(CORE)) {
        let tokens = without_tests(path, tokens(text));
        let own = declared(&tokens);
        for field in written(&tokens) {
            writes += 1;
            let is_foreign = core.contains(&field) && !own.contains(&field) && !values.contains(&field);
            assert!(!is_foreign, "{}: `{field}` is written here and declared elsewhere", path.display());
        }
    }
    assert!(writes > 150, "only {writes} writes seen");
}

#[test]
fn a_planted_write_is_seen() {
    let text = "struct A { x: u8, pub(super) y: Option<u8> } fn f(a: &mut A) { a.b.z += 1; a.x = 2; if a.y == 3 {} a.w |= true; }";
    let tokens = tokens(text);
    assert_eq!(declared(&tokens), ["x", "y"].map(str::to_owned).into());
    assert_eq!(written(&tokens), ["z", "x", "w"].map(str::to_owned).to_vec());
    assert!(Path::new("examine/mod.rs").starts_with(CORE));
}

/// A test may make what it likes.
fn without_tests(path: &Path, mut tokens: Vec<String>) -> Vec<String> {
    let start = tokens.windows(3).position(|words| words == ["cfg", "(", "test"]);
    tokens.truncate(if path.ends_with("tests.rs") { 0 } else { start.unwrap_or(tokens.len()) });
    tokens
}

/// Names that stand before a colon at the first level of a `struct`.
fn declared(tokens: &[String]) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let mut at = 0;
    while let Some(next) = tokens[at..].iter().position(|token| token == "struct") {
        at += next + 1;
        let Some(open) = tokens[at..].iter().position(|token| token == "{" || token == ";" || token == "(") else {
            break;
        };
        at += open;
        if tokens[at] != "{" {
            continue;
        }
        let mut depth = 0_u32;
        for i in at..tokens.len() {
            match tokens[i].as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            let is_name = depth == 1 && is_word(&tokens[i]);
            if is_name && tokens.get(i + 1).is_some_and(|token| token == ":") {
                fields.insert(tokens[i].clone());
            }
        }
    }
    fields
}

/// Fields on the left of an assignment.
fn written(tokens: &[String]) -> Vec<String> {
    let mut fields = Vec::new();
    for i in 1..tokens.len().saturating_sub(2) {
        if tokens[i - 1] != "." || !is_word(&tokens[i]) {
            continue;
        }
        let after: Vec<&str> = tokens[i + 1..].iter().take(3).map(String::as_str).collect();
        let is_assignment = match after[..] {
            ["=", next, ..] => next != "=" && next != ">",
            ["+" | "-" | "|" | "&" | "*" | "^", "=", next, ..] => next != "=",
            _ => false,
        };
        if is_assignment {
            fields.push(tokens[i].clone());
        }
    }
    fields
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
}

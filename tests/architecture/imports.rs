//! What one file declares, defines, imports and names, read from its tokens. Code for tests alone is left out.

use std::collections::BTreeSet;

use crate::tokens::tokens;

/// A path as the file writes it, and the module in the file where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    /// Names of modules inside the file, from its top down.
    pub(crate) inside: Vec<String>,
    pub(crate) names: Vec<String>,
}

/// One name that a `use` brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Path,
    /// `None` for `*`.
    pub(crate) name: Option<String>,
}

/// An `impl` block without a trait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InherentImpl {
    pub(crate) of: Path,
    pub(crate) methods: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileItems {
    /// Modules with a file of their own.
    pub(crate) children: Vec<String>,
    /// Names of types, functions, constants and macros.
    pub(crate) defined: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// Paths of at least two names outside of `use`.
    pub(crate) paths: BTreeSet<Path>,
    pub(crate) impls: Vec<InherentImpl>,
    /// Names called as `self.name(` or `Self::name(`.
    pub(crate) own_calls: BTreeSet<String>,
}

const ITEMS: [&str; 10] = ["struct", "enum", "union", "trait", "type", "fn", "const", "static", "macro_rules", "macro"];

pub(crate) fn read(text: &str) -> FileItems {
    let tokens = without_tests(&tokens(text));
    let mut items = FileItems::default();
    let mut inside: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut index) = (0, 0);
    while index < tokens.len() {
        let at = |offset: usize| tokens.get(index + offset).map_or("", String::as_str);
        let here = || inside.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        match at(0) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inside.pop_if(|(_, outer)| *outer == depth);
            }
            "mod" if at(2) == ";" => items.children.push(at(1).to_owned()),
            "mod" if at(2) == "{" => inside.push((at(1).to_owned(), depth)),
            "use" => {
                let end = end_of_statement(&tokens, index);
                items.imports.extend(imports(&tokens[index + 1..end], &here()));
                index = end;
            }
            "impl" if index == 0 || matches!(tokens[index - 1].as_str(), "}" | ";" | "]" | "{" | "unsafe") => {
                items.impls.extend(inherent_impl(&tokens[index + 1..], &here()));
            }
            "self" if at(1) == "." && at(3) == "(" => {
                items.own_calls.insert(at(2).to_owned());
            }
            "Self" if at(1) == "::" && at(3) == "(" => {
                items.own_calls.insert(at(2).to_owned());
            }
            word if is_name(word) && at(1) == "::" => {
                let names = path_at(&tokens[index..]);
                index += 2 * (names.len() - 1);
                if names.len() > 1 {
                    items.paths.insert(Path { inside: here(), names });
                }
            }
            word if ITEMS.contains(&word) && depth == inside.len() => {
                let name = (1..4).map(at).find(|name| is_name(name) && !ITEMS.contains(name) && *name != "mut");
                items.defined.extend(name.map(str::to_owned));
            }
            _ => {}
        }
        index += 1;
    }
    items
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// `a::b::c` gives its names; generic arguments end it.
fn path_at(tokens: &[String]) -> Vec<String> {
    let mut names = vec![tokens[0].clone()];
    let mut rest = &tokens[1..];
    while let [colons, name, after @ ..] = rest
        && colons == "::"
        && is_name(name)
    {
        names.push(name.clone());
        rest = after;
    }
    names
}

/// The names of a `use`, given without `use` and `;`.
fn imports(tokens: &[String], inside: &[String]) -> Vec<Import> {
    let mut found = Vec::new();
    spread(tokens, &[], &mut |names, name| {
        found.push(Import { path: Path { inside: inside.to_vec(), names }, name });
    });
    found
}

fn spread(tokens: &[String], before: &[String], take: &mut impl FnMut(Vec<String>, Option<String>)) {
    let mut names = before.to_vec();
    let mut rest = tokens;
    loop {
        match rest {
            [open, group @ ..] if open == "{" => {
                let group = group.split_last().map_or(group, |(_, group)| group);
                return parts(group).into_iter().for_each(|part| spread(part, &names, take));
            }
            [star, ..] if star == "*" => return take(names, None),
            [word, renamed @ ..] if word == "as" => {
                let name = renamed.first().cloned().unwrap_or_default();
                return take(names, Some(name));
            }
            [word, after @ ..] => {
                // `a::{self}` is `a`.
                if !(word == "::" || word == "self" && !names.is_empty()) {
                    names.push(word.clone());
                }
                rest = after;
            }
            [] => {
                if let Some(last) = names.last().cloned() {
                    take(names, Some(last));
                }
                return;
            }
        }
    }
}

/// Splits at commas outside of braces.
fn parts(tokens: &[String]) -> Vec<&[String]> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                parts.push(&tokens[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// The block that follows `impl`, unless it is of a trait.
fn inherent_impl(tokens: &[String], inside: &[String]) -> Option<InherentImpl> {
    let start = if tokens.first()? == "<" { end_of_generics(tokens) } else { 0 };
    let tokens = &tokens[start..];
    let body = tokens.iter().position(|token| token == "{")?;
    let head = tokens[..body].split(|token| token == "where").next().unwrap_or_default();
    if head.iter().any(|token| token == "for") || !is_name(head.first()?) {
        return None;
    }
    let (mut depth, mut methods) = (0, BTreeSet::new());
    for pair in tokens[body..].windows(2) {
        match pair[0].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "fn" if depth == 1 => {
                methods.insert(pair[1].clone());
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    Some(InherentImpl { of: Path { inside: inside.to_vec(), names: path_at(head) }, methods })
}

/// The index behind the `>` that ends the generics in front. The `>` of `->` ends nothing.
fn end_of_generics(tokens: &[String]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "<" => depth += 1,
            ">" if index == 0 || tokens[index - 1] != "-" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

fn end_of_statement(tokens: &[String], start: usize) -> usize {
    (start..tokens.len()).find(|&index| tokens[index] == ";").unwrap_or(tokens.len())
}

/// All but items behind `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut index) = (Vec::new(), 0);
    while index < tokens.len() {
        if tokens[index..].iter().take(MARK.len()).eq(MARK.iter()) {
            index = end_of_item(tokens, index + MARK.len());
        } else {
            kept.push(tokens[index].clone());
            index += 1;
        }
    }
    kept
}

/// The index behind an item: behind its `;`, or behind its block.
fn end_of_item(tokens: &[String], start: usize) -> usize {
    let is_use = tokens.get(start).is_some_and(|token| token == "use");
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 && (token == ";" || token == "}" && !is_use) {
            return index + 1;
        }
    }
    tokens.len()
}

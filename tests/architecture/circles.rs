//! No file uses another that uses it in turn, directly or through others.
//!
//! `mod child;` counts as a use, so a child may not use what its parent's file defines; what the parent only re-exports
//! belongs to the file that defines it. Two files that are one thing say so beside the import, with the reason:
//!
//! ```text
//! // One thing with connection.rs: the state machine and its tables change together.
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::modules::{Modules, Uses};
use crate::sources::sources;

/// Rooms in which circles are still allowed.
const STILL_TO_COME: [&str; 0] = [];

const MARK: &str = "// One thing with ";

#[test]
fn no_file_uses_one_that_uses_it() {
    let found = circles(&sources());
    let faults = found.iter().filter(|circle| !circle.is_to_come()).map(ToString::to_string).collect::<Vec<_>>();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_planted_circle_is_caught() {
    let cases: [(&str, &[(&str, &str)]); 9] = [
        (
            "two files",
            &[("wire/a.rs", "use super::b::B; struct A;"), ("wire/b.rs", "fn b(a: super::a::A) {} struct B;")],
        ),
        (
            "through a third",
            &[
                ("wire/a.rs", "use crate::wire::b::B; struct A;"),
                ("wire/b.rs", "use super::c; fn f() { c::C::new() } struct B;"),
                ("wire/c.rs", "use super::a::A as Other; struct C;"),
            ],
        ),
        (
            "through a re-export",
            &[
                ("wire/mod.rs", "mod a; mod b; pub use a::A; pub use b::{B};"),
                ("wire/a.rs", "use super::B; struct A;"),
                ("wire/b.rs", "use crate::wire::A; struct B;"),
            ],
        ),
        (
            "a child that uses what its parent defines",
            &[("wire/mod.rs", "mod a; struct Shared;"), ("wire/a.rs", "use super::Shared;")],
        ),
        (
            "a grandchild that does",
            &[
                ("wire/mod.rs", "mod a; struct Shared;"),
                ("wire/a/mod.rs", "mod deep;"),
                ("wire/a/deep.rs", "fn f(shared: super::super::Shared) {}"),
            ],
        ),
        ("a glob", &[("wire/a.rs", "use super::b::*; struct A;"), ("wire/b.rs", "use super::a::A;")]),
        (
            "a glob re-export",
            &[
                ("wire/mod.rs", "mod a; mod b; pub use a::*; pub use b::*;"),
                ("wire/a.rs", "use super::B; struct A;"),
                ("wire/b.rs", "use super::A; struct B;"),
            ],
        ),
        (
            "a module in the file",
            &[
                ("wire/a.rs", "mod inner { use super::super::b::B; } struct A;"),
                ("wire/b.rs", "use super::a::A; struct B;"),
            ],
        ),
        (
            "methods in pieces",
            &[
                ("wire/a.rs", "struct A; impl<'a, T: Fn() -> u8> A<'a, T> { fn f(&self) { self.g(); } }"),
                ("wire/b.rs", "use super::a::A; impl A { fn g(&self) {} }"),
            ],
        ),
    ];
    for (what, files) in cases {
        let found = circles(&planted(files));
        assert_eq!(found.len(), 1, "{what}");
        assert!(!found[0].is_to_come(), "{what}");
    }
}

#[test]
fn what_is_no_circle_is_allowed() {
    let cases: [(&str, &[(&str, &str)]); 8] = [
        (
            "children that use each other through their parent",
            &[
                ("wire/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
                ("wire/a.rs", "use super::B; struct A;"),
                ("wire/b.rs", "struct B;"),
            ],
        ),
        ("a parent that uses its child", &[("wire/mod.rs", "mod a; use a::A;"), ("wire/a.rs", "struct A;")]),
        (
            "a module that is only named",
            &[
                ("wire/mod.rs", "mod a; mod b; fn f() {}"),
                ("wire/a.rs", "use crate::wire; fn g() { wire::b::h() }"),
                ("wire/b.rs", "fn h() {}"),
            ],
        ),
        (
            "a function called like its module",
            &[
                ("wire/mod.rs", "mod emit; mod parse; pub use emit::emit; struct Shared;"),
                ("wire/emit.rs", "fn emit() {}"),
                ("wire/parse.rs", "use super::emit; fn f() { emit(); emit::emit() }"),
            ],
        ),
        (
            "tests",
            &[
                ("wire/a.rs", "struct A; #[cfg(test)] mod tests; #[cfg(test)] mod more { use super::super::b::B; }"),
                ("wire/a/tests.rs", "use super::*; use crate::wire::b::B;"),
                ("wire/b.rs", "use super::a::A; #[cfg(test)] use super::a::{self, Other}; struct B;"),
            ],
        ),
        ("comments and strings", &[("wire/a.rs", "//! [`super::b::B`]\nstruct A;"), ("wire/b.rs", "use super::a::A;")]),
        ("other crates", &[("wire/a.rs", "use b::B; use std::fmt; struct A;"), ("wire/b.rs", "use super::a::A;")]),
        (
            "files that say why they are one thing",
            &[
                ("wire/a.rs", "// One thing with b.rs: each ends the other.\nuse super::b::B; struct A;"),
                ("wire/b.rs", "use super::a::A; struct B;"),
            ],
        ),
    ];
    for (what, files) in cases {
        let found: Vec<String> = circles(&planted(files)).iter().map(ToString::to_string).collect();
        assert_eq!(found, Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_mark_needs_a_reason_and_a_use() {
    let of_b = ("wire/b.rs", "use super::a::A; struct B;");
    for mark in ["// One thing with b.rs", "// One thing with b.rs: ", "// One thing with c.rs: both count."] {
        let files = planted(&[("wire/a.rs", &format!("{mark}\nuse super::b::B; struct A;")), of_b]);
        assert_eq!(circles(&files).len(), 1, "{mark}");
    }
    let needless = planted(&[("wire/a.rs", "// One thing with b.rs: nothing.\nstruct A;"), of_b]);
    assert_eq!(needless_marks(&needless), ["wire/a.rs: the mark for b.rs allows nothing"]);
    assert_eq!(needless_marks(&sources()), Vec::<String>::new());
}

/// A reader that saw nothing would find no circle either.
#[test]
fn the_reader_sees_the_uses_that_are_there() {
    let uses = Modules::new(&sources()).uses();
    for (from, to) in [
        ("wire/mod.rs", "wire/emit.rs"),
        ("wire/emit.rs", "wire/tcp.rs"),
        ("wire/emit.rs", "model/packet.rs"),
        ("runner/outbox.rs", "wire/emit.rs"),
        ("runner/event_loop.rs", "model/event.rs"),
        ("intake/log/exim.rs", "intake/event.rs"),
        ("net/capture.rs", "net/sys.rs"),
    ] {
        assert!(uses.contains_key(&(from.to_owned(), to.to_owned())), "{from} does not use {to}");
    }
    assert!(uses.len() > 700, "only {} uses", uses.len());
}

/// Files that all use each other, directly or through others.
struct Circle {
    files: BTreeSet<String>,
    /// The uses among them.
    uses: Uses,
}

impl Circle {
    fn is_to_come(&self) -> bool {
        self.files.iter().all(|file| STILL_TO_COME.iter().any(|room| file.starts_with(&format!("{room}/"))))
    }
}

impl std::fmt::Display for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "a circle of {} files:", self.files.len())?;
        for ((from, to), names) in &self.uses {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            writeln!(f, "    {from} uses {to}: {}", names.join(", "))?;
        }
        Ok(())
    }
}

fn circles(files: &[(PathBuf, String)]) -> Vec<Circle> {
    let uses = Modules::new(files).uses();
    let marks = marks(files);
    let is_allowed = |from: &str, to: &str| marks.iter().any(|mark| mark.file == from && mark.is_of(to));
    let uses: Uses = uses.into_iter().filter(|((from, to), _)| !is_allowed(from, to)).collect();
    let reach = reach(&uses);
    let both_ways =
        |from: &String, to: &String| reach[from].contains(to) && reach.get(to).is_some_and(|r| r.contains(from));
    let mut circles: Vec<Circle> = Vec::new();
    for file in reach.keys() {
        if reach[file].contains(file) && !circles.iter().any(|circle| circle.files.contains(file)) {
            let files: BTreeSet<String> = reach[file].iter().filter(|other| both_ways(file, other)).cloned().collect();
            let is_inside = |(from, to): &(String, String)| files.contains(from) && files.contains(to);
            let uses =
                uses.iter().filter(|(pair, _)| is_inside(pair)).map(|(pair, names)| (pair.clone(), names.clone()));
            let uses = uses.collect();
            circles.push(Circle { files, uses });
        }
    }
    circles
}

/// For each file that uses others, all that it needs, directly or through others.
fn reach(uses: &Uses) -> BTreeMap<String, BTreeSet<String>> {
    let mut direct: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in uses.keys() {
        direct.entry(from).or_default().push(to);
    }
    let reached_from = |start: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), direct.get(start).cloned().unwrap_or_default());
        while let Some(file) = open.pop() {
            if seen.insert(file.to_owned()) {
                open.extend(direct.get(file).into_iter().flatten());
            }
        }
        seen
    };
    direct.keys().map(|file| ((*file).to_owned(), reached_from(file))).collect()
}

/// A comment that says why a file is one thing with another.
struct Mark {
    file: String,
    with: String,
}

impl Mark {
    fn is_of(&self, file: &str) -> bool {
        file.strip_suffix(&self.with).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }
}

/// A mark without a reason is none.
fn marks(files: &[(PathBuf, String)]) -> Vec<Mark> {
    let of_line = |file: &str, line: &str| {
        let (with, reason) = line.trim_start().strip_prefix(MARK)?.split_once(": ")?;
        (!reason.trim().is_empty()).then(|| Mark { file: file.to_owned(), with: with.to_owned() })
    };
    let of_file = |(path, text): &(PathBuf, String)| {
        let file = path.display().to_string();
        text.lines().filter_map(|line| of_line(&file, line)).collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
}

fn needless_marks(files: &[(PathBuf, String)]) -> Vec<String> {
    let uses = Modules::new(files).uses();
    let is_needed = |mark: &Mark| uses.keys().any(|(from, to)| *from == mark.file && mark.is_of(to));
    let needless = marks(files).into_iter().filter(|mark| !is_needed(mark));
    needless.map(|mark| format!("{}: the mark for {} allows nothing", mark.file, mark.with)).collect()
}

/// Files of a room, with the files above them that are not given.
fn planted(files: &[(&str, &str)]) -> Vec<(PathBuf, String)> {
    let above = [("lib.rs", "pub mod wire;"), ("wire/mod.rs", "mod a; mod b;")];
    let missing = above.iter().filter(|(path, _)| files.iter().all(|(given, _)| given != path));
    missing.chain(files).map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
}

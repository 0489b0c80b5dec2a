//! The arrows of `docs/architecture.md`: a folder of `src` uses only what stands below it, and some words stay where they belong.
//!
//! The sources are read as tokens, without comments and strings, so a path counts however it is written.

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/owners.rs"]
mod owners;
#[path = "architecture/sources.rs"]
mod sources;
#[path = "architecture/tokens.rs"]
mod tokens;

use std::path::Path;

use sources::sources;
use tokens::tokens;

/// From the lowest up.
const LAYERS: [&str; 15] = [
    "model", "tls", "examine", "wire", "net", "resolve", "intake", "watch", "compare", "runner", "firewall", "report",
    "app", "cli", "main",
];

/// Layers that may use less than all below them. The command line only describes a run, so it reaches nothing that could start one.
const NARROW: [(&str, &[&str]); 7] = [
    ("report", &["model"]),
    ("firewall", &["model"]),
    ("intake", &["model"]),
    ("watch", &["model"]),
    ("compare", &["model"]),
    ("cli", &["app", "report", "model"]),
    ("main", &["app", "cli"]),
];

/// Parts of a layer, and the only ones of them that another layer may use: `cli` makes a plan and does not run it.
const PARTS: [(&str, &str, &[&str]); 1] = [("cli", "app", &["Shard", "exit_code", "output", "plan"])];

/// Words of the language, of other crates and of the standard library, and the only layers that may contain them.
const WORDS: [(&str, &[&str]); 10] = [
    ("rustls", &["tls"]),
    ("unsafe", &["net"]),
    ("libc", &["net"]),
    ("pnet", &["wire"]),
    ("clap", &["cli"]),
    ("hickory_resolver", &["resolve"]),
    ("idna", &["resolve"]),
    ("tokio", &["net", "resolve", "runner", "app"]),
    ("Instant", &["net", "resolve", "runner", "app"]),
    // A clock that somebody sets changes no silence and no time limit: it only dates what is shown and written.
    ("SystemTime", &["model", "watch", "report", "app"]),
];

#[test]
fn every_arrow_points_down() {
    let files = sources();
    assert!(files.len() > 60, "only {} files", files.len());
    let faults: Vec<String> = files.iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A reader that saw nothing would find no fault either.
#[test]
fn the_reader_sees_the_arrows_and_words_that_are_there() {
    let files = sources();
    for (from, to) in [
        ("examine", "model"),
        ("runner", "examine"),
        ("intake", "model"),
        ("watch", "model"),
        ("compare", "model"),
        ("report", "model"),
        ("firewall", "model"),
        ("app", "net"),
        ("app", "report"),
        ("cli", "app"),
        ("main", "cli"),
    ] {
        let is_seen = files.iter().any(|(path, text)| {
            layer_of(path) == Some(from) && arrows(&tokens(text), depth_of(path)).iter().any(|layer| layer == to)
        });
        assert!(is_seen, "no arrow from {from} to {to}");
    }
    for (word, layers) in WORDS {
        let is_seen = files.iter().any(|(path, text)| {
            layer_of(path).is_some_and(|layer| layers.contains(&layer))
                && tokens(text).iter().any(|token| token == word)
        });
        assert!(is_seen, "`{word}` occurs nowhere");
    }
}

#[test]
fn a_planted_fault_is_caught() {
    for (path, text) in [
        ("model/size.rs", "use crate::examine::Examination;"),
        ("examine/mod.rs", "fn f() { let x = crate::net::NetError::new(); }"),
        ("examine/lane.rs", "use crate::{model::Plan, net::{self, sender}};"),
        ("examine/lane.rs", "use super::super::wire::parse;"),
        ("examine/mod.rs", "use super::runner;"),
        ("wire/parse.rs", "use crate::*;"),
        ("wire/parse.rs", "use crate as everything;"),
        ("report/json.rs", "use crate::runner::Job;"),
        ("intake/log/mod.rs", "use crate::net::Ours;"),
        ("watch/schedule.rs", "use crate::net::Ours;"),
        ("compare/hop.rs", "use crate::net::Ours;"),
        ("net/route.rs", "impl From<crate :: app :: plan::RunPlan> for Route {}"),
        ("app/examiner.rs", "use crate::cli::Request;"),
        ("app/plan.rs", "use clap::Parser;"),
        ("app/output/formats.rs", "use super::super::super::cli::parse;"),
        ("cli/parse.rs", "use crate::net::privilege;"),
        ("cli/parse.rs", "use crate::runner::Job;"),
        ("cli/parse.rs", "use crate::app::run;"),
        ("cli/parse.rs", "use crate::{app::{plan::RunPlan, self}, model::Plan};"),
        ("report/text/mod.rs", "use crate::app::plan::RunPlan;"),
        ("main.rs", "use pmtu_probe::runner;"),
        ("main.rs", "use pmtu_probe::{cli, net::privilege};"),
        ("examine/rtt.rs", "let now = std::time::Instant::now();"),
        ("runner/clock.rs", "let now = std::time::SystemTime::now();"),
        ("runner/mod.rs", "unsafe { close(fd) }"),
        ("report/text/mod.rs", "use clap::Parser;"),
        ("net/icmp.rs", "use pnet::packet::icmp;"),
        ("report/json.rs", "let quote = '\"'; use crate::net::Ours; let end = '\"';"),
        ("helpers.rs", "use crate::model::Plan;"),
    ] {
        assert_eq!(faults(Path::new(path), text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_allowed_is_no_fault() {
    for (path, text) in [
        ("lib.rs", "pub mod cli;"),
        ("main.rs", "use pmtu_probe::{app, cli::{self, Request}};"),
        ("cli/args.rs", "use crate::report::text::Detail; use clap::Parser;"),
        ("app/examiner.rs", "use crate::net::capture::Capture; use crate::runner::{self, Job}; use tokio::sync::mpsc;"),
        ("runner/mod.rs", "use crate::{examine::Examination, model::{Action, Event}, net, wire};"),
        ("model/mod.rs", "mod report; pub use report::Report;"),
        ("model/event.rs", "use super::report::Report; pub(crate) fn f() {}"),
        ("net/filter.rs", "mod tests { use super::super::bpf::Program; }"),
        ("examine/mod.rs", "//! no tokio, no crate::net\n/* unsafe /* nested */ crate::cli */ fn f<'a>(x: &'a str) {}"),
        (
            "wire/error.rs",
            "const TEXT: &str = \"say \\\"unsafe\\\" and crate::cli\"; const RAW: &str = r#\"\"tokio\"\"#; const B: &[u8] = br\"\\\"; const C: char = '\"';",
        ),
    ] {
        assert_eq!(faults(Path::new(path), text), Vec::<String>::new(), "{path}: {text}");
    }
}

/// What is wrong in a file, given by its path below `src`.
fn faults(path: &Path, text: &str) -> Vec<String> {
    if path == Path::new("lib.rs") {
        return Vec::new();
    }
    let Some(layer) = layer_of(path) else { return vec![format!("{}: belongs to no layer", path.display())] };
    let tokens = tokens(text);
    let misplaced = WORDS.iter().filter(|(word, layers)| !layers.contains(&layer) && tokens.iter().any(|t| t == word));
    let misplaced = misplaced.map(|(word, layers)| format!("`{word}` belongs to {}", layers.join(", ")));
    let upward = arrows(&tokens, depth_of(path)).into_iter().filter(|to| !may_use(layer, to));
    let upward = upward.map(|to| format!("{layer} may not use `{to}`"));
    let parts = PARTS.iter().filter(|(from, _, _)| *from == layer);
    let parts = parts.flat_map(|(_, to, allowed)| {
        parts_of(&tokens, to).into_iter().filter(|part| !allowed.contains(&part.as_str())).map(move |part| (to, part))
    });
    let parts = parts.map(|(to, part)| format!("{layer} may not use `{to}::{part}`"));
    misplaced.chain(upward).chain(parts).map(|fault| format!("{}: {fault}", path.display())).collect()
}

fn may_use(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    if let Some((_, allowed)) = NARROW.iter().find(|(layer, _)| *layer == from) {
        return allowed.contains(&to);
    }
    let rank = |layer: &str| LAYERS.iter().position(|known| *known == layer);
    matches!((rank(from), rank(to)), (Some(from), Some(to)) if to < from)
}

fn layer_of(path: &Path) -> Option<&'static str> {
    let first = path.components().next()?.as_os_str().to_str()?;
    LAYERS.into_iter().find(|layer| first == *layer || first.strip_suffix(".rs") == Some(*layer))
}

/// How many `super` lead from the top of a file to the root of the crate.
fn depth_of(path: &Path) -> usize {
    path.components().count() - usize::from(path.ends_with("mod.rs"))
}

/// The names right below the root of the crate that paths mention, each once.
fn arrows(tokens: &[String], depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut supers = 0;
    for (index, token) in tokens.iter().enumerate() {
        let rest = &tokens[index + 1..];
        let is_path = rest.first().is_some_and(|next| next == "::");
        match token.as_str() {
            "super" if is_path => {
                supers += 1;
                // A module in the file may add a `super`, so more than enough of them reach the root only with a layer's name.
                if supers >= depth {
                    let names = names_after(&rest[1..]);
                    found.extend(names.into_iter().filter(|name| LAYERS.contains(&name.as_str())));
                }
            }
            "::" if supers > 0 => {}
            "crate" | "pmtu_probe" if is_path => found.extend(names_after(&rest[1..])),
            "crate" | "pmtu_probe" if rest.first().is_some_and(|next| next == "as") => found.push("as".into()),
            _ => supers = 0,
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The names right below a layer that paths mention.
fn parts_of(tokens: &[String], layer: &str) -> Vec<String> {
    let starts = tokens.windows(2).enumerate().filter(|(_, pair)| pair[0] == layer && pair[1] == "::");
    starts.flat_map(|(index, _)| names_after(&tokens[index + 2..])).collect()
}

/// The first name of a path, or those of a group: `{a, b::c}` gives `a` and `b`.
fn names_after(tokens: &[String]) -> Vec<String> {
    match tokens {
        [open, group @ ..] if open == "{" => {
            let (mut names, mut depth, mut is_first) = (Vec::new(), 1, true);
            for token in group {
                match token.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "," if depth == 1 => is_first = true,
                    name if is_first => {
                        names.push(name.to_owned());
                        is_first = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            names
        }
        [name, ..] => vec![name.clone()],
        [] => Vec::new(),
    }
}

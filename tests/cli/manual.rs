//! The manual page says what the help says, in roff that every formatter takes.

use std::collections::BTreeSet;

use pmtu_probe::cli::Request;

use super::{request, shown};

/// (verdict, exit code), as monitoring relies on them. A discoverable path with a faulty message ends with 1.
const CONTRACT: [(&str, &str); 9] = [
    ("clear", "0"),
    ("discoverable", "0"),
    ("untested", "0"),
    ("masked", "1"),
    ("discoverable", "1"),
    ("recovers", "1"),
    ("black_hole", "2"),
    ("unreachable", "3"),
    ("inconclusive", "3"),
];

/// An option, as both texts tell of it.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    heading: String,
    head: String,
    words: Vec<String>,
}

fn page() -> String {
    shown("pmtu-probe --generate man")
}

/// The lines of a section, its heading left out.
fn section(page: &str, name: &str) -> Vec<String> {
    let lines = page.lines().skip_while(|line| *line != format!(".SH {name}") && *line != format!(".SH \"{name}\""));
    let lines: Vec<String> = lines.skip(1).take_while(|line| !line.starts_with(".SH")).map(str::to_owned).collect();
    assert!(!lines.is_empty(), "no section {name}");
    lines
}

fn plain(text: &str) -> String {
    let fonts = ["\\fB", "\\fI", "\\fR", "\\&"].iter().fold(text.to_owned(), |text, font| text.replace(font, ""));
    fonts.replace("\\-", "-").replace("\\(aq", "'").replace("\\\\", "\\")
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn entries_of_page(page: &str) -> Vec<Entry> {
    let (mut entries, mut heading, mut expects_head) = (Vec::<Entry>::new(), "Arguments".to_owned(), false);
    for line in section(page, "OPTIONS") {
        if let Some(name) = line.strip_prefix(".SS ") {
            name.trim_matches('"').clone_into(&mut heading);
        } else if line == ".TP" {
            expects_head = true;
        } else if expects_head {
            let head = plain(&line).trim_end_matches("...").to_owned();
            entries.push(Entry { heading: heading.clone(), head, words: Vec::new() });
            expects_head = false;
        } else if line != ".sp" {
            entries.last_mut().expect("text below an option").words.extend(words(&plain(&line)));
        }
    }
    entries
}

/// Headings stand at the margin, options are indented by 2 or 6, their texts by 10.
fn entries_of_help(help: &str) -> Vec<Entry> {
    let options = help.lines().skip_while(|line| *line != "Arguments:").take_while(|line| *line != "Examples:");
    let (mut entries, mut heading) = (Vec::<Entry>::new(), String::new());
    for line in options.filter(|line| !line.trim().is_empty()) {
        let text = line.trim();
        match (line.len() - line.trim_start().len(), entries.last_mut()) {
            (0, _) => text.trim_end_matches(':').clone_into(&mut heading),
            (2 | 6, _) => {
                let head = text.trim_end_matches("...").to_owned();
                entries.push(Entry { heading: heading.clone(), head, words: Vec::new() });
            }
            // The page has the default beside the name. Some texts name one at their end themselves.
            (10, Some(entry)) if text.starts_with("[default: ") => entry.head = format!("{} {text}", entry.head),
            (10, Some(entry)) => entry.words.extend(words(text)),
            other => panic!("{other:?}: {line}"),
        }
    }
    entries
}

#[test]
fn it_has_the_options_of_the_help_in_the_same_order_and_words() {
    let (of_page, of_help) = (entries_of_page(&page()), entries_of_help(&shown("pmtu-probe --help")));
    assert!(of_help.len() > 25, "{} options", of_help.len());
    for (of_page, of_help) in of_page.iter().zip(&of_help) {
        assert_eq!(of_page, of_help);
    }
    assert_eq!(of_page.len(), of_help.len());
}

#[test]
fn it_names_no_other_option_anywhere() {
    let known = super::long_options();
    let page = plain(&page());
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let named = page.split(|c| !is_part(c)).filter(|word| word.starts_with("--"));
    let strange: BTreeSet<&str> = named.filter(|word| !known.contains(*word)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn its_verdicts_and_exit_codes_are_those_of_the_contract_and_of_the_documents() {
    let contract: BTreeSet<(String, String)> = pairs(CONTRACT);
    let page = page();
    let heads = section(&page, "VERDICTS").into_iter().filter_map(|line| {
        let (word, code) =
            plain(&line).strip_suffix(')')?.split_once(" (exit status ").map(|(a, b)| (a.to_owned(), b.to_owned()))?;
        Some((word, code))
    });
    assert_eq!(heads.collect::<BTreeSet<_>>(), contract, "VERDICTS");
    assert_eq!(by_exit_status(&page), contract, "EXIT STATUS");

    let readme = rows(include_str!("../../README.md")).into_iter().filter_map(|row| match &row[..] {
        [code, verdict, _] => Some((word_of(verdict)?, number(code)?)),
        _ => None,
    });
    // That one has no row of its own there.
    let with_faulty = readme.chain(pairs([("discoverable", "1")]));
    assert_eq!(with_faulty.collect::<BTreeSet<_>>(), contract, "README.md");

    let verdicts = rows(include_str!("../../docs/verdicts.md")).into_iter().filter_map(|row| match &row[..] {
        [_, verdict, code, _] => Some((word_of(verdict)?, number(code)?)),
        _ => None,
    });
    assert_eq!(verdicts.collect::<BTreeSet<_>>(), contract, "docs/verdicts.md");
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeSet<(String, String)> {
    pairs.into_iter().map(|(verdict, code)| (verdict.to_owned(), code.to_owned())).collect()
}

/// What the section says of each code, without what is no verdict.
fn by_exit_status(page: &str) -> BTreeSet<(String, String)> {
    let lines = section(page, "EXIT STATUS");
    let codes: Vec<(String, String)> =
        lines.windows(3).filter(|lines| lines[0] == ".TP").map(|lines| (plain(&lines[1]), plain(&lines[2]))).collect();
    assert_eq!(codes.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3", "130"]);
    let words = codes.iter().flat_map(|(code, says)| says.split(", ").map(move |word| (word, code)));
    let verdicts = words.filter(|(word, _)| CONTRACT.iter().any(|(verdict, _)| verdict == word));
    verdicts.map(|(word, code)| (word.to_owned(), code.clone())).collect()
}

/// The cells of the tables of a document.
fn rows(document: &str) -> Vec<Vec<String>> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn word_of(cell: &str) -> Option<String> {
    Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned())
}

fn number(cell: &str) -> Option<String> {
    cell.parse::<u8>().ok().map(|code| code.to_string())
}

#[test]
fn its_examples_are_those_of_the_help_and_can_be_typed() {
    let lines = section(&page(), "EXAMPLES");
    let of_page: Vec<String> =
        lines.windows(3).filter(|l| l[0] == ".EX" && l[2] == ".EE").map(|lines| plain(&lines[1])).collect();
    let help = shown("pmtu-probe --help");
    let of_help: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Examples:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .map(str::trim)
        .collect();
    assert_eq!(of_page, of_help);
    assert!(of_page.len() > 5, "{of_page:?}");
    for example in of_page {
        let command = example.split(" | ").next().expect("split gives one part at least");
        let command = command.strip_prefix("sudo ").unwrap_or(command);
        assert!(matches!(request(command), Ok(Request::Run(_))), "{example}: {:?}", request(command));
    }
}

#[test]
fn its_command_for_the_privilege_is_that_of_the_help() {
    let page = plain(&page());
    let mut commands = page.lines().filter(|line| line.contains("setcap cap_net_raw"));
    let command = commands.next().expect("a command");
    assert!(shown("pmtu-probe --help").contains(command), "{command}");
    assert!(include_str!("../../README.md").contains(command), "{command}");
}

#[test]
fn its_sections_are_in_the_order_of_man_pages_7() {
    let page = page();
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
    assert_eq!(
        sections,
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "VERDICTS",
            "\"EXIT STATUS\"",
            "EXAMPLES",
            "FILES",
            "ENVIRONMENT",
            "NOTES",
            "STANDARDS",
            "SEE ALSO"
        ]
    );
    assert!(page.starts_with(".TH PMTU-PROBE 8 "), "{}", page.lines().next().unwrap_or_default());
}

#[test]
fn its_roff_is_sound() {
    assert_eq!(faults(&page()), Vec::<String>::new());
}

#[test]
fn unsound_roff_is_told() {
    for bad in [
        ".XX a",
        "a\n\nb",
        "a-b",
        "it's",
        "\\fXa",
        "\\",
        ".EX\n.EE\n.EE",
        ".RS 4",
        ".SH A\n.PP",
        ".TP\n.TP",
        "a ",
        ".TP",
    ] {
        assert!(!faults(bad).is_empty(), "{bad:?}");
    }
}

/// What formatters warn of, or would print otherwise than it is meant.
fn faults(page: &str) -> Vec<String> {
    const MACROS: [&str; 14] =
        [".TH", ".SH", ".SS", ".TP", ".PP", ".sp", ".br", ".RS", ".RE", ".EX", ".EE", ".B", ".I", ".BR"];
    const ESCAPES: [&str; 6] = ["\\-", "\\(aq", "\\fB", "\\fI", "\\fR", "\\&"];
    let mut faults = Vec::new();
    let (mut open, mut before) = (Vec::new(), "");
    for line in page.lines() {
        let mut fault = |what: &str| faults.push(format!("{what}: {line:?} after {before:?}"));
        let name = line.split(' ').next().unwrap_or_default();
        let is_macro = line.starts_with('.');
        if is_macro && !MACROS.contains(&name) && name != ".IR" {
            fault("not a macro of man(7) in use here");
        }
        match name {
            ".RS" => open.push(".RE"),
            ".EX" => open.push(".EE"),
            ".RE" | ".EE" if open.pop() != Some(name) => fault("ends what did not begin"),
            ".SH" | ".SS" if !open.is_empty() => fault("begins within an indented part"),
            ".PP" if before.starts_with(".SH") => fault("is of no effect"),
            _ => {}
        }
        if before == ".TP" && [".TP", ".PP", ".SH", ".SS", ".sp"].contains(&name) {
            fault("leaves a tag empty");
        }
        let rest = ESCAPES.iter().fold(line.to_owned(), |text, escape| text.replace(escape, ""));
        if rest.contains('\\') {
            fault("unknown escape");
        }
        if line.is_empty() || line.ends_with(' ') {
            fault("blank");
        }
        if rest.contains('\'') || (name != ".TH" && rest.contains('-')) {
            fault("a sign that roff prints as another one");
        }
        before = line;
    }
    if !open.is_empty() || before == ".TP" {
        faults.push(format!("not ended: {open:?}"));
    }
    faults
}

#[test]
fn the_page_in_docs_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pmtu-probe.8");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page(), "docs/pmtu-probe.8 is out of date; run: cargo run -- --generate man >docs/pmtu-probe.8");
}

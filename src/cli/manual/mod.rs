//! The manual page, from the definition that also makes the help. What the help does not say stands in `rest.roff`.

mod epilogue;

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use epilogue::{Example, Outcome};

const VERDICTS: &str = include_str!("verdicts.roff");
const REST: &str = include_str!("rest.roff");

/// What becomes of these codes where something is expected.
const EXPECTED: &str = "\
An address that is as --expect, --expect-mtu or --known say counts as 0 on the ways that they speak of. One that is not keeps \
its code, or counts as 1 if that is 0. A path MTU that breaks --critical counts as 2, one that breaks --warning as 1. With \
--format nagios the codes are the states OK, WARNING, CRITICAL and UNKNOWN.";

/// The page in roff with the macros of man(7).
pub(super) fn page(command: Command) -> String {
    let epilogue = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let outcomes = epilogue::outcomes(&epilogue);
    let headings: Vec<String> =
        command.get_arguments().filter_map(|arg| arg.get_help_heading().map(str::to_owned)).collect();
    // clap_mangen would leave out what `-h` does not show.
    let command = command.mut_args(|arg| arg.hide_short_help(false));
    // No date: it would be a day that nobody keeps. roff(1) would lose an empty argument.
    let title = command.get_name().to_uppercase();
    // Section 8, as mtr(8), ping(8) and tracepath(8): it asks for a privilege.
    let man = Man::new(command).title(title).section("8").date(" ").manual("System Administration");
    [
        section(|out| man.render_title(out)),
        section(|out| man.render_name_section(out)),
        section(|out| man.render_synopsis_section(out)),
        section(|out| man.render_description_section(out)),
        options(&section(|out| man.render_options_section(out)), &headings),
        VERDICTS.to_owned(),
        verdicts(&outcomes),
        exit_status(&outcomes),
        examples(&epilogue::examples(&epilogue)),
        REST.to_owned(),
    ]
    .concat()
}

/// A part as clap_mangen writes it. Every part repeats the definition of the apostrophe; here it is plain from the start.
fn section(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = render(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).replace("\\*(Aq", "\\(aq");
    let lines = text.lines().skip_while(|line| line.starts_with(".ie ") || line.starts_with(".el "));
    lines.map(line).collect()
}

/// An empty line is the distance between two paragraphs of one option. A sentence begins a line, so that roff knows its end.
fn line(line: &str) -> String {
    match line {
        "" => ".sp\n".into(),
        control if control.starts_with('.') => format!("{control}\n"),
        text => format!("{}\n", text.replace(". ", ".\n")),
    }
}

/// clap_mangen makes sections of the groups of options, where pages have one section with parts.
fn options(sections: &str, headings: &[String]) -> String {
    let part_of = |line: &str| {
        let title = line.strip_prefix(".SH ")?.trim_matches('"');
        headings.iter().find(|heading| heading.to_uppercase() == title)
    };
    let lines = sections.lines().map(|line| match part_of(line) {
        Some(heading) => format!(".SS \"{heading}\"\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

fn verdicts(outcomes: &[Outcome]) -> String {
    let mut roff = Roff::new();
    for outcome in outcomes {
        if let Some(verdict) = outcome.verdict {
            roff.control("TP", []);
            roff.text([bold(verdict), roman(format!(" (exit status {})", outcome.code))]);
            roff.text([roman(&outcome.says)]);
        }
    }
    written(&roff)
}

fn exit_status(outcomes: &[Outcome]) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman("The worst of all addresses and both directions counts, 2 before 1 before 3 before 0.")]);
    for of_one_code in outcomes.chunk_by(|one, next| one.code == next.code) {
        let Some(code) = of_one_code.first().map(|outcome| outcome.code) else { continue };
        let words = of_one_code.iter().map(|outcome| outcome.verdict.unwrap_or(&outcome.says));
        roff.control("TP", []).text([bold(code)]).text([roman(words.collect::<Vec<_>>().join(", "))]);
    }
    roff.control("PP", []).text([roman(EXPECTED)]);
    written(&roff)
}

fn examples(examples: &[Example]) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for (index, example) in examples.iter().enumerate() {
        if index > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(&example.says)]);
        roff.control("PP", []).control("RS", ["4"]).control("EX", []);
        roff.text([roman(example.command)]);
        roff.control("EE", []).control("RE", []);
    }
    written(&roff)
}

/// Without a definition of the apostrophe, which `to_roff` leaves as typed, and roff would curl.
fn written(roff: &Roff) -> String {
    roff.to_roff().replace('\'', "\\(aq")
}

//! What the page says of one address, or of several that are alike.

use super::commands::commands;
use super::drawing;
use super::element::Element;
use super::heading::Level;
use super::numbering::Numbering;
use super::tone::Tone;
use crate::report::text::block::{CHECK, WHAT_TO_DO};
use crate::report::text::group::OTHER_WAYS;
use crate::report::text::pieces::{self, AdvicePiece, Block, Row};
use crate::report::text::screen::REMARKS;

/// All of it below a headline of this level. The id is that of the headline.
pub(super) fn section(block: &Block<'_>, id: &str, level: Level, numbering: &mut Numbering) -> Element {
    let tone = Tone::of(block.shown.first().map_or(0, |report| report.exit_code()));
    let below = level.below();
    Element::of_class("section", tone.class())
        .attribute("aria-labelledby", id)
        .child(tone.headline(level, &block.headline).attribute("id", id))
        .child(Element::of_class("div", "seen").children(figures(block, numbering)).child(evidence(block, below)))
        .children(what_to_do(block, below, numbering))
        .children(check(block, below, numbering))
        .children(details(block))
}

fn figures(block: &Block<'_>, numbering: &mut Numbering) -> Vec<Element> {
    block.shown.iter().map(|report| drawing::figure(report, numbering)).collect()
}

fn evidence(block: &Block<'_>, level: Level) -> Element {
    let evidence = Element::of_class("div", "evidence").child(level.heading("Evidence")).child(rows(&block.rows));
    if block.remarks.is_empty() {
        return evidence;
    }
    evidence.child(level.heading(REMARKS)).child(list(&block.remarks))
}

/// Labels and values; what has the same label as the row above stands below its value.
pub(super) fn rows(rows: &[Row]) -> Element {
    let mut last = "";
    let cells = rows.iter().flat_map(|(label, value)| {
        let term = (*label != last).then(|| Element::new("dt").text(label));
        last = label;
        term.into_iter().chain([Element::new("dd").text(value)])
    });
    Element::new("dl").children(cells)
}

pub(super) fn list(lines: &[String]) -> Element {
    Element::new("ul").children(lines.iter().map(|line| Element::new("li").text(line)))
}

/// Advice for several addresses is long enough without other ways to the same end: they are a click away.
fn what_to_do(block: &Block<'_>, level: Level, numbering: &mut Numbering) -> Vec<Element> {
    if block.advice.is_empty() {
        return Vec::new();
    }
    let is_aside = |advice: &AdvicePiece| advice.is_alternative && block.members.len() > 1;
    let (aside, first): (Vec<&AdvicePiece>, Vec<&AdvicePiece>) =
        block.advice.iter().partition(|advice| is_aside(advice));
    let mut parts = vec![level.heading(WHAT_TO_DO), steps(1, &first, numbering)];
    if !aside.is_empty() {
        let summary = Element::new("summary").text(OTHER_WAYS);
        parts.push(Element::new("details").child(summary).child(steps(first.len() + 1, &aside, numbering)));
    }
    parts
}

/// Numbered from this number on.
fn steps(start: usize, advice: &[&AdvicePiece], numbering: &mut Numbering) -> Element {
    let items: Vec<Element> = (start..).zip(advice).map(|(number, advice)| item(number, advice, numbering)).collect();
    Element::of_class("ol", "advice").attribute("start", &start.to_string()).children(items)
}

fn item(number: usize, advice: &AdvicePiece, numbering: &mut Numbering) -> Element {
    let whom = Element::new("strong").text(&format!("{}:", advice.for_whom));
    let mut item = Element::new("li").child(Element::new("p").child(whom).text(&format!(" {}", advice.text)));
    if !advice.commands.is_empty() {
        item = item.child(commands(&advice.commands, &format!("the commands of step {number}"), numbering));
    }
    if !advice.lasting.is_empty() {
        item = item.child(commands(&advice.lasting, &format!("what makes step {number} last"), numbering));
    }
    if advice.others.is_empty() {
        return item;
    }
    let names: Vec<&str> = advice.others.iter().map(|(name, _)| name.as_str()).collect();
    let summary = Element::new("summary").text(&format!("The same for {}", names.join(", ")));
    let others: Vec<Element> = advice.others.iter().map(|system| of_system(system, number, numbering)).collect();
    item.child(Element::new("details").child(summary).children(others))
}

fn of_system((name, lines): &(String, Vec<String>), number: usize, numbering: &mut Numbering) -> Element {
    let commands = commands(lines, &format!("the commands of step {number} for {name}"), numbering);
    Element::of_class("div", "system").child(Element::new("p").text(name)).child(commands)
}

fn check(block: &Block<'_>, level: Level, numbering: &mut Numbering) -> Vec<Element> {
    let Some(check) = &block.check else { return Vec::new() };
    let text = Element::new("p").text(&check.text);
    vec![level.heading(CHECK), text, commands(&check.commands, "the commands that check it", numbering)]
}

/// For those who want to see all of it.
fn details(block: &Block<'_>) -> Vec<Element> {
    let all = block.members.iter().map(|(report, line)| {
        let of_this = if block.members.len() > 1 { format!(": {line}") } else { String::new() };
        let remarks = pieces::all_remarks(report);
        let summary = Element::new("summary").text(&format!("All of the evidence{of_this}"));
        let details = Element::of_class("details", "all").child(summary).child(rows(&pieces::all_rows(report)));
        if remarks.is_empty() { details } else { details.child(list(&remarks)) }
    });
    all.collect()
}

//! Whom a log or a queue accuses: what it says of each, what was found, and what that means for the mail.

use super::block::{self, rows};
use super::commands::commands;
use super::element::Element;
use super::heading::Level;
use super::numbering::Numbering;
use super::tone::Tone;
use crate::model::AddressReport;
use crate::report::suspects::{Answer, MEANINGS, Meaning, PeerRows};
use crate::report::text::pieces;

/// The verdicts at a glance, then each suspect. What a verdict means for the mail stands below it, since it speaks of what is above.
pub(super) fn sections(answers: &[Answer<'_>], numbering: &mut Numbering) -> Vec<Element> {
    let mut shown = Shown::default();
    let sections: Vec<Element> = answers.iter().filter_map(|answer| suspect(answer, &mut shown, numbering)).collect();
    let overview = Element::of_class("ul", "overview").children(shown.lines);
    [overview].into_iter().chain(sections).collect()
}

/// What is on the page already.
#[derive(Default)]
struct Shown<'a> {
    /// Addresses and the ids of what is said of them: several suspects may be one address.
    addresses: Vec<(&'a AddressReport, String)>,
    /// A line for each of them, and for each suspect that was not examined.
    lines: Vec<Element>,
}

fn suspect<'a>(answer: &Answer<'a>, shown: &mut Shown<'a>, numbering: &mut Numbering) -> Option<Element> {
    let PeerRows { headline, rows: evidence } = PeerRows::of(&[answer.suspect])?;
    let id = numbering.next("suspect");
    if answer.reports.is_empty() {
        shown.lines.push(line(Tone::Doubt, &id, &headline));
    }
    let section = Element::of_class("section", "suspect")
        .attribute("aria-labelledby", &id)
        .child(Level::Part.heading(&headline).attribute("id", &id))
        .child(rows(&evidence));
    let examined: Vec<Element> =
        answer.reports.iter().filter_map(|report| examined(report, shown, numbering)).collect();
    Some(section.children(examined).child(Level::Address.heading(MEANINGS)).child(meanings(answer, numbering)))
}

fn examined<'a>(report: &'a AddressReport, shown: &mut Shown<'a>, numbering: &mut Numbering) -> Option<Element> {
    let block = pieces::of_group(&[report])?;
    if let Some((_, id)) = shown.addresses.iter().find(|(other, _)| std::ptr::eq(*other, report)) {
        return Some(Element::new("p").child(link(id, &block.headline)));
    }
    let id = numbering.next("verdict");
    shown.lines.push(line(Tone::of(report.exit_code()), &id, &block.headline));
    let section = block::section(&block, &id, Level::Address, numbering);
    shown.addresses.push((report, id));
    Some(section)
}

/// A line of the overview.
pub(super) fn line(tone: Tone, id: &str, text: &str) -> Element {
    Element::of_class("li", tone.class()).child(tone.sign()).text(" ").child(link(id, text))
}

fn link(id: &str, text: &str) -> Element {
    Element::new("a").attribute("href", &format!("#{id}")).text(text)
}

fn meanings(answer: &Answer<'_>, numbering: &mut Numbering) -> Element {
    let items: Vec<Element> = answer.lines().into_iter().map(|line| meaning(line, numbering)).collect();
    Element::new("ul").children(items)
}

fn meaning(Meaning { text, trial }: Meaning, numbering: &mut Numbering) -> Element {
    let item = Element::new("li").child(Element::new("p").text(&text));
    match trial {
        Some(trial) => {
            let commands = commands(&trial.commands, "the commands of this trial", numbering);
            item.child(Element::new("p").text(&trial.text)).child(commands)
        }
        None => item,
    }
}

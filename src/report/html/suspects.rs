//! Whom a log, a queue or this host's own connections accuse: what is said of each, what was found, and what that means.

use super::block::{self, rows};
use super::commands::commands;
use super::element::Element;
use super::heading::Level;
use super::numbering::Numbering;
use super::tone::Tone;
use crate::model::AddressReport;
use crate::report::connections::{self, ConnectionAnswer};
use crate::report::suspects::{Answer, MEANINGS, Meaning, PeerRows};
use crate::report::text::pieces;

/// A suspect or a connection, without a layout.
pub(super) struct Accused<'a> {
    headline: String,
    /// Labels and values.
    evidence: Vec<(&'static str, String)>,
    /// What was found of its addresses.
    reports: Vec<&'a AddressReport>,
    /// What that means.
    meanings: Vec<Meaning>,
    /// What stands above that.
    title: &'static str,
}

impl<'a> Accused<'a> {
    /// A suspect of a log. `None`: nothing is told of it.
    pub(super) fn of_a_log(answer: &Answer<'a>) -> Option<Self> {
        let PeerRows { headline, rows: evidence } = PeerRows::of(&[answer.suspect])?;
        let (reports, meanings) = (answer.reports.clone(), answer.lines());
        Some(Self { headline, evidence, reports, meanings, title: MEANINGS })
    }

    /// A connection.
    pub(super) fn connection(answer: &ConnectionAnswer<'a>) -> Self {
        let (headline, evidence) = connections::described(answer.connection);
        let meanings = vec![Meaning { text: answer.line(), trial: None }];
        Self {
            headline,
            evidence,
            reports: answer.report.into_iter().collect(),
            meanings,
            title: connections::MEANINGS,
        }
    }
}

/// The verdicts at a glance, then each suspect. What a verdict means for it stands below, since it speaks of what is above.
pub(super) fn sections(accused: Vec<Accused<'_>>, numbering: &mut Numbering) -> Vec<Element> {
    let mut shown = Shown::default();
    let sections: Vec<Element> = accused.into_iter().map(|one| suspect(one, &mut shown, numbering)).collect();
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

fn suspect<'a>(accused: Accused<'a>, shown: &mut Shown<'a>, numbering: &mut Numbering) -> Element {
    let Accused { headline, evidence, reports, meanings: lines, title } = accused;
    let id = numbering.next("suspect");
    if reports.is_empty() {
        shown.lines.push(line(Tone::Doubt, &id, &headline));
    }
    let section = Element::of_class("section", "suspect")
        .attribute("aria-labelledby", &id)
        .child(Level::Part.heading(&headline).attribute("id", &id))
        .child(rows(&evidence));
    let examined: Vec<Element> = reports.into_iter().filter_map(|report| examined(report, shown, numbering)).collect();
    section.children(examined).child(Level::Address.heading(title)).child(meanings(lines, numbering))
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

fn meanings(lines: Vec<Meaning>, numbering: &mut Numbering) -> Element {
    let items: Vec<Element> = lines.into_iter().map(|line| meaning(line, numbering)).collect();
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

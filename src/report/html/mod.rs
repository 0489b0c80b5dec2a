//! The report as one page that needs nothing beside it: for a ticket, a mail, or paper.
//!
//! The words are those of the text, the letters and the JSON document; here they are put together. The page takes no script or style
//! from elsewhere, and its policy lets only its own script run: whatever a stranger's name or log line holds, it stays text.

mod block;
mod commands;
mod drawing;
mod element;
mod heading;
mod letters;
mod numbering;
mod policy;
mod suspects;
mod tone;

use crate::model::Report;
use crate::report::connections::ConnectionAnswer;
use crate::report::json;
use crate::report::numbers::rfc3339;
use crate::report::suspects::Answer;
use crate::report::text::pieces::{self, Pieces, seconds};
use element::Element;
use heading::Level;
use numbering::Numbering;
use suspects::Accused;
use tone::Tone;

/// The page. `suspects`: whom a log accuses, and what is known of them now.
pub fn render(report: &Report, suspects: Option<&[Answer<'_>]>) -> String {
    let accused = suspects.map(|answers| answers.iter().filter_map(Accused::of_a_log).collect());
    page(report, accused, &json::render(report))
}

/// The same with the connections whose peers were examined.
pub fn render_with_connections(report: &Report, answers: &[ConnectionAnswer<'_>]) -> String {
    let accused = answers.iter().map(Accused::connection).collect();
    page(report, Some(accused), &json::render_with_connections(report, answers))
}

fn page(report: &Report, accused: Option<Vec<Accused<'_>>>, document: &str) -> String {
    let mut numbering = Numbering::default();
    let pieces = pieces::of(report);
    let title = match (&pieces.blocks[..], report.addresses.len()) {
        ([only], 1) if accused.is_none() => &only.headline,
        _ => &pieces.summary,
    };
    let main = Element::new("main")
        .children(verdicts(report, &pieces, accused, &mut numbering))
        .children(failures(report))
        .children(letters::section(report, &mut numbering))
        .child(data(document));
    let body = Element::new("body")
        .child(header(report))
        .child(main)
        .child(status())
        .child(Element::new("script").ours(policy::SCRIPT));
    let page = Element::new("html").attribute("lang", "en").child(head(title)).child(body);
    format!("<!DOCTYPE html>\n{}\n", page.render())
}

fn head(title: &str) -> Element {
    let named = |name, content: &str| Element::new("meta").attribute("name", name).attribute("content", content);
    Element::new("head")
        .child(Element::new("meta").attribute("charset", "utf-8"))
        .child(
            Element::new("meta")
                .attribute("http-equiv", "Content-Security-Policy")
                .attribute("content", policy::POLICY),
        )
        .child(named("viewport", "width=device-width, initial-scale=1"))
        .child(named("color-scheme", "light dark"))
        .child(named("referrer", "no-referrer"))
        .child(named("generator", concat!("pmtu-probe ", env!("CARGO_PKG_VERSION"))))
        .child(Element::new("title").text(title))
        // A browser asks for an icon where it is told of none.
        .child(Element::new("link").attribute("rel", "icon").attribute("href", "data:,"))
        .child(Element::new("style").ours(policy::STYLE))
}

/// What was run and when.
fn header(report: &Report) -> Element {
    let when = rfc3339(report.started).map(|time| Element::new("time").attribute("datetime", &time).text(&time));
    let took = format!(", {}, exit code {}", seconds(report.elapsed), report.exit_code());
    let what = Element::of_class("p", "meta")
        .text(&format!("pmtu-probe {}, {}, ", env!("CARGO_PKG_VERSION"), report.target))
        .children(when)
        .text(&took);
    Element::new("header").child(what)
}

fn verdicts(
    report: &Report,
    pieces: &Pieces<'_>,
    accused: Option<Vec<Accused<'_>>>,
    numbering: &mut Numbering,
) -> Vec<Element> {
    let tone = Tone::of(report.exit_code());
    let summary = tone.headline(Level::Page, &pieces.summary);
    match (accused, &pieces.blocks[..], report.addresses.len()) {
        (Some(accused), ..) => [summary].into_iter().chain(suspects::sections(accused, numbering)).collect(),
        (None, [only], 1) => {
            let id = numbering.next("verdict");
            vec![block::section(only, &id, Level::Page, numbering)]
        }
        (None, blocks, _) => {
            let ids: Vec<String> = blocks.iter().map(|_| numbering.next("verdict")).collect();
            let mut parts = vec![summary];
            parts.extend(pieces.meaning.as_ref().map(|meaning| Element::new("p").text(meaning)));
            parts.extend((!blocks.is_empty()).then(|| overview(pieces, &ids)));
            let sections = blocks.iter().zip(&ids).map(|(block, id)| block::section(block, id, Level::Part, numbering));
            parts.extend(sections);
            parts
        }
    }
}

/// A line for each address, which leads to what is said of it.
fn overview(pieces: &Pieces<'_>, ids: &[String]) -> Element {
    let items = pieces.blocks.iter().zip(ids).flat_map(|(block, id)| {
        block.members.iter().map(move |(report, line)| suspects::line(Tone::of(report.exit_code()), id, line))
    });
    Element::of_class("ul", "overview").children(items)
}

/// What could not be examined.
fn failures(report: &Report) -> Vec<Element> {
    if report.errors.is_empty() {
        return Vec::new();
    }
    let lines: Vec<String> = report.errors.iter().map(|error| format!("{}: {}", error.target, error.text)).collect();
    let section = Element::new("section").child(Level::Part.heading("Could not be examined"));
    vec![section.child(block::list(&lines))]
}

/// All of it for programs.
fn data(document: &str) -> Element {
    let download = Element::new("a")
        .attribute("id", "download")
        .attribute("download", "pmtu-probe.json")
        .attribute("href", "#report")
        .flag("hidden")
        .text("Download the report as JSON");
    let document =
        Element::new("script").attribute("type", "application/json").attribute("id", "report").json(document);
    let note = Element::new("p").attribute("id", "no-download").text(NO_DOWNLOAD);
    Element::of_class("section", "data")
        .child(Level::Part.heading("Data"))
        .child(Element::new("p").child(download))
        .child(note)
        .child(document)
}

const NO_DOWNLOAD: &str = "The report as JSON is in the source of this page, in the element with the id \"report\".";

/// Where a screen reader hears that something was copied.
fn status() -> Element {
    Element::of_class("p", "status").attribute("id", "status").attribute("role", "status")
}

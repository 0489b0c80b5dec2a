//! The letters, in both languages.

use super::commands::copied;
use super::element::Element;
use super::heading::Level;
use super::numbering::Numbering;
use crate::model::Report;
use crate::report::language::Language;
use crate::report::letter::Letters;

/// The first is shown where a script can switch; all are where none runs.
const LANGUAGES: [(Language, &str, &str); 2] =
    [(Language::English, "en", "English"), (Language::German, "de", "Deutsch")];

/// `None`: there is nothing to write about.
pub(super) fn section(report: &Report, numbering: &mut Numbering) -> Option<Element> {
    let all = LANGUAGES.map(|(language, code, name)| (Letters::unbroken(report, language).letters, code, name));
    let count = all[0].0.len();
    if count == 0 {
        return None;
    }
    let title =
        if count == 1 { "Letter to whoever has to repair it" } else { "Letters to those who have to repair it" };
    let buttons = all.iter().enumerate().map(|(at, (_, code, name))| button(at == 0, code, name));
    let switch = Element::of_class("div", "switch")
        .attribute("role", "group")
        .attribute("aria-label", "Language of the letters")
        .flag("hidden")
        .children(buttons);
    let mut section = Element::of_class("section", "letters")
        .child(Level::Part.heading(title))
        .child(printing(if count == 1 { "Print the letter as well" } else { "Print the letters as well" }))
        .child(switch);
    for (letters, code, name) in &all {
        let letters = letters.iter().enumerate().map(|(at, letter)| {
            let what = format!("letter {} ({name})", at + 1);
            copied("letter", Some(code), letter.lines(), &what, numbering)
        });
        section = section.child(
            Element::of_class("div", "language").attribute("data-letters", code).children(letters.collect::<Vec<_>>()),
        );
    }
    Some(section)
}

/// The style asks for it: a report alone fits on two sheets.
fn printing(words: &str) -> Element {
    let choice = Element::new("input").attribute("type", "checkbox").attribute("id", "print-letters");
    Element::of_class("p", "choice")
        .child(choice)
        .child(Element::new("label").attribute("for", "print-letters").text(words))
}

fn button(is_shown: bool, code: &str, name: &str) -> Element {
    Element::new("button")
        .attribute("type", "button")
        .attribute("data-language", code)
        .attribute("lang", code)
        .attribute("aria-pressed", if is_shown { "true" } else { "false" })
        .text(name)
}

//! What to type, with a button that copies it.

use super::element::Element;
use super::numbering::Numbering;

/// Lines to paste. `what` is what the button says to those who do not see where it stands.
pub(super) fn commands(lines: &[String], what: &str, numbering: &mut Numbering) -> Element {
    copied("commands", None, lines.iter().map(String::as_str), what, numbering)
}

/// Text, in a language other than the page's or not, with a button that copies it.
pub(super) fn copied<'a>(
    class: &str,
    language: Option<&str>,
    lines: impl IntoIterator<Item = &'a str>,
    what: &str,
    numbering: &mut Numbering,
) -> Element {
    let id = numbering.next("text");
    let button = Element::of_class("button", "copy")
        .attribute("type", "button")
        .attribute("data-copy", &id)
        .attribute("aria-label", &format!("Copy {what}"))
        .flag("hidden")
        .text("Copy");
    let mut text = Element::new("pre").attribute("id", &id).lines(lines);
    if let Some(language) = language {
        text = text.attribute("lang", language);
    }
    Element::of_class("div", class).child(button).child(text)
}

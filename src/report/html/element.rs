//! HTML that is whole and escaped by construction: names are our own words, and every text and value passes one function.

use crate::report::printable::printable;

/// An element with all that is in it.
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    inner: String,
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), inner: String::new() }
    }

    /// An element of a class.
    pub(super) fn of_class(name: &'static str, class: &str) -> Self {
        Self::new(name).attribute("class", class)
    }

    pub(super) fn attribute(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.extend([" ", name, "=\"", &escaped(value), "\""]);
        self
    }

    /// An attribute that needs no value.
    pub(super) fn flag(mut self, name: &'static str) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self
    }

    /// Text in one line.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.inner.push_str(&escaped(text));
        self
    }

    /// Text whose line feeds are ours, each line in an element of its own: its text is that of all lines.
    pub(super) fn lines<'a>(mut self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let line = |line| Self::of_class("span", "line").text(line).render();
        let lines: Vec<String> = lines.into_iter().map(line).collect();
        self.inner.push_str(&lines.join("\n"));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        child.push_to(&mut self.inner);
        self
    }

    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().for_each(|child| child.push_to(&mut self.inner));
        self
    }

    /// A script or a style that is part of the program.
    pub(super) fn ours(mut self, source: &'static str) -> Self {
        self.inner.push_str(source);
        self
    }

    /// JSON inside `script`, where no entities are known: what could end the element, open a comment or end a line of script is
    /// written as JSON escapes. Outside of its strings, JSON has none of these characters.
    pub(super) fn json(mut self, json: &str) -> Self {
        for c in json.chars() {
            match c {
                '<' => self.inner.push_str("\\u003c"),
                '>' => self.inner.push_str("\\u003e"),
                '&' => self.inner.push_str("\\u0026"),
                '\u{2028}' => self.inner.push_str("\\u2028"),
                '\u{2029}' => self.inner.push_str("\\u2029"),
                c => self.inner.push(c),
            }
        }
        self
    }

    pub(super) fn render(self) -> String {
        let mut out = String::new();
        self.push_to(&mut out);
        out
    }

    fn push_to(self, out: &mut String) {
        let Self { name, attributes, inner } = self;
        out.extend(["<", name, &attributes, ">"]);
        if VOID.contains(&name) {
            return;
        }
        out.push_str(&inner);
        out.extend(["</", name, ">"]);
        if BLOCKS.contains(&name) {
            out.push('\n');
        }
    }
}

/// Elements that have nothing in them and no end (HTML, 13.1.2).
const VOID: [&str; 3] = ["input", "link", "meta"];

/// Elements behind which a new line shows nowhere, for those who read the source.
const BLOCKS: [&str; 16] = [
    "dd", "details", "dl", "figure", "footer", "h1", "h2", "h3", "header", "li", "ol", "p", "pre", "section", "svg",
    "ul",
];

/// Safe between tags and between double quotes; characters that steer or reorder text are written as escapes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_values_stay_text() {
        let hostile = "</p><script>alert(1)</script>\"'&amp;\u{1b}\u{202e}\n";
        let paragraph = Element::new("p").attribute("title", hostile).text(hostile).render();
        let safe = "&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;amp;\\u{1b}\\u{202e}\\n";
        assert_eq!(paragraph, format!("<p title=\"{safe}\">{safe}</p>\n"));
    }

    #[test]
    fn json_cannot_end_its_element() {
        let data = Element::new("script").json("{\"a\":\"</script><!--\u{2028}&\"}").render();
        assert_eq!(data, "<script>{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u2028\\u0026\"}</script>");
    }

    #[test]
    fn what_has_no_end_gets_none() {
        assert_eq!(Element::new("meta").attribute("charset", "utf-8").render(), "<meta charset=\"utf-8\">");
    }
}

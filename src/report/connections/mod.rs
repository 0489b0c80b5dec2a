//! This host's connections that stand still, for a terminal.

mod json;
mod outcome;
mod words;

pub(super) use json::ConnectionJson;
pub(super) use outcome::TITLE as MEANINGS;
pub use outcome::{ConnectionAnswer, meanings};
pub use words::peer;
pub(super) use words::{called, rows, suspicion, time};

use super::layout::{Width, push_line, wrap};
use super::printable::printable;
use crate::model::{Connections, StalledConnection};

/// Beyond so many, a line has to do for each.
const IN_FULL: usize = 30;

/// The list as lines of text, the strongest suspicion first.
pub fn render_at(connections: &Connections, width: Width) -> String {
    let mut out = String::new();
    for line in wrap(width, &words::summary(connections), "", "  ") {
        push_line(&mut out, &line);
    }
    for note in words::notes(&connections.survey) {
        for line in wrap(width, &note, "  ", "  ") {
            push_line(&mut out, &line);
        }
    }
    let (in_full, others) = connections.list.split_at(connections.list.len().min(IN_FULL));
    for connection in in_full {
        out.push('\n');
        block(&mut out, connection, width);
    }
    if !others.is_empty() {
        out.push('\n');
        for connection in others {
            push_line(&mut out, &short(connection));
        }
    }
    out
}

/// A line for each, never wrapped.
pub fn render_short(connections: &Connections) -> String {
    let mut out = String::new();
    for connection in &connections.list {
        push_line(&mut out, &short(connection));
    }
    out
}

fn short(connection: &StalledConnection) -> String {
    printable(&words::headline(connection))
}

fn block(out: &mut String, connection: &StalledConnection, width: Width) {
    for line in wrap(width, &short(connection), "", "  ") {
        push_line(out, &line);
    }
    for (label, text) in words::rows(connection) {
        for line in wrap(width, &printable(&text), &format!("  {label:<12}"), &" ".repeat(14)) {
            push_line(out, &line);
        }
    }
}

/// What is told of one, without a layout: its headline, and labels with values.
pub(super) fn described(connection: &StalledConnection) -> (String, Vec<(&'static str, String)>) {
    (words::headline(connection), words::rows(connection))
}

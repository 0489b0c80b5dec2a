//! The list of connections, shown before any peer is examined.

use std::io;

use crate::app::output::{stdout, width};
use crate::app::plan::OutputOptions;
use crate::app::stderr;
use crate::model::Connections;
use crate::report::connections;
use crate::report::text::Detail;

/// Where stdout carries another format than text, the list stays out of it.
pub(super) fn show(options: &OutputOptions, list_only: bool, found: &Connections) -> io::Result<()> {
    let is_quiet = options.detail == Detail::VerdictOnly;
    if is_quiet && !list_only && options.stdout_is_taken() {
        return Ok(());
    }
    let words = match (is_quiet, list_only) {
        (true, true) if !found.list.is_empty() => connections::render_short(found),
        (true, false) if !found.list.is_empty() => return Ok(()),
        _ => connections::render_at(found, width::of_stdout()),
    };
    if options.stdout_is_taken() {
        return stderr::say(&words);
    }
    stdout::print(&words)
}

//! The list of suspects, shown before any of them is examined.

use std::io;

use crate::app::output::{stdout, width};
use crate::app::plan::OutputOptions;
use crate::app::stderr;
use crate::model::Suspects;
use crate::report::suspects;
use crate::report::text::Detail;

/// Where stdout carries another format than text, the list stays out of it.
pub(super) fn show(options: &OutputOptions, list_only: bool, suspects: &Suspects) -> io::Result<()> {
    let is_quiet = options.detail == Detail::VerdictOnly;
    if is_quiet && !list_only && options.stdout_is_taken() {
        return Ok(());
    }
    let words = match (is_quiet, list_only) {
        _ if suspects.list.is_empty() => suspects::render_at(suspects, width::of_stdout()),
        (false, _) => suspects::render_at(suspects, width::of_stdout()),
        (true, true) => suspects::render_short(suspects),
        (true, false) => return Ok(()),
    };
    if options.stdout_is_taken() {
        return stderr::say(&words);
    }
    stdout::print(&words)
}

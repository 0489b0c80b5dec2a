//! The list of output formats. A new one is a file beside this one and a line here.

use super::format::Format;
use super::{checkmk, github, html, json, json_lines, junit, letter, markdown, nagios, pcapng, prometheus, tap, text};
use crate::report::monitoring::{checkmk_failure, nagios_failure};

/// All formats, in the order of the help.
pub static ALL: [&Format; 13] = [
    &text::FORMAT,
    &letter::FORMAT,
    &json::FORMAT,
    &json_lines::FORMAT,
    &junit::FORMAT,
    &tap::FORMAT,
    &github::FORMAT,
    &markdown::FORMAT,
    &prometheus::FORMAT,
    &nagios::FORMAT,
    &checkmk::FORMAT,
    &html::FORMAT,
    &pcapng::FORMAT,
];

/// What goes to stdout where nothing else does.
pub(super) static DEFAULT: &Format = &text::FORMAT;

/// The format of this name.
pub fn named(name: &str) -> Option<&'static Format> {
    ALL.into_iter().find(|format| format.name == name)
}

/// Whether the reader of stdout in this format hears stderr as well, so that it is to stay empty.
pub(crate) fn is_heard_with_stderr(format: &Format) -> bool {
    *format == nagios::FORMAT
}

/// What a program gets on stdout in this format where not even the arguments are understood. `None`: it reads the exit code.
pub fn usage_failure(name: &str, why: &str) -> Option<String> {
    match named(name)? {
        format if *format == nagios::FORMAT => Some(nagios_failure(why)),
        format if *format == checkmk::FORMAT => Some(checkmk_failure(why)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::output::format::Runs;

    #[test]
    fn no_two_formats_have_one_name() {
        let names: std::collections::HashSet<&str> = ALL.iter().map(|format| format.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn a_format_for_lists_writes_each_result_as_it_comes() {
        for format in ALL.iter().filter(|format| format.runs == Runs::Lists) {
            assert!(format.streams, "{}", format.name);
        }
    }
}

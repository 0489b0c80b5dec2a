//! The log on stderr: which lines appear there.

use std::fmt;
use std::io::{self, IsTerminal};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{DefaultFields, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::output::ERASE_LINE;
use crate::net::privilege;
use crate::report::printable;

/// Log lines on stderr: warnings, with `-vv` decisions, with `-vvv` every packet. `RUST_LOG` overrules, but not where the
/// rights of this program come from its file.
pub fn log_to_stderr(verbosity: u8) {
    // What the user may not see otherwise is not for him to ask for.
    let asked_for = std::env::var("RUST_LOG").ok().filter(|_| !privilege::come_from_the_file());
    let asked_for = asked_for.and_then(|text| self::asked_for(&text));
    let is_terminal = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(is_terminal)
        .fmt_fields(ShownFields)
        .event_format(Lines {
            usual: Format::default().with_target(false),
            may_have_progress: is_terminal && verbosity == 0,
        });
    tracing_subscriber::registry().with(asked_for.unwrap_or_else(|| chosen_by(verbosity))).with(lines).init();
}

/// Warnings look like every other line of the program on stderr; decisions and packets have their time.
struct Lines {
    usual: Format,
    /// A progress line may be drawn where the warning goes.
    may_have_progress: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // The order of levels is that of verbosity.
        if *event.metadata().level() > Level::WARN {
            return self.usual.format_event(context, writer, event);
        }
        let erase = if self.may_have_progress { ERASE_LINE } else { "" };
        let mut text = String::new();
        ShownFields.format_fields(Writer::new(&mut text), event)?;
        writeln!(writer, "{erase}pmtu-probe: {text}")
    }
}

/// What strangers have a hand in: whatever a terminal would act on is shown. Names of fields have no colour, so that none has to pass.
struct ShownFields;

impl FormatFields<'_> for ShownFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'_>, fields: R) -> fmt::Result {
        let mut text = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&printable(&text))
    }
}

fn chosen_by(verbosity: u8) -> Targets {
    let level = match verbosity {
        0 | 1 => LevelFilter::WARN,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    Targets::new().with_target("pmtu_probe", level)
}

/// What `RUST_LOG` asks for, such as `pmtu_probe=debug`: a list of levels, targets, or targets with levels. Only errors if it is
/// empty. `None` if it is none of that: then it counts as not set.
fn asked_for(text: &str) -> Option<Targets> {
    let parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { Some(Targets::new().with_default(LevelFilter::ERROR)) } else { parts.join(",").parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(targets: &Targets, level: Level) -> bool {
        targets.would_enable("pmtu_probe::runner", &level)
    }

    #[test]
    fn each_v_shows_more_of_this_program_and_nothing_of_others() {
        for (verbosity, last, next) in [
            (0, Level::WARN, Some(Level::INFO)),
            (1, Level::WARN, Some(Level::INFO)),
            (2, Level::DEBUG, Some(Level::TRACE)),
            (3, Level::TRACE, None),
            (9, Level::TRACE, None),
        ] {
            let targets = chosen_by(verbosity);
            assert!(shows(&targets, last), "{verbosity}: {last}");
            assert!(next.is_none_or(|next| !shows(&targets, next)), "{verbosity}: {next:?}");
            assert!(!targets.would_enable("hickory_resolver", &Level::ERROR), "{verbosity}");
        }
    }

    #[test]
    fn the_environment_names_levels_and_targets() {
        for (text, last, next) in [
            ("pmtu_probe=debug", Level::DEBUG, Level::TRACE),
            ("PMTU_PROBE=debug,info", Level::INFO, Level::DEBUG),
            ("info", Level::INFO, Level::DEBUG),
            ("DEBUG", Level::DEBUG, Level::TRACE),
            ("warn,pmtu_probe::runner=debug", Level::DEBUG, Level::TRACE),
            ("hickory_net=trace,,pmtu_probe=info", Level::INFO, Level::DEBUG),
            ("", Level::ERROR, Level::WARN),
        ] {
            let targets = asked_for(text).expect(text);
            assert!(shows(&targets, last), "{text}: {last}");
            assert!(!shows(&targets, next), "{text}: {next}");
        }
        assert!(shows(&asked_for("pmtu_probe").expect("a target alone"), Level::TRACE));
        assert!(!shows(&asked_for("off").expect("a level"), Level::ERROR));
    }

    #[test]
    fn what_makes_no_sense_counts_as_not_set() {
        for text in ["pmtu_probe=loud", "a=b=c"] {
            assert!(asked_for(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown() {
        let written = Written::default();
        let lines = Lines { usual: Format::default().with_target(false), may_have_progress: false };
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).fmt_fields(ShownFields);
        let layer = layer.with_writer(written.clone()).event_format(lines);
        let hostile = "\u{1b}[2J\n\u{202e}\u{7f}";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(name = hostile, "the name {hostile}");
            tracing::debug!(name = ?hostile, "{hostile}");
            let span = tracing::info_span!("run", target = %hostile);
            span.in_scope(|| tracing::info!(target_name = %hostile, "inside"));
        });
        let text = String::from_utf8(written.0.lock().expect("no panic").clone()).expect("UTF-8");
        assert_eq!(text.lines().count(), 3, "{text:?}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7f}']), "{text:?}");
        assert!(text.contains("the name \\") && text.contains("202e"), "{text:?}");
    }

    #[derive(Clone, Default)]
    struct Written(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> tracing_subscriber::fmt::MakeWriter<'w> for Written {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }
}

//! The words of the progress line, cut to the width of the terminal.

use std::fmt::Write;
use std::time::Duration;

use crate::model::PacketSize;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LineProgress {
    /// A run over addresses that are all known.
    Addresses(AddressProgress),
    /// A run over a list.
    List(ListProgress),
}

impl LineProgress {
    /// The line, cut so that it does not wrap: a wrapped line cannot be erased.
    pub(super) fn line(&self, columns: usize) -> String {
        match self {
            Self::Addresses(progress) => address_line(progress, columns),
            Self::List(progress) => list_line(progress, columns),
        }
    }
}

/// Where a run over addresses stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressProgress {
    /// What is examined: `mx.example.com 192.0.2.25`, or the target while its name is looked up.
    pub(crate) label: String,
    /// Addresses examined so far, and in all.
    pub(crate) addresses: (usize, usize),
    /// The sizes still in question, if known.
    pub(crate) range: Option<(PacketSize, PacketSize)>,
    /// Whether the way there is known, and the other one is examined.
    pub(crate) is_on_the_way_back: bool,
    /// Probes sent so far.
    pub(crate) probes: u64,
    /// Since the start.
    pub(crate) elapsed: Duration,
}

fn address_line(progress: &AddressProgress, columns: usize) -> String {
    let (done, all) = progress.addresses;
    let what = if all > 1 {
        format!("{}: {done} of {all} addresses done", progress.label)
    } else {
        match progress.range {
            _ if progress.is_on_the_way_back => format!("{}: the other direction", progress.label),
            Some((low, high)) => format!("{}: probing {low}..{high}", progress.label),
            None => format!("{}: probing", progress.label),
        }
    };
    let seconds = progress.elapsed.as_secs_f64();
    let tail = format!(", {} probes, {seconds:.1} s", progress.probes);
    let room = columns.saturating_sub(1);
    let head = cut(&what, room.saturating_sub(tail.len()));
    cut(&format!("{head}{tail}"), room)
}

/// Where a run over a list stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListProgress {
    /// Targets that are done.
    pub(crate) done: u64,
    /// Targets that are not, where the length of the list is known.
    pub(crate) left: Option<u64>,
    /// Addresses that are examined at the moment.
    pub(crate) in_work: usize,
    /// How often each verdict was given, in words.
    pub(crate) counts: String,
    /// Probes sent so far.
    pub(crate) probes: u64,
    /// Since the start.
    pub(crate) elapsed: Duration,
}

#[allow(clippy::cast_precision_loss)] // nobody reads so many digits
fn list_line(progress: &ListProgress, columns: usize) -> String {
    let seconds = progress.elapsed.as_secs_f64();
    let per_second = if seconds > 0.0 { progress.done as f64 / seconds } else { 0.0 };
    let mut what = match progress.left {
        Some(left) => format!("{} of {} done", progress.done, progress.done + left),
        None => format!("{} done", progress.done),
    };
    // Writing into a String cannot fail.
    let _ = write!(what, ", {} running, {per_second:.0}/s", progress.in_work);
    if let Some(left) = progress.left.filter(|_| progress.done > 0) {
        let _ = write!(what, ", {} left", span(left as f64 / per_second));
    }
    if !progress.counts.is_empty() {
        let _ = write!(what, ": {}", progress.counts);
    }
    cut(&what, columns.saturating_sub(1))
}

/// `12 s`, `3 min 20 s`, `2 h 5 min`.
fn span(seconds: f64) -> String {
    #[allow(clippy::cast_sign_loss)] // just made positive
    let whole = seconds.ceil().clamp(0.0, 1e9) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// At most `room` columns; what a terminal might act on, or show wide, becomes a question mark.
fn cut(text: &str, room: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    match room.checked_sub(2) {
        _ if plain.len() <= room => plain,
        Some(shorter) => format!("{}..", &plain[..shorter]),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> AddressProgress {
        AddressProgress {
            label: "mx.example.com 192.0.2.25".into(),
            addresses: (0, 1),
            range: Some((PacketSize::new(1400), PacketSize::new(1500))),
            is_on_the_way_back: false,
            probes: 34,
            elapsed: Duration::from_millis(120),
        }
    }

    #[test]
    fn the_line_says_what_is_known() {
        assert_eq!(address_line(&state(), 80), "mx.example.com 192.0.2.25: probing 1400..1500, 34 probes, 0.1 s");
        let unknown = AddressProgress { range: None, ..state() };
        assert_eq!(address_line(&unknown, 80), "mx.example.com 192.0.2.25: probing, 34 probes, 0.1 s");
        let back = AddressProgress { is_on_the_way_back: true, ..state() };
        assert_eq!(address_line(&back, 80), "mx.example.com 192.0.2.25: the other direction, 34 probes, 0.1 s");
        let many = AddressProgress { label: "mx.example.com".into(), addresses: (2, 5), ..state() };
        assert_eq!(address_line(&many, 80), "mx.example.com: 2 of 5 addresses done, 34 probes, 0.1 s");
    }

    #[test]
    fn the_line_of_many_says_how_fast_and_how_long() {
        let bulk = ListProgress {
            done: 300,
            left: Some(9700),
            in_work: 200,
            counts: "150 black hole, 150 clear".into(),
            probes: 20_000,
            elapsed: Duration::from_secs(2),
        };
        let line = "300 of 10000 done, 200 running, 150/s, 1 min 5 s left: 150 black hole, 150 clear";
        assert_eq!(list_line(&bulk, 100), line);
        assert_eq!(list_line(&bulk, 31), "300 of 10000 done, 200 runni..");
        let pipe = ListProgress { left: None, counts: String::new(), ..bulk.clone() };
        assert_eq!(list_line(&pipe, 100), "300 done, 200 running, 150/s");
        let start = ListProgress { done: 0, elapsed: Duration::ZERO, counts: String::new(), ..bulk };
        assert_eq!(list_line(&start, 100), "0 of 9700 done, 200 running, 0/s");
        assert_eq!([span(0.2), span(3600.0 * 2.0 + 61.0)], ["1 s", "2 h 1 min"]);
    }

    #[test]
    fn the_line_never_reaches_the_last_column() {
        for columns in 0..100 {
            assert!(address_line(&state(), columns).len() < columns.max(1), "{columns}");
        }
        assert_eq!(address_line(&state(), 50), "mx.example.com 192.0.2.25: pr.., 34 probes, 0.1 s");
    }

    #[test]
    fn a_hostile_name_cannot_steer_the_terminal() {
        let hostile = AddressProgress { label: "\u{1b}[2J\u{9b}m\u{fc}x".into(), ..state() };
        assert_eq!(address_line(&hostile, 80), "?[2J?m?x: probing 1400..1500, 34 probes, 0.1 s");
    }
}

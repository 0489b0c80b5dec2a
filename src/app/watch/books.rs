//! What a watch keeps for others: the history of `--jsonl`, and the textfile of `--prometheus`.
//!
//! A target has a line in the history when it was examined first, when something about it has changed, and once a day: so days of
//! running fill no disk, and a file that ends says when the watch ended. The textfile always holds how all addresses stand.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::time::Duration;

use crate::app::cases::Cases;
use crate::app::output::outputs::Outputs;
use crate::app::output::result_sink::RunResult;
use crate::model::{AddressReport, Report, TargetFailure, Timestamp};
use crate::watch::TargetId;

/// Lines of a target without a change.
const HEARTBEAT: Duration = Duration::from_secs(86_400);
/// The textfile is written while nothing is examined, unless that does not come.
const AT_ONCE: Duration = Duration::from_secs(5);
const AT_LAST: Duration = Duration::from_secs(60);

pub(super) struct Books {
    outputs: Outputs,
    /// By target: what its last line says, and when it was written.
    lines: HashMap<TargetId, (u64, Timestamp)>,
    /// Since when the textfile is out of date.
    stale_since: Option<Timestamp>,
    published: Option<Timestamp>,
}

impl Books {
    pub(super) fn new(outputs: Outputs) -> Self {
        Self { outputs, lines: HashMap::new(), stale_since: None, published: None }
    }

    /// Whether there are any.
    pub(super) fn are_kept(&self) -> bool {
        !self.outputs.are_none()
    }

    /// Whether a target needs a line: what `stands` is is not what the last one says.
    pub(super) fn wants_line(&mut self, target: TargetId, stands: &impl Hash, now: Timestamp) -> bool {
        self.note(now);
        let mut hasher = DefaultHasher::new();
        stands.hash(&mut hasher);
        let stands = hasher.finish();
        let before = self.lines.get(&target);
        let is_told = before.is_some_and(|(said, at)| *said == stands && now.since(*at) < HEARTBEAT);
        if !is_told {
            self.lines.insert(target, (stands, now));
        }
        !is_told
    }

    /// The textfile is out of date.
    pub(super) fn note(&mut self, now: Timestamp) {
        if self.are_kept() {
            self.stale_since.get_or_insert(now);
        }
    }

    /// Since when the textfile is as it is; `None`: it was never written.
    pub(super) fn published(&self) -> Option<Timestamp> {
        self.published
    }

    /// Writes the line of a target, or of a connection.
    pub(super) fn write(&mut self, report: &Report, cases: Option<&Cases<'_>>) -> io::Result<()> {
        self.outputs.result(&RunResult { report, cases })
    }

    /// Targets that are watched no more have no line.
    pub(super) fn keep_only(&mut self, is_watched: impl Fn(TargetId) -> bool) {
        self.lines.retain(|target, _| is_watched(*target));
    }

    /// When the textfile has to be written; `None`: it is as all stands.
    pub(super) fn due(&self, is_idle: bool) -> Option<Timestamp> {
        let since = self.stale_since?;
        let patience = if is_idle { AT_ONCE } else { AT_LAST };
        Some(self.published.map_or(Timestamp::ZERO, |published| published + patience).max(if is_idle {
            since
        } else {
            since + AT_LAST
        }))
    }

    /// Writes how all stands.
    pub(super) fn publish(
        &mut self,
        addresses: &[&AddressReport],
        failures: &[TargetFailure],
        now: Timestamp,
    ) -> io::Result<()> {
        (self.stale_since, self.published) = (None, Some(now));
        self.outputs.standing(addresses, failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn a_target_has_a_line_for_each_change_and_one_a_day() {
        let mut books = Books::new(Outputs::none());
        let (mx, day) = (TargetId(0), 86_400);
        assert!(books.wants_line(mx, &"clear", at(0)));
        assert!((1..288).all(|round| !books.wants_line(mx, &"clear", at(round * 300))));
        assert!(books.wants_line(mx, &"clear", at(day)) && !books.wants_line(mx, &"clear", at(day + 300)));
        assert!(books.wants_line(mx, &"hole", at(day + 600)) && !books.wants_line(mx, &"hole", at(2 * day)));
        books.keep_only(|_| false);
        assert!(books.wants_line(mx, &"hole", at(2 * day)), "it is new again");
    }

    #[test]
    fn the_textfile_waits_for_a_quiet_moment_but_not_for_ever() {
        let mut books = Books::new(Outputs::one_that_listens());
        assert_eq!(books.due(true), None);
        books.wants_line(TargetId(0), &"clear", at(10));
        assert_eq!((books.due(true), books.due(false)), (Some(at(10)), Some(at(70))));
        books.publish(&[], &[], at(10)).expect("nobody fails");
        assert_eq!(books.due(true), None);
        books.wants_line(TargetId(0), &"clear", at(11));
        assert_eq!((books.due(true), books.due(false)), (Some(at(15)), Some(at(71))));
    }
}

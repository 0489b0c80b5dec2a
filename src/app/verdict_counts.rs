//! What came of many targets, worst first.

use std::fmt::Write;

use crate::model::{PortState, ReverseVerdict, Verdict};
use crate::report::words::{Word, counted, verdict_name, without_connections};

/// Counts of verdicts, and the first targets of each that needs attention.
#[derive(Debug, Default)]
pub(super) struct VerdictCounts {
    addresses: [VerdictRow; Verdict::WORST_FIRST.len()],
    /// Where large packets do not come back.
    reverse: VerdictRow,
    /// Whose port takes no connections.
    closed: VerdictRow,
    /// That are as expected.
    expected: u64,
    /// That are not.
    changed: VerdictRow,
    targets: u64,
    /// Targets without an address that could be examined.
    failed: u64,
    worst: Option<u8>,
}

#[derive(Debug, Default)]
struct VerdictRow {
    count: u64,
    /// Those of the count that are as expected.
    expected: u64,
    first: Vec<String>,
}

/// Targets named for each verdict: a summary does not grow with the list.
const MOST_NAMED: usize = 20;

impl VerdictCounts {
    /// Counts a target of an earlier run by the words of its result line.
    pub(super) fn add<'a>(
        &mut self,
        exit_code: u8,
        addresses: impl Iterator<Item = (&'a str, Option<&'a str>, Option<bool>)>,
    ) {
        let mut any = false;
        for (word, port_state, is_expected) in addresses {
            any = true;
            self.expected += u64::from(is_expected == Some(true));
            self.changed.count += u64::from(is_expected == Some(false));
            self.closed.count += u64::from(port_state.is_some_and(|state| state != PortState::Open.word()));
            if let Some(row) = Verdict::WORST_FIRST.iter().position(|verdict| verdict.word() == word) {
                self.addresses[row].count += 1;
            }
        }
        self.add_target(exit_code, any);
    }

    /// Counts an address that is as expected: nobody has to do anything about it, so it is not named.
    pub(super) fn add_expected(&mut self, verdict: Verdict) {
        self.expected += 1;
        if let Some(row) = Verdict::WORST_FIRST.iter().position(|row| *row == verdict) {
            self.addresses[row].count += 1;
            self.addresses[row].expected += 1;
        }
    }

    /// Names an address that is not as expected.
    pub(super) fn note_change(&mut self, label: &str) {
        self.changed.note(label);
    }

    /// Counts an address.
    pub(super) fn add_address(&mut self, verdicts: (Verdict, ReverseVerdict), port: Option<PortState>, label: &str) {
        let (verdict, reverse) = verdicts;
        if let Some(row) = Verdict::WORST_FIRST.iter().position(|row| *row == verdict) {
            self.addresses[row].note(label);
        }
        if matches!(reverse, ReverseVerdict::BlackHole | ReverseVerdict::Recovers) {
            self.reverse.note(label);
        }
        if port.is_some_and(|port| !port.takes_connections()) {
            self.closed.note(label);
        }
    }

    /// Counts a target.
    pub(super) fn add_target(&mut self, exit_code: u8, has_addresses: bool) {
        self.targets += 1;
        self.failed += u64::from(!has_addresses);
        self.note_exit_code(exit_code);
    }

    /// 2 before 1 before 3 before 0.
    pub(super) fn note_exit_code(&mut self, code: u8) {
        self.worst = Some(crate::model::worst_exit_code(self.worst.into_iter().chain([code])));
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.worst.unwrap_or(0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.targets == 0
    }

    fn row(&self, verdict: Verdict) -> Option<&VerdictRow> {
        let row = Verdict::WORST_FIRST.iter().position(|known| *known == verdict)?;
        self.addresses.get(row)
    }

    /// `600 black hole, 3 masked, 20 clear`.
    pub(super) fn counts(&self) -> String {
        let mut parts: Vec<String> = counted(|verdict| self.row(verdict).map_or(0, |row| row.count)).collect();
        if self.reverse.count > 0 {
            parts.push(format!("{} faulty on the way back", self.reverse.count));
        }
        parts.extend(without_connections(self.closed.count));
        if self.expected > 0 {
            parts.push(format!("{} as expected", self.expected));
        }
        if self.changed.count > 0 {
            parts.push(format!("{} not as expected", self.changed.count));
        }
        if self.failed > 0 {
            parts.push(format!("{} not examined", self.failed));
        }
        parts.join(", ")
    }

    /// Several lines: the counts, then the targets that need attention, worst first.
    pub(super) fn summary(&self) -> String {
        let s = if self.targets == 1 { "" } else { "s" };
        let mut out = format!("{} target{s}: {}\n", self.targets, self.counts());
        let faulty = Verdict::WORST_FIRST.iter().zip(&self.addresses).filter(|(verdict, _)| needs_attention(**verdict));
        let rows = [("not as expected", &self.changed)]
            .into_iter()
            .chain(faulty.map(|(verdict, row)| (verdict_name(*verdict), row)))
            .chain([("faulty on the way back", &self.reverse), ("port takes no connections", &self.closed)]);
        for (title, row) in rows.filter(|(_, row)| !row.first.is_empty()) {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "\n{title}:");
            for label in &row.first {
                let _ = writeln!(out, "  {label}");
            }
            if let Some(more @ 1..) = row.count.checked_sub(row.expected + row.first.len() as u64) {
                let _ = writeln!(out, "  and {more} more");
            }
        }
        out
    }
}

impl VerdictRow {
    fn note(&mut self, label: &str) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(label.to_owned());
        }
    }
}

fn needs_attention(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Clear | Verdict::Discoverable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Option<PortState> = Some(PortState::Open);

    #[test]
    fn the_summary_begins_with_the_worst_and_stays_short() {
        let mut counts = VerdictCounts::default();
        for n in 0..30 {
            counts.add_address((Verdict::Clear, ReverseVerdict::Untested), OPEN, &format!("clear{n}"));
            counts.add_target(0, true);
        }
        for n in 0..25 {
            counts.add_address((Verdict::BlackHole, ReverseVerdict::Untested), OPEN, &format!("hole{n}"));
            counts.add_target(2, true);
        }
        counts.add_address((Verdict::Masked, ReverseVerdict::BlackHole), OPEN, "masked0");
        counts.add_target(2, true);
        counts.add_target(3, false);
        let summary = counts.summary();
        let first = "57 targets: 25 black hole, 1 masked, 30 clear, 1 faulty on the way back, 1 not examined\n";
        assert!(summary.starts_with(first), "{summary}");
        assert!(summary.contains("\nblack hole:\n  hole0\n") && summary.contains("  hole19\n  and 5 more\n"));
        assert!(!summary.contains("clear0"), "nobody has to do anything about those");
        assert!(summary.ends_with("masked:\n  masked0\n\nfaulty on the way back:\n  masked0\n"), "{summary}");
        assert_eq!(counts.exit_code(), 2);
    }

    #[test]
    fn lines_of_an_earlier_run_count() {
        let mut counts = VerdictCounts::default();
        counts.add(1, [("masked", None, Some(false)), ("clear", Some("open"), None)].into_iter());
        counts.add(3, [("clear", Some("refused"), Some(true))].into_iter());
        counts.add(3, std::iter::empty());
        let expected = "1 masked, 2 clear, 1 takes no connections, 1 as expected, 1 not as expected, 1 not examined";
        assert_eq!(counts.counts(), expected);
        assert_eq!((counts.targets, counts.exit_code()), (3, 1));
    }

    /// What everybody knows is no news; what is new comes first.
    #[test]
    fn what_is_as_expected_is_counted_and_not_named() {
        let mut counts = VerdictCounts::default();
        counts.add_expected(Verdict::Masked);
        counts.add_expected(Verdict::BlackHole);
        counts.add_target(0, true);
        counts.add_address((Verdict::BlackHole, ReverseVerdict::Untested), OPEN, "new0");
        counts.note_change("new0");
        counts.add_target(2, true);
        let summary = "2 targets: 2 black hole, 1 masked, 2 as expected, 1 not as expected\n\n\
                       not as expected:\n  new0\n\nblack hole:\n  new0\n";
        assert_eq!(counts.summary(), summary);
    }

    /// A clear path to a closed port is no good news, so its target is named.
    #[test]
    fn ports_that_take_no_connections_are_named() {
        let mut counts = VerdictCounts::default();
        counts.add_address((Verdict::Clear, ReverseVerdict::Untested), Some(PortState::Refused), "closed0");
        counts.add_target(3, true);
        counts.add_address((Verdict::Clear, ReverseVerdict::Untested), None, "unknown0");
        counts.add_target(0, true);
        let summary = "2 targets: 2 clear, 1 takes no connections\n\nport takes no connections:\n  closed0\n";
        assert_eq!((counts.summary().as_str(), counts.exit_code()), (summary, 3));
    }
}

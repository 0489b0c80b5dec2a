//! Which lines of the list are targets of this run.

use super::target_list::{LineContent, ListLine};
use crate::app::earlier_results::EarlierResults;
use crate::app::shard::Shard;
use crate::app::target_key::TargetKey;
use crate::app::target_set::TargetSet;
use crate::resolve::Target;

/// Reads lines, and remembers what it has let in.
pub(super) struct Admission {
    shard: Shard,
    /// Those of earlier runs too.
    seen: TargetSet,
    lines_read: u64,
    lines_in_all: Option<u64>,
}

/// What a line is.
pub(super) enum Admitted {
    Target(String),
    /// A target that is not this run's, or is known already.
    NotWanted,
    /// No target, for this reason.
    Bad(String),
}

impl Admission {
    pub(super) fn new(shard: Shard, earlier: EarlierResults, lines_in_all: Option<u64>) -> Self {
        Self { shard, seen: earlier.into_targets(), lines_read: 0, lines_in_all }
    }

    /// Whether a line holds a target that this run has to examine.
    pub(super) fn admit(&mut self, line: ListLine) -> Admitted {
        self.lines_read = line.number;
        let target = match text_of(line.content) {
            Ok(target) => target,
            Err(what) => return Admitted::Bad(format!("line {} of the list {what}", line.number)),
        };
        let key = TargetKey::of(&target);
        let is_new = self.shard.has(key) && self.seen.insert(key);
        if is_new { Admitted::Target(target) } else { Admitted::NotWanted }
    }

    pub(super) fn has_read_nothing(&self) -> bool {
        self.lines_read == 0
    }

    /// About how many targets are still to come, where the length of the list is known.
    pub(super) fn unread(&self) -> Option<u64> {
        let unread = self.lines_in_all?.saturating_sub(self.lines_read);
        Some(unread / u64::from(self.shard.of()))
    }
}

/// The target in a line, or what the line is instead.
fn text_of(content: LineContent) -> Result<String, String> {
    let target = match content {
        LineContent::Text(text) => text,
        LineContent::Binary => return Err("is no text; write one host or address per line".into()),
        LineContent::TooLong => return Err("is longer than any target; write one per line".into()),
        LineContent::Unreadable(why) => return Err(format!("cannot be read, the list ends there: {why}")),
    };
    match target.parse::<Target>() {
        Ok(_) => Ok(target),
        Err(error) => Err(format!("is no target: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, text: &str) -> ListLine {
        ListLine { number, content: LineContent::Text(text.into()) }
    }

    fn admit(admission: &mut Admission, line: ListLine) -> Result<Option<String>, String> {
        match admission.admit(line) {
            Admitted::Target(target) => Ok(Some(target)),
            Admitted::NotWanted => Ok(None),
            Admitted::Bad(why) => Err(why),
        }
    }

    #[test]
    fn a_target_is_wanted_once_and_a_bad_line_is_told_by_its_number() {
        let mut admission = Admission::new(Shard::ALL, EarlierResults::default(), Some(4));
        assert!(admission.has_read_nothing());
        assert_eq!(admit(&mut admission, line(1, "mx.example.com")), Ok(Some("mx.example.com".into())));
        assert_eq!(admit(&mut admission, line(2, "MX.example.com.")), Ok(None));
        let binary = ListLine { number: 3, content: LineContent::Binary };
        let why = "line 3 of the list is no text; write one host or address per line";
        assert_eq!(admit(&mut admission, binary), Err(why.into()));
        assert_eq!(admission.unread(), Some(1));
    }
}

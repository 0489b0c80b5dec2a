//! What is made of the findings: whether they are news, and whether a limit is kept.

use super::alert::{Alarm, Thresholds};
use super::expectation::{Change, Standard, compare};
use super::report::{Examined, worst_exit_code};

/// How an address fares against what was expected of it. By default nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assessment {
    /// In what it differs; `None`: nothing was expected of it.
    pub changes: Option<Vec<Change>>,
    /// The limits of its path MTU.
    pub thresholds: Thresholds,
    /// The limit that it does not keep.
    pub alarm: Option<Alarm>,
}

impl Assessment {
    /// Holds what was found against a standard, if there is one, and against limits.
    pub fn of(examined: &Examined, standard: Option<Standard<'_>>, thresholds: Thresholds) -> Self {
        let size = examined.path_mtu.filter(|_| examined.direction.is_forward());
        Self {
            changes: standard.and_then(|standard| compare(examined, standard)),
            thresholds,
            alarm: size.and_then(|size| thresholds.alarm(size)),
        }
    }

    /// Whether it is as expected; `None`: nothing was expected.
    pub fn is_expected(&self) -> Option<bool> {
        self.changes.as_ref().map(Vec::is_empty)
    }

    /// The exit code of the address: of each way 0 where it is as expected; where it is not, at least 1, for a fault that is gone
    /// is news as well. A limit counts all the same.
    pub fn exit_code(&self, examined: &Examined) -> u8 {
        let judged = match &self.changes {
            None => examined.exit_code(),
            Some(changes) => {
                let of = |own: u8, is_changed: bool| if is_changed { own.max(1) } else { 0 };
                let there = of(examined.code_there(), changes.iter().any(|change| !change.is_of_the_way_back()));
                let back = of(examined.code_back(), changes.iter().any(Change::is_of_the_way_back));
                worst_exit_code([there, back])
            }
        };
        worst_exit_code(self.alarm.map(Alarm::code).into_iter().chain([judged]))
    }
}

//! Copies of the lost size without DF, and tiny fragments as their control (IPv4): if they pass, a router refuses the size and
//! could have said so; if they vanish as well, the two ends of a link disagree.

use crate::model::{Family, PacketSize, Plan, Technique as Name, Timestamp};

use super::super::fisher::p_value;
use super::super::search::{ProbeKind, ProbeLog, Search};

/// The copies asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NoDfCopy {
    /// The lost size, and how many copies of it were queued.
    about: Option<(PacketSize, u32)>,
}

/// What became of the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDfOutcome {
    Untested,
    Passes,
    /// Lost, although fragments pass.
    Lost,
    /// Lost, but so are tiny fragments.
    Uninformative,
}

/// Copies in the first batch, and in all where the path loses packets of any size.
const COPIES: [u32; 2] = [3, 12];
/// Largest p at which lost copies beside answered fragments mean more than chance, on a lossy path.
const SIGNIFICANCE: f64 = 0.001;
/// A packet that is sent in tiny fragments.
const FRAGMENTED: PacketSize = PacketSize::new(160);

impl NoDfCopy {
    /// The technique whose copies speak for another: a SYN in pieces would be dropped by too many firewalls.
    pub(crate) fn witness(technique: Name) -> Name {
        if technique == Name::SynData { Name::Echo } else { technique }
    }

    /// Queues copies of the size that a search confirms as lost.
    pub(crate) fn queue_in(&mut self, search: &mut Search, plan: &Plan, now: Timestamp) {
        let Some((passes, lost)) = search.confirming().filter(|_| plan.family() == Family::V4) else { return };
        let is_lossy = search.log().lost_below(passes);
        let is_unanswered = search.log().trials(lost, ProbeKind::NoDf).answered == 0;
        let queued = self.about.filter(|(size, _)| *size == lost).map_or(0, |(_, queued)| queued);
        let wanted = match queued {
            0 => COPIES[0],
            n if n < COPIES[1] && is_lossy && is_unanswered && search.is_idle() => COPIES[1] - n,
            _ => return,
        };
        self.about = Some((lost, queued + wanted));
        for _ in 0..wanted {
            search.queue(lost, ProbeKind::NoDf, now);
            search.queue(FRAGMENTED, ProbeKind::Fragments, now);
        }
        search.queue(passes, ProbeKind::Sized, now);
    }

    /// What became of them, by the log of the technique that sent them.
    pub(crate) fn outcome(self, log: &ProbeLog) -> NoDfOutcome {
        let Some((lost, _)) = self.about else { return NoDfOutcome::Untested };
        let (copies, fragments) = (log.trials(lost, ProbeKind::NoDf), log.trials_of_kind(ProbeKind::Fragments));
        match (copies.total, copies.answered) {
            (0, _) => NoDfOutcome::Untested,
            (_, 1..) => NoDfOutcome::Passes,
            _ if fragments.answered == 0 => NoDfOutcome::Uninformative,
            // Two fragments are lost more often than one packet, so on a lossy path chance has to be ruled out.
            _ if log.loses_controls() && p_value(fragments, copies) > SIGNIFICANCE => NoDfOutcome::Uninformative,
            _ => NoDfOutcome::Lost,
        }
    }
}

//! Copies of the lost size without DF, and tiny fragments as their control (IPv4): if they pass, a router refuses the size and
//! could have said so; if they vanish as well, the two ends of a link disagree.

use crate::model::{Family, PacketSize, Plan, Technique as Name, Timestamp};

use super::super::fisher::{SIGNIFICANCE, p_value};
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
    /// IPv6 has none.
    NoSuchCopies,
    Untested,
    Passes,
    /// Lost, although fragments pass.
    Lost,
    /// Lost, but so are tiny fragments, whatever they are part of.
    FragmentsLost,
    /// Lost as far as is known, by size or by chance.
    Unclear,
}

/// Copies in the first batch, in the second one, and in each further one.
const BATCHES: [u32; 3] = [3, 3, 6];
const MOST_COPIES: u32 = 36;
/// Largest p at which lost copies beside answered fragments, or lost fragments beside answered controls, mean more than chance.
/// On a lossy path chance meets so many runs that more is asked for.
const LOSSY_SIGNIFICANCE: f64 = 1e-4;
/// A packet that is sent in tiny fragments.
const FRAGMENTED: PacketSize = PacketSize::new(160);

impl NoDfCopy {
    /// The technique whose copies speak for another: a SYN in pieces would be dropped by too many firewalls. Where no echo
    /// request is answered, the bytes of the conversation are left.
    pub(crate) fn witness(technique: Name, is_echo_answered: bool) -> Name {
        match technique {
            Name::SynData if is_echo_answered => Name::Echo,
            Name::SynData => Name::RealBytes,
            other => other,
        }
    }

    /// Queues copies of the size that a search confirms as lost, until what became of them is clear.
    pub(crate) fn queue_in(&mut self, search: &mut Search, plan: &Plan, now: Timestamp) {
        let Some((passes, lost)) = search.confirming().filter(|_| plan.family() == Family::V4) else { return };
        let queued = self.about.filter(|(size, _)| *size == lost).map_or(0, |(_, queued)| queued);
        let is_clear = queued > 0 && self.outcome(search.log()) != NoDfOutcome::Unclear;
        if is_clear || queued >= MOST_COPIES || (queued > 0 && !search.is_idle()) {
            return;
        }
        let [first, second, further] = BATCHES;
        let wanted = match queued {
            0 => first,
            n if n == first => second,
            _ => further,
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
        // Two fragments are lost more often than one packet, so a lossy path may show in them alone.
        let is_lossy = log.loses_controls() || (1..fragments.total).contains(&fragments.answered);
        let significance = if is_lossy { LOSSY_SIGNIFICANCE } else { SIGNIFICANCE };
        match (copies.total, copies.answered) {
            (0, _) => NoDfOutcome::Untested,
            (_, 1..) => NoDfOutcome::Passes,
            _ if p_value(fragments, copies) <= significance => NoDfOutcome::Lost,
            _ if fragments.answered == 0 && p_value(log.all_controls(), fragments) <= significance => {
                NoDfOutcome::FragmentsLost
            }
            _ => NoDfOutcome::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rtt::RttEstimator;
    use super::super::super::search::{ProbeKey, QueuedProbe};
    use super::*;

    const LOST: PacketSize = PacketSize::new(1401);
    const PASSES: PacketSize = PacketSize::new(1400);

    /// What copies and fragments tell of which so many, of so many, were answered, beside twenty controls.
    fn outcome(copies: (u32, u32), fragments: (u32, u32), controls: u32) -> NoDfOutcome {
        let (mut log, mut rtt) = (ProbeLog::default(), RttEstimator::default());
        let mut seq = 0;
        for (size, kind, (answered, total)) in [
            (LOST, ProbeKind::NoDf, copies),
            (FRAGMENTED, ProbeKind::Fragments, fragments),
            (PASSES, ProbeKind::Sized, (controls, 20)),
        ] {
            for n in 0..total {
                let key = ProbeKey::Echo(seq);
                seq += 1;
                log.launched(QueuedProbe { size, kind, not_before: Timestamp::ZERO }, key, Timestamp::ZERO);
                if n < answered {
                    log.answered(Timestamp::ZERO, &mut rtt, |probe| probe.key == key);
                }
            }
        }
        log.settle(Timestamp::from_origin(std::time::Duration::from_secs(9)), &rtt);
        NoDfCopy { about: Some((LOST, copies.1)) }.outcome(&log)
    }

    #[test]
    fn one_copy_that_passes_is_enough() {
        assert_eq!(outcome((1, 3), (0, 3), 20), NoDfOutcome::Passes);
    }

    /// Three and three are p = 0.05.
    #[test]
    fn copies_are_lost_only_if_chance_is_ruled_out() {
        assert_eq!(outcome((0, 3), (3, 3), 20), NoDfOutcome::Unclear);
        assert_eq!(outcome((0, 6), (6, 6), 20), NoDfOutcome::Lost);
    }

    /// Six and six are p = 0.0011, which is too much where a tenth of the packets is lost: a copy goes in two pieces.
    #[test]
    fn a_lossy_path_takes_more_of_both() {
        assert_eq!(outcome((0, 6), (6, 6), 18), NoDfOutcome::Unclear);
        assert_eq!(outcome((0, 6), (5, 6), 20), NoDfOutcome::Unclear);
        assert_eq!(outcome((0, 12), (8, 12), 18), NoDfOutcome::Unclear);
        assert_eq!(outcome((0, 12), (10, 12), 18), NoDfOutcome::Lost);
    }

    #[test]
    fn where_no_fragment_passes_copies_tell_nothing() {
        assert_eq!(outcome((0, 3), (0, 3), 20), NoDfOutcome::FragmentsLost);
        assert_eq!(outcome((0, 3), (0, 3), 14), NoDfOutcome::Unclear);
    }
}

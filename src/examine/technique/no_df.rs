//! Copies of the lost size without DF, and tiny fragments as their control (IPv4): if they pass, a router refuses the size and
//! could have said so; if they vanish as well, the two ends of a link disagree.

use crate::model::{Family, PacketSize, Plan, Technique as Name, Timestamp};

use super::super::fisher::p_value;
use super::super::search::{ProbeKind, ProbeLog, Search};

/// The copies asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NoDfCopy {
    about: Option<Copies>,
}

/// Copies that one technique sends.
#[derive(Clone, Copy, Debug)]
struct Copies {
    by: Name,
    lost: PacketSize,
    queued: u32,
}

/// What became of the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDfOutcome {
    Untested,
    Passes,
    /// Lost, although fragments pass.
    Lost,
    /// Lost, but so are tiny fragments, or the replies may be what is lost.
    Uninformative,
}

/// Copies in the first batch, and in all where the path loses packets of any size.
const COPIES: [u32; 2] = [3, 12];
/// Largest p at which lost copies beside answered fragments mean more than chance, on a lossy path.
const SIGNIFICANCE: f64 = 0.001;
/// A packet that is sent in tiny fragments.
const FRAGMENTED: PacketSize = PacketSize::new(160);

impl NoDfCopy {
    /// The technique whose copies speak for another: many firewalls drop SYNs in pieces, so echo comes first. An echo reply is as large
    /// as its request, so where replies carry DF whatever the request had, a lost copy says nothing.
    pub(crate) fn witness(technique: Name, echo_answers: bool, echo_keeps_df: bool) -> Name {
        if technique == Name::SynData && echo_answers && !echo_keeps_df { Name::Echo } else { technique }
    }

    /// Queues copies of the size that a search confirms as lost. `by` is the technique of the search.
    pub(crate) fn queue_in(&mut self, by: Name, search: &mut Search, plan: &Plan, now: Timestamp) {
        let Some((passes, lost)) = search.confirming().filter(|_| plan.family() == Family::V4) else { return };
        let is_lossy = search.log().lost_below(passes);
        let is_unanswered = search.log().trials(lost, ProbeKind::NoDf).answered == 0;
        let about = self.about.filter(|about| about.lost == lost && about.by == by);
        let queued = about.map_or(0, |about| about.queued);
        let wanted = match queued {
            0 => COPIES[0],
            n if n < COPIES[1] && is_lossy && is_unanswered && search.is_idle() => COPIES[1] - n,
            _ => return,
        };
        self.about = Some(Copies { by, lost, queued: queued + wanted });
        for _ in 0..wanted {
            search.queue(lost, ProbeKind::NoDf, now);
            search.queue(FRAGMENTED, ProbeKind::Fragments, now);
        }
        search.queue(passes, ProbeKind::Sized, now);
    }

    /// The technique that sent them.
    pub(crate) fn sent_by(self) -> Option<Name> {
        self.about.map(|about| about.by)
    }

    /// What became of them, by the log of the technique that sent them.
    pub(crate) fn outcome(self, log: &ProbeLog, echo_keeps_df: bool) -> NoDfOutcome {
        let Some(Copies { by, lost, .. }) = self.about else { return NoDfOutcome::Untested };
        let (copies, fragments) = (log.trials(lost, ProbeKind::NoDf), log.trials_of_kind(ProbeKind::Fragments));
        match (copies.total, copies.answered) {
            (0, _) => NoDfOutcome::Untested,
            (_, 1..) => NoDfOutcome::Passes,
            _ if fragments.answered == 0 => NoDfOutcome::Uninformative,
            // The reply to a copy that arrived met the small link on its way back, with DF.
            _ if by == Name::Echo && echo_keeps_df => NoDfOutcome::Uninformative,
            // Two fragments are lost more often than one packet, so on a lossy path chance has to be ruled out.
            _ if log.loses_controls() && p_value(fragments, copies) > SIGNIFICANCE => NoDfOutcome::Uninformative,
            _ => NoDfOutcome::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::rtt::RttEstimator;
    use crate::examine::search::{ProbeKey, QueuedProbe};

    const LOST: PacketSize = PacketSize::new(1401);

    /// Three copies that are lost, and three pairs of fragments that are answered.
    fn lost_beside_fragments() -> ProbeLog {
        let (mut log, mut rtt, start) = (ProbeLog::default(), RttEstimator::default(), Timestamp::default());
        for number in 0..6 {
            let (size, kind) = if number < 3 { (LOST, ProbeKind::NoDf) } else { (FRAGMENTED, ProbeKind::Fragments) };
            log.launched(QueuedProbe { size, kind, not_before: start }, ProbeKey::Echo(number), start);
            if kind == ProbeKind::Fragments {
                log.answered(start, &mut rtt, |probe| probe.key == ProbeKey::Echo(number));
            }
        }
        log.settle(start + std::time::Duration::from_secs(60), &rtt);
        log
    }

    #[test]
    fn a_lost_copy_says_nothing_where_replies_keep_df() {
        let log = lost_beside_fragments();
        let copies = |by| NoDfCopy { about: Some(Copies { by, lost: LOST, queued: 3 }) };
        assert_eq!(copies(Name::Echo).outcome(&log, false), NoDfOutcome::Lost);
        assert_eq!(copies(Name::Echo).outcome(&log, true), NoDfOutcome::Uninformative);
        // An ACK is small, whatever it answers.
        assert_eq!(copies(Name::SynData).outcome(&log, true), NoDfOutcome::Lost);
    }

    #[test]
    fn syns_speak_for_themselves_where_echo_cannot() {
        assert_eq!(NoDfCopy::witness(Name::SynData, true, false), Name::Echo);
        assert_eq!(NoDfCopy::witness(Name::SynData, true, true), Name::SynData);
        assert_eq!(NoDfCopy::witness(Name::SynData, false, false), Name::SynData);
        assert_eq!(NoDfCopy::witness(Name::OldData, true, false), Name::OldData);
    }
}

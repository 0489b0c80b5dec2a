//! Copies of the lost size without DF, and tiny fragments as their control (IPv4): if they pass, a router refuses the size and
//! could have said so; if they vanish as well, the two ends of a link disagree.

use crate::model::{Family, FirstFlight, PacketSize, Plan, Technique as Name, Timestamp};

use super::super::fisher::{SIGNIFICANCE, Trials, p_value};
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
    /// Fragments queued beside them.
    fragments: u32,
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
const MOST_COPIES: u32 = 48;
/// Largest p at which lost copies beside answered fragments, or lost fragments beside answered controls, mean more than chance.
/// On a lossy path chance meets so many runs that more is asked for.
const LOSSY_SIGNIFICANCE: f64 = 1e-4;

/// What else the copies are judged by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surroundings {
    /// Echo replies carry DF whatever their requests had.
    pub(crate) echo_keeps_df: bool,
    /// How packets of sizes that pass fare: those of the technique that lost most of them.
    pub(crate) controls: Trials,
    /// The same for those that are nearly as large as a copy: a bad line loses large packets more often.
    pub(crate) large: Trials,
}

impl Surroundings {
    /// Takes the controls from the logs of all techniques: packets are lost on the path, whatever they carry.
    pub(crate) fn new<'a>(echo_keeps_df: bool, logs: impl Iterator<Item = &'a ProbeLog> + Clone) -> Self {
        Self {
            echo_keeps_df,
            controls: worst(logs.clone().map(ProbeLog::controls_as_sent)),
            large: worst(logs.map(ProbeLog::large_controls_as_sent)),
        }
    }
}

/// The series that lost most, of those that lost any.
fn worst(series: impl Iterator<Item = Trials>) -> Trials {
    let rate = |trials: &Trials| f64::from(trials.total - trials.answered + 1) / f64::from(trials.total + 2);
    let lossy = series.filter(|trials| trials.answered < trials.total);
    lossy.max_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap_or_default()
}

/// The chance that mere loss takes so many packets that are sent in two pieces each, where single ones fare so.
fn chance_of_pairs(singles: Trials, pairs: u32) -> f64 {
    let passes = f64::from(singles.answered + 1) / f64::from(singles.total + 2);
    (1.0 - passes * passes).powf(f64::from(pairs))
}

/// A packet that is sent in tiny fragments.
const FRAGMENTED: PacketSize = PacketSize::new(160);

impl NoDfCopy {
    /// The technique whose copies speak for another: many firewalls drop SYNs in pieces, so echo comes first. An echo reply is as large
    /// as its request, so where replies carry DF whatever the request had, a lost copy says nothing, and SYNs speak for themselves.
    pub(crate) fn witness(technique: Name, echo_answers: bool, echo_keeps_df: bool) -> Name {
        if technique == Name::SynData && echo_answers && !echo_keeps_df { Name::Echo } else { technique }
    }

    /// Queues copies of the size that a search confirms as lost, until what became of them is clear. `by` is the technique of the
    /// search.
    pub(crate) fn queue_in(
        &mut self,
        by: Name,
        around: Surroundings,
        search: &mut Search,
        plan: &Plan,
        now: Timestamp,
    ) {
        let Some((passes, lost)) = search.confirming().filter(|_| plan.family() == Family::V4) else { return };
        let about = self.about.filter(|about| about.lost == lost && about.by == by);
        let queued = about.map_or(0, |about| about.queued);
        let is_vain = by == Name::Echo && around.echo_keeps_df;
        let has_begun_with_one = queued > 0 && queued < BATCHES[0];
        let is_unclear = self.outcome(search.log(), around) == NoDfOutcome::Unclear;
        let tells_more = is_unclear && (!is_vain || has_begun_with_one);
        if queued > 0 && !(tells_more && search.is_idle()) || queued >= MOST_COPIES {
            return;
        }
        let fragments = about.map_or(0, |about| about.fragments);
        let [first, second, further] = BATCHES;
        let (copies, controls) = match queued {
            // One that is answered tells all, and needs no fragments beside it.
            0 if plan.first_flight == FirstFlight::TwoSizes => (1, 0),
            0 => (first, first),
            n if n < first => (first - n, first),
            n if n == first => (second, second),
            _ => (further, further),
        };
        self.about = Some(Copies { by, lost, queued: queued + copies, fragments: fragments + controls });
        for n in 0..copies.max(controls) {
            if n < copies {
                search.queue(lost, ProbeKind::NoDf, now);
            }
            if n < controls {
                search.queue(FRAGMENTED, ProbeKind::Fragments, now);
            }
        }
        search.queue(passes, ProbeKind::Sized, now);
    }

    /// The technique that sent them.
    pub(crate) fn sent_by(self) -> Option<Name> {
        self.about.map(|about| about.by)
    }

    /// What became of them, by the log of the technique that sent them.
    pub(crate) fn outcome(self, log: &ProbeLog, around: Surroundings) -> NoDfOutcome {
        let Some(Copies { by, lost, .. }) = self.about else { return NoDfOutcome::Untested };
        let (copies, fragments) = (log.trials(lost, ProbeKind::NoDf), log.trials_of_kind(ProbeKind::Fragments));
        // Two fragments are lost more often than one packet, so a lossy path may show in them alone.
        let is_lossy = around.controls.total > 0 || (1..fragments.total).contains(&fragments.answered);
        let significance = if is_lossy { LOSSY_SIGNIFICANCE } else { SIGNIFICANCE };
        let is_chance = |singles, pairs| is_lossy && chance_of_pairs(singles, pairs) > significance;
        match (copies.total, copies.answered) {
            (0, _) => NoDfOutcome::Untested,
            (_, 1..) => NoDfOutcome::Passes,
            _ if fragments.answered == 0
                && !is_chance(around.controls, fragments.total)
                && p_value(log.controls_as_sent(), fragments) <= significance =>
            {
                NoDfOutcome::FragmentsLost
            }
            // The reply to a copy that arrived met the small link on its way back, with DF.
            _ if by == Name::Echo && around.echo_keeps_df => NoDfOutcome::Unclear,
            _ if around.large.total > 0 && is_chance(around.large, copies.total) => NoDfOutcome::Unclear,
            _ if p_value(fragments, copies) <= significance => NoDfOutcome::Lost,
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
    fn outcome_of(by: Name, keeps_df: bool, copies: (u32, u32), fragments: (u32, u32), controls: u32) -> NoDfOutcome {
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
        let around = Surroundings::new(keeps_df, [&log].into_iter());
        NoDfCopy { about: Some(Copies { by, lost: LOST, queued: copies.1, fragments: fragments.1 }) }
            .outcome(&log, around)
    }

    fn outcome(copies: (u32, u32), fragments: (u32, u32), controls: u32) -> NoDfOutcome {
        outcome_of(Name::OldData, false, copies, fragments, controls)
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

    /// A bad line loses large packets more often than tiny fragments: all of a dozen copies, where most packets of their size are lost.
    #[test]
    fn large_copies_are_lost_by_chance_where_large_packets_are() {
        assert_eq!(outcome((0, 12), (12, 12), 8), NoDfOutcome::Unclear);
        assert_eq!(outcome((0, 12), (12, 12), 18), NoDfOutcome::Lost);
    }

    #[test]
    fn where_no_fragment_passes_copies_tell_nothing() {
        assert_eq!(outcome((0, 3), (0, 3), 20), NoDfOutcome::FragmentsLost);
        assert_eq!(outcome((0, 3), (0, 3), 14), NoDfOutcome::Unclear);
    }

    /// Where half of all packets are lost, three of four pairs of fragments are: chance takes 24 of them in one run of a thousand, and
    /// 36 in one of 30 000.
    #[test]
    fn loss_alone_is_no_reason_to_say_that_fragments_are_dropped() {
        assert_eq!(outcome((0, 24), (0, 24), 10), NoDfOutcome::Unclear);
        assert_eq!(outcome((0, 36), (0, 36), 10), NoDfOutcome::FragmentsLost);
        // Other techniques lose what this one, with few controls, does not.
        let lossy = Trials { total: 40, answered: 20 };
        let fragments_lost = outcome_of(Name::OldData, false, (0, 6), (0, 6), 20);
        assert_eq!(fragments_lost, NoDfOutcome::FragmentsLost);
        assert!(chance_of_pairs(lossy, 6) > 0.1);
    }

    #[test]
    fn a_lost_copy_says_nothing_where_replies_keep_df() {
        let outcome = |by, keeps_df| outcome_of(by, keeps_df, (0, 6), (6, 6), 20);
        assert_eq!(outcome(Name::Echo, false), NoDfOutcome::Lost);
        assert_eq!(outcome(Name::Echo, true), NoDfOutcome::Unclear);
        // An ACK is small, whatever it answers.
        assert_eq!(outcome(Name::OldData, true), NoDfOutcome::Lost);
    }

    #[test]
    fn syns_speak_for_themselves_where_echo_cannot() {
        assert_eq!(NoDfCopy::witness(Name::SynData, true, false), Name::Echo);
        assert_eq!(NoDfCopy::witness(Name::SynData, true, true), Name::SynData);
        assert_eq!(NoDfCopy::witness(Name::SynData, false, false), Name::SynData);
        assert_eq!(NoDfCopy::witness(Name::OldData, true, false), Name::OldData);
    }
}

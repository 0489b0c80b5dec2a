//! What chance explains: how likely it is that whatever stays away was lost by chance, each time that the server sent it.
//!
//! Where packets of any size are lost, silence proves a size only if the server sent it so often that chance does not take all
//! of it. How often that was follows from the time: a server waits twice as long after each retransmission as before it
//! (RFC 6298, 5.5), so it sends once at least while its silence doubles.

use std::time::Duration;

/// Round trips of small packets, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct RoundTrips {
    tried: u32,
    failed: u32,
}

/// How often the server sent in vain, on one connection or on several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Vain {
    /// What stays away.
    sent: f64,
    /// Of that, what a server that searches for a size would have sent in smaller packets.
    searching: f64,
}

/// Whether chance explains what stays away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chance {
    /// It does not.
    Excluded,
    /// All of it may be lost by chance.
    MayBeAll,
    /// The large packets do not pass; but a server that went over to smaller ones may have lost those by chance.
    MayHideSearch,
}

/// A first retransmission has left by then.
const FIRST_TIMEOUT: Duration = Duration::from_millis(350);
/// A server that searches in the dark sends smaller packets by then: Linux with the fourth time-out.
const SEARCHES: Duration = Duration::from_millis(3300);
/// Less likely than this, chance does not explain that nothing large came.
const LEAST_FOR_ALL: f64 = 0.000_1;
/// The same for the small packets of a server that searches, which few do.
const LEAST_FOR_SEARCH: f64 = 0.000_2;
/// Shares of packets that may be lost, from none to all of them.
const STEPS: u32 = 200;

impl RoundTrips {
    pub(in super::super) fn new(answered: u32, failed: u32) -> Self {
        Self { tried: answered + failed, failed }
    }

    /// These and others.
    pub(super) fn and(self, other: Self) -> Self {
        Self { tried: self.tried + other.tried, failed: self.failed + other.failed }
    }

    /// The chance that so many packets are all lost, where `fails` tells how many round trips fail for a share of packets lost.
    ///
    /// The share is not known: it is every one that explains the counts, each as far as it does (Bayes, all alike before). So few round
    /// trips exclude little, and a share that happened to look small does not count as if it were known.
    fn all_lost(self, packets: f64, fails: impl Fn(f64) -> f64) -> f64 {
        let (answered, failed) = (f64::from(self.tried - self.failed), f64::from(self.failed));
        let explains = |lost: f64| answered * (1.0 - fails(lost)).ln() + failed * fails(lost).ln();
        let shares = || (1..STEPS).map(|step| f64::from(step) / f64::from(STEPS));
        let best = shares().map(explains).fold(f64::NEG_INFINITY, f64::max);
        let (all, lost) = shares().fold((0.0, 0.0), |(all, lost), share| {
            let weight = (explains(share) - best).exp();
            (all + weight, lost + weight * share.powf(packets))
        });
        lost / all
    }
}

/// All that is lost may be lost on the way back.
fn one_way_loses(lost: f64) -> f64 {
    lost
}

/// Both ways lose alike.
fn both_ways_lose(lost: f64) -> f64 {
    1.0 - (1.0 - lost) * (1.0 - lost)
}

impl Vain {
    /// For so long `full_segments` stay away.
    pub(super) fn since(lasted: Duration, full_segments: u32) -> Self {
        Self {
            sent: f64::from(full_segments) + doublings(lasted, FIRST_TIMEOUT),
            searching: doublings(lasted, SEARCHES),
        }
    }

    /// For so long they stayed away, and then the server sent smaller ones that came.
    pub(super) fn until_lowered(lasted: Duration, full_segments: u32) -> Self {
        Self { searching: 0.0, ..Self::since(lasted, full_segments) }
    }

    /// Whether chance explains it.
    pub(super) fn by_chance(self, trips: RoundTrips) -> Chance {
        if trips.all_lost(self.sent, one_way_loses) > LEAST_FOR_ALL {
            Chance::MayBeAll
        } else if trips.all_lost(self.searching, both_ways_lose) > LEAST_FOR_SEARCH {
            Chance::MayHideSearch
        } else {
            Chance::Excluded
        }
    }
}

impl std::iter::Sum for Vain {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, vain| Self {
            sent: sum.sent + vain.sent,
            searching: sum.searching + vain.searching,
        })
    }
}

/// How often a time has doubled since `first`.
fn doublings(lasted: Duration, first: Duration) -> f64 {
    (lasted.as_secs_f64() / first.as_secs_f64()).log2().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: RoundTrips = RoundTrips { tried: 80, failed: 15 };
    const THIRD: RoundTrips = RoundTrips { tried: 80, failed: 41 };

    fn stalls(seconds: &[u64]) -> Vain {
        seconds.iter().map(|&seconds| Vain::since(Duration::from_secs(seconds), 2)).sum()
    }

    /// With 30 % lost each way, all of eight packets are lost in one of 15 000 runs, and three small ones in one of 37.
    #[test]
    fn one_connection_proves_little_where_a_third_is_lost() {
        assert_eq!(stalls(&[15]).by_chance(THIRD), Chance::MayBeAll);
        assert_eq!(stalls(&[15, 15]).by_chance(THIRD), Chance::MayBeAll);
        assert_eq!(stalls(&[21, 15, 12]).by_chance(THIRD), Chance::MayHideSearch);
        assert_eq!(stalls(&[25, 25, 25]).by_chance(THIRD), Chance::Excluded);
    }

    #[test]
    fn a_search_takes_longer_to_be_seen_than_a_hole() {
        assert_eq!(stalls(&[3]).by_chance(TENTH), Chance::MayBeAll);
        assert_eq!(stalls(&[5, 5]).by_chance(TENTH), Chance::MayHideSearch);
        assert_eq!(stalls(&[15, 15]).by_chance(TENTH), Chance::Excluded);
    }

    /// Two of two that fail may be all.
    #[test]
    fn few_round_trips_exclude_little() {
        assert_eq!(stalls(&[15, 15]).by_chance(RoundTrips::new(0, 2)), Chance::MayBeAll);
    }

    /// Two answers are no proof that hardly anything is lost, and a hundred are.
    #[test]
    fn a_share_of_loss_is_known_no_better_than_the_counts_tell() {
        assert_eq!(stalls(&[25, 25, 25]).by_chance(RoundTrips::new(2, 0)), Chance::MayBeAll);
        assert_eq!(stalls(&[25, 25, 25]).by_chance(RoundTrips::new(100, 0)), Chance::Excluded);
    }
}

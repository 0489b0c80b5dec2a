//! The connections of the way back: the first one, and those that are opened beside it. This list alone opens, judges and
//! leaves them.

use std::time::Duration;

use crate::model::{IpHeader, Meaning, PacketSize, Segment, SeqNumber, Timestamp};

use super::super::random::Random;
use super::super::session::Dialogue;
use super::chance::{Chance, RoundTrips, Vain};
use super::conversation::{Conversation, ReplyStatus};
use super::fetch::Fetch;
use super::own_ptb::OwnPtb;
use super::ptb_test::PtbTest;
use super::setup::Setup;
use super::size_search::FetchSizes;
use super::small_segments::SmallSegments;
use super::timers::{ReverseTimer, ReverseTimers};
use super::trial::SizeTrial;

/// The connections, in the order in which they were opened.
#[derive(Debug)]
pub(super) struct FetchList {
    /// The one that allows the largest segments.
    first: Fetch,
    further: Vec<FurtherFetch>,
    small_segments: SmallSegments,
}

/// A connection beside the first, by what it is for.
#[derive(Debug)]
enum FurtherFetch {
    /// The same bytes in small segments.
    SmallSegments(Fetch),
    /// The same as the first, which chance may have robbed of all that the server tried.
    Again(Fetch),
    /// Sizes in between.
    Trial { fetch: Fetch, is_judged: bool },
    /// The server is told to send smaller ones.
    PtbTest(PtbTest),
}

/// Connections per address beside the first one, and one more where packets are lost: each is a line in the server's log.
const MOST_FURTHER: usize = 3;
/// So long a size must stay away on a further connection: the first transmission and four more.
pub(super) const TRIAL_PATIENCE: Duration = Duration::from_millis(3500);
/// The same where packets of any size are lost.
pub(super) const LOSSY_PATIENCE: Duration = Duration::from_millis(7500);

impl FetchList {
    /// Begins with a connection that is open.
    pub(super) fn new(first: Fetch) -> Self {
        Self { first, further: Vec::new(), small_segments: SmallSegments::NotTried }
    }

    pub(super) fn first(&self) -> &Fetch {
        &self.first
    }

    /// How the small segments fared.
    pub(super) fn small_segments(&self) -> &SmallSegments {
        &self.small_segments
    }

    pub(super) fn has_open_trial(&self) -> bool {
        self.further.iter().any(|further| matches!(further, FurtherFetch::Trial { is_judged: false, .. }))
    }

    /// The MTU that the server was told in the test of PTBs and whether it obeys, once that is known.
    pub(super) fn ptb_test_reaction(&self) -> Option<(PacketSize, bool)> {
        self.further.iter().find_map(FurtherFetch::ptb_test)?.reaction()
    }

    /// How long after it was asked the server went over to smaller packets by itself on a connection that tried a size.
    pub(super) fn recovered_beside(&self, round_trip: Duration) -> Option<Duration> {
        let trials = self.further.iter().filter_map(|further| match further {
            FurtherFetch::Trial { fetch, .. } | FurtherFetch::Again(fetch) => Some(fetch),
            FurtherFetch::SmallSegments(_) | FurtherFetch::PtbTest(_) => None,
        });
        let searched = |fetch: &Fetch| {
            let (resent, after) = (fetch.arrivals().resent()?, fetch.lowered_after()?);
            (resent.is_searched() && !resent.is_told(after, round_trip)).then_some(after)
        };
        trials.filter_map(searched).min()
    }

    /// Opens the connection with small segments.
    pub(super) fn open_small_segments(&mut self, setup: &Setup, random: &mut Random, now: Timestamp) {
        self.small_segments = match self.open(setup, SizeTrial::one(setup.smallest()), random, now) {
            Some(fetch) => {
                self.further.push(FurtherFetch::SmallSegments(fetch));
                SmallSegments::Awaited
            }
            None => SmallSegments::no_connection(),
        };
    }

    /// Opens a connection that tries a size. Returns whether one more may be opened.
    pub(super) fn open_trial(&mut self, setup: &Setup, trial: SizeTrial, random: &mut Random, now: Timestamp) -> bool {
        let fetch = self.open(setup, trial, random, now);
        let is_open = fetch.is_some();
        self.further.extend(fetch.map(|fetch| FurtherFetch::Trial { fetch, is_judged: false }));
        is_open
    }

    /// Watches the server once more, on a connection like the first one.
    pub(super) fn watch_again(&mut self, setup: &Setup, random: &mut Random, now: Timestamp) {
        if self.again().is_none() {
            let size = PacketSize::from_mss(setup.plan().announced_mss(), setup.family());
            let fetch = self.open(setup, SizeTrial::one(size), random, now);
            self.further.extend(fetch.map(FurtherFetch::Again));
        }
    }

    /// The connection that is like the first one.
    pub(super) fn again(&self) -> Option<&Fetch> {
        self.further.iter().find_map(|further| match further {
            FurtherFetch::Again(fetch) => Some(fetch),
            FurtherFetch::SmallSegments(_) | FurtherFetch::Trial { .. } | FurtherFetch::PtbTest(_) => None,
        })
    }

    /// Whether packets of any size are lost.
    pub(super) fn is_lossy(&self, setup: &Setup) -> bool {
        setup.is_lossy() || self.all().any(Fetch::has_seen_loss)
    }

    /// Whether chance explains that large packets stay away.
    pub(super) fn by_chance(&self, setup: &Setup, now: Timestamp) -> Chance {
        if !self.is_lossy(setup) {
            return Chance::Excluded;
        }
        let larger = self.further.iter().filter_map(|further| match further {
            FurtherFetch::Trial { fetch, .. } | FurtherFetch::Again(fetch) => Some(fetch),
            FurtherFetch::SmallSegments(_) | FurtherFetch::PtbTest(_) => None,
        });
        let passes = self.all().filter_map(|fetch| fetch.arrivals().largest()).max();
        let vain: Vain = std::iter::once(&self.first).chain(larger).filter_map(|fetch| fetch.vain(passes, now)).sum();
        vain.by_chance(self.all().map(|fetch| fetch.round_trips(now)).fold(setup.round_trips(), RoundTrips::and))
    }

    /// Opens the connection on which the server is told to send smaller packets. Returns whether one more may be opened.
    pub(super) fn open_ptb_test(&mut self, setup: &Setup, random: &mut Random, now: Timestamp) -> bool {
        let fetch = self.open(setup, SizeTrial::one(setup.plan().local_mtu), random, now);
        let is_open = fetch.is_some();
        self.further.extend(fetch.map(|fetch| FurtherFetch::PtbTest(PtbTest::new(fetch))));
        is_open
    }

    fn open(&self, setup: &Setup, trial: SizeTrial, random: &mut Random, now: Timestamp) -> Option<Fetch> {
        let port = setup.plan().reverse_ports.get(self.further.len()).copied();
        let most = MOST_FURTHER + usize::from(self.is_lossy(setup));
        let port = port.filter(|_| self.further.len() < most)?;
        let iss = SeqNumber(random.next() as u32);
        let conversation = Conversation::new(setup, Dialogue::new(setup.plan().source));
        Some(Fetch::open(setup, trial, port, iss, conversation, now))
    }

    /// Moves every connection as far as it goes without new events.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.all_mut().for_each(|fetch| fetch.advance(now));
    }

    /// Judges the connections beside the first that have shown what they can, and leaves them.
    pub(super) fn judge_further(&mut self, setup: &Setup, now: Timestamp) -> Vec<FetchSizes> {
        let is_lossy = self.is_lossy(setup);
        let small_segments = &mut self.small_segments;
        self.further.iter_mut().filter_map(|further| further.judge(small_segments, is_lossy, now)).collect()
    }

    /// Lets the test of PTBs go on. Returns whether it does; `None`: there is none.
    pub(super) fn go_on_with_ptb_test(&mut self, now: Timestamp) -> Option<bool> {
        self.further.iter_mut().find_map(FurtherFetch::ptb_test_mut).map(|test| test.go_on(now))
    }

    /// The PTB of the test that is due.
    pub(super) fn poll_ptb(&mut self) -> Option<OwnPtb> {
        self.further.iter_mut().find_map(FurtherFetch::ptb_test_mut)?.poll_ptb()
    }

    /// The next segment that is due.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<(Segment, Meaning)> {
        self.all_mut().find_map(|fetch| fetch.poll(now))
    }

    /// Takes in a segment. `None`: it belongs to none of these connections.
    pub(super) fn receive(
        &mut self,
        ip: &IpHeader,
        segment: &Segment,
        fragment: Option<PacketSize>,
        now: Timestamp,
    ) -> Option<Meaning> {
        let is_it = |fetch: &Fetch| fetch.local_port() == segment.destination_port;
        if is_it(&self.first) {
            return Some(self.first.receive(ip, segment, fragment, now));
        }
        let further = self.further.iter_mut().find(|further| is_it(further.fetch()))?;
        Some(match further {
            FurtherFetch::PtbTest(test) => test.receive(ip, segment, fragment, now),
            FurtherFetch::SmallSegments(fetch) | FurtherFetch::Trial { fetch, .. } | FurtherFetch::Again(fetch) => {
                fetch.receive(ip, segment, fragment, now)
            }
        })
    }

    /// The deadlines of the connections themselves.
    pub(super) fn enter_timers(&self, timers: &mut ReverseTimers) {
        self.all().for_each(|fetch| fetch.enter_timers(timers));
    }

    /// The deadlines of what is learnt from the connections beside the first.
    pub(super) fn enter_judging_timers(&self, timers: &mut ReverseTimers) {
        for fetch in self.further.iter().map(FurtherFetch::fetch) {
            for since in [fetch.stalled_since(), fetch.silent_since()].into_iter().flatten() {
                timers.enter(ReverseTimer::TrialLost, since + TRIAL_PATIENCE);
                timers.enter(ReverseTimer::TrialLostInLoss, since + LOSSY_PATIENCE);
            }
        }
        if let Some(test) = self.further.iter().find_map(FurtherFetch::ptb_test) {
            test.enter_timers(timers);
        }
    }

    /// Whether the server sends without DF.
    pub(super) fn is_without_df(&self) -> bool {
        self.all().any(|fetch| fetch.arrivals().is_without_df())
    }

    /// Ends every connection in order.
    pub(super) fn leave(&mut self, now: Timestamp) {
        self.all_mut().for_each(|fetch| fetch.leave(now));
    }

    /// Ends every connection without waiting for anything.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.all_mut().for_each(|fetch| fetch.hurry(now));
    }

    /// Whether every connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.all().all(Fetch::is_over)
    }

    fn all(&self) -> impl Iterator<Item = &Fetch> {
        std::iter::once(&self.first).chain(self.further.iter().map(FurtherFetch::fetch))
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Fetch> {
        std::iter::once(&mut self.first).chain(self.further.iter_mut().map(FurtherFetch::fetch_mut))
    }
}

impl FurtherFetch {
    fn fetch(&self) -> &Fetch {
        match self {
            Self::SmallSegments(fetch) | Self::Trial { fetch, .. } | Self::Again(fetch) => fetch,
            Self::PtbTest(test) => test.fetch(),
        }
    }

    fn fetch_mut(&mut self) -> &mut Fetch {
        match self {
            Self::SmallSegments(fetch) | Self::Trial { fetch, .. } | Self::Again(fetch) => fetch,
            Self::PtbTest(test) => test.fetch_mut(),
        }
    }

    fn ptb_test(&self) -> Option<&PtbTest> {
        match self {
            Self::PtbTest(test) => Some(test),
            Self::SmallSegments(_) | Self::Trial { .. } | Self::Again(_) => None,
        }
    }

    fn ptb_test_mut(&mut self) -> Option<&mut PtbTest> {
        match self {
            Self::PtbTest(test) => Some(test),
            Self::SmallSegments(_) | Self::Trial { .. } | Self::Again(_) => None,
        }
    }

    /// What it has shown, once, when it has shown all that it can.
    fn judge(&mut self, small_segments: &mut SmallSegments, is_lossy: bool, now: Timestamp) -> Option<FetchSizes> {
        let patience = if is_lossy { LOSSY_PATIENCE } else { TRIAL_PATIENCE };
        match self {
            Self::SmallSegments(fetch) if *small_segments == SmallSegments::Awaited => {
                *small_segments = SmallSegments::judge(fetch.status(), fetch.is_silent_for(patience, now))?;
                fetch.leave(now);
                Some(FetchSizes::new(fetch.arrivals().largest(), None))
            }
            Self::Trial { fetch, is_judged: is_judged @ false } => {
                let is_stalled = fetch.is_stalled_for(patience, now);
                if fetch.status() == ReplyStatus::Awaited && !is_stalled {
                    return None;
                }
                *is_judged = true;
                // Where chance may still explain what is missing, the server is watched on.
                if !is_stalled || !is_lossy {
                    fetch.leave(now);
                }
                // Where packets of any size are lost, a few that stay away prove nothing about a size.
                let lost = fetch.missing_size().filter(|_| is_stalled && !is_lossy);
                Some(FetchSizes::new(fetch.arrivals().largest(), lost))
            }
            // What came late came all the same.
            Self::Trial { fetch, .. } | Self::Again(fetch) if is_lossy => {
                Some(FetchSizes::new(fetch.arrivals().largest(), None))
            }
            Self::SmallSegments(_) | Self::Trial { .. } | Self::Again(_) | Self::PtbTest(_) => None,
        }
    }
}

//! The way back while its verdict is open: what to do next, and when enough is known.

use crate::model::{Family, Timestamp};

use super::super::random::Random;
use super::chance::Chance;
use super::conversation::ReplyStatus;
use super::evidence::{FetchEvidence, InterruptedFetch, ReverseEvidence, WatchEnd};
use super::fetch::Fetch;
use super::fetch_list::FetchList;
use super::judge::{Lowering, is_settled, lowering};
use super::own_ptb::OwnPtb;
use super::ptb_sender::PtbSender;
use super::ptb_test::MTU_TO_TELL;
use super::recovery::{FirstFetch, Patience, RecoveryWatch, StallAge};
use super::setup::Setup;
use super::size_search::{NextTrial, SizeSearch};
use super::small_segments::SmallSegments;
use super::timers::ReverseTimers;

/// What belongs to the time before the verdict.
#[derive(Debug)]
pub(super) struct Inquiry {
    recovery: RecoveryWatch,
    sizes: SizeSearch,
    ptb_sender: Option<PtbSender>,
}

/// What the inquiry works with.
#[derive(Debug)]
pub(super) struct InquiryTurn<'a> {
    setup: &'a Setup,
    random: &'a mut Random,
    fetches: &'a mut FetchList,
    now: Timestamp,
}

impl<'a> InquiryTurn<'a> {
    pub(super) fn new(setup: &'a Setup, random: &'a mut Random, fetches: &'a mut FetchList, now: Timestamp) -> Self {
        Self { setup, random, fetches, now }
    }
}

impl Inquiry {
    pub(super) fn new(setup: &Setup, now: Timestamp) -> Self {
        Self { recovery: RecoveryWatch::new(setup, now), sizes: SizeSearch::new(setup), ptb_sender: None }
    }

    /// Moves everything as far as it goes without new events. Returns why the watch is over, once it is.
    pub(super) fn advance(&mut self, turn: &mut InquiryTurn<'_>) -> Option<WatchEnd> {
        self.sizes.advance(turn.now);
        for sizes in turn.fetches.judge_further(turn.setup, turn.now) {
            self.sizes.note_fetch(sizes);
        }
        let patience = Patience::on(turn.fetches.is_lossy(turn.setup));
        match self.recovery.state(turn.fetches.first(), patience, turn.now) {
            FirstFetch::Waiting => None,
            FirstFetch::Stalled(age) => self.on_stalled(age, turn),
            FirstFetch::Complete => self.on_complete(turn),
            FirstFetch::Unavailable(why) => Some(WatchEnd::Unavailable(why)),
            FirstFetch::TooSlow => {
                let awaits_greeting = turn.fetches.first().awaits_greeting();
                Some(WatchEnd::TooSlow { awaits_greeting, after: self.recovery.slow() })
            }
            FirstFetch::TooLossy => Some(WatchEnd::TooLossy),
        }
    }

    /// Everything arrived at last, be it in smaller segments.
    fn on_complete(&mut self, turn: &mut InquiryTurn<'_>) -> Option<WatchEnd> {
        if self.ptb_sender.is_some() {
            return Some(WatchEnd::Complete);
        }
        let first = self.evidence_of(turn.fetches.first(), turn);
        let patience = Patience::on(first.is_lossy);
        let goes_on = match lowering(&first) {
            // A search in the dark ends far below the path's size, which further connections tell.
            Some(Lowering::Recovery) => {
                self.recovery.may_search_on(patience, turn.now) && !(self.search_on(turn) && self.is_explained(turn))
            }
            _ if !is_settled(&first) => self.recovery.may_search_on(patience, turn.now) && !self.is_shown_again(turn),
            Some(Lowering::Told | Lowering::Usual | Lowering::Unclear) => false,
            None => Self::test_ptb(turn),
        };
        (!goes_on).then_some(WatchEnd::Complete)
    }

    /// The server sent what does not arrive, and a lost packet would have come again by now.
    fn on_stalled(&mut self, age: StallAge, turn: &mut InquiryTurn<'_>) -> Option<WatchEnd> {
        let first = turn.fetches.first();
        self.sizes.note_stall(first.arrivals().largest(), first.missing_size());
        let is_searched = self.search_on(turn);
        let is_over = match age {
            StallAge::Young => false,
            StallAge::Watched => self.is_shown_again(turn),
            StallAge::Overtime => is_searched && self.is_explained(turn),
            StallAge::Over => true,
        };
        if !is_over || (*turn.fetches.small_segments() == SmallSegments::Pass && self.tell(turn)) {
            return None;
        }
        Some(WatchEnd::StillMissing)
    }

    /// Opens further connections, one after the other, until the sizes are known or no more may be opened. Returns whether
    /// nothing more is to be learnt from them.
    fn search_on(&mut self, turn: &mut InquiryTurn<'_>) -> bool {
        match turn.fetches.small_segments() {
            SmallSegments::NotTried => {
                turn.fetches.open_small_segments(turn.setup, turn.random, turn.now);
                return false;
            }
            SmallSegments::Awaited => return false,
            SmallSegments::ShowNothing(_) => return true,
            SmallSegments::Pass if turn.fetches.has_open_trial() => return false,
            SmallSegments::Pass => {}
        }
        match self.sizes.next_trial(turn.fetches.first().missing_size()) {
            NextTrial::Wait => false,
            NextTrial::Try(trial) => !turn.fetches.open_trial(turn.setup, trial, turn.random, turn.now),
            NextTrial::None => true,
        }
    }

    /// Whether chance does not explain what is missing. Where packets of any size are lost, the server is watched on one more
    /// connection until that is so.
    fn is_explained(&self, turn: &mut InquiryTurn<'_>) -> bool {
        self.is_shown_again(turn) || turn.fetches.by_chance(turn.setup, turn.now) == Chance::Excluded
    }

    /// Whether one more connection, where packets of any size are lost, has shown what the first one could not.
    fn is_shown_again(&self, turn: &mut InquiryTurn<'_>) -> bool {
        if turn.fetches.is_lossy(turn.setup) {
            turn.fetches.watch_again(turn.setup, turn.random, turn.now);
        }
        let again = turn.fetches.again().filter(|again| again.status() == ReplyStatus::Complete);
        again.is_some_and(|again| is_settled(&self.evidence_of(again, turn)))
    }

    /// Whether a test of PTBs is under way, or begins now.
    fn test_ptb(turn: &mut InquiryTurn<'_>) -> bool {
        let arrivals = turn.fetches.first().arrivals();
        let is_large = arrivals.largest().is_some_and(|largest| largest > MTU_TO_TELL);
        if !turn.setup.plan().ptb_test || !is_large || arrivals.is_without_df() {
            return false;
        }
        match turn.fetches.go_on_with_ptb_test(turn.now) {
            Some(goes_on) => goes_on,
            None => turn.fetches.open_ptb_test(turn.setup, turn.random, turn.now),
        }
    }

    /// Whether the server is being told what the router on the way should have told it.
    fn tell(&mut self, turn: &InquiryTurn<'_>) -> bool {
        if let Some(sender) = &self.ptb_sender {
            return !sender.is_over(turn.now);
        }
        let first = turn.fetches.first();
        let (Some(size), Some(seq)) = (self.sizes.lost(first.missing_size()), first.missing()) else { return false };
        if !turn.setup.plan().ptb_test {
            return false;
        }
        let mtu = self.sizes.passes().unwrap_or(size).max(turn.setup.smallest());
        let ptb = OwnPtb::about_missing(turn.setup.plan(), first.local_port(), seq, size, mtu);
        self.ptb_sender = Some(PtbSender::new(ptb, turn.now));
        true
    }

    /// The PTB that is due.
    pub(super) fn poll_ptb(&mut self, fetches: &mut FetchList, now: Timestamp) -> Option<OwnPtb> {
        fetches.poll_ptb().or_else(|| self.ptb_sender.as_mut()?.poll(now))
    }

    pub(super) fn sizes(&self) -> &SizeSearch {
        &self.sizes
    }

    pub(super) fn sizes_mut(&mut self) -> &mut SizeSearch {
        &mut self.sizes
    }

    /// How likely chance is changes all the time: it is looked at whenever an ack probe leaves, once a second.
    pub(super) fn enter_timers(&self, fetches: &FetchList, timers: &mut ReverseTimers) {
        self.recovery.enter_timers(fetches.first(), timers);
        self.sizes.enter_timers(timers);
        fetches.enter_judging_timers(timers);
        if let Some(sender) = &self.ptb_sender {
            sender.enter_timers(timers);
        }
    }

    /// Why the watch is over when the run ends.
    pub(super) fn interrupted(fetches: &FetchList, now: Timestamp) -> WatchEnd {
        let first = fetches.first();
        WatchEnd::Interrupted(match (first.status(), first.stalled_since()) {
            (ReplyStatus::Complete, _) => InterruptedFetch::Complete,
            (_, Some(since)) => InterruptedFetch::Stalled(now.since(since)),
            (_, None) => InterruptedFetch::Waiting,
        })
    }

    /// All that is known when the watch ends.
    pub(super) fn evidence<'a>(
        &self,
        setup: &Setup,
        fetches: &'a FetchList,
        end: WatchEnd,
        now: Timestamp,
    ) -> ReverseEvidence<'a> {
        let again = fetches.again().filter(|again| again.status() == ReplyStatus::Complete);
        ReverseEvidence {
            end,
            first: self.fetch_evidence(setup, fetches, fetches.first(), now),
            again: again.map(|again| self.fetch_evidence(setup, fetches, again, now)),
            by_chance: fetches.by_chance(setup, now),
            small_segments: fetches.small_segments(),
            passes: self.sizes.passes(),
            lost: self.sizes.lost(fetches.first().missing_size()),
            recovered_beside: fetches.recovered_beside(setup.round_trip()),
            ptb_test: fetches.ptb_test_reaction(),
            told: self.ptb_sender.as_ref().and_then(PtbSender::told),
            is_without_df: setup.family() == Family::V4 && fetches.is_without_df(),
        }
    }

    fn evidence_of<'a>(&self, fetch: &'a Fetch, turn: &InquiryTurn<'_>) -> FetchEvidence<'a> {
        self.fetch_evidence(turn.setup, turn.fetches, fetch, turn.now)
    }

    fn fetch_evidence<'a>(
        &self,
        setup: &Setup,
        fetches: &FetchList,
        fetch: &'a Fetch,
        now: Timestamp,
    ) -> FetchEvidence<'a> {
        let is_lossy = fetches.is_lossy(setup);
        FetchEvidence {
            arrivals: fetch.arrivals(),
            lowered_after: fetch.lowered_after(),
            is_lossy,
            watched: fetch.stall().began_ago(now).min(Patience::on(is_lossy).longest_watch()),
            answers_while_stalled: fetch.stall().answers(),
            round_trip: setup.round_trip(),
            exact_by_echo: self.sizes.exact_by_echo(),
        }
    }
}

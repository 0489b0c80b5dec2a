//! The deadlines of the way back, by name. Whoever compares the clock with one enters it here, so none is missing from the wake-up.

use crate::model::Timestamp;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReverseTimer {
    /// TCP has something to send again.
    Connection,
    /// The server is asked by an ack probe how far it has come.
    AckProbe,
    /// An orderly end takes too long: it goes on without the server's words.
    Leave,
    /// That takes too long as well: a reset follows.
    Reset,
    /// A round of echo requests is over.
    EchoRound,
    /// What is missing would have come again by now if it were only lost.
    StallSuspected,
    /// The server has had its time to recover.
    Recovery,
    /// Losses of many packets in a row would be repaired by now.
    Doubtful,
    /// The sizes have had their time as well.
    Sizes,
    /// The same where packets of any size are lost.
    SizesInLoss,
    /// The server has recovered, but the size of the path is still searched for.
    SizesAfterRecovery,
    /// A server that did not finish its reply is too slow.
    SlowServer,
    /// The server has had for long enough all that was said to it.
    SilentServer,
    /// Too much is lost to say whether the server is slow.
    LossyServer,
    /// A size counts as lost on a further connection.
    TrialLost,
    /// The same where packets of any size are lost.
    TrialLostInLoss,
    /// The next PTB of ours is due, or the server has had its time for the last one.
    OwnPtb,
    /// The server has had its time to obey the PTB of the test.
    PtbTestAnswer,
    /// The connection of the test takes too long.
    PtbTestEnd,
}

/// The deadlines that are still to come, as they stand at one instant.
#[derive(Clone, Debug)]
pub(super) struct ReverseTimers {
    now: Timestamp,
    next: Option<(Timestamp, ReverseTimer)>,
}

impl ReverseTimers {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now, next: None }
    }

    /// Enters a deadline. One that has passed was seen already, and counts no more.
    pub(super) fn enter(&mut self, timer: ReverseTimer, at: Timestamp) {
        if at > self.now && self.next.is_none_or(|(next, _)| at < next) {
            self.next = Some((at, timer));
        }
    }

    /// Enters an instant from which on something is to be sent: one that has passed waits for nothing but its turn.
    pub(super) fn enter_sending(&mut self, timer: ReverseTimer, from: Timestamp) {
        let at = from.max(self.now);
        if self.next.is_none_or(|(next, _)| at < next) {
            self.next = Some((at, timer));
        }
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<(Timestamp, ReverseTimer)> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_least_deadline_to_come_is_the_next() {
        let mut timers = ReverseTimers::new(Timestamp::ZERO + at(10));
        assert_eq!(timers.next(), None);
        timers.enter(ReverseTimer::Recovery, Timestamp::ZERO + at(15));
        timers.enter(ReverseTimer::TrialLost, Timestamp::ZERO + at(12));
        timers.enter(ReverseTimer::StallSuspected, Timestamp::ZERO + at(10));
        assert_eq!(timers.next(), Some((Timestamp::ZERO + at(12), ReverseTimer::TrialLost)), "10 s have passed");
        timers.enter_sending(ReverseTimer::EchoRound, Timestamp::ZERO);
        timers.enter(ReverseTimer::Leave, Timestamp::ZERO + at(11));
        assert_eq!(timers.next(), Some((Timestamp::ZERO + at(10), ReverseTimer::EchoRound)));
    }
}

//! Whether a peer answers acknowledgments that bring nothing and are in order. RFC 9293, 3.10.7.4, has no answer to these. Answers of
//! a peer that gives one all the same, and names nothing in it, say of no probe that it came: something of ours may have left
//! beside it.

use crate::model::Timestamp;

use super::super::rtt::RttEstimator;

/// The question, asked by an acknowledgment while nothing else is on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdleAck {
    NotAsked,
    /// `nth`: how often it was asked. It is answered within this time, if at all.
    Asked {
        nth: u32,
        until: Timestamp,
        is_answered: bool,
    },
    /// As the RFC has it.
    Unanswered,
    Answered,
}

/// A late answer to something else, or the news of a window, looks like an answer. It does not come each time.
const MOST_ASKS: u32 = 3;

impl IdleAck {
    /// Goes on. Returns whether an acknowledgment is to be sent now.
    pub(super) fn advance(&mut self, now: Timestamp, rtt: &RttEstimator) -> bool {
        let nth = match *self {
            Self::NotAsked => 1,
            Self::Asked { until, .. } if until > now => return false,
            Self::Asked { is_answered: false, .. } => {
                *self = Self::Unanswered;
                return false;
            }
            Self::Asked { nth: MOST_ASKS.., .. } => {
                *self = Self::Answered;
                return false;
            }
            Self::Asked { nth, .. } => nth + 1,
            Self::Unanswered | Self::Answered => return false,
        };
        let until = now + rtt.patience_alone();
        *self = Self::Asked { nth, until, is_answered: false };
        true
    }

    /// An acknowledgment came that brings nothing and names nothing.
    pub(super) fn heard(&mut self) {
        if let Self::Asked { is_answered, .. } = self {
            *is_answered = true;
        }
    }

    /// When the next step is due, while the question is open and was asked.
    pub(super) fn due_at(self) -> Option<Timestamp> {
        match self {
            Self::Asked { until, .. } => Some(until),
            Self::NotAsked | Self::Unanswered | Self::Answered => None,
        }
    }

    pub(super) fn is_settled(self) -> bool {
        matches!(self, Self::Unanswered | Self::Answered)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How often it is asked, and what is known then, if only the acknowledgments of these numbers are answered.
    fn ask(answered: &[u32]) -> (u32, IdleAck) {
        let (mut question, rtt, mut now, mut asks) = (IdleAck::NotAsked, RttEstimator::default(), Timestamp::ZERO, 0);
        while !question.is_settled() {
            if question.advance(now, &rtt) {
                asks += 1;
                now = now + Duration::from_millis(1);
                if answered.contains(&asks) {
                    question.heard();
                }
            }
            now = question.due_at().unwrap_or(now);
        }
        (asks, question)
    }

    #[test]
    fn whoever_answers_each_time_is_known() {
        assert_eq!(ask(&[1, 2, 3]), (3, IdleAck::Answered));
    }

    #[test]
    fn what_comes_by_chance_is_no_answer() {
        assert_eq!(ask(&[]), (1, IdleAck::Unanswered));
        assert_eq!(ask(&[1]), (2, IdleAck::Unanswered));
        assert_eq!(ask(&[1, 2]), (3, IdleAck::Unanswered));
    }
}

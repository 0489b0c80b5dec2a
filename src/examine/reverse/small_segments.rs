//! The control: whether the bytes that stay away in large packets come in small ones.

use crate::model::ReverseReason;

use super::conversation::ReplyStatus;

/// How the small segments fared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SmallSegments {
    NotTried,
    Awaited,
    Pass,
    /// They showed nothing, for this reason.
    ShowNothing(ReverseReason),
}

impl SmallSegments {
    /// From how their connection stands; `None`: they are still awaited.
    pub(super) fn judge(status: ReplyStatus, is_stalled: bool) -> Option<Self> {
        match status {
            ReplyStatus::Complete => Some(Self::Pass),
            ReplyStatus::Unavailable(why) => Some(Self::ShowNothing(ReverseReason::Unwilling(why))),
            ReplyStatus::Awaited => is_stalled.then_some(Self::ShowNothing(ReverseReason::SmallOnesLost)),
        }
    }

    /// No further connection may be opened.
    pub(super) fn no_connection() -> Self {
        Self::ShowNothing(ReverseReason::NoControl)
    }
}

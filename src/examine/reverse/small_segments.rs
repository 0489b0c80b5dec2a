//! The control: whether the bytes that stay away in large packets come in small ones.

use super::conversation::ReplyStatus;

/// How the small segments fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SmallSegments {
    NotTried,
    Awaited,
    Pass,
    /// They showed nothing, for this reason.
    ShowNothing(String),
}

impl SmallSegments {
    /// From how their connection stands; `None`: they are still awaited.
    pub(super) fn judge(status: ReplyStatus, is_stalled: bool) -> Option<Self> {
        match status {
            ReplyStatus::Complete => Some(Self::Pass),
            ReplyStatus::Unavailable(why) => Some(Self::ShowNothing(why)),
            ReplyStatus::Awaited => is_stalled.then(|| Self::ShowNothing(SMALL_ONES_LOST.into())),
        }
    }

    /// No further connection may be opened.
    pub(super) fn no_connection() -> Self {
        Self::ShowNothing(NO_CONTROL.into())
    }
}

pub(super) const NO_CONTROL: &str =
    "the server's large packets stay away, but it took no further connection that would show that small ones come";
pub(super) const SMALL_ONES_LOST: &str = "the server's packets stay away, small ones as well";

//! What the feed of the list, the loop and the second looks tell each other.

use std::cell::Cell;

use tokio::sync::Notify;

#[derive(Default)]
pub(super) struct Bell {
    /// An examination has ended, or the list has.
    news: Notify,
    /// There may be room for new targets.
    room: Notify,
    has_ended: Cell<bool>,
}

impl Bell {
    /// There is news.
    pub(super) fn ring(&self) {
        self.news.notify_one();
    }

    /// No target is to come.
    pub(super) fn list_ended(&self) {
        self.has_ended.set(true);
        self.news.notify_one();
    }

    pub(super) fn has_list_ended(&self) -> bool {
        self.has_ended.get()
    }

    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Whoever waits for room should look.
    pub(super) fn may_have_room(&self) {
        self.room.notify_one();
    }

    pub(super) async fn room(&self) {
        self.room.notified().await;
    }
}

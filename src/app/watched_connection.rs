//! A connection of which a watch tells something, and what is known of its peer.

use crate::model::{Afterwards, Report, StalledConnection};
use crate::report::connections::{ConnectionAnswer, meanings};
use crate::report::text::{self, Style};

pub(super) struct WatchedConnection<'s> {
    pub(super) connection: &'s StalledConnection,
    /// Why its peer could not be examined.
    pub(super) error: Option<&'s str>,
    pub(super) afterwards: Afterwards,
}

impl WatchedConnection<'_> {
    /// What the examination of its peer, the only one of the report, means for it.
    pub(super) fn answer<'a>(&'a self, report: &'a Report) -> ConnectionAnswer<'a> {
        ConnectionAnswer {
            connection: self.connection,
            report: report.addresses.first(),
            error: self.error.map(str::to_owned),
            afterwards: self.afterwards,
        }
    }

    pub(super) fn render(&self, report: &Report, style: Style) -> String {
        text::blocks(report, &style) + &meanings(&[self.answer(report)], style.width)
    }
}

//! What a run is about besides addresses: the suspects of a log, or connections of this host.

use super::connection_cases::ConnectionCases;
use super::suspect_cases::SuspectCases;
use super::watched_connection::WatchedConnection;
use crate::model::Report;
use crate::report::connections::ConnectionAnswer;
use crate::report::text::Style;

/// Whose addresses are examined.
pub(super) enum Cases<'s> {
    /// Suspects of a log or a queue.
    Suspects(SuspectCases<'s>),
    /// Connections that stand still.
    Connections(ConnectionCases<'s>),
    /// A connection of which a watch tells something.
    Watched(WatchedConnection<'s>),
}

impl Cases<'_> {
    /// The verdicts in the order of the suspects, then what each means.
    pub(super) fn render(&self, report: &Report, style: Style) -> String {
        match self {
            Self::Suspects(cases) => cases.render(report, style),
            Self::Connections(cases) => cases.render(report, style),
            Self::Watched(connection) => connection.render(report, style),
        }
    }

    /// Whether one could not be judged, and that is news.
    pub(super) fn has_open(&self, report: &Report) -> bool {
        match self {
            Self::Suspects(cases) => cases.has_open(report),
            Self::Connections(cases) => cases.has_open(report),
            Self::Watched(connection) => connection.answer(report).is_open(),
        }
    }

    /// Each connection, and what is known of it; `None`: the run is not about connections.
    pub(super) fn connections<'a>(&'a self, report: &'a Report) -> Option<Vec<ConnectionAnswer<'a>>> {
        match self {
            Self::Suspects(_) => None,
            Self::Connections(cases) => Some(cases.answers(report)),
            Self::Watched(connection) => Some(vec![connection.answer(report)]),
        }
    }
}

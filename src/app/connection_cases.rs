//! Connections that stand still and the examinations of their peers; the report in their order.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use super::plan_error::PlanError;
use super::shown_cases::shown;
use crate::model::{Afterwards, Report, StalledConnection, TargetFailure, TcpSocket};
use crate::net::sockets::SocketTables;
use crate::report::connections::{ConnectionAnswer, meanings};
use crate::report::text::{self, Style};

/// A connection, and which examination tells about it.
pub(super) struct ConnectionCase<'s> {
    pub(super) connection: &'s StalledConnection,
    /// By number of the examination.
    pub(super) place: Option<usize>,
    pub(super) errors: Vec<PlanError>,
    pub(super) failures: Vec<TargetFailure>,
}

/// All connections, the most suspicious first.
pub(super) struct ConnectionCases<'s> {
    cases: Vec<ConnectionCase<'s>>,
    /// To look at them once more when their verdicts stand. It was opened while this host's sockets could still be asked for.
    tables: RefCell<SocketTables>,
    now: OnceCell<Option<HashMap<u64, TcpSocket>>>,
}

impl<'s> ConnectionCases<'s> {
    pub(super) fn new(cases: Vec<ConnectionCase<'s>>, tables: SocketTables) -> Self {
        Self { cases, tables: RefCell::new(tables), now: OnceCell::new() }
    }

    /// Why some are left out, each reason once.
    pub(super) fn errors(&self) -> Vec<String> {
        let mut errors: Vec<String> = Vec::new();
        for error in self.cases.iter().flat_map(|case| &case.errors) {
            let text = text::printable(&error.to_string());
            if !errors.contains(&text) {
                errors.push(text);
            }
        }
        errors
    }

    /// The same for programs.
    pub(super) fn failures(&self) -> Vec<TargetFailure> {
        self.cases.iter().flat_map(|case| &case.failures).cloned().collect()
    }

    /// Whether a connection is left out that another run might examine.
    pub(super) fn is_incomplete(&self) -> bool {
        self.cases.iter().any(|case| case.place.is_none())
    }

    /// The verdicts in the order of the connections, then what each means for its connection.
    pub(super) fn render(&self, report: &Report, style: Style) -> String {
        let places = self.cases.iter().filter_map(|case| case.place);
        shown(report, places, style, |one| text::blocks(one, &style), || meanings(&self.answers(report), style.width))
    }

    /// Whether what becomes of a connection is not known, and that is news.
    pub(super) fn has_open(&self, report: &Report) -> bool {
        let is_expected = |answer: &ConnectionAnswer<'_>| {
            answer.report.is_some_and(|report| report.assessment.is_expected() == Some(true))
        };
        self.answers(report).iter().any(|answer| answer.is_open() && !is_expected(answer))
    }

    /// Each connection, and what is known of it now.
    pub(super) fn answers<'a>(&'a self, report: &'a Report) -> Vec<ConnectionAnswer<'a>> {
        let of_case = |case: &'a ConnectionCase<'s>| ConnectionAnswer {
            connection: case.connection,
            report: case.place.and_then(|place| report.addresses.get(place)),
            error: case.errors.first().map(ToString::to_string),
            afterwards: self.afterwards(case.connection),
        };
        self.cases.iter().map(of_case).collect()
    }

    /// Looks once, for all outputs alike.
    fn afterwards(&self, connection: &StalledConnection) -> Afterwards {
        let now = self.now.get_or_init(|| {
            let sockets = self.tables.borrow_mut().tcp().ok()?;
            Some(sockets.into_iter().map(|socket| (socket.cookie, socket)).collect())
        });
        now.as_ref().map_or(Afterwards::Unknown, |now| connection.afterwards(now.get(&connection.cookie)))
    }
}

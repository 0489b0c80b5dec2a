//! Suspects and the examinations that are theirs; the report in their order.

use super::plan_error::PlanError;
use super::shown_cases::shown;
use crate::model::{AddressReport, Report, Suspect, TargetFailure};
use crate::report::suspects::{Answer, cannot_be_seen, meanings};
use crate::report::text::{self, Detail, Style};

/// A suspect, and which examinations tell about it.
pub(super) struct SuspectCase<'s> {
    pub(super) suspect: &'s Suspect,
    /// By number of the examination.
    pub(super) places: Vec<usize>,
    pub(super) errors: Vec<PlanError>,
    pub(super) failures: Vec<TargetFailure>,
}

/// All suspects, the strongest first.
pub(super) struct SuspectCases<'s>(Vec<SuspectCase<'s>>);

impl<'s> SuspectCases<'s> {
    pub(super) fn new(cases: Vec<SuspectCase<'s>>) -> Self {
        Self(cases)
    }

    /// Why some are left out.
    pub(super) fn errors(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|case| &case.errors).map(|error| text::printable(&error.to_string()))
    }

    /// The same for programs.
    pub(super) fn failures(&self) -> Vec<TargetFailure> {
        self.0.iter().flat_map(|case| &case.failures).cloned().collect()
    }

    /// Whether a suspect is left out that another run might examine.
    pub(super) fn is_incomplete(&self) -> bool {
        self.0.iter().any(|case| case.places.is_empty())
    }

    /// The verdicts in the order of the suspects, then what each means for its mail.
    pub(super) fn render(&self, report: &Report, style: Style) -> String {
        let places = self.0.iter().flat_map(|case| case.places.iter().copied());
        shown(report, places, style, |one| render_one(one, style), || meanings(&self.answers(report), style.width))
    }

    /// Whether a suspect could not be judged, and that is news.
    pub(super) fn has_open(&self, report: &Report) -> bool {
        let is_expected = |answer: &Answer<'_>| {
            let mut reports = answer.reports.iter();
            !answer.reports.is_empty() && reports.all(|report| report.assessment.is_expected() == Some(true))
        };
        self.answers(report).iter().any(|answer| answer.is_open() && !is_expected(answer))
    }

    /// Each suspect, and what is known of it now.
    pub(super) fn answers<'a>(&'a self, report: &'a Report) -> Vec<Answer<'a>> {
        let of_case = |case: &'a SuspectCase<'s>| {
            let reports: Vec<&AddressReport> =
                case.places.iter().filter_map(|place| report.addresses.get(*place)).collect();
            let error = case.errors.first().map(ToString::to_string);
            Answer { suspect: case.suspect, reports, error }
        };
        self.0.iter().map(of_case).collect()
    }
}

/// Where a client takes no mail, that is all there is to say of it: what to do stands at the end.
fn render_one(report: &Report, style: Style) -> String {
    let is_dumb = |report: &AddressReport| !report.examined.direction.is_forward() && cannot_be_seen(report);
    let detail = if report.addresses.iter().all(is_dumb) { Detail::VerdictOnly } else { style.detail };
    text::blocks(report, &Style { detail, ..style })
}

//! Holds what was found of an address against what is expected of it.

use super::known_states::{KnownError, KnownStates};
use super::plan::JudgingOptions;
use crate::model::{AddressReport, Assessment, Standard};

/// What is expected, and what an earlier run found.
pub(super) struct Judging<'p> {
    options: &'p JudgingOptions,
    known: KnownStates,
}

impl<'p> Judging<'p> {
    /// Reads the file of earlier results. To be called before privileges are given up.
    pub(super) fn open(options: &'p JudgingOptions) -> Result<Self, KnownError> {
        let known = options.known.as_deref().map(KnownStates::read).transpose()?.unwrap_or_default();
        Ok(Self { options, known })
    }

    /// What the file says of an address goes before the words, which are for all.
    pub(super) fn assess(&self, report: &AddressReport) -> Assessment {
        let expectation = &self.options.expectation;
        let asked = (!expectation.is_empty()).then_some(Standard::Asked(expectation));
        let known = self.known.of(report.address, report.zone.as_deref(), report.port).map(Standard::Known);
        Assessment::of(&report.examined, known.or(asked), self.options.thresholds)
    }
}

//! What an address owes to other examinations of the same list, for a document.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::Finding;

/// Says what rests on others.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ComparedJson {
    asked_alone: bool,
    router: Option<IpAddr>,
    told_alone: Option<u32>,
    place_from: Option<u32>,
}

impl ComparedJson {
    /// `None`: all is its own.
    pub(super) fn of(findings: &[Finding]) -> Option<Self> {
        let mut compared = Self::default();
        for finding in findings {
            match *finding {
                Finding::AskedAlone => compared.asked_alone = true,
                Finding::ToldAsOthers { hop, told } => {
                    (compared.router, compared.told_alone) = (Some(hop), Some(told));
                }
                Finding::PlaceShared { others } => compared.place_from = Some(others),
                _ => {}
            }
        }
        (compared != Self::default()).then_some(compared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_its_own_is_not_compared() {
        assert_eq!(ComparedJson::of(&[Finding::PtbRateLimited]), None);
        let compared = ComparedJson::of(&[Finding::AskedAlone, Finding::PlaceShared { others: 7 }]);
        let expected = ComparedJson { asked_alone: true, place_from: Some(7), ..ComparedJson::default() };
        assert_eq!(compared, Some(expected));
    }
}

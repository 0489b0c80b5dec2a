//! What the way back adds to the findings of the way there.

use crate::model::{Examined, Ground, Reverse, ReverseReason, ReverseVerdict, Service, Verdict};

use super::super::reverse::untested;
use super::record::{Record, WayBack};

/// Puts both ways together.
pub(super) fn add(record: &Record, examined: Examined) -> Examined {
    let mut examined = unless_not_asked(record, examined);
    match &record.way_back {
        WayBack::NotAskedFor => {}
        WayBack::Impossible(why) => examined.reverse = impossible(record, why.clone()),
        WayBack::NoTime => examined.reverse = untested(ReverseReason::RunEndedBefore),
        WayBack::Examined(found, findings) => {
            examined.reverse = found.clone();
            examined.findings.extend(findings);
        }
    }
    examined
}

/// The verdict on the way there where only the way back was asked for.
fn unless_not_asked(record: &Record, examined: Examined) -> Examined {
    if record.plan.direction.is_forward() || record.session.opened.is_none() {
        return examined;
    }
    Examined { verdict: Verdict::Inconclusive, reason: Ground::OnlyWayBackAsked.into(), ..examined }
}

/// Asked for by itself, a way back to which no connection leads is no good news.
fn impossible(record: &Record, why: ReverseReason) -> Reverse {
    let is_bad = !record.plan.direction.is_forward() && record.plan.service != Service::Unknown;
    let verdict = if is_bad { ReverseVerdict::Inconclusive } else { ReverseVerdict::Untested };
    Reverse { verdict, ..untested(why) }
}

//! In what an address differs from what was expected of it.

use super::contract::Word;
use super::verdict::verdict_name;
use crate::model::{
    AddressReport, Alarm, Assessment, Cause, Change, Expected, ExpectedSize, PacketSize, ReverseVerdict, Verdict,
};

/// All changes in one clause.
pub(crate) fn changes(changes: &[Change]) -> String {
    changes.iter().map(change).collect::<Vec<_>>().join("; ")
}

/// What the line about an address says of it beside the findings; `None`: nothing was expected and no limit is broken.
pub(crate) fn assessed(report: &AddressReport) -> Option<String> {
    let assessment = &report.assessment;
    let expected = match assessment.changes.as_deref() {
        None => None,
        Some([]) => Some("as expected".into()),
        Some(some) => Some(format!("not as expected: {}", changes(some))),
    };
    // A limit is told where it makes the difference.
    let without = Assessment { alarm: None, ..assessment.clone() }.exit_code(&report.examined);
    let broken = assessment.alarm.filter(|_| report.exit_code() != without);
    let parts: Vec<String> = expected.into_iter().chain(broken.map(alarm)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn change(change: &Change) -> String {
    match change {
        Change::Verdict { now, expected } => differs(verdict_name(*now), expected, |verdict| verdict_name(*verdict)),
        Change::Cause { now, was } => format!("the cause is {}, was {}", cause(*now), cause(*was)),
        Change::PathMtu { now, expected: ExpectedSize::Was(was) } => {
            format!("path MTU {}, was {}", size(*now), size(*was))
        }
        Change::PathMtu { now, expected: ExpectedSize::Within(range) } => {
            let wanted = match (range.least, range.most) {
                (Some(least), Some(most)) if least == most => format!("{least}"),
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) => format!("at least {least}"),
                (None, Some(most)) => format!("at most {most}"),
                (None, None) => "any".into(),
            };
            format!("path MTU {}, expected {wanted}", size(*now))
        }
        Change::Connections { now: false } => "the port takes no connections".into(),
        Change::Connections { now: true } => "the port takes connections, took none".into(),
        Change::RouterFault => "a router states a wrong size".into(),
        Change::Reverse { now, expected } => {
            format!("other direction {}", differs(reverse_name(*now), expected, |verdict| reverse_name(*verdict)))
        }
        Change::ReverseMtu { now, was } => format!("other direction up to {}, was {}", size(*now), size(*was)),
    }
}

/// `clear, was masked`.
fn differs<T>(now: &str, expected: &Expected<T>, name: impl Fn(&T) -> &'static str) -> String {
    match expected {
        Expected::OneOf(words) => {
            format!("{now}, expected {}", words.iter().map(name).collect::<Vec<_>>().join(" or "))
        }
        Expected::Was(was) => format!("{now}, was {}", name(was)),
        Expected::NoFault => now.into(),
    }
}

fn alarm(alarm: Alarm) -> String {
    let which = if alarm.is_critical { "--critical" } else { "--warning" };
    format!("path MTU {} breaks {which} {}", alarm.size, alarm.range)
}

fn reverse_name(verdict: ReverseVerdict) -> &'static str {
    match verdict {
        ReverseVerdict::BlackHole => verdict_name(Verdict::BlackHole),
        ReverseVerdict::Recovers => verdict_name(Verdict::Recovers),
        ReverseVerdict::Inconclusive => verdict_name(Verdict::Inconclusive),
        ReverseVerdict::Discoverable => verdict_name(Verdict::Discoverable),
        ReverseVerdict::Clear => verdict_name(Verdict::Clear),
        ReverseVerdict::Untested => "not tested",
    }
}

fn cause(cause: Option<Cause>) -> &'static str {
    cause.map_or("not known", Word::word)
}

fn size(size: Option<PacketSize>) -> String {
    size.map_or_else(|| "not known".into(), |size| size.to_string())
}

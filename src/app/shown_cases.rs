//! How reports are shown whose order is that of suspects or connections.

use crate::model::Report;
use crate::report::text::{self, Detail, Style};

/// The verdicts on these addresses, by number of the examination, then what they mean. Several cases may be one address, which is shown once.
/// `one`: the report of one address.
pub(super) fn shown(
    report: &Report,
    places: impl Iterator<Item = usize>,
    style: Style,
    one: impl Fn(&Report) -> String,
    meanings: impl FnOnce() -> String,
) -> String {
    let is_short = style.detail == Detail::VerdictOnly;
    let mut out = String::new();
    let mut shown = vec![false; report.addresses.len()];
    for place in places {
        if shown.get_mut(place).is_some_and(|shown| !std::mem::replace(shown, true)) {
            out.push_str(if is_short { "" } else { "\n" });
            out.push_str(&one(&of_one(report, place)));
        }
    }
    if !is_short {
        out.push('\n');
        out.push_str(&meanings());
        out.push_str(if shown.contains(&true) { text::more(&style) } else { "" });
    }
    out
}

fn of_one(report: &Report, place: usize) -> Report {
    let addresses = report.addresses.get(place).cloned().into_iter().collect();
    let (target, vantage) = (report.target.clone(), report.vantage.clone());
    Report { target, vantage, addresses, errors: Vec::new(), ..*report }
}

//! The path on a few lines: `==>` carries large packets, `--1400-->` is the link where they end, `-->` lies beyond it.

use crate::model::{AddressReport, PacketSize};
use crate::report::layout::columns;
use crate::report::place::Point;
use crate::report::route::{FEWEST_STEPS, Link, MOST_STEPS, Route, Station, Step};

/// The hops from this host to the target, with the link where large packets end marked. Nothing known, nothing drawn.
///
/// A hop that hides is `*`. Where more than one link may be the one, each carries a question mark. Lines of at most `width`
/// columns break before an arrow.
pub(super) fn draw(report: &AddressReport, drawing: Drawing, width: usize) -> Vec<String> {
    let mut lines = draw_steps(report, MOST_STEPS, width);
    if drawing == Drawing::Short && lines.len() > FEW_LINES {
        lines = draw_steps(report, FEWEST_STEPS, width);
    }
    lines
}

/// How much of the path is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawing {
    /// Where addresses are long, little but the place itself.
    Short,
    /// What is near the place as well.
    Long,
}

/// More lines than this are too many for a first look.
const FEW_LINES: usize = 4;

fn draw_steps(report: &AddressReport, most: usize, width: usize) -> Vec<String> {
    let Some(route) = Route::of(report) else { return Vec::new() };
    let limit = report.examined.path_mtu.as_ref().map_or_else(String::new, PacketSize::to_string);
    let mut lines = vec![Station::Known(Point::Here).words(report)];
    for Step { link, station } in route.shortened(most) {
        let step = format!("{} {}", arrow(link, &limit), station.words(report));
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(&step) <= width => {
                line.push(' ');
                line.push_str(&step);
            }
            _ => lines.push(step),
        }
    }
    lines
}

fn arrow(link: Link, limit: &str) -> String {
    match link {
        Link::Carries => "==>".into(),
        Link::Ends { is_in_doubt: true } => format!("--{limit}?-->"),
        Link::Ends { is_in_doubt: false } => format!("--{limit}-->"),
        Link::Beyond => "-->".into(),
    }
}

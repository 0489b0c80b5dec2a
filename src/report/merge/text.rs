//! The summary for people.

use std::fmt::Write;

use super::summary::{Row, Summary};
use super::words::{self as of_vantages};
use crate::report::rows::words::{self, counted};
use crate::report::text::Detail;

/// Rows and contradictions that are shown where not all are asked for.
const MOST_SHOWN: usize = 40;

/// Several lines: the counts, then rows, the worst first, then what vantages disagree about.
pub fn render(summary: &Summary, detail: Detail) -> String {
    let mut out = head(summary);
    if detail == Detail::VerdictOnly {
        return out;
    }
    let most = if detail == Detail::Full { usize::MAX } else { MOST_SHOWN };
    let wants = |row: &&Row| detail == Detail::Full || !row.key.what.is_fine();
    let rows: Vec<&Row> = summary.rows.iter().filter(wants).collect();
    rows.iter().take(most).for_each(|row| paragraph(row, summary, &mut out));
    left_out(rows.len(), most, "rows", &mut out);
    disagreements(summary, most, &mut out);
    out
}

fn head(summary: &Summary) -> String {
    let addresses = counted(summary.addresses, "address", "addresses");
    let targets = counted(summary.targets, "target", "targets");
    let from = counted(summary.vantages.len() as u64, "vantage", "vantages");
    let numbers: Vec<u32> = (0..summary.vantages.len() as u32).collect();
    let mut out = format!("{addresses} of {targets}, seen from {from}: {}\n", of_vantages::vantages(summary, &numbers));
    if let Some((first, last)) = summary.span {
        let time = |seconds: u32| {
            jiff::Timestamp::from_second(seconds.into()).map_or_else(|_| String::new(), |time| time.to_string())
        };
        // Writing into a String cannot fail.
        let _ = writeln!(out, "from {} to {}", time(first), time(last));
    }
    if summary.outdated > 0 {
        let _ = writeln!(out, "{} left out for a later one", counted(summary.outdated, "result", "results"));
    }
    let fine = summary.rows.iter().filter(|row| row.key.what.is_fine());
    for row in fine.filter(|row| row.key.network.is_none()) {
        let _ = writeln!(out, "{}: {}", words::what(row.key.what), counted(row.addresses, "address", "addresses"));
    }
    let told: u64 = summary
        .rows
        .iter()
        .filter(|row| row.key.what.is_fine() && row.key.network.is_some())
        .map(|row| row.addresses)
        .sum();
    if told > 0 {
        let _ = writeln!(out, "smaller path, and routers say so: {}", counted(told, "address", "addresses"));
    }
    out
}

fn paragraph(row: &Row, summary: &Summary, out: &mut String) {
    let size = words::size(row.key.what, row.path_mtu).map_or_else(String::new, |size| format!("; {size}"));
    let _ = writeln!(out, "\n{}{size}", words::what(row.key.what));
    if let Some(place) = of_vantages::place(row, summary) {
        let _ = writeln!(out, "  {place}");
    }
    let _ = writeln!(out, "  {}", words::members(row.targets, row.addresses, &row.examples));
    if summary.vantages.len() > 1 {
        let _ = writeln!(out, "  seen from {}", of_vantages::vantages(summary, &row.vantages));
    }
}

fn disagreements(summary: &Summary, most: usize, out: &mut String) {
    if summary.contradictions.is_empty() {
        return;
    }
    let all: u64 = summary.contradictions.iter().map(|each| each.addresses).sum();
    let _ = writeln!(
        out,
        "\nVantages disagree about {}: compare where their paths differ",
        counted(all, "address", "addresses")
    );
    for each in summary.contradictions.iter().take(most) {
        let _ = writeln!(out, "\n  {}", words::names(&each.examples, each.addresses));
        for (vantage, row) in &each.said {
            let Some(row) = summary.rows.get(*row as usize) else { continue };
            let place = of_vantages::place(row, summary)
                .filter(|_| !row.key.what.is_fine())
                .map_or_else(String::new, |place| format!(", {place}"));
            let _ = writeln!(
                out,
                "    {}: {}{place}",
                of_vantages::vantage_name(summary, *vantage),
                words::what(row.key.what)
            );
        }
    }
    left_out(summary.contradictions.len(), most, "kinds of it", out);
}

fn left_out(all: usize, most: usize, what: &str, out: &mut String) {
    if let Some(more @ 1..) = all.checked_sub(most) {
        let _ = writeln!(out, "\nand {more} more {what}; -v shows them");
    }
}

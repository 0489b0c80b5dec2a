//! The table of a watch on a terminal: a pure function of what is known and of the size of the screen.

use std::time::{Duration, SystemTime};

use anstyle::Style;

use super::cells::{cut, fit, room, style_of, styled, title_line, with_news};
use super::line::Zone;
use super::stand;
use crate::model::{RoundMark, Sighting};
use crate::report::printable;

/// What the table shows.
#[derive(Clone, Debug)]
pub struct Table<'w> {
    /// What is watched, and how: `3 targets, every 5 min`.
    pub title: String,
    /// Whether no round begins at present.
    pub is_paused: bool,
    /// The time.
    pub now: SystemTime,
    /// In which zone times are told.
    pub zone: &'w Zone,
    /// The addresses, in any order.
    pub rows: Vec<TableRow<'w>>,
    /// The last changes, the oldest first.
    pub news: Vec<&'w str>,
    /// Whether there are colours.
    pub color: bool,
}

/// An address in the table.
#[derive(Clone, Debug)]
pub struct TableRow<'w> {
    /// What to call it.
    pub label: &'w str,
    /// How it stands; `None`: it is not known yet.
    pub stands: Option<&'w Sighting>,
    /// When a change was told last.
    pub changed: Option<SystemTime>,
    /// The last rounds, the oldest first.
    pub strip: Vec<RoundMark>,
    /// Whether it is being examined.
    pub is_running: bool,
}

/// A line of the screen, not longer than it is wide.
pub type Line = String;

const LABEL: (usize, usize) = (16, 44);
const SIZE: usize = 5;
const THERE: usize = 12;
const BACK: usize = 12;
const RTT: usize = 8;
const CHANGED: usize = 11;

impl Table<'_> {
    /// The screen, line by line. It never has more lines than this, nor longer ones.
    pub fn lines(&self, width: usize, height: usize) -> Vec<Line> {
        let mut rows: Vec<&TableRow<'_>> = self.rows.iter().collect();
        rows.sort_by_key(|row| (rank(row), row.label));
        let room = room(self.news.len(), height);
        let label = self.label_width(width);
        let mut lines = vec![
            title_line(&self.title, (self.zone, self.now), self.is_paused, width),
            self.bold(cut(&heading(label), width)),
        ];
        let shown = if rows.len() > room { room.saturating_sub(1) } else { rows.len() };
        lines.extend(rows.iter().take(shown).map(|row| self.row(row, label, width)));
        if rows.len() > shown {
            lines.push(cut(&format!("and {} more, none of them worse", rows.len() - shown), width));
        }
        with_news(lines, &self.news, self.color, (width, height))
    }

    fn label_width(&self, width: usize) -> usize {
        let longest = self.rows.iter().map(|row| printable(row.label).chars().count()).max().unwrap_or(0);
        let others = SIZE + THERE + BACK + RTT + CHANGED + 6;
        // What is wider than the rest allows goes from the name.
        let room = width.saturating_sub(others + 10).max(LABEL.0);
        longest.clamp(LABEL.0, LABEL.1).min(room)
    }

    fn row(&self, row: &TableRow<'_>, label: usize, width: usize) -> Line {
        let size = row.stands.and_then(|stands| stands.size).map_or_else(|| "-".into(), |size| size.to_string());
        let there = row.stands.and_then(|stands| stands.there).map_or("-", crate::report::words::verdict_name);
        let back = row.stands.and_then(stand::back).unwrap_or_else(|| "-".into());
        let back = back.split(" above ").next().unwrap_or_default();
        let rtt = row.stands.and_then(|stands| stands.rtt).map_or_else(|| "-".into(), milliseconds);
        let changed = row.changed.map_or_else(|| "-".into(), |changed| self.zone.beside(changed, self.now));
        let changed = changed.get(changed.len().saturating_sub(CHANGED)..).unwrap_or(&changed);
        let running = if row.is_running { '>' } else { ' ' };
        let facts = format!(
            "{running}{} {size:>SIZE$} {} {} {rtt:>RTT$} {changed:>CHANGED$} ",
            fit(&printable(row.label), label),
            fit(there, THERE),
            fit(back, BACK),
        );
        let facts = cut(&facts, width);
        let room = width.saturating_sub(facts.chars().count());
        let strip: Vec<RoundMark> = row.strip[row.strip.len().saturating_sub(room)..].to_vec();
        let style = row.stands.map(|stands| style_of(stands.mark())).unwrap_or_default();
        format!("{}{}", self.styled(style, &facts), self.strip(&strip))
    }

    fn strip(&self, marks: &[RoundMark]) -> String {
        let mut out = String::new();
        for run in marks.chunk_by(|one, other| one == other) {
            let letters: String = run.iter().map(|mark| strip_letter(*mark)).collect();
            out.push_str(&self.styled(style_of(run[0]), &letters));
        }
        out
    }

    fn bold(&self, text: String) -> String {
        if self.color { self.styled(Style::new().bold(), &text) } else { text }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        styled(self.color, style, text)
    }
}

/// A round in the strip. Without colours as well, each is told from the others.
pub fn strip_letter(mark: RoundMark) -> char {
    match mark {
        RoundMark::Fine => '.',
        RoundMark::Impaired => '-',
        RoundMark::Holed => '#',
        RoundMark::Dead => 'x',
        RoundMark::Doubtful => '?',
    }
}

/// The worst first; who is not known yet comes after those who are fine.
fn rank(row: &TableRow<'_>) -> u8 {
    match row.stands.map(Sighting::mark) {
        Some(RoundMark::Holed) => 0,
        Some(RoundMark::Dead) => 1,
        Some(RoundMark::Impaired) => 2,
        Some(RoundMark::Doubtful) => 3,
        Some(RoundMark::Fine) => 4,
        None => 5,
    }
}

fn heading(label: usize) -> String {
    let (target, there, back) = (fit("Target", label), fit("There", THERE), fit("Back", BACK));
    format!(" {target} {:>SIZE$} {there} {back} {:>RTT$} {:>CHANGED$} Last rounds", "Size", "RTT", "Changed")
}

/// `12.3 ms`.
fn milliseconds(rtt: Duration) -> String {
    let milliseconds = rtt.as_secs_f64() * 1000.0;
    if milliseconds < 100.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;

    fn saw(there: Verdict, size: u32) -> Sighting {
        Sighting { rtt: Some(Duration::from_micros(12_340)), ..Sighting::example(there, size) }
    }

    fn row<'w>(label: &'w str, stands: Option<&'w Sighting>, strip: &[RoundMark]) -> TableRow<'w> {
        TableRow { label, stands, changed: None, strip: strip.to_vec(), is_running: false }
    }

    fn table<'w>(rows: Vec<TableRow<'w>>, news: Vec<&'w str>, zone: &'w Zone) -> Table<'w> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_035_320);
        Table { title: "2 targets, every 5 min".into(), is_paused: false, now, zone, rows, news, color: false }
    }

    #[test]
    fn the_worst_comes_first_and_each_round_has_its_letter() {
        let (clear, hole) = (saw(Verdict::Clear, 1500), saw(Verdict::BlackHole, 1400));
        let zone = Zone::utc();
        let marks = [RoundMark::Fine, RoundMark::Doubtful, RoundMark::Holed, RoundMark::Holed];
        let mut broken = row("mx2.example.com 192.0.2.2", Some(&hole), &marks);
        broken.changed = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_035_200));
        broken.is_running = true;
        let rows = vec![row("mx1.example.com 192.0.2.1", Some(&clear), &marks[..1]), broken, row("mx3", None, &[])];
        let lines = table(rows, vec!["10:40 mx2.example.com: was clear"], &zone).lines(120, 12);
        let expected = [
            "2026-11-30 10:42  2 targets, every 5 min  q quits, p pauses",
            " Target                     Size There        Back              RTT     Changed Last rounds",
            ">mx2.example.com 192.0.2.2  1400 black hole   clear         12.3 ms       10:40 .?##",
            " mx1.example.com 192.0.2.1  1500 clear        clear         12.3 ms           - .",
            " mx3                           - -            -                   -           - ",
            "",
            "",
            "",
            "",
            "",
            "Changes",
            "10:40 mx2.example.com: was clear",
        ];
        assert_eq!(lines, expected);
    }

    /// Whatever the size of the screen, nothing wraps and nothing scrolls.
    #[test]
    fn it_fits_any_screen() {
        let (hole, zone) = (saw(Verdict::BlackHole, 1400), Zone::utc());
        let labels: Vec<String> =
            (0..30).map(|n| format!("mx{n}.a-rather-long-name.of-a-host.example.com 2001:db8::{n}")).collect();
        let marks = [RoundMark::Holed; 60];
        for (width, height) in [(0, 0), (1, 1), (20, 3), (40, 8), (80, 24), (100, 30), (200, 60)] {
            let rows = labels.iter().map(|label| row(label, Some(&hole), &marks)).collect();
            let lines =
                table(rows, vec!["a change of which there is more to tell than fits"; 9], &zone).lines(width, height);
            assert!(lines.len() <= height, "{width}x{height}: {}", lines.len());
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}x{height}: {lines:#?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (clear, zone) = (saw(Verdict::Clear, 1500), Zone::utc());
        let labels: Vec<String> = (0..30).map(|n| format!("mx{n:02}")).collect();
        let rows = labels.iter().map(|label| row(label, Some(&clear), &[])).collect();
        let lines = table(rows, Vec::new(), &zone).lines(80, 10);
        assert_eq!(lines.last().map(String::as_str), Some("and 23 more, none of them worse"));
    }

    #[test]
    fn colours_are_for_what_is_wrong_and_change_no_letter() {
        let (clear, hole, zone) = (saw(Verdict::Clear, 1500), saw(Verdict::BlackHole, 1400), Zone::utc());
        let rows = vec![row("mx1", Some(&clear), &[RoundMark::Fine]), row("mx2", Some(&hole), &[RoundMark::Holed])];
        let plain = table(rows.clone(), Vec::new(), &zone).lines(100, 10);
        let colored = Table { color: true, ..table(rows, Vec::new(), &zone) }.lines(100, 10);
        assert!(colored[2].contains("\u{1b}[31m") && !colored[3].contains('\u{1b}'), "{colored:#?}");
        let stripped: Vec<String> = colored.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(stripped, plain);
    }
}

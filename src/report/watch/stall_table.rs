//! The table of connections that hang, on a terminal: a pure function of what is known and of the size of the screen.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use anstyle::Style;

use super::cells::{cut, fit, room, style_of, styled, title_line, with_news};
use super::line::Zone;
use super::stand;
use crate::model::{Sighting, Stall, StalledConnection};
use crate::report::connections::{called, time};
use crate::report::printable;

/// What the table shows.
#[derive(Clone, Debug)]
pub struct StallTable<'w> {
    /// What is watched: `2 of 207 connections hang`.
    pub title: String,
    /// Whether no examination begins at present.
    pub is_paused: bool,
    /// The time.
    pub now: SystemTime,
    /// In which zone times are told.
    pub zone: &'w Zone,
    /// The connections, in any order.
    pub rows: Vec<StallTableRow<'w>>,
    /// What was told last, the oldest first.
    pub news: Vec<&'w str>,
    /// Whether there are colours.
    pub color: bool,
}

/// A connection in the table.
#[derive(Clone, Copy, Debug)]
pub struct StallTableRow<'w> {
    /// The connection.
    pub connection: &'w StalledConnection,
    /// For how long it hangs.
    pub hung: Duration,
    /// How its peer's path stands; `None`: it is not known yet.
    pub peer: Option<&'w Sighting>,
    /// Whether that is being examined.
    pub is_running: bool,
}

const CONNECTION: (usize, usize) = (16, 64);
const HANGS: usize = 12;
const WAITING: usize = 9;
const PACKET: usize = 6;

impl StallTable<'_> {
    /// The screen, line by line. It never has more lines than this, nor longer ones.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let mut rows: Vec<&StallTableRow<'_>> = self.rows.iter().collect();
        // A quiet order, since all of them grow older together.
        rows.sort_by_key(|row| (Reverse(row.hung), row.connection.cookie));
        let room = room(self.news.len(), height);
        let longest = rows.iter().map(|row| printable(&called(row.connection)).chars().count()).max().unwrap_or(0);
        let others = HANGS + WAITING + PACKET + 5;
        let left = width.saturating_sub(others + 24).max(CONNECTION.0);
        let whose = longest.clamp(CONNECTION.0, CONNECTION.1).min(left);
        let title = title_line(&self.title, (self.zone, self.now), self.is_paused, width);
        let heading = format!(
            " {} {:>HANGS$} {:>WAITING$} {:>PACKET$} Path",
            fit("Connection", whose),
            "Hangs for",
            "Waiting",
            "Packet"
        );
        let mut lines = vec![title, styled(self.color, Style::new().bold(), &cut(&heading, width))];
        let shown = if rows.len() > room { room.saturating_sub(1) } else { rows.len() };
        lines.extend(rows.iter().take(shown).map(|row| self.row(row, whose, width)));
        if rows.len() > shown {
            lines.push(cut(&format!("and {} more, none of them older", rows.len() - shown), width));
        }
        with_news(lines, &self.news, self.color, (width, height))
    }

    fn row(&self, row: &StallTableRow<'_>, whose: usize, width: usize) -> String {
        let (waiting, packet) = match &row.connection.stall {
            Stall::Forward(stall) => (stall.waiting.to_string(), stall.packet.to_string()),
            Stall::Backward(_) => ("-".into(), "-".into()),
        };
        let path = match (row.peer, row.connection.direction().is_forward()) {
            (None, _) => None,
            (Some(peer), true) => stand::there(peer).map(|there| there + &stand::hop(peer)),
            (Some(peer), false) => stand::back(peer).map(|back| format!("way back {back}")),
        };
        let line = format!(
            "{}{} {:>HANGS$} {waiting:>WAITING$} {packet:>PACKET$} {}",
            if row.is_running { '>' } else { ' ' },
            fit(&printable(&called(row.connection)), whose),
            time(row.hung),
            path.as_deref().unwrap_or("-"),
        );
        let style = row.peer.map(|peer| style_of(peer.mark())).unwrap_or_default();
        styled(self.color, style, &cut(&line, width))
    }
}

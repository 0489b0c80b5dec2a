//! Who tells people what changes: a line on stdout each, or a table on the terminal.

use std::collections::VecDeque;
use std::io;
use std::time::SystemTime;

use super::screen::Screen;
use crate::app::output::stdout;
use crate::app::stderr::complain;
use crate::model::WatchNews;
use crate::report::watch::{Table, TableRow, Zone, line};
use crate::watch::Watch;

/// Changes that the table remembers, and leaves on the terminal at its end.
const MOST_NEWS: usize = 200;

/// How people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// A table, with colours or without.
    Table { color: bool },
    /// Lines.
    Lines,
    /// Nothing on stdout, which carries results for a program.
    Silent,
}

pub(super) struct Teller {
    zone: Zone,
    is_quiet: bool,
    shown: Shown,
}

/// What a table is drawn into.
pub(super) struct Frame<'a> {
    pub(super) zone: &'a Zone,
    /// What was told last, the oldest first.
    pub(super) news: Vec<&'a str>,
    pub(super) color: bool,
    /// Columns and lines.
    pub(super) size: (usize, usize),
}

enum Shown {
    Table { screen: Screen, color: bool, news: VecDeque<String> },
    Lines,
    Nothing,
}

impl Teller {
    /// Takes the terminal, if there is to be a table.
    pub(super) fn begin(manner: Manner, is_quiet: bool) -> io::Result<Self> {
        let shown = match manner {
            Manner::Table { color } => Shown::Table { screen: Screen::enter()?, color, news: VecDeque::new() },
            Manner::Lines => Shown::Lines,
            Manner::Silent => Shown::Nothing,
        };
        Ok(Self { zone: Zone::of_system(), is_quiet, shown })
    }

    /// Something has changed.
    pub(super) fn tell(&mut self, what: &WatchNews) -> io::Result<()> {
        let line = line(what, SystemTime::now(), &self.zone);
        self.tell_line(line)
    }

    /// A line about something that has changed.
    pub(super) fn tell_line(&mut self, line: String) -> io::Result<()> {
        match &mut self.shown {
            Shown::Table { news, .. } => remember(news, line),
            Shown::Lines => stdout::print(&format!("{line}\n"))?,
            Shown::Nothing => {}
        }
        Ok(())
    }

    /// In which zone times are told.
    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// A warning, or a word about the watch itself.
    pub(super) fn say(&mut self, what: &str) {
        match &mut self.shown {
            Shown::Table { news, .. } => {
                remember(news, format!("{} {what}", self.zone.date_and_minute(SystemTime::now())));
            }
            Shown::Lines | Shown::Nothing => complain(what),
        }
    }

    /// The same, where nobody wanted silence and no table shows it.
    pub(super) fn remark(&mut self, what: &str) {
        if !self.is_quiet && !self.has_table() {
            self.say(what);
        }
    }

    /// Whether it has keys.
    pub(super) fn has_keys(&self) -> bool {
        matches!(&self.shown, Shown::Table { screen, .. } if screen.has_keys())
    }

    pub(super) fn has_table(&self) -> bool {
        matches!(self.shown, Shown::Table { .. })
    }

    /// The screen has another size, or shows what is not ours.
    pub(super) fn redraw(&mut self) {
        if let Shown::Table { screen, .. } = &mut self.shown {
            screen.forget();
        }
    }

    /// Draws the table as all stands now.
    pub(super) fn show(&mut self, watch: &Watch, title: &str, is_paused: bool) -> io::Result<()> {
        self.draw(|frame| {
            let rows = watch.rows().map(|row| TableRow {
                label: row.label,
                stands: row.standing.told().or(row.standing.latest()),
                changed: row.standing.changed(),
                strip: row.standing.strip().marks().collect(),
                is_running: row.is_running,
            });
            let Frame { zone, news, color, size: (width, height) } = frame;
            let (title, now, rows) = (title.to_owned(), SystemTime::now(), rows.collect());
            Table { title, is_paused, now, zone, rows, news, color }.lines(width, height)
        })
    }

    /// Draws what is made of this, where there is a screen.
    pub(super) fn draw(&mut self, lines: impl FnOnce(Frame<'_>) -> Vec<String>) -> io::Result<()> {
        let Shown::Table { screen, color, news } = &mut self.shown else { return Ok(()) };
        let news = news.iter().map(String::as_str).collect();
        screen.draw(lines(Frame { zone: &self.zone, news, color: *color, size: Screen::size() }))
    }

    /// Gives the terminal back, with what was told on it.
    pub(super) fn end(self) -> io::Result<()> {
        let Shown::Table { screen, news, .. } = self.shown else { return Ok(()) };
        drop(screen);
        let told: String = news.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        stdout::print(&told)
    }
}

fn remember(news: &mut VecDeque<String>, line: String) {
    if news.len() == MOST_NEWS {
        news.pop_front();
    }
    news.push_back(line);
}

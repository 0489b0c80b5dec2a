//! What the tables on a terminal are made of.

use std::time::SystemTime;

use anstyle::{AnsiColor, Style};

use super::line::Zone;
use crate::model::RoundMark;
use crate::report::printable;

/// Lines of changes below the table.
const MOST_NEWS: usize = 6;

/// The first line. What is said of a pause comes early, so that it is seen on a narrow screen as well.
pub(super) fn title_line(title: &str, (zone, now): (&Zone, SystemTime), is_paused: bool, width: usize) -> String {
    let (paused, key) = if is_paused { ("  PAUSED", "p goes on") } else { ("", "p pauses") };
    let time = zone.date_and_minute(now);
    cut(&format!("{time}{paused}  {title}  q quits, {key}"), width)
}

/// Rows for which there is room below title and heading.
pub(super) fn room(news: usize, height: usize) -> usize {
    height.saturating_sub(2 + below(news, height))
}

/// The screen, with the last changes at its foot.
pub(super) fn with_news(
    mut lines: Vec<String>,
    news: &[&str],
    has_color: bool,
    (width, height): (usize, usize),
) -> Vec<String> {
    if let Some(shown @ 1..) = below(news.len(), height).checked_sub(1) {
        lines.resize(height.saturating_sub(shown + 1).max(lines.len()), String::new());
        lines.push(styled(has_color, Style::new().bold(), &cut("Changes", width)));
        lines.extend(news[news.len() - shown..].iter().map(|news| cut(&printable(news), width)));
    }
    lines.truncate(height);
    lines
}

fn below(news: usize, height: usize) -> usize {
    match news.min(MOST_NEWS).min(height.saturating_sub(6)) {
        0 => 0,
        shown => shown + 1,
    }
}

pub(super) fn style_of(mark: RoundMark) -> Style {
    let color = match mark {
        RoundMark::Fine => return Style::new(),
        RoundMark::Impaired | RoundMark::Doubtful => AnsiColor::Yellow,
        RoundMark::Holed | RoundMark::Dead => AnsiColor::Red,
    };
    Style::new().fg_color(Some(color.into()))
}

pub(super) fn styled(has_color: bool, style: Style, text: &str) -> String {
    if has_color && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// As wide as the column: what is too long ends in a dot.
pub(super) fn fit(text: &str, width: usize) -> String {
    let text = cut(text, width);
    format!("{text:width$}")
}

pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        kept.push('~');
    }
    kept
}

//! What a watch tells of a connection that hangs, in a line.

use std::time::SystemTime;

use super::line::Zone;
use super::stand;
use crate::model::{Afterwards, Direction, Sighting, StallEvent, StallNews};
use crate::report::connections::{ConnectionAnswer, called, rows, suspicion, time};
use crate::report::printable;

/// One line without its end. `answer`: what the examination of the peer means for the connection; `None`: nobody wants it examined.
pub fn stall_line(news: &StallNews, answer: Option<&ConnectionAnswer<'_>>, now: SystemTime, zone: &Zone) -> String {
    let whose = called(&news.connection);
    let what = match &news.what {
        StallEvent::Stalled => stalled(news, answer, now, zone),
        StallEvent::Changed { was } => {
            let direction = news.connection.direction();
            let was = was.as_ref().and_then(|was| path(direction, was)).unwrap_or_else(|| "not known".into());
            let is = news.peer.as_ref().and_then(|peer| path(direction, peer)).unwrap_or_else(|| "not known".into());
            let meaning = answer.map_or_else(String::new, |answer| format!("; {}", answer.judge_alone().1));
            format!("hangs for {}: the path was {was}, now {is}{meaning}", time(news.hung))
        }
        StallEvent::MovesAgain => format!("moves again, after it hung for {}", time(news.hung)),
        StallEvent::GivenUp => {
            format!(
                "is closed by its program, after it hung for {}; the kernel goes on with what is left",
                time(news.hung)
            )
        }
        StallEvent::Ended => format!("is over, after it hung for {}", time(news.hung)),
    };
    format!("{} {}", zone.date_and_minute(now), printable(&format!("{whose}: {what}")))
}

fn stalled(news: &StallNews, answer: Option<&ConnectionAnswer<'_>>, now: SystemTime, zone: &Zone) -> String {
    let mut words = match news.afterwards {
        Afterwards::GoneOn | Afterwards::Ended => format!("hung for {}", time(news.hung)),
        Afterwards::StandsStill { .. } | Afterwards::Unknown => format!("hangs for {}", time(news.hung)),
    };
    if let Some(since) = now.checked_sub(news.hung) {
        words.extend([", since ", &zone.second(since)]);
    }
    words.extend([": ", suspicion(&news.connection)]);
    for (label, text) in rows(&news.connection) {
        if matches!(label, "waiting" | "came") {
            words.extend(["; ", label, " ", &text]);
        }
    }
    let Some(answer) = answer else { return words };
    if let Some(path) = news.peer.as_ref().and_then(|peer| path(news.connection.direction(), peer)) {
        words.extend(["; the path: ", &path]);
    }
    words.extend(["; ", &answer.judge_alone().1]);
    words
}

/// How the path stands on the way on which the connection stalls, and where it ends.
fn path(direction: Direction, peer: &Sighting) -> Option<String> {
    if !direction.is_forward() {
        return stand::back(peer).map(|back| format!("way back {back}"));
    }
    Some(stand::there(peer)? + &stand::hop(peer))
}

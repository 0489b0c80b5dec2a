//! One connection, from the look that finds it still to the one that finds it moving or gone.
//!
//! It is told once, when its peer was examined. Of one that has gone on before that nothing is told unless the path is to blame: it has
//! lost some packets, as connections do. Nor is one that only may have a reason in its path told before its path is known to be one:
//! peers go away without a word, and servers take their time.

use std::time::Duration;

use crate::model::{
    Afterwards, Direction, Grade, ReverseVerdict, Sighting, Stall, StallEvent, StallNews, StalledConnection, TcpSocket,
    Timestamp, Verdict,
};
use crate::watch::terms::LEAST_PAUSE;

#[derive(Debug)]
pub(super) struct Hanging {
    connection: StalledConnection,
    /// When it was found, and for how long it had stood still by then.
    found: (Timestamp, Duration),
    /// What the last look saw.
    afterwards: Afterwards,
    /// When it moved or ended.
    left: Option<Timestamp>,
    /// Its program has closed it, and that was told as its end.
    is_given_up: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Its peer has to be examined.
    Waits,
    /// It is to be told with this, once a look has found it as it was.
    Judged(Option<Sighting>),
    /// It is not worth telling, with this.
    Quiet(Option<Sighting>),
    /// It was told with this.
    Told {
        said: Option<Sighting>,
        /// What the last examination said otherwise.
        doubt: Option<Gist>,
        /// What is to be told after the next look.
        change: Option<Sighting>,
    },
}

/// The verdict on the way on which a connection stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gist {
    There(Verdict),
    Back(ReverseVerdict),
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Fate {
    Stays,
    /// It stays, and this is told.
    Told(Box<StallNews>),
    /// It is over. Whether that is told.
    Over(Option<Box<StallNews>>),
}

impl Hanging {
    pub(super) fn new(connection: StalledConnection, now: Timestamp) -> Self {
        let found = (now, connection.since());
        let afterwards = Afterwards::StandsStill { next_in: None };
        Self { connection, found, afterwards, left: None, is_given_up: false, stage: Stage::Waits }
    }

    /// One that nobody wants to have examined, and what is told of it.
    pub(super) fn unexamined(connection: StalledConnection, now: Timestamp) -> (Self, StallNews) {
        let hanging = Self { stage: told(None), ..Self::new(connection, now) };
        let news = hanging.news(StallEvent::Stalled, None, now);
        (hanging, news)
    }

    pub(super) fn connection(&self) -> &StalledConnection {
        &self.connection
    }

    /// When it stopped.
    pub(super) fn began(&self) -> Timestamp {
        let (found, since) = self.found;
        found - since
    }

    pub(super) fn hung(&self, now: Timestamp) -> Duration {
        let (found, since) = self.found;
        since + self.left.unwrap_or(now).since(found)
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.is_some()
    }

    /// Whether it is over for people, though not for the kernel or for an examination.
    pub(super) fn is_over(&self) -> bool {
        self.left.is_some() || self.is_given_up
    }

    /// Whether it was told, and its end was not.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.stage, Stage::Told { .. }) && !self.is_over()
    }

    /// What was told of its peer.
    pub(super) fn said(&self) -> Option<&Sighting> {
        match &self.stage {
            Stage::Told { said, .. } | Stage::Quiet(said) => said.as_ref(),
            Stage::Waits | Stage::Judged(_) => None,
        }
    }

    pub(super) fn waits(&self) -> bool {
        matches!(self.stage, Stage::Waits)
    }

    /// Whether it is told after the next look.
    pub(super) fn wants_look(&self) -> bool {
        !self.is_given_up && matches!(self.stage, Stage::Judged(_) | Stage::Told { change: Some(_), .. })
    }

    /// It was judged anew, and stands still as before.
    pub(super) fn renew(&mut self, connection: &StalledConnection) {
        if self.left.is_none() {
            self.connection = connection.clone();
        }
    }

    /// When its peer is to be examined, if its last examination began then.
    pub(super) fn due(&self, last: Option<Timestamp>, interval: Duration) -> Option<Timestamp> {
        match (&self.stage, last) {
            _ if self.is_over() => None,
            (Stage::Waits, _) => Some(self.found.0),
            (Stage::Told { doubt: Some(_), .. }, Some(last)) => Some(last + LEAST_PAUSE),
            (Stage::Told { .. } | Stage::Quiet(_), Some(last)) => Some(last + interval),
            (Stage::Told { .. } | Stage::Quiet(_) | Stage::Judged(_), _) => None,
        }
    }

    /// The kernel was asked for it again. `is_examined`: its peer is being examined, for it too.
    pub(super) fn looked(&mut self, socket: Option<&TcpSocket>, is_examined: bool, now: Timestamp) -> Fate {
        if self.left.is_some() {
            return Fate::Stays;
        }
        self.afterwards = self.connection.afterwards(socket);
        let end = match self.afterwards {
            Afterwards::GoneOn => StallEvent::MovesAgain,
            Afterwards::Ended => StallEvent::Ended,
            Afterwards::StandsStill { .. } | Afterwards::Unknown => return self.closed(socket, now),
        };
        self.left = Some(now);
        match self.stage {
            Stage::Waits if is_examined => Fate::Stays,
            Stage::Waits | Stage::Quiet(_) => Fate::Over(None),
            Stage::Judged(said) => self.leave_with(said, now),
            Stage::Told { .. } if self.is_given_up => Fate::Over(None),
            Stage::Told { said, .. } => Fate::Over(Some(Box::new(self.news(end, said, now)))),
        }
    }

    /// Its program may have closed it, which ends it for people. The kernel goes on for minutes with what is left.
    fn closed(&mut self, socket: Option<&TcpSocket>, now: Timestamp) -> Fate {
        let is_closed = self.connection.inode != 0 && socket.is_some_and(|socket| socket.inode == 0);
        match self.stage {
            Stage::Told { said, .. } if is_closed && !self.is_given_up => {
                self.is_given_up = true;
                Fate::Told(Box::new(self.news(StallEvent::GivenUp, said, now)))
            }
            _ => Fate::Stays,
        }
    }

    /// Its peer was examined, also for it; `None`: it could not be.
    pub(super) fn examined(&mut self, said: Option<Sighting>, now: Timestamp) -> Fate {
        match &mut self.stage {
            _ if self.left.is_some() => return self.leave_with(said, now),
            Stage::Waits | Stage::Judged(_) | Stage::Quiet(_) => self.stage = Stage::Judged(said),
            Stage::Told { said: before, doubt, change } => {
                let direction = self.connection.direction();
                let (was, is) = (gist(direction, before.as_ref()), gist(direction, said.as_ref()));
                match is {
                    // Nobody knows more than before.
                    None => {}
                    _ if is == was => (*before, *doubt, *change) = (said, None, None),
                    // What is known is news where nothing was.
                    _ if was.is_none() || is == *doubt => (*doubt, *change) = (None, said),
                    _ => *doubt = is,
                }
            }
        }
        Fate::Stays
    }

    /// What is to be told, now that a look has found it as it was.
    pub(super) fn news_of_its_path(&mut self, now: Timestamp) -> Option<StallNews> {
        let (event, said) = match self.stage {
            _ if self.is_over() => return None,
            Stage::Judged(said) if !self.is_worth_telling(said.as_ref()) => {
                self.stage = Stage::Quiet(said);
                return None;
            }
            Stage::Judged(said) => (StallEvent::Stalled, said),
            Stage::Told { said: was, change: Some(is), .. } => (StallEvent::Changed { was }, Some(is)),
            Stage::Waits | Stage::Quiet(_) | Stage::Told { .. } => return None,
        };
        self.stage = told(said);
        Some(self.news(event, said, now))
    }

    /// Whether the path is why it stalls.
    pub(super) fn is_explained_by(&self, said: Option<&Sighting>) -> bool {
        match gist(self.connection.direction(), said) {
            Some(Gist::There(Verdict::Clear)) => said.is_some_and(|said| said.on_some_flows),
            Some(Gist::There(verdict)) => verdict != Verdict::Unreachable,
            Some(Gist::Back(verdict)) => matches!(verdict, ReverseVerdict::BlackHole | ReverseVerdict::Recovers),
            None => false,
        }
    }

    fn is_worth_telling(&self, said: Option<&Sighting>) -> bool {
        self.connection.grade != Grade::Possible || self.is_explained_by(said)
    }

    fn leave_with(&self, said: Option<Sighting>, now: Timestamp) -> Fate {
        let is_told = self.is_explained_by(said.as_ref());
        Fate::Over(is_told.then(|| Box::new(self.news(StallEvent::Stalled, said, now))))
    }

    fn news(&self, what: StallEvent, peer: Option<Sighting>, now: Timestamp) -> StallNews {
        let hung = self.hung(now);
        let mut connection = self.connection.clone();
        match &mut connection.stall {
            Stall::Forward(stall) => stall.since = hung,
            Stall::Backward(stall) => stall.since = hung,
        }
        StallNews { what, connection, hung, peer, afterwards: self.afterwards }
    }
}

fn told(said: Option<Sighting>) -> Stage {
    Stage::Told { said, doubt: None, change: None }
}

/// `None`: there is no verdict on this way.
fn gist(direction: Direction, said: Option<&Sighting>) -> Option<Gist> {
    let said = said?;
    if direction.is_forward() {
        return said.there.filter(|there| *there != Verdict::Inconclusive).map(Gist::There);
    }
    Some(said.back)
        .filter(|back| !matches!(back, ReverseVerdict::Untested | ReverseVerdict::Inconclusive))
        .map(Gist::Back)
}

//! How one address stands, and what has to be seen twice before it is told.
//!
//! A change is what `--track` takes for one: another verdict, another way back, another state of the port; a size alone is none. What
//! differs from what was told is examined once more at once, and told where both examinations say the same. Doubt is told
//! only when it stays, and doubt about the way back never: it is often not examined.

use std::mem::discriminant;
use std::time::SystemTime;

use super::strip::Strip;
use crate::model::{ChangedParts, PortState, ReverseVerdict, Sighting, Verdict};

/// Rounds in a row without a verdict until that is told.
const DOUBTS: u32 = 3;

/// An address over all rounds.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What is known, and told if it was worth telling.
    told: Option<Sighting>,
    /// When the last examination began that said the same.
    agreed: Option<SystemTime>,
    /// What the first examination of this round said otherwise.
    suspicion: Option<Sighting>,
    /// Rounds in a row without a verdict, and when the first of them was over.
    doubts: u32,
    doubtful_since: Option<SystemTime>,
    latest: Option<Sighting>,
    changed: Option<SystemTime>,
    strip: Strip,
}

/// What follows from an examination.
#[derive(Clone, Debug, PartialEq)]
pub enum Reaction {
    /// Nothing is new, or nothing is sure.
    Settled,
    /// It has to be seen once more, by a whole examination at once.
    Confirm,
    /// It is not as it was.
    Changed(Box<Change>),
}

/// What is told of an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub(super) parts: ChangedParts,
    pub(super) was: Option<Sighting>,
    pub(super) now: Sighting,
    pub(super) since: Option<(SystemTime, SystemTime)>,
}

impl Standing {
    /// One of which this was told before, by another watch.
    pub fn known(told: Sighting) -> Self {
        Self { told: Some(told), agreed: Some(told.began), ..Self::default() }
    }

    /// Takes what an examination says.
    pub fn see(&mut self, now: Sighting) -> Reaction {
        self.latest = Some(now);
        let news = self.news(&now);
        let Some(first) = self.suspicion.take() else {
            if news != ChangedParts::default() {
                self.suspicion = Some(now);
                return Reaction::Confirm;
            }
            return self.end_round(now, ChangedParts::default(), now.ended);
        };
        let parts = ChangedParts {
            there: news.there && first.there == now.there,
            back: news.back && first.back == now.back,
            port: news.port && is_same_port(first.port, now.port),
        };
        self.end_round(now, parts, first.ended)
    }

    /// Whether an examination says all that is known, and nothing else.
    pub fn is_said_by(&self, sighting: &Sighting) -> bool {
        self.told.is_some_and(|told| {
            told.there == sighting.there
                && known_back(told.back) == known_back(sighting.back)
                && (told.port.is_none() || is_same_port(told.port, sighting.port))
        })
    }

    /// How it stands, as far as it is known.
    pub fn told(&self) -> Option<&Sighting> {
        self.told.as_ref()
    }

    /// What the last examination said.
    pub fn latest(&self) -> Option<&Sighting> {
        self.latest.as_ref()
    }

    /// When the last change was told.
    pub fn changed(&self) -> Option<SystemTime> {
        self.changed
    }

    /// The last rounds.
    pub fn strip(&self) -> &Strip {
        &self.strip
    }

    /// `until`: at the latest then it was as it is now.
    fn end_round(&mut self, now: Sighting, mut parts: ChangedParts, until: SystemTime) -> Reaction {
        self.strip.push(now.mark());
        let mut until = until;
        if now.there == Some(Verdict::Inconclusive) {
            self.doubts += 1;
            let since = *self.doubtful_since.get_or_insert(now.ended);
            let is_told = self.told.is_some_and(|told| told.there == Some(Verdict::Inconclusive));
            if self.doubts >= DOUBTS && !is_told {
                parts.there = true;
                until = since;
            }
        } else {
            (self.doubts, self.doubtful_since) = (0, None);
        }
        let was = self.told;
        let is_new = parts != ChangedParts::default();
        let is_sure = now.there != Some(Verdict::Inconclusive) || was.is_some_and(|was| was.there == now.there);
        let is_as_told = !is_new && is_sure && self.news(&now) == ChangedParts::default();
        self.take_over(&now, parts);
        let since = self.agreed.map(|agreed| (agreed, until.max(agreed)));
        if is_new || is_as_told {
            self.agreed = Some(now.began);
        }
        match self.told {
            Some(told) if is_new => {
                self.changed = Some(now.ended);
                let since = since.filter(|_| was.is_some());
                Reaction::Changed(Box::new(Change { parts, was, now: told, since }))
            }
            _ => Reaction::Settled,
        }
    }

    /// Parts that would be told, if they were seen twice.
    fn news(&self, now: &Sighting) -> ChangedParts {
        let told = self.told.as_ref();
        let there = known_there(now).is_some_and(|there| match told.and_then(|told| told.there) {
            Some(told) => told != there,
            None => !matches!(there, Verdict::Clear | Verdict::Discoverable),
        });
        let back = known_back(now.back).is_some_and(|back| match told.and_then(|told| known_back(told.back)) {
            Some(told) => told != back,
            None => matches!(back, ReverseVerdict::BlackHole | ReverseVerdict::Recovers),
        });
        let port = now.port.is_some_and(|port| match told.and_then(|told| told.port) {
            Some(told) => !is_same_port(Some(told), Some(port)),
            None => !port.takes_connections(),
        });
        ChangedParts { there, back, port }
    }

    /// What is as it was told is told from now on with the sizes of today; what is known for the first time and fine is not news.
    fn take_over(&mut self, now: &Sighting, parts: ChangedParts) {
        let news = self.news(now);
        let Some(mut told) = self.told else {
            let is_news = news != ChangedParts::default();
            if (!is_news && known_there(now).is_some()) || now.there.is_none() || parts != ChangedParts::default() {
                let kept = |is_news: bool, is_told: bool| !is_news || is_told;
                self.told = Some(Sighting {
                    there: now.there.filter(|_| kept(news.there, parts.there)),
                    back: if kept(news.back, parts.back) { now.back } else { ReverseVerdict::Untested },
                    port: now.port.filter(|_| kept(news.port, parts.port)),
                    ..*now
                });
            }
            return;
        };
        if parts.there || !news.there && known_there(now).is_some() {
            (told.there, told.size, told.hop) = (now.there, now.size, now.hop);
        }
        if parts.back || !news.back && known_back(now.back).is_some() {
            (told.back, told.back_size) = (now.back, now.back_size);
        }
        if parts.port || !news.port && now.port.is_some() {
            told.port = now.port;
        }
        (told.rtt, told.began, told.ended) = (now.rtt.or(told.rtt), now.began, now.ended);
        self.told = Some(told);
        // What says less than is known gives no code for it.
        if self.is_said_by(now) {
            self.told = Some(Sighting { code: now.code, ..told });
        }
    }
}

/// The way there, where it has a verdict.
fn known_there(sighting: &Sighting) -> Option<Verdict> {
    sighting.there.filter(|verdict| *verdict != Verdict::Inconclusive)
}

/// The same of the way back.
fn known_back(back: ReverseVerdict) -> Option<ReverseVerdict> {
    Some(back).filter(|back| !matches!(back, ReverseVerdict::Untested | ReverseVerdict::Inconclusive))
}

/// Who says that a port is filtered, and by which code, is no change of its state.
fn is_same_port(one: Option<PortState>, other: Option<PortState>) -> bool {
    one.as_ref().map(discriminant) == other.as_ref().map(discriminant)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{PacketSize, RoundMark};

    fn time(minute: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(minute * 60)
    }

    /// An examination that begins in this minute and takes a second.
    fn saw(minute: u64, there: Verdict, size: u32) -> Sighting {
        let (began, ended) = (time(minute), time(minute) + Duration::from_secs(1));
        Sighting { began, ended, ..Sighting::example(there, size) }
    }

    fn clear(minute: u64) -> Sighting {
        saw(minute, Verdict::Clear, 1500)
    }

    fn hole(minute: u64) -> Sighting {
        saw(minute, Verdict::BlackHole, 1400)
    }

    fn told(reaction: Reaction) -> Change {
        match reaction {
            Reaction::Changed(change) => *change,
            other => panic!("{other:?}"),
        }
    }

    const THERE: ChangedParts = ChangedParts { there: true, back: false, port: false };

    #[test]
    fn a_new_verdict_is_seen_twice_and_told_once() {
        let mut standing = Standing::default();
        assert_eq!(standing.see(clear(0)), Reaction::Settled, "new and fine");
        assert_eq!(standing.see(clear(5)), Reaction::Settled);
        assert_eq!(standing.see(hole(10)), Reaction::Confirm);
        let change = told(standing.see(hole(11)));
        assert_eq!((change.parts, change.was.map(|was| was.there)), (THERE, Some(Some(Verdict::Clear))));
        assert_eq!(change.since, Some((time(5), time(10) + Duration::from_secs(1))));
        assert_eq!(standing.see(hole(15)), Reaction::Settled, "once");
        assert_eq!(standing.see(saw(20, Verdict::BlackHole, 1300)), Reaction::Settled, "a size alone");
        assert_eq!(standing.see(clear(25)), Reaction::Confirm);
        let healed = told(standing.see(clear(25)));
        assert_eq!(healed.since.map(|(from, _)| from), Some(time(20)));
        assert_eq!(healed.was.and_then(|was| was.size), Some(PacketSize::new(1300)), "as it was last");
    }

    #[test]
    fn what_the_second_examination_does_not_see_is_not_told() {
        let mut standing = Standing::default();
        standing.see(clear(0));
        for second in [clear(5), saw(5, Verdict::Inconclusive, 1400), saw(5, Verdict::Unreachable, 0)] {
            assert_eq!(standing.see(hole(5)), Reaction::Confirm);
            assert_eq!(standing.see(second), Reaction::Settled);
        }
        assert_eq!(standing.told().and_then(|told| told.there), Some(Verdict::Clear));
    }

    #[test]
    fn doubt_is_told_when_it_stays() {
        let doubt = |minute| saw(minute, Verdict::Inconclusive, 1400);
        let mut standing = Standing::default();
        standing.see(clear(0));
        assert_eq!(standing.see(doubt(5)), Reaction::Settled, "one inconclusive round is no change");
        assert_eq!(standing.see(clear(10)), Reaction::Settled);
        assert_eq!((standing.see(doubt(15)), standing.see(doubt(20))), (Reaction::Settled, Reaction::Settled));
        let change = told(standing.see(doubt(25)));
        assert_eq!(change.since, Some((time(10), time(15) + Duration::from_secs(1))));
        assert_eq!(standing.see(doubt(30)), Reaction::Settled, "once");
        assert_eq!(standing.see(clear(35)), Reaction::Confirm);
        assert_eq!(told(standing.see(clear(35))).parts, THERE);
    }

    #[test]
    fn what_was_never_fine_is_told_once_it_is_confirmed() {
        let mut standing = Standing::default();
        assert_eq!(standing.see(hole(0)), Reaction::Confirm);
        assert_eq!(standing.told(), None);
        let change = told(standing.see(hole(0)));
        assert_eq!((change.was, change.since), (None, None));
    }

    #[test]
    fn the_parts_of_an_address_are_told_apart() {
        let mut standing = Standing::default();
        standing.see(clear(0));
        let back = |minute| Sighting { back: ReverseVerdict::BlackHole, ..clear(minute) };
        assert_eq!(standing.see(Sighting { port: Some(PortState::Refused), ..back(5) }), Reaction::Confirm);
        let change = told(standing.see(back(5)));
        assert_eq!(change.parts, ChangedParts { back: true, ..ChangedParts::default() }, "the port was seen once");
        assert_eq!(change.now.port, Some(PortState::Open));
        let untested = Sighting { back: ReverseVerdict::Untested, ..clear(10) };
        assert_eq!(standing.see(untested), Reaction::Settled, "not examined is no news");
        assert_eq!(standing.told().map(|told| told.back), Some(ReverseVerdict::BlackHole));
        assert_eq!(standing.see(Sighting { port: None, ..back(15) }), Reaction::Settled, "not known is no news");
    }

    /// A round that says less is no reason to think better or worse of an address.
    #[test]
    fn the_exit_code_is_that_of_what_is_known() {
        let code = |standing: &Standing| standing.told().map(|told| told.code);
        let mut standing = Standing::default();
        let holed = Sighting { back: ReverseVerdict::BlackHole, code: 2, ..clear(0) };
        standing.see(holed);
        standing.see(holed);
        assert_eq!(code(&standing), Some(2));
        standing.see(Sighting { back: ReverseVerdict::Untested, ..clear(5) });
        assert_eq!(code(&standing), Some(2), "the way back was not examined");
        standing.see(Sighting { code: 3, ..saw(10, Verdict::Inconclusive, 1400) });
        assert_eq!(code(&standing), Some(2));
        standing.see(clear(15));
        standing.see(clear(15));
        assert_eq!(code(&standing), Some(0));
    }

    #[test]
    fn the_strip_has_a_mark_for_each_round_and_an_end() {
        let mut standing = Standing::default();
        standing.see(clear(0));
        standing.see(hole(5));
        standing.see(hole(5));
        assert_eq!(standing.strip().marks().collect::<Vec<_>>(), [RoundMark::Fine, RoundMark::Holed]);
        for round in 1..1000 {
            standing.see(hole(5 * round));
        }
        assert_eq!(standing.strip().marks().len(), 60);
    }
}

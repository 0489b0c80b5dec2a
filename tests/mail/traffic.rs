//! Mail between the two ends of a lab, either way: it arrives or stalls, and advice is put to the test on it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::advice::Advice;
use super::lab::Lab;
use super::message::Message;
use super::mx::Running;
use super::rows::Effect;
use super::sender::{Attempt, Mail, Sender};
use super::state::{State, forget};

/// One for each usual advice. They stall side by side, so that the waiting is done once.
const STALLED_AT_ONCE: usize = 3;

/// Which way the mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From c to s.
    There,
    /// From s to c.
    Back,
}

/// What must become of large mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Stalled,
}

/// The two mail servers at work. The sender stands at one end of the lab, the receiver at the other.
pub(crate) struct Traffic<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) way: Way,
    pub(crate) receiver: Running,
    pub(crate) sender: Sender<'a>,
}

impl Traffic<'_> {
    /// The first messages of 200 kB, and beside them a small one that has to pass: what stalls, stalls by size. Returns the large ones
    /// after they came to the end that they have to come to, and how long the last took.
    pub(crate) fn first_mail(&self, fate: Fate) -> Result<(Vec<Mail>, Duration), String> {
        let count = if fate == Fate::Stalled { STALLED_AT_ONCE } else { 1 };
        let large = (0..count).map(|_| self.sender.submit(Message::large()));
        let large = large.collect::<Result<Vec<Mail>, String>>()?;
        let small = self.sender.submit(Message::small())?;
        self.must_arrive(&small, "the small message")?;
        let mut longest = Duration::ZERO;
        for mail in &large {
            let (attempt, took) = self.sender.attempt(mail)?;
            match (&attempt, fate) {
                (Attempt::Sent, Fate::Delivered) => self.must_be_in_the_mailbox(mail, "the large message")?,
                (Attempt::Stalled, Fate::Stalled) => {}
                _ => return Err(format!("mail: {attempt:?} after {:.1} s", took.as_secs_f64())),
            }
            longest = longest.max(took);
        }
        Ok((large, longest))
    }

    /// A large message that stalls, while a small one passes.
    pub(crate) fn stall_another(&self) -> Result<Mail, String> {
        let large = self.sender.submit(Message::large())?;
        let small = self.sender.submit(Message::small())?;
        self.must_arrive(&small, "the small message")?;
        match self.sender.attempt(&large)? {
            (Attempt::Stalled, _) => Ok(large),
            (Attempt::Sent, took) => Err(format!("mail passes after {took:?} although no remedy is in force")),
        }
    }

    /// Applies advice as printed, flushes a stalled message if it is for this way, and undoes it. `in_force`: looks at what the
    /// program says while it is in force, and returns it unless the program cannot see the remedy.
    pub(crate) fn remedy(
        &self,
        advice: &Advice,
        mut mail: Mail,
        in_force: impl FnOnce() -> Result<Value, String>,
    ) -> Result<Effect, String> {
        let before = State::of(self.lab);
        advice.apply(self.lab)?;
        if State::of(self.lab) == before {
            return Ok(Effect::Diagnostic);
        }
        let effect =
            if advice.way() == self.way { self.flush(&mut mail).map(Effect::Delivered) } else { Ok(Effect::OtherWay) };
        let seen = if advice.way() == self.way { self.look(advice, &before, in_force) } else { Ok(()) };
        // What follows begins from the clean state, whatever was seen.
        advice.undo(self.lab)?;
        self.must_be(&before, "its undo")?;
        seen.and(effect)
    }

    /// While advice is in force, the program does not give it again, and what it says to take it back does so.
    fn look(
        &self,
        advice: &Advice,
        before: &State,
        in_force: impl FnOnce() -> Result<Value, String>,
    ) -> Result<(), String> {
        forget(self.lab);
        let address = in_force()?;
        if advice.is_repeated_in(&address) {
            return Err(format!("it is advised again while it is in force: {}", address["advice"]));
        }
        if let Some(back) = Advice::take_back(&address) {
            back.undo(self.lab).map_err(|fault| format!("taking it back: {fault}"))?;
            self.must_be(before, "taking it back")?;
            advice.apply(self.lab)?;
        }
        Ok(())
    }

    /// Nothing that decides the size of packets may differ from before.
    fn must_be(&self, before: &State, what: &str) -> Result<(), String> {
        forget(self.lab);
        let differences = before.differences(&State::of(self.lab));
        if !differences.is_empty() {
            return Err(format!("{what} leaves: {}", differences.join("; ")));
        }
        Ok(())
    }

    /// The stalled mail has to pass now.
    fn flush(&self, mail: &mut Mail) -> Result<Duration, String> {
        self.sender.flush(mail)?;
        self.must_arrive(mail, "the stalled message")
    }

    fn must_arrive(&self, mail: &Mail, what: &str) -> Result<Duration, String> {
        match self.sender.attempt(mail)? {
            (Attempt::Sent, took) => self.must_be_in_the_mailbox(mail, what).map(|()| took),
            (Attempt::Stalled, took) => Err(format!("{what} still stalls, for {took:?}")),
        }
    }

    /// The receiver accepts a message before it delivers it.
    fn must_be_in_the_mailbox(&self, mail: &Mail, what: &str) -> Result<(), String> {
        let mailbox = self.receiver.mailbox();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !mail.message.is_in(mailbox) {
            if Instant::now() > deadline {
                return Err(format!("{what} was sent, but is not whole in {}", mailbox.display()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

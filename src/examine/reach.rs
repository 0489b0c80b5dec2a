//! Why the target may not answer: what routers and this host's own kernel said about it.

use crate::model::{Obstacle, Refusal};

/// What was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    silence: Silence,
    explanations: u32,
    is_send_refused: bool,
    /// This host's own kernel said twice that packets cannot leave.
    is_cut_off: bool,
}

/// Why nothing at all was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Silence {
    /// No error came either.
    #[default]
    Plain,
    /// The run was cut short: an answer may still have come.
    CutShort,
    /// An ICMP error or the own kernel said so.
    Explained(Obstacle),
    /// Local firewall rules refused to send the probes.
    Forbidden,
}

impl Reach {
    /// A router says that the target cannot be reached.
    pub(super) fn explain(&mut self, obstacle: Obstacle) {
        self.explanations += 1;
        self.silence = Silence::Explained(obstacle);
    }

    /// This host's kernel would not send. `nothing_answered`: nor was anything answered before.
    pub(super) fn refused(&mut self, refusal: Refusal, nothing_answered: bool) {
        match refusal {
            // As if lost on the way: the search asks again. A size that is too large limits the search.
            Refusal::Busy | Refusal::TooBig => {}
            Refusal::Forbidden => {
                self.is_send_refused = true;
                if nothing_answered {
                    self.silence = Silence::Forbidden;
                }
            }
            Refusal::NoRoute => self.cut_off(Obstacle::NoRoute, nothing_answered),
            Refusal::InterfaceDown => self.cut_off(Obstacle::InterfaceDown, nothing_answered),
        }
    }

    fn cut_off(&mut self, obstacle: Obstacle, nothing_answered: bool) {
        if nothing_answered {
            self.explain(obstacle);
            self.is_cut_off |= self.explanations >= 2;
        }
    }

    /// Whether nothing can be sent, so that waiting is of no use.
    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    pub(super) fn silence(&self) -> &Silence {
        &self.silence
    }

    /// Whether that is why the silence will not end. A single message may be an accident.
    pub(super) fn is_explained(&self) -> bool {
        matches!(self.silence, Silence::Explained(_)) && self.explanations >= 2
    }

    /// Whether a local firewall rule refused to send a probe.
    pub(super) fn is_send_refused(&self) -> bool {
        self.is_send_refused
    }
}

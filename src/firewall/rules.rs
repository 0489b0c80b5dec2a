//! The rules of this host, read once for all questions of a run.

use super::iptables::Saved;
use super::nft;
use super::steps::Steps;
use crate::model::RulesetText;

/// What the firewall programs printed, parsed.
pub struct Rules {
    pub(super) nft: Option<nft::Ruleset>,
    pub(super) iptables: Vec<Saved>,
    /// Whether some rule says that connections are not tracked.
    pub(super) exempts_from_tracking: bool,
    steps: Steps,
}

/// Why the rules say nothing: the end of the sentence "cannot read the firewall rules: …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Another version, or another program.
    #[error("nft prints JSON of a kind that is not known here")]
    UnknownKind,
    /// They would take more memory than they may.
    #[error("they would take more than {} MB of memory", MEMORY / 1_000_000)]
    TooLarge,
    /// One question takes too many steps.
    #[error("they are too many to be read through")]
    TooMany,
}

/// What parsed rules may take, roughly. Sets of addresses take less than their text, other rules some times more.
const MEMORY: u64 = 64_000_000;

impl Rules {
    /// Parses the rules.
    pub fn read(text: RulesetText) -> Result<Self, RulesError> {
        let is_exempt = |text: &str| text.contains("notrack") || text.contains("NOTRACK");
        let exempts_from_tracking =
            is_exempt(&text.nft_json) || text.iptables.iter().any(|saved| is_exempt(&saved.text));
        let nft = match nft::Ruleset::read(&text, MEMORY) {
            Ok(nft) => Some(nft),
            Err(nft::Unread::TooLarge) => return Err(RulesError::TooLarge),
            Err(nft::Unread::Strange) if !text.nft_json.trim().is_empty() && text.iptables.is_empty() => {
                return Err(RulesError::UnknownKind);
            }
            Err(nft::Unread::Strange) => None,
        };
        drop((text.nft_json, text.nft_text));
        let iptables: Option<Vec<Saved>> = text.iptables.into_iter().map(|saved| Saved::read(saved, MEMORY)).collect();
        let iptables = iptables.ok_or(RulesError::TooLarge)?;
        Ok(Self { nft, iptables, exempts_from_tracking, steps: Steps::new(Steps::OF_A_RUN) })
    }

    /// Answers a question, if that takes no more steps than one may take, and all of a run together.
    pub(super) fn within_steps<T>(&self, answer: impl FnOnce(&Steps) -> T) -> Result<T, RulesError> {
        let steps = self.steps.lend(Steps::OF_A_QUESTION);
        let answer = answer(&steps);
        self.steps.put_back(&steps);
        if steps.are_used_up() { Err(RulesError::TooMany) } else { Ok(answer) }
    }

    #[cfg(test)]
    pub(super) fn with_steps(self, left: u64) -> Self {
        Self { steps: Steps::new(left), ..self }
    }
}

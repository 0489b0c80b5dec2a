//! The parts of a letter in their order, the same in every language.

use super::block::Block;
use super::effect::Effect;
use super::facts::LetterFacts;
use super::measured::measured;
use super::ping::PingCheck;
use super::plea::{MTU_PROBING, Plea, pleas};
use super::words;
use crate::report::language::Language;

pub(super) fn letter(language: Language, facts: &LetterFacts<'_>) -> Vec<Block> {
    let header = words::header(language);
    let rows = measured(facts);
    let row = |row| (words::label(language, row), words::value(language, row, facts.family));
    let mut blocks = vec![
        Block::Header(vec![
            (header.to, words::recipient(language, facts)),
            (header.subject, words::subject(language, facts)),
        ]),
        Block::Prose(words::salutation(language).into()),
        Block::Prose(words::opening(language, facts)),
        Block::Prose(words::measured_with(language)),
        Block::Table(rows.iter().map(row).collect()),
        Block::Prose(words::sizes(language, facts)),
        Block::Prose(words::effect(language, facts.family, Effect::of(facts))),
    ];
    blocks.extend(words::workaround(language, facts.workaround()).map(Block::Prose));
    blocks.extend(pleas(facts).into_iter().flat_map(|plea| request(language, facts, plea)));
    blocks.extend(PingCheck::of(facts).into_iter().flat_map(|check| check_by_ping(language, &check)));
    blocks.push(Block::Prose(words::verify(language, facts.complaint).into()));
    blocks.push(Block::Code(vec![facts.verification()]));
    let (regards, name) = words::closing(language);
    blocks.push(Block::Close(regards, name));
    blocks
}

fn check_by_ping(language: Language, check: &PingCheck) -> [Block; 3] {
    let target = check.target.as_deref().unwrap_or(words::ping_our_address(language));
    [
        Block::Prose(words::before_ping(language, check)),
        Block::Code(check.commands(target)),
        Block::Prose(words::after_ping(language, check)),
    ]
}

/// A plea, and the commands that it asks for.
fn request(language: Language, facts: &LetterFacts<'_>, plea: Plea<'_>) -> Vec<Block> {
    let mut blocks = vec![Block::Prose(words::plea(language, facts.family, plea))];
    match plea {
        Plea::CompareOneLink
        | Plea::CompareParallelPaths
        | Plea::FindFragmentFilter
        | Plea::StopRefusing
        | Plea::CorrectChecksum { .. }
        | Plea::CorrectMtu { .. } => {}
        Plea::SendMessage => {
            blocks.extend(rules(language, facts));
            blocks.push(Block::Prose(words::other_systems(language, facts.family)));
        }
        Plea::AdmitBeforeRule(blocker) => blocks.push(Block::Code(blocker.remedy.clone())),
        Plea::AdmitHere | Plea::LetMessageOut | Plea::LetMessageIn { can_bridge: false } => {
            blocks.extend(rules(language, facts));
        }
        Plea::LetMessageIn { can_bridge: true } => {
            blocks.extend(rules(language, facts));
            blocks.push(Block::Prose(words::until_then(language).into()));
            blocks.push(Block::Code(vec![MTU_PROBING.into()]));
        }
    }
    blocks
}

/// The rules that admit the message, for both kinds of firewall. What stands before them names nftables.
fn rules(language: Language, facts: &LetterFacts<'_>) -> [Block; 3] {
    let rules = facts.rules();
    [Block::Code(vec![rules.nft]), Block::Prose(words::or_with_iptables(language).into()), Block::Code(rules.iptables)]
}

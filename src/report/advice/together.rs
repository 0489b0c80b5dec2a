//! The advice for both families as one list.

use std::collections::HashSet;

use super::systems::{KEEP, by_system};
use crate::model::Advice;

/// Advice with the same words once, with the commands of both families; else each by itself, in the order of the first list.
pub(super) fn join(first: Vec<Advice>, second: Vec<Advice>) -> Vec<Advice> {
    let mut second = second;
    let mut joined = Vec::new();
    for mut advice in first {
        if let Some(at) = second.iter().position(|other| is_same(&advice, other)) {
            // What stands before it in the other list comes before it here.
            joined.extend(second.drain(..at));
            let other = second.remove(0);
            advice.commands = commands(advice.commands, other.commands);
            advice.lasting = commands(advice.lasting, other.lasting);
        }
        joined.push(advice);
    }
    joined.extend(second);
    joined
}

fn is_same(advice: &Advice, other: &Advice) -> bool {
    (advice.who, &advice.text) == (other.who, &other.text)
}

/// The commands of both, system by system.
fn commands(first: Vec<String>, second: Vec<String>) -> Vec<String> {
    let mut second = by_system(second);
    let mut joined = Vec::new();
    for (introduction, lines) in by_system(first) {
        let same = second.iter().position(|(other, _)| *other == introduction);
        let others = same.map_or_else(Vec::new, |at| second.remove(at).1);
        joined.extend((!introduction.is_empty()).then(|| introduction.clone()));
        if introduction.is_empty() {
            joined.extend(of_one_shell(lines, others));
        } else {
            // There, lines may belong to the one before them, so all of them come twice.
            let is_same = lines == others;
            joined.extend(lines.into_iter().chain(others.into_iter().filter(|_| !is_same)));
        }
    }
    joined.extend(second.into_iter().flat_map(|(introduction, lines)| std::iter::once(introduction).chain(lines)));
    joined
}

/// Each command once, and the comments that keep or undo them last.
fn of_one_shell(first: Vec<String>, second: Vec<String>) -> Vec<String> {
    let mut known = HashSet::new();
    let all = first.into_iter().chain(second).filter(|command| known.insert(command.clone()));
    let (undo, mut commands): (Vec<String>, Vec<String>) =
        all.partition(|command| command.starts_with(super::undo::UNDO) || command.starts_with(KEEP));
    commands.extend(undo);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Who;

    fn advice(text: &str, commands: &[&str]) -> Advice {
        let commands = commands.iter().map(|command| (*command).to_owned()).collect();
        Advice { is_alternative: false, lasting: Vec::new(), who: Who::You, text: text.into(), commands }
    }

    #[test]
    fn the_same_words_come_once_with_the_commands_of_both() {
        let joined = join(
            vec![advice("clamp", &["table", "v4", "# undo: v4"]), advice("about v4", &[])],
            vec![advice("clamp", &["table", "v6", "# undo: v6"]), advice("about v6", &[])],
        );
        let expected = [
            advice("clamp", &["table", "v4", "v6", "# undo: v4", "# undo: v6"]),
            advice("about v4", &[]),
            advice("about v6", &[]),
        ];
        assert_eq!(joined, expected);
    }

    #[test]
    fn nothing_is_lost() {
        let joined = join(vec![advice("b", &[])], vec![advice("a", &[]), advice("b", &[]), advice("c", &[])]);
        let texts: Vec<&str> = joined.iter().map(|advice| &*advice.text).collect();
        assert_eq!(texts, ["a", "b", "c"]);
    }
}

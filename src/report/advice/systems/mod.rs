//! What to type on machines that are not this host, by kind of system: Linux first, then the others.

mod linux;
mod others;
mod task;

use std::collections::HashSet;

use super::clamp::ClampProgram;
use crate::model::{Family, PacketSize};
pub(super) use linux::KEEP;
use others::{OTHERS, System};
pub(super) use task::{ClampBy, Task};

/// A comment between commands: what follows does the same as what stands before, on another system.
const OR_WITH: &str = "# or with ";

/// The commands of all systems, the likeliest first.
pub(super) fn commands(task: Task, family: Family) -> Vec<String> {
    let mut commands = match task {
        Task::Report => introduced(
            "# on that router, and on each firewall up to here, if Linux:",
            linux::admit(family, "output|forward"),
        ),
        Task::TakeIn => introduced(
            "# on their server, and on a firewall in front of it, if Linux:",
            linux::admit(family, "input|forward"),
        ),
        Task::Clamp(size, by) => linux::clamp(family, size, by),
    };
    let by_iptables = match task {
        Task::Report => linux::admit_by_iptables(family, "OUTPUT FORWARD"),
        Task::TakeIn => linux::admit_by_iptables(family, "INPUT FORWARD"),
        Task::Clamp(size, by) => linux::clamp_by_iptables(family, size, by),
    };
    commands.extend(introduced(&format!("{OR_WITH}iptables:"), by_iptables));
    for system in OTHERS {
        let lines = of_system(system, task, family);
        if !lines.is_empty() {
            commands.push(format!("{OR_WITH}{}:", system.name));
            commands.push(format!("# see {}", system.sources.join(" ")));
            commands.extend(lines);
        }
    }
    commands
}

/// What a Linux router or firewall needs to send the messages and let them pass, or one at their end to take them in: by nft, and by
/// iptables. Without the undo: it is their machine.
pub(crate) fn linux_rules(family: Family, is_at_the_end: bool) -> [String; 2] {
    let (hooks, chains) =
        if is_at_the_end { ("input|forward", "INPUT FORWARD") } else { ("output|forward", "OUTPUT FORWARD") };
    [linux::admit(family, hooks), linux::admit_by_iptables(family, chains)]
        .map(|lines| lines.into_iter().take(1).collect())
}

/// What this host needs to take the messages in, by nft, and how to take it back.
pub(super) fn admit_on_this_host(family: Family) -> Vec<String> {
    linux::admit(family, "prerouting|input")
}

/// The clamp on this host for those it forwards for.
pub(super) fn clamp_on_this_host(family: Family, size: PacketSize, by: ClampBy, program: ClampProgram) -> Vec<String> {
    match program {
        ClampProgram::Nft => linux::clamp(family, size, by),
        ClampProgram::Iptables => linux::clamp_by_iptables(family, size, by),
    }
}

/// The same commands, system by system: the introduction of each, and its lines.
pub(crate) fn by_system(commands: Vec<String>) -> Vec<(String, Vec<String>)> {
    let mut systems = vec![(String::new(), Vec::new())];
    for command in commands {
        if command.starts_with(OR_WITH) {
            systems.push((command, Vec::new()));
        } else if let Some((_, lines)) = systems.last_mut() {
            lines.push(command);
        }
    }
    systems
}

/// The commands of the likeliest system, and which others there are.
pub(crate) fn likely(commands: &[String]) -> Vec<String> {
    likely_besides(commands, &mut HashSet::new())
}

/// The same, where these others were named already.
pub(crate) fn likely_besides(commands: &[String], known: &mut HashSet<String>) -> Vec<String> {
    let is_other = |command: &&String| command.starts_with(OR_WITH);
    let mut likely: Vec<String> = commands.iter().take_while(|command| !is_other(command)).cloned().collect();
    let names: Vec<&str> = commands.iter().filter(is_other).filter_map(|command| name(command)).collect();
    let are_new = names.iter().filter(|name| known.insert((**name).to_owned())).count() > 0;
    if are_new {
        likely.extend(others_in_comments(&names));
    }
    likely
}

/// Which systems there are besides, in as many comments as it takes.
fn others_in_comments(names: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = "# --advice all has the same for".to_owned();
    for (index, name) in names.iter().enumerate() {
        let word = if index + 1 < names.len() { format!("{name},") } else { (*name).to_owned() };
        if line.len() + 1 + word.len() > LONGEST_COMMENT {
            lines.push(std::mem::replace(&mut line, "#".to_owned()));
        }
        line.push(' ');
        line.push_str(&word);
    }
    lines.extend((!names.is_empty()).then_some(line));
    lines
}

/// Fits into 80 columns where the text report puts it.
const LONGEST_COMMENT: usize = 73;

/// The system that an introduction is about.
pub(crate) fn name(introduction: &str) -> Option<&str> {
    introduction.strip_prefix(OR_WITH)?.strip_suffix(':')
}

fn introduced(introduction: &str, lines: Vec<String>) -> Vec<String> {
    std::iter::once(introduction.to_owned()).chain(lines).collect()
}

fn of_system(system: &System, task: Task, family: Family) -> Vec<String> {
    let lines = match task {
        Task::Report => [system.send.of(family), system.pass.of(family)].concat(),
        Task::TakeIn => system.pass.of(family).to_vec(),
        Task::Clamp(..) => system.clamp.of(family).to_vec(),
    };
    let Task::Clamp(size, _) = task else { return lines.into_iter().map(str::to_owned).collect() };
    let mss = size.to_mss(family);
    let filled = |line: &str| {
        line.replace("{over}", &mss.saturating_add(1).to_string())
            .replace("{mss}", &mss.to_string())
            .replace("{mtu}", &size.to_string())
    };
    lines.into_iter().map(filled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: PacketSize = PacketSize::new(1400);
    const TASKS: [Task; 4] =
        [Task::Report, Task::TakeIn, Task::Clamp(SIZE, ClampBy::Route), Task::Clamp(SIZE, ClampBy::Number)];

    #[test]
    fn no_system_is_left_with_a_gap() {
        for (task, family) in TASKS.into_iter().flat_map(|task| [(task, Family::V4), (task, Family::V6)]) {
            for command in commands(task, family) {
                let has_gap = ["{mss}", "{mtu}", "{over}"].iter().any(|gap| command.contains(gap));
                assert!(!has_gap && !command.is_empty(), "{task:?} {family:?}: {command}");
            }
        }
    }

    #[test]
    fn the_likely_one_comes_first_and_names_the_others() {
        let all = commands(Task::Report, Family::V4);
        let likely = likely(&all);
        assert!(likely.len() < 6, "{likely:?}");
        let last = likely[3..].join(" ");
        assert!(likely[3..].iter().all(|line| line.len() <= LONGEST_COMMENT), "{last}");
        for system in ["iptables", "MikroTik", "Cisco IOS", "FortiGate", "AWS", "Azure", "Google Cloud"] {
            assert!(last.contains(system), "{system}: {last}");
        }
    }

    #[test]
    fn what_has_no_others_stays_as_it_is() {
        let commands = vec!["ip link".to_owned(), "# undo: ip link".to_owned()];
        assert_eq!(likely(&commands), commands);
    }

    /// The document names each system, every line, and where that stands.
    #[test]
    fn the_document_has_the_whole_table() {
        let document = include_str!("../../../../docs/systems.md");
        for system in OTHERS {
            assert!(document.contains(&format!("### {}", system.name)), "{}", system.name);
            for source in system.sources {
                assert!(document.contains(source), "{source}");
            }
            for part in [&system.send, &system.pass, &system.clamp] {
                for line in part.v4.iter().chain(part.v6) {
                    assert!(document.contains(line), "{}: {line}", system.name);
                }
            }
        }
    }
}

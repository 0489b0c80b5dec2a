//! Splits the output of the child into its parts.

use super::error::RulesetError;
use crate::model::{RulesetText, SavedTables};

/// Each part ends with a line `MARK NAME STATUS`; the last one is named `end`. `cut`: why there may be no end. What is there is
/// taken if only the contents of sets are missing.
pub(super) fn split(output: &[u8], mark: &str, cut: Option<RulesetError>) -> Result<RulesetText, RulesetError> {
    let output = String::from_utf8_lossy(output);
    let mut rules = RulesetText::default();
    let mut failed = Vec::new();
    let (mut part, mut is_whole, mut programs) = (String::new(), false, 0);
    let mut lacks_sets_only = false;
    // Not by lines(): a carriage return is part of what was printed.
    for line in output.split_terminator('\n') {
        let Some((name, status)) = end_of_part(line, mark) else {
            part.push_str(line);
            part.push('\n');
            continue;
        };
        let text = std::mem::take(&mut part);
        match name {
            "end" => is_whole = true,
            "all-but-sets" => lacks_sets_only = true,
            _ if status != "0" => failed.push(name.to_owned()),
            _ => {
                programs += 1;
                file(&mut rules, name, text);
            }
        }
    }
    match failed.into_iter().next() {
        _ if !is_whole && !lacks_sets_only => Err(cut.unwrap_or_else(|| RulesetError::Failed("/bin/sh".to_owned()))),
        Some(name) if programs == 0 => Err(RulesetError::Failed(program(&name).to_owned())),
        None if programs == 0 => Err(RulesetError::NoProgram),
        _ => Ok(rules),
    }
}

fn end_of_part<'a>(line: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(mark)?.strip_prefix(' ')?.split_once(' ')
}

fn file(rules: &mut RulesetText, name: &str, text: String) {
    match (name, name.split_once('/')) {
        ("nft-json", _) => (rules.nft_json, rules.lacks_sets) = (text, false),
        ("nft-terse", _) => (rules.nft_json, rules.lacks_sets) = (text, true),
        ("nft-text", _) => rules.nft_text = text,
        (_, Some((program, kind))) => {
            rules.iptables.push(SavedTables { program: program.to_owned(), in_nftables: kind == "nft", text });
        }
        _ => {}
    }
}

fn program(name: &str) -> &str {
    name.split_once('/').map_or("nft", |(program, _)| program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_finds_its_place() {
        let output = "{}\nabc nft-json 0\ntable\nabc nft-text 0\n*filter\nabc iptables/nft 0\n*raw\nabc ip6tables-legacy/own 0\nabc end 0\n";
        let rules = split(output.as_bytes(), "abc", None).expect("rules");
        assert_eq!((rules.nft_json.as_str(), rules.nft_text.as_str()), ("{}\n", "table\n"));
        let saved = |program: &str, in_nftables, text: &str| SavedTables {
            program: program.into(),
            in_nftables,
            text: text.into(),
        };
        let expected = [saved("iptables", true, "*filter\n"), saved("ip6tables-legacy", false, "*raw\n")];
        assert_eq!(rules.iptables, expected);
    }

    /// The sets of a large ruleset take too long: what was said before counts, unless that is cut as well.
    #[test]
    fn what_is_there_without_the_sets_is_taken() {
        let most = "table\nabc nft-text 0\n{}\nabc nft-terse 0\n*filter\nabc iptables/nft 0\nabc all-but-sets 0\n";
        for (rest, is_terse) in [
            ("", true),
            ("{\"nf", true),
            ("{}\nabc nft-json 1\nabc end 0\n", true),
            ("{ }\nabc nft-json 0\nabc end 0\n", false),
        ] {
            let rules = split(format!("{most}{rest}").as_bytes(), "abc", Some(RulesetError::TooSlow)).expect("rules");
            assert_eq!((rules.lacks_sets, rules.iptables.len()), (is_terse, 1), "{rest}");
            assert_eq!(rules.nft_json, if is_terse { "{}\n" } else { "{ }\n" }, "{rest}");
        }
        let early = "table\nabc nft-text 0\n{}\nabc nft-terse 0\n*filter\n";
        assert_eq!(split(early.as_bytes(), "abc", Some(RulesetError::TooSlow)), Err(RulesetError::TooSlow));
    }

    #[test]
    fn a_part_is_what_was_printed() {
        let rules = split(b"{}\r\n\r\r\n\nabc nft-json 0\nabc end 0\n", "abc", None).expect("rules");
        assert_eq!(rules.nft_json, "{}\r\n\r\r\n\n");
    }

    #[test]
    fn another_mark_is_text() {
        let rules = split(b"abd nft-text 0\nabc nft-json 0\nabc end 0\n", "abc", None).expect("rules");
        assert_eq!(rules.nft_json, "abd nft-text 0\n");
    }

    #[test]
    fn what_is_missing_has_a_reason() {
        let reason = |output: &str| split(output.as_bytes(), "abc", None).expect_err("no rules").to_string();
        assert!(reason("abc end 0\n").contains("neither nft nor iptables-save"));
        assert_eq!(reason("abc nft-json 1\nabc nft-text 1\nabc end 0\n"), "nft failed");
        assert_eq!(reason("abc ip6tables/nft 1\nabc end 0\n"), "ip6tables failed");
        assert_eq!(reason("{}\nabc nft-json 0\n"), "/bin/sh failed", "the end is missing");
        assert!(split(b"{}\nabc nft-json 0\nabc iptables/nft 1\nabc end 0\n", "abc", None).is_ok());
    }
}

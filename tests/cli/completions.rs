//! Completions of shells: all options, no other.

use std::collections::BTreeSet;
use std::process::Command;

use super::{long_options, shown};

#[test]
fn every_script_has_every_option_and_not_the_hidden_one() {
    for (shell, before) in [("bash", "--"), ("zsh", "--"), ("fish", "-l ")] {
        let script = shown(&format!("pmtu-probe --generate {shell}"));
        for option in long_options() {
            let wanted = option.replacen("--", before, 1);
            let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
            let found = script.match_indices(&wanted).any(|(at, _)| is_end(&script[at + wanted.len()..]));
            assert!(found, "{shell}: {option}");
        }
        assert!(!script.contains("generate"), "{shell}");
    }
}

#[test]
fn bash_takes_the_script_and_completes_by_it() {
    assert_eq!(bash(&["-n"], ""), BTreeSet::new());
    let offered = |word, previous| bash(&[], &completing(word, previous));
    assert_eq!(offered("--", "-q"), long_options());
    assert_eq!(offered("--dir", "pmtu-probe"), set(&["--direction"]));
    assert_eq!(offered("", "--direction"), set(&["forward", "reverse", "both"]));
    assert_eq!(offered("a", "--method"), set(&["auto"]));
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Prints what bash would offer for a word behind another one.
fn completing(word: &str, previous: &str) -> String {
    format!(
        "COMP_WORDS=(pmtu-probe {previous} '{word}'); COMP_CWORD=2; COMPREPLY=()\n\
         function=$(complete -p pmtu-probe); function=${{function##*-F }}\n\
         ${{function%% *}} pmtu-probe '{word}' {previous}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
}

/// The lines that bash prints with the script loaded. It has to be silent otherwise.
fn bash(options: &[&str], after: &str) -> BTreeSet<String> {
    let script = format!("{}\n{after}", shown("pmtu-probe --generate bash"));
    let ran = Command::new("bash").arg("--norc").args(options).args(["-c", &script]).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    assert!(ran.status.success(), "{}", ran.status);
    String::from_utf8_lossy(&ran.stdout).lines().map(str::to_owned).collect()
}

//! The command line of `pmtu-lab`. With this test cargo builds the program, which the tests of the whole project need.

use std::process::{Command, Output};

fn pmtu_lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pmtu-lab")).args(arguments).output().expect("the program starts")
}

fn printed(arguments: &[&str]) -> String {
    let output = pmtu_lab(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn lists_the_scenarios_of_real_kernels() {
    let list = printed(&["scenario", "list"]);
    assert!(list.lines().any(|line| line.starts_with("silent_router ") && line.contains(" v4,v6 ")), "{list}");
    assert!(!list.contains("ptb_ration_spent"), "no kernel does that: {list}");
}

#[test]
fn prints_the_rules_of_a_breakage_with_their_table() {
    let rules = printed(&["filters", "--port", "443", "port_filtered"]);
    let mut lines = rules.lines();
    assert_eq!(lines.next(), Some("add table inet lab"));
    assert_eq!(lines.last(), Some("add rule inet lab input tcp dport 443 counter drop"));
}

#[test]
fn what_it_does_not_know_is_an_error() {
    for arguments in [&["filters", "no_such"][..], &["up", "no_such"], &["down", "no_such"], &["show", "no_such"]] {
        let output = pmtu_lab(arguments);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

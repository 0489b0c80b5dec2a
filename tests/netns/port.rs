//! What a server does with a connection that it takes, and a port whose SYNs get lost.

use super::cases::{only_address, up};
use super::lab::with_labs;
use super::scenario::{Family, Node};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

#[test]
fn a_server_that_takes_no_mail_is_told_in_the_first_line() {
    with_labs("port::a_server_that_takes_no_mail_is_told_in_the_first_line", || {
        for (mood, finding, says) in [
            ("--turn-away 554", "turned_away", "the server turns this host away (554), so no mail gets through"),
            ("--turn-away 421", "turned_away", "away for now (421), so no mail gets through at the moment"),
            (
                "--hang-up",
                "hung_up",
                "the server closes the connection without a greeting, so no mail gets through now",
            ),
            (
                "--reset accept",
                "connection_reset",
                "reset before any greeting, so whether the server takes mail is not known",
            ),
        ] {
            for family in FAMILIES {
                let lab = up("clear", family, &["--mx", mood]);
                let target = Node::S.near_address(family).to_string();
                let ran = lab.probe(&["-q", &target]);
                assert!(ran.stdout.contains(says), "{mood} {family}: {}", ran.stdout);
                assert!(!ran.stdout.contains("mail of any size"), "{mood} {family}: {}", ran.stdout);
                let address = only_address(&lab.probe(&["--json", &target]));
                let findings = address["findings"].as_array().cloned().unwrap_or_default();
                assert!(findings.iter().any(|found| found == finding), "{mood} {family}: {address}");
                assert_eq!(address["port_state"], "open", "{mood} {family}");
                lab.down().unwrap();
            }
        }
    });
}

/// Ports whose silence is loss: they are open, and no run may call one filtered.
#[test]
fn a_port_whose_syns_get_lost_is_not_filtered() {
    with_labs("port::a_port_whose_syns_get_lost_is_not_filtered", || {
        for family in FAMILIES {
            let lab = up("clear", family, &["--wire", "3 --loss 0.3 --back-loss 0.3"]);
            let target = Node::S.near_address(family).to_string();
            for run in 0..6 {
                let address = only_address(&lab.probe(&["--json", "--direction", "forward", &target]));
                let state = &address["port_state"];
                assert!(state.is_null() || state == "open", "run {run} {family}: {address}");
            }
            lab.down().unwrap();
        }
    });
}

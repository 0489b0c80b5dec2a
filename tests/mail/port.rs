//! Ports that take no mail: the first line says so, and a real Postfix on the same host cannot hand its mail over.

use std::time::Duration;

use serde_json::Value;

use super::lab::Lab;
use super::message::Message;
use super::mx::Running;
use super::needs;
use super::scenario::{Family, Node};
use super::sender::Sender;
use super::verify;

/// A scenario, whether a real MX listens on s, and what has to be said.
struct Case {
    scenario: &'static str,
    mx: Option<&'static str>,
    port_state: &'static str,
    /// Part of the first line.
    says: &'static str,
    exit_code: i32,
    /// Part of what Postfix logs.
    postfix: &'static str,
}

/// Postfix that refuses every client in place of a greeting.
const TURNS_AWAY: &str = "smtpd_delay_reject = no\nsmtpd_client_restrictions = reject\n";

const CASES: [Case; 6] = [
    Case {
        scenario: "port_closed",
        mx: None,
        port_state: "refused",
        says: "port 25 takes no connections (refused), so no mail gets through; the path itself is clear",
        exit_code: 3,
        postfix: "Connection refused",
    },
    Case {
        scenario: "port_filtered",
        mx: Some(""),
        port_state: "filtered",
        says: "port 25 takes no connections (filtered: it never answers, though ping is answered), so no mail gets through",
        exit_code: 3,
        postfix: "Connection timed out",
    },
    Case {
        scenario: "port_prohibited",
        mx: Some(""),
        port_state: "filtered",
        says: "administratively prohibited), so no mail gets through; the path itself is clear",
        exit_code: 3,
        postfix: "connect to",
    },
    Case {
        scenario: "port_rejected_here",
        mx: Some(""),
        port_state: "forbidden_here",
        says: "port 25 takes no connections (this host's own firewall refuses to send them), so no mail gets through",
        exit_code: 3,
        postfix: "connect to",
    },
    Case {
        scenario: "port_reset_here",
        mx: Some(""),
        port_state: "forbidden_here",
        says: "port 25 takes no connections (this host's own firewall refuses to send them), so no mail gets through",
        exit_code: 3,
        postfix: "connect to",
    },
    // The port does take connections, so the exit code is that of the path.
    Case {
        scenario: "clear",
        mx: Some(TURNS_AWAY),
        port_state: "open",
        says: "bytes pass, but the server turns this host away (554), so no mail gets through",
        exit_code: 0,
        postfix: "refused to talk to me: 554",
    },
];

#[test]
fn where_the_first_line_says_that_no_mail_gets_through_none_does() {
    needs::check_postfix();
    std::thread::scope(|scope| {
        for family in [Family::V4, Family::V6] {
            scope.spawn(move || {
                for case in &CASES {
                    let result = run(case, family);
                    result.unwrap_or_else(|error| panic!("{} {family}: {error}", case.scenario));
                }
            });
        }
    });
}

fn run(case: &Case, family: Family) -> Result<(), String> {
    let lab = Lab::up(case.scenario, family, &["--mx", "none"])?;
    let _mx = case.mx.map(|main_cf| Running::start_postfix_with(&lab, main_cf)).transpose()?;
    let target = Node::S.near_address(family);
    let sender = Sender::start_on_c(&lab, target, Duration::from_secs(10))?;
    let mail = sender.submit(Message::small())?;
    let status = sender.status(&mail)?;
    if !status.starts_with("deferred ") || !status.contains(case.postfix) {
        return Err(format!("the mail was to be deferred, {}: {status}", case.postfix));
    }
    let target = target.to_string();
    let text = lab.probe(&[&target]);
    let first: String =
        text.stdout.lines().take_while(|line| !line.is_empty()).flat_map(|line| [line.trim(), " "]).collect();
    if !first.contains(case.says) || text.status.code() != Some(case.exit_code) {
        return Err(format!("exit code {:?}: {first}\n{}", text.status.code(), text.stderr));
    }
    let address: Value = verify::document(&lab.probe(&["--json", &target]))?["addresses"][0].clone();
    if address["port_state"] != case.port_state {
        return Err(format!("port_state {}", address["port_state"]));
    }
    // The path alone was asked for, and it is healthy in all of these.
    let path = lab.probe(&["--json", "--method", "icmp", &target]);
    if path.status.code() != Some(0) {
        return Err(format!("--method icmp: {:?}: {}", path.status.code(), path.stdout));
    }
    lab.down()
}

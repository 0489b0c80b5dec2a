//! The proof on real mail: a real Postfix sends 200 kB to a real MX over the scenarios, in network namespaces. The message arrives
//! exactly where the verdict is `clear`, `discoverable` or `masked`, and stalls exactly where it is `black_hole`; there every advised
//! command, run as printed, lets the stalled mail through. Scenarios that expect something of the way back carry mail that way: a real
//! Postfix in the MX's place sends it to one on this host. And real servers with TLS are visited, and their logs read.
//!
//! A handful of scenarios by default; `netns-scripts/mail.sh` (`PMTU_MAIL_FULL=1`) runs all. `PMTU_MAIL_ONLY=text` limits the scenarios
//! to those whose name contains the text, `PMTU_MAIL_AT_A_TIME=N` sets how many run side by side.

#[path = "mail/advice.rs"]
mod advice;
#[path = "mail/answer.rs"]
mod answer;
#[path = "mail/back.rs"]
mod back;
#[path = "mail/case.rs"]
mod case;
#[path = "mail/chain.rs"]
mod chain;
#[path = "mail/choice.rs"]
mod choice;
#[path = "mail/configured.rs"]
mod configured;
#[path = "dns/mod.rs"]
#[allow(dead_code, reason = "only part of what the name server can do is needed here")]
mod dns;
#[path = "mail/evidence.rs"]
mod evidence;
#[path = "mail/exim.rs"]
mod exim;
#[path = "mail/firewall.rs"]
mod firewall;
#[path = "netns/lab.rs"]
#[allow(dead_code, reason = "shared with the scenario tests, which use more of it")]
mod lab;
#[path = "mail/lasting.rs"]
mod lasting;
#[path = "mail/live.rs"]
mod live;
#[path = "mail/manners.rs"]
mod manners;
#[path = "mail/message.rs"]
mod message;
#[path = "mail/mx.rs"]
mod mx;
#[path = "mail/mx_order.rs"]
mod mx_order;
#[path = "netns/name_server.rs"]
mod name_server;
#[path = "mail/needs.rs"]
mod needs;
#[path = "mail/on_routers.rs"]
mod on_routers;
#[path = "mail/port.rs"]
mod port;
#[path = "mail/postfix.rs"]
mod postfix;
#[path = "mail/rows.rs"]
mod rows;
#[path = "common/scenario.rs"]
mod scenario;
#[path = "mail/sender.rs"]
mod sender;
#[path = "mail/servers.rs"]
mod servers;
#[path = "mail/shared_link.rs"]
mod shared_link;
#[path = "mail/state.rs"]
mod state;
#[path = "common/systems.rs"]
mod systems;
#[path = "mail/traffic.rs"]
mod traffic;
#[path = "mail/unread_rules.rs"]
mod unread_rules;
#[path = "netns/verify.rs"]
#[allow(dead_code, reason = "shared with the scenario tests, which use more of it")]
mod verify;
#[path = "mail/way_back.rs"]
mod way_back;
#[path = "mail/world.rs"]
mod world;

use std::sync::Mutex;

use choice::Choice;
use rows::Row;

/// Nearly all time is waiting for time-outs, so more cases than cores run side by side.
const AT_A_TIME: usize = 6;

#[test]
fn mail_passes_exactly_where_the_verdict_says_so() {
    needs::check();
    let choice = Choice::from_environment();
    let cases = choice::cases(&choice);
    choice.must_match();
    let rows = run_all(cases, case::run);
    rows::print(&rows);
    if choice.is_full() {
        choice::print_left_out();
    }
    must_be_without_faults(&rows);
}

#[test]
fn mail_comes_back_exactly_where_the_verdict_says_so() {
    needs::check();
    let choice = Choice::from_environment();
    let cases = choice::back_cases(&choice);
    choice.must_match();
    let rows = run_all(cases, back::run);
    rows::print(&rows);
    if choice.is_full() {
        choice::print_left_out_back();
    }
    must_be_without_faults(&rows);
}

#[test]
fn real_servers_get_their_verdict_and_see_a_polite_visitor() {
    needs::check();
    let rows = run_all(servers::visits(Choice::from_environment().is_full()), servers::run);
    must_be_without_faults(&rows);
}

fn must_be_without_faults(rows: &[Row]) {
    let failed: Vec<String> = rows.iter().filter_map(Row::faults).collect();
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), rows.len(), failed.join("\n"));
}

fn run_all<T: Send>(cases: Vec<T>, run: impl Fn(&T) -> Row + Sync) -> Vec<Row> {
    let at_a_time = std::env::var("PMTU_MAIL_AT_A_TIME").ok().and_then(|n| n.parse().ok()).unwrap_or(AT_A_TIME);
    let (next, rows) = (Mutex::new(cases.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some(case) = take_next(&next) {
                    let row = run(&case);
                    println!("{row}");
                    rows.lock().expect("no case panics").push(row);
                }
            });
        }
    });
    rows.into_inner().expect("no case panics")
}

fn take_next<T>(next: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    next.lock().expect("no case panics").next()
}

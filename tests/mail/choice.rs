//! Which scenarios carry mail, and why the others cannot.

use super::back;
use super::case::Case;
use super::mx::Mx;
use super::scenario::{
    self, Family, HostFirewall, Peer, Port, Resets, Scenario, Stack, TakesTcp, Welcome, Window, World,
};
use super::way_back;

/// One of each outcome and of each kind of advice; runs with all other tests.
const SHORT: [&str; 6] =
    ["clear", "ptb_1400", "mss_clamped", "silent_router", "drop_by_size", "ptb_dropped_by_this_host"];

/// The same for mail on the way back.
const SHORT_BACK: [&str; 3] = ["reverse_hole", "reverse_discoverable", "reverse_mtu_probing"];

/// What the other mail servers receive: a healthy path, and a black hole with its remedies.
const OTHER_SERVERS: [&str; 2] = ["clear", "silent_router"];

/// Beyond this loss a stall may be chance: retransmissions get lost several times in a row.
const HIGHEST_LOSS: f64 = 0.05;

/// What to run.
pub(crate) struct Choice {
    full: bool,
    only: String,
}

impl Choice {
    pub(crate) fn from_environment() -> Self {
        Self {
            full: std::env::var_os("PMTU_MAIL_FULL").is_some_and(|value| value == "1"),
            only: std::env::var("PMTU_MAIL_ONLY").unwrap_or_default(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// A text that no name contains is a mistake. One that only names of the other way contain is none.
    pub(crate) fn must_match(&self) {
        let is_chosen = !cases(self).is_empty() || !back_cases(self).is_empty();
        assert!(is_chosen, "PMTU_MAIL_ONLY={} matches no scenario", self.only);
    }
}

/// All cases to run. The long ones come first, so that none is alone at the end.
pub(crate) fn cases(choice: &Choice) -> Vec<Case> {
    let scenarios = all_scenarios();
    let is_chosen = |scenario: &&Scenario| {
        why_left_out(scenario).is_none()
            && !way_back::is_examined(scenario)
            && scenario.name.contains(&choice.only)
            && (choice.full || SHORT.contains(&scenario.name.as_str()))
    };
    let mut cases: Vec<Case> =
        scenarios.iter().filter(is_chosen).flat_map(|scenario| of(scenario, Mx::Postfix)).collect();
    for mx in [Mx::Exim, Mx::OpenSmtpd] {
        let others = scenarios.iter().filter(|scenario| OTHER_SERVERS.contains(&scenario.name.as_str()));
        cases.extend(others.filter(is_chosen).flat_map(|scenario| of(scenario, mx)));
    }
    cases.sort_by_key(|case| !case.must_stall());
    cases
}

/// All cases of mail on the way back, those that stall first.
pub(crate) fn back_cases(choice: &Choice) -> Vec<back::Case> {
    let is_chosen = |scenario: &&Scenario| {
        way_back::why_left_out(scenario).is_none()
            && scenario.name.contains(&choice.only)
            && (choice.full || SHORT_BACK.contains(&scenario.name.as_str()))
    };
    let scenarios = all_scenarios();
    let mut cases: Vec<back::Case> = scenarios.iter().filter(is_chosen).flat_map(back::Case::of).collect();
    cases.sort_by_key(|case| !case.must_stall());
    cases
}

fn of(scenario: &Scenario, mx: Mx) -> Vec<Case> {
    let case = |family: &Family| Case { scenario: scenario.clone(), family: *family, mx };
    scenario.families.iter().map(case).collect()
}

/// Why a scenario carries no mail; `None`: it does.
pub(crate) fn why_left_out(scenario: &Scenario) -> Option<String> {
    if !scenario.runs_in(World::Netns) {
        return scenario.worlds_why.clone();
    }
    if scenario.parallel_link().is_some() {
        return Some("each connection takes a path of its own, so one mail says nothing about the next".into());
    }
    if matches!(scenario.host.firewall, HostFirewall::RejectPort | HostFirewall::ResetPort) {
        return Some("this host's own firewall lets no mail out".into());
    }
    if scenario.routers().iter().any(|(_, router)| router.takes_tcp != TakesTcp::No) {
        return Some("whoever takes TCP on the way takes the mail, or refuses it".into());
    }
    why_no_real_mx_plays(&scenario.peer).or_else(|| {
        let is_lossy = scenario.links().iter().any(|link| link.loss > HIGHEST_LOSS);
        is_lossy.then(|| "so much loss stalls mail by chance".to_owned())
    })
}

/// What only the mail server of the lab can do, and where no mail can pass whatever the path does.
fn why_no_real_mx_plays(peer: &Peer) -> Option<String> {
    let reason = match peer {
        Peer { alive: false, .. } => "nobody is there to receive mail",
        Peer { port: Port::Closed | Port::Filtered | Port::Prohibited, .. } => "there is no mail server on the port",
        Peer { greeting: false, .. } => "a server that never greets takes no mail on any path",
        Peer { greeting_after_ms: 1.., .. } => "a real server greets when it accepts",
        Peer { resets: Resets::AfterHandshake | Resets::AfterGreeting, .. } => {
            "a server that resets takes no mail on any path"
        }
        Peer { welcome: Welcome::TurnedAway | Welcome::HungUp, .. } => {
            "a server that turns every visitor away takes no mail on any path"
        }
        Peer { window: Window::Zero, .. } => "a closed window stalls mail on any path",
        Peer { stack: Stack::Smoltcp | Stack::Lwip | Stack::Gvisor, .. } => "no real mail server runs on this stack",
        Peer { old_data_ignored: true, .. } => "no ordinary kernel ignores old data",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// Says what did not run.
pub(crate) fn print_left_out() {
    for scenario in all_scenarios().iter().filter(|scenario| !way_back::is_examined(scenario)) {
        if let Some(why) = why_left_out(scenario) {
            println!("left out: {:28} {why}", scenario.name);
        }
    }
}

/// Says of which scenarios with an examined way back no mail came back.
pub(crate) fn print_left_out_back() {
    for scenario in all_scenarios().iter().filter(|scenario| way_back::is_examined(scenario)) {
        if let Some(why) = way_back::why_left_out(scenario) {
            println!("left out on the way back: {:28} {why}", scenario.name);
        }
    }
}

fn all_scenarios() -> Vec<Scenario> {
    scenario::load_all().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_scenario_of_the_short_form_of_the_way_back_has_cases() {
    for name in SHORT_BACK {
        let scenario = scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(way_back::why_left_out(&scenario), None, "{name}");
    }
}

#[test]
fn every_scenario_of_the_short_form_exists_and_carries_mail() {
    for name in SHORT.iter().chain(&OTHER_SERVERS) {
        let scenario = scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(why_left_out(&scenario), None, "{name}");
    }
}

/// Of what real kernels play, what is left out is about the peer, about loss or about chance, never about what one
/// path does.
#[test]
fn every_path_carries_mail() {
    let on_kernels = all_scenarios().into_iter().filter(|scenario| scenario.runs_in(World::Netns));
    for scenario in on_kernels.filter(|scenario| why_left_out(scenario).is_some()) {
        // A box stands in for a peer that ignores old data.
        let says_why = [
            "peer",
            "host_dead",
            "port_",
            "greeting",
            "zero_window",
            "loss_10",
            "loss_30",
            "ecmp_",
            "new_data_only",
            "old_data_ignored",
            "taken_",
            "smoltcp_",
            "lwip_",
            "gvisor_",
            "turned_away",
            "hung_up",
        ];
        assert!(says_why.iter().any(|word| scenario.name.contains(word)), "{} is left out", scenario.name);
    }
}

//! What has to become of mail on the way back, from the scenario file; and which scenarios carry none, or no probe.

use super::choice;
use super::scenario::{Family, Peer, PtbBehaviour, ReverseVerdict, Scenario, Tls};

/// What mail from s to c comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// At once.
    Delivered,
    /// After the sender's kernel has found a size by itself.
    DeliveredLate,
    Stalled,
}

/// What has to become of it, or why nobody can know.
pub(crate) fn of_mail(scenario: &Scenario, family: Family) -> Result<Expected, String> {
    let outcome = scenario.expect.outcome(family);
    let Some(reverse) = outcome.reverse else { return Err("the way back is not examined".into()) };
    match reverse.verdict {
        ReverseVerdict::Clear | ReverseVerdict::Discoverable => Ok(Expected::Delivered),
        ReverseVerdict::BlackHole => Ok(Expected::Stalled),
        ReverseVerdict::Recovers => Ok(Expected::DeliveredLate),
        ReverseVerdict::Untested | ReverseVerdict::Inconclusive => of_the_path(scenario, family),
    }
}

/// Where the program has no verdict, the path still has one: without anything that refuses packets, mail passes; behind a router that
/// refuses them without a word, it does not.
fn of_the_path(scenario: &Scenario, family: Family) -> Result<Expected, String> {
    let links = scenario.links();
    let has_fragments = family == Family::V4 && !scenario.peer.dont_fragment;
    let is_mute = |index: usize| match scenario.routers().get(index) {
        Some((_, router)) => router.ptb == PtbBehaviour::Silent,
        None => false,
    };
    let largest = links[0].mtu.min(links[3].mtu);
    let refusing: Vec<usize> =
        (0..links.len()).filter(|index| links[*index].back_mtu.is_some_and(|mtu| mtu < largest)).collect();
    let carries_all = links.iter().all(|link| link.mtu >= largest && link.far_mtu.is_none());
    let drops_none = scenario.routers().iter().all(|(_, router)| router.drop_larger.is_none());
    match refusing[..] {
        [] if carries_all && drops_none => Ok(Expected::Delivered),
        [index] if is_mute(index) && !has_fragments && !scenario.peer.mtu_probing => Ok(Expected::Stalled),
        _ => Err("the program has no verdict, and what the path does to mail is not plain".into()),
    }
}

/// Whether the scenario expects something of the way back. Then mail takes that way over it, and not the other.
pub(crate) fn is_examined(scenario: &Scenario) -> bool {
    scenario.families.iter().any(|family| scenario.expect.outcome(*family).reverse.is_some())
}

/// Why a scenario has no case with real servers; `None`: it has.
pub(crate) fn why_left_out(scenario: &Scenario) -> Option<String> {
    if !is_examined(scenario) {
        return Some("the way back is not examined".into());
    }
    let by_path =
        choice::why_left_out(scenario).or_else(|| why_no_real_server_plays(&scenario.peer).map(str::to_owned));
    by_path.or_else(|| scenario.families.iter().find_map(|family| of_mail(scenario, *family).err()))
}

/// What only the mail server of the lab can do, or a server that is not one for mail.
fn why_no_real_server_plays(peer: &Peer) -> Option<&'static str> {
    match peer {
        Peer { bytes_per_second: 1.., .. } => Some("no real server says its words byte by byte"),
        Peer { tls: Tls::Refused, .. } => Some("no real server offers STARTTLS and refuses it by its settings"),
        Peer { tls: Tls::Alert, .. } => {
            Some("no real server takes STARTTLS and refuses each client hello by its settings")
        }
        Peer { tls: Tls::Implicit, .. } => Some("a web server sends no mail"),
        _ => None,
    }
}

#[test]
fn the_path_decides_where_the_program_cannot() {
    let parse = |path: &str| {
        let text = format!(
            "about = 'x'\n{path}\n[expect]\nverdict = 'clear'\npath_mtu = 1500\n[expect.reverse]\nverdict = 'untested'\npath_mtu = 1500\nat_most = true\n"
        );
        super::scenario::parse("x", &text).unwrap()
    };
    assert_eq!(of_mail(&parse(""), Family::V4), Ok(Expected::Delivered));
    let hole = "[[link]]\n[[link]]\nback_mtu = 1400\n[router.r2]\nptb = 'silent'";
    assert_eq!(of_mail(&parse(hole), Family::V4), Ok(Expected::Stalled));
    let fragments = format!("{hole}\n[peer]\ndont_fragment = false");
    assert!(of_mail(&parse(&fragments), Family::V4).is_err());
    assert_eq!(of_mail(&parse(&fragments), Family::V6), Ok(Expected::Stalled));
}

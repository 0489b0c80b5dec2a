//! What a hole before some of a domain's mail servers means for its mail, by the order in which mailers try them.
//!
//! RFC 5321, 5.1: the lowest preference number first, equals in random order, and each address in turn until a delivery succeeds. A
//! black hole strikes after the connection stands, so mailers notice it when their patience is over. Postfix and Exim then go on to the
//! next address within the same delivery, whether they waited in the body or at the end of data. Postfix does so only once: after two
//! sessions it gives up (`smtp_mx_session_limit`). Exim tries five addresses (`hosts_max_try`). tests/mail/mx_order.rs shows both.

use std::collections::BTreeSet;

use crate::model::{AddressReport, Family, Reception, Report, Verdict};

/// So many sessions Postfix tries in one delivery.
const SESSIONS: usize = 2;
/// So many addresses Exim tries.
const ADDRESSES: usize = 5;

/// In a sentence or two; `None`: the report is not about several mail servers of one domain, or large mail hangs at none of them.
pub(super) fn meaning(report: &Report) -> Option<String> {
    let hosts = hosts(report)?;
    let open: Vec<&Host<'_>> = hosts.iter().filter(|host| host.state() != State::Closed).collect();
    if hosts.len() < 2 || !open.iter().any(|host| host.hangs() > 0) {
        return None;
    }
    if open.iter().all(|host| host.state() == State::Hangs) {
        let which = if open.len() == hosts.len() { "" } else { " that takes connections" };
        return Some(format!("Large mail hangs at every mail server of the domain{which}, whichever is tried."));
    }
    let best = open.iter().map(|host| host.preference).min()?;
    let (first, later): (Vec<&Host<'_>>, Vec<&Host<'_>>) = open.into_iter().partition(|host| host.preference == best);
    Some(if first.iter().all(|host| host.hangs() == 0) {
        only_as_a_fallback(&first, &later)
    } else {
        format!("{} {}", begins_with(&first), goes_on(&first, &later))
    })
}

/// A mail server of the domain.
struct Host<'a> {
    name: &'a str,
    preference: u16,
    addresses: Vec<(Family, State)>,
}

/// What becomes of large mail at an address, or at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It hangs.
    Hangs,
    /// It passes.
    Takes,
    /// No mail is taken, so mailers go on at once.
    Closed,
    /// That is not known, or differs by address.
    Open,
}

impl Host<'_> {
    fn hangs(&self) -> usize {
        self.count(State::Hangs)
    }

    fn count(&self, state: State) -> usize {
        self.addresses.iter().filter(|(_, of)| *of == state).count()
    }

    fn state(&self) -> State {
        let open = self.addresses.len() - self.count(State::Closed);
        match open {
            0 => State::Closed,
            open if self.hangs() == open => State::Hangs,
            open if self.count(State::Takes) == open => State::Takes,
            _ => State::Open,
        }
    }

    /// The family over which it hangs, where it takes mail over the other.
    fn hangs_over(&self) -> Option<Family> {
        let families = |state| -> BTreeSet<bool> {
            let with_it = self.addresses.iter().filter(|(_, of)| *of == state);
            with_it.map(|(family, _)| *family == Family::V6).collect()
        };
        let (hangs, takes) = (families(State::Hangs), families(State::Takes));
        let is_one = hangs.len() == 1 && takes.len() == 1 && hangs.is_disjoint(&takes);
        is_one.then(|| if hangs.contains(&true) { Family::V6 } else { Family::V4 })
    }
}

/// The hosts by preference; `None`: not every address comes from the MX records of one domain, or mail to there is not examined.
fn hosts(report: &Report) -> Option<Vec<Host<'_>>> {
    let mut hosts: Vec<Host<'_>> = Vec::new();
    if report.target.contains(' ') {
        return None;
    }
    for address in &report.addresses {
        let preference = address.preference.filter(|_| address.examined.direction.is_forward())?;
        let entry = (Family::of(address.address), state(address));
        match hosts.iter_mut().find(|host| host.name == address.host) {
            Some(host) => host.addresses.push(entry),
            None => hosts.push(Host { name: &address.host, preference, addresses: vec![entry] }),
        }
    }
    hosts.sort_by_key(|host| host.preference);
    Some(hosts)
}

fn state(address: &AddressReport) -> State {
    let examined = &address.examined;
    let turns_away = matches!(examined.reception, Reception::TurnedAway { .. } | Reception::HungUp | Reception::Reset);
    match examined.verdict {
        _ if examined.takes_no_connections() || turns_away => State::Closed,
        Verdict::Unreachable => State::Closed,
        Verdict::BlackHole => State::Hangs,
        Verdict::Clear | Verdict::Discoverable | Verdict::Masked | Verdict::Recovers => State::Takes,
        Verdict::Inconclusive => State::Open,
    }
}

fn only_as_a_fallback(first: &[&Host<'_>], later: &[&Host<'_>]) -> String {
    let sick: Vec<&Host<'_>> = later.iter().copied().filter(|host| host.hangs() > 0).collect();
    let passes = if first.iter().all(|host| host.state() == State::Takes) { ", where large mail passes" } else { "" };
    format!(
        "Mail goes to {} first{passes}. It meets {} only when that is down or turns it away.",
        names(first),
        names(&sick)
    )
}

/// Where mail is tried first.
fn begins_with(first: &[&Host<'_>]) -> String {
    let sick: Vec<&Host<'_>> = first.iter().copied().filter(|host| host.hangs() > 0).collect();
    if let (true, [only]) = (first.len() == 1, sick.as_slice()) {
        return match only.hangs_over() {
            Some(family) => format!(
                "Mail goes to {} first, where large mail hangs over {} alone: mailers that have both families may begin with \
                 either (Exim with IPv6, Postfix by chance).",
                names(first),
                family_name(family)
            ),
            None => format!("Mail goes to {} first, and large mail hangs there for minutes.", names(first)),
        };
    }
    if sick.len() == first.len() {
        return format!("Mail goes to {} first, and large mail hangs at each for minutes.", names(first));
    }
    format!(
        "Mail begins with any of {}; large mail hangs at {}: that is about {} of {} first tries.",
        names(first),
        names(&sick),
        sick.len(),
        first.len()
    )
}

/// What follows a hang.
fn goes_on(first: &[&Host<'_>], later: &[&Host<'_>]) -> String {
    let takes = |host: &&&Host<'_>| host.count(State::Takes) > 0;
    let before: Vec<&Host<'_>> = match later.iter().find(takes).filter(|_| !first.iter().any(|host| takes(&host))) {
        Some(found) => {
            let earlier = later.iter().copied().filter(|host| host.preference < found.preference);
            first.iter().copied().chain(earlier).collect()
        }
        None => Vec::new(),
    };
    let hangs_at_first: usize = first.iter().map(|host| host.hangs()).sum();
    let hangs: usize = before.iter().map(|host| host.hangs()).sum();
    let next: Vec<&Host<'_>> = first.iter().chain(later).copied().filter(|host| takes(&host)).take(1).collect();
    let is_next_later = !before.is_empty();
    match next.as_slice() {
        [] => "Whether another server takes it is not known.".into(),
        _ if hangs >= SESSIONS => format!(
            "Postfix gives up a delivery after two such hangs and never gets to {}; the mail waits in the queue.{}",
            names(&next),
            if hangs < ADDRESSES { " Exim gets there, many minutes late." } else { "" }
        ),
        _ if is_next_later => format!(
            "Then Postfix and Exim go on to {}, which takes it, and the mail is some minutes late.",
            names(&next)
        ),
        _ if first.iter().all(|host| host.count(State::Open) == 0) && hangs_at_first == 1 => {
            "After these minutes Postfix and Exim go on to another address, which takes it.".into()
        }
        _ => "After these minutes Postfix and Exim go on to another address, Postfix only once.".into(),
    }
}

/// `mx1.example.com (preference 10)`; a few of many.
fn names(hosts: &[&Host<'_>]) -> String {
    const MOST: usize = 3;
    let preferences: BTreeSet<u16> = hosts.iter().map(|host| host.preference).collect();
    let named: Vec<String> = match preferences.len() {
        1 => hosts.iter().take(MOST).map(|host| host.name.to_owned()).collect(),
        _ => hosts.iter().take(MOST).map(|host| format!("{} ({})", host.name, host.preference)).collect(),
    };
    let more = hosts.len().saturating_sub(MOST);
    let all = match (named.as_slice(), more) {
        ([], _) => String::new(),
        ([only], 0) => only.clone(),
        ([earlier @ .., last], 0) => format!("{} and {last}", earlier.join(", ")),
        (named, more) => format!("{} and {more} more", named.join(", ")),
    };
    match preferences.first() {
        Some(preference) if preferences.len() == 1 => format!("{all} (preference {preference})"),
        _ => all,
    }
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

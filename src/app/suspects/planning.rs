//! From suspects to plans: the address that the log names, the way on which its mail stalls.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};

use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::plan::{ExaminationOptions, RunPlan};
use crate::app::plan_error::PlanError;
use crate::app::planned_address::{Planned, PlannedAddress, number};
use crate::app::planner::{Planner, server_name};
use crate::app::suspect_cases::{SuspectCase, SuspectCases};
use crate::model::{Direction, MethodChoice, Peer, Suspect, Suspects};
use crate::report::suspects;
use crate::resolve::{Host, HostName, Target, TargetError};

const LOOKUPS_AT_A_TIME: usize = 32;

/// One examination for each address, and which suspects it is for.
pub(super) async fn plan<'s>(
    examiner: &Examiner<'_>,
    suspects: &'s Suspects,
) -> Result<(Vec<PlannedAddress>, SuspectCases<'s>), RunError> {
    let plan = examiner.plan();
    let planner = Planner::new(examiner).await?;
    let lookups = suspects.list.iter().map(|suspect| of_suspect(&planner, plan, suspect));
    let mut lookups = stream::iter(lookups).buffered(LOOKUPS_AT_A_TIME);
    let (mut all, mut places, mut cases) = (Vec::<PlannedAddress>::new(), HashMap::new(), Vec::new());
    let mut suspects = suspects.list.iter();
    while let Some((planned, suspect)) = lookups.next().await.zip(suspects.next()) {
        let Planned { addresses, errors, failures } = planned;
        let mut case = SuspectCase { suspect, places: Vec::new(), errors, failures };
        for one in addresses {
            let index = *places.entry(one.endpoint()).or_insert(all.len());
            match all.get_mut(index) {
                Some(known) => known.job.plan.direction = both(known.job.plan.direction, one.job.plan.direction),
                None => all.push(one),
            }
            case.places.push(index);
        }
        cases.push(case);
    }
    number(&mut all);
    Ok((all, SuspectCases::new(cases)))
}

async fn of_suspect(planner: &Planner<'_>, plan: &RunPlan, suspect: &Suspect) -> Planned {
    let called = suspects::peer(&suspect.peer);
    let target = match target_of(suspect, plan.examination.port) {
        Ok(target) => target,
        Err(error) => return Planned::failed(&called, error),
    };
    let mut examined = planner.parsed_target(&called, &target, plan.sending.timeout).await;
    let name = suspect.peer.name.as_deref().filter(|name| HostName::parse(name).is_ok());
    for one in &mut examined.addresses {
        if let Some(name) = name {
            name.clone_into(&mut one.address.host);
            one.job.plan.server_name = server_name(name);
        }
        one.job.plan.direction = direction(&plan.examination, suspect);
    }
    examined
}

/// What is examined because of a suspect.
pub(in crate::app) fn target_of(suspect: &Suspect, port: u16) -> Result<Target, PlanError> {
    if let Some(address) = suspect.peer.address.filter(|_| suspect.hides_the_sender()) {
        return Err(PlanError::HiddenSender(address));
    }
    if let Some(strange) = suspect.peer.port.filter(|strange| !is_port_of_mail(*strange, port)) {
        return Err(PlanError::StrangePort { peer: suspects::peer(&suspect.peer), port: strange });
    }
    Ok(target(&suspect.peer, port)?)
}

/// Whether a port out of a log may be probed. A log has much that strangers wrote, and this program must not knock wherever one of them
/// would like it to: where mail servers listen (RFC 5321, 6409, 8314), where some hosts have a second one, and where the user says.
fn is_port_of_mail(port: u16, wanted: u16) -> bool {
    matches!(port, 25 | 465 | 587 | 2525) || port == wanted
}

/// A host as such: the log names the relay, no mail domain.
fn target(peer: &Peer, port: u16) -> Result<Target, TargetError> {
    let port = peer.port.unwrap_or(port);
    match (peer.address, &peer.name) {
        // By its text, so that an address that no host can have is refused.
        (Some(address), _) => format!("[{address}]:{port}").parse(),
        (None, Some(name)) => {
            Ok(Target { host: Host::Name(HostName::parse(name)?), port: Some(port), bracketed: true })
        }
        (None, None) => Err(TargetError::Empty),
    }
}

/// The way on which its mail stalls, unless the user says otherwise.
fn direction(options: &ExaminationOptions, suspect: &Suspect) -> Direction {
    match options.direction {
        Some(direction) => direction,
        None if options.method == MethodChoice::Icmp => Direction::Forward,
        None if options.ptb_test => both(suspect.direction(), Direction::Reverse),
        None => suspect.direction(),
    }
}

fn both(a: Direction, b: Direction) -> Direction {
    if a == b { a } else { Direction::Both }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: Option<&str>, address: Option<&str>, port: Option<u16>) -> Peer {
        let address = address.map(|address| address.parse().expect("an address"));
        Peer { name: name.map(str::to_owned), address, port }
    }

    #[test]
    fn a_suspect_is_examined_where_the_log_says() {
        let of = |peer| target(&peer, 25).expect("a target");
        let relay = of(peer(Some("mx.example.com"), Some("2001:db8::25"), Some(587)));
        assert!(matches!(relay.host, Host::Address { .. }) && relay.port == Some(587));
        let client = of(peer(Some("out.example.net"), Some("192.0.2.25"), None));
        assert!(matches!(client.host, Host::Address { .. }) && client.port == Some(25));
        let named = of(peer(Some("mx.example.com"), None, None));
        assert!(matches!(named.host, Host::Name(_)) && named.bracketed, "{named:?}: never a mail domain");
    }

    #[test]
    fn a_log_chooses_no_port_but_those_of_mail() {
        for port in [25, 465, 587, 2525] {
            assert!(is_port_of_mail(port, 25), "{port}");
        }
        for port in [22, 80, 1025, 6379, 10_024] {
            assert!(!is_port_of_mail(port, 25), "{port}");
            assert!(is_port_of_mail(port, port), "{port}: the user says so");
        }
    }

    #[test]
    fn what_no_host_can_be_is_refused() {
        for bad in [
            peer(None, Some("0.0.0.0"), None),
            peer(None, Some("ff02::1"), None),
            peer(Some("a b"), None, None),
            peer(None, None, None),
        ] {
            assert!(target(&bad, 25).is_err(), "{bad:?}");
        }
    }
}

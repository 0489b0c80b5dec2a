//! From connections to plans: the peer's address, the port at which somebody listens, the way on which it stalls.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};

use crate::app::connection_cases::{ConnectionCase, ConnectionCases};
use crate::app::error::RunError;
use crate::app::examiner::Examiner;
use crate::app::plan::{ExaminationOptions, RunPlan};
use crate::app::plan_error::PlanError;
use crate::app::planned_address::{Planned, PlannedAddress, number};
use crate::app::planner::Planner;
use crate::model::{Connections, Direction, MethodChoice, StalledConnection};
use crate::net::sockets::SocketTables;
use crate::report::connections::peer;
use crate::resolve::Target;

const LOOKUPS_AT_A_TIME: usize = 32;

/// One examination for each address and port, and which connections it is for.
pub(super) async fn plan<'s>(
    examiner: &Examiner<'_>,
    connections: &'s Connections,
    tables: SocketTables,
) -> Result<(Vec<PlannedAddress>, ConnectionCases<'s>), RunError> {
    let plan = examiner.plan();
    let planner = Planner::new(examiner).await?;
    let lookups =
        connections.list.iter().map(|connection| of_connection(&planner, plan, connection, connection.direction()));
    let mut lookups = stream::iter(lookups).buffered(LOOKUPS_AT_A_TIME);
    let (mut all, mut places, mut cases) = (Vec::<PlannedAddress>::new(), HashMap::new(), Vec::new());
    let mut list = connections.list.iter();
    while let Some((planned, connection)) = lookups.next().await.zip(list.next()) {
        let Planned { addresses, errors, failures } = planned;
        let mut case = ConnectionCase { connection, place: None, errors, failures };
        // An address leads to one.
        if let Some(one) = addresses.into_iter().next() {
            let index = *places.entry(one.endpoint()).or_insert(all.len());
            match all.get_mut(index) {
                Some(known) if known.job.plan.direction == one.job.plan.direction => {}
                Some(known) => known.job.plan.direction = Direction::Both,
                None => all.push(one),
            }
            case.place = Some(index);
        }
        cases.push(case);
    }
    number(&mut all);
    Ok((all, ConnectionCases::new(cases, tables)))
}

/// The plan for the peer of one. `stalls`: the ways on which it does, or others with the same peer.
pub(in crate::app) async fn of_connection(
    planner: &Planner<'_>,
    plan: &RunPlan,
    connection: &StalledConnection,
    stalls: Direction,
) -> Planned {
    let called = peer(connection);
    let target = match target(connection) {
        Ok(target) => target,
        Err(error) => return Planned::failed(&called, error),
    };
    let mut examined = planner.parsed_target(&called, &target, plan.sending.timeout).await;
    for one in &mut examined.addresses {
        one.job.plan.direction = direction(&plan.examination, stalls);
    }
    examined
}

/// The peer's address. A client listens at no port that is known: hosts of one kind have the same services, as mail servers do, so it is
/// the one that the client came to. If nobody listens there, the answer to that tells of the path as well.
fn target(connection: &StalledConnection) -> Result<Target, PlanError> {
    let zone = connection.zone.as_ref().map_or_else(String::new, |zone| format!("%{zone}"));
    Ok(format!("[{}{zone}]:{}", connection.peer.ip(), connection.service_port()).parse()?)
}

/// The way on which it stalls, unless the user says otherwise.
fn direction(options: &ExaminationOptions, stalls: Direction) -> Direction {
    match options.direction {
        Some(direction) => direction,
        None if options.method == MethodChoice::Icmp => Direction::Forward,
        None if options.ptb_test && stalls == Direction::Forward => Direction::Both,
        None => stalls,
    }
}

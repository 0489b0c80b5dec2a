//! From the kind of a round to the plan of an examination.

use crate::app::planned_address::PlannedAddress;
use crate::model::{FirstFlight, Plan};
use crate::watch::{Order, RoundKind};

/// Sets of local ports that take turns: when a change is confirmed at once, the connection of the first examination may not be over.
pub(in crate::app) const PORT_SETS: u16 = 2;

/// The one place where the kind of a round decides on what is sent. `ports`: how many local ports an examination has.
pub(super) fn plan_of(order: &Order, planned: &PlannedAddress, ports: u16) -> Plan {
    let mut plan = planned.job.plan.clone();
    match order.kind {
        // As the user wants it: `--thorough` makes every round a whole one.
        RoundKind::Light => {}
        RoundKind::Whole => plan.first_flight = FirstFlight::Ladder,
    }
    on_other_ports(plan, (order.turn % u64::from(PORT_SETS)) as u16 * ports)
}

fn on_other_ports(mut plan: Plan, offset: u16) -> Plan {
    for port in plan.local_ports.iter_mut().chain(&mut plan.flow_ports).chain(&mut plan.reverse_ports) {
        *port += offset;
    }
    plan
}

//! From targets to addresses to examine: names to addresses, addresses to routes, routes to sizes.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tracing::{debug, warn};

use super::examiner::Examiner;
use super::plan::{ExaminationOptions, PROBING_PORTS, RunPlan};
use super::plan_error::{PlanError, in_few_lines};
use super::planned_address::{Planned, PlannedAddress, failure, forget_repeated, number};
use super::random;
use crate::model::{
    Blockers, Family, FlowChoice, HostFacts, InnerLink, KernelSettings, MethodChoice, OwnTcpSetup, PacketSize, Plan,
    Service, TargetFailure,
};
use crate::net::Ours;
use crate::net::interface::Interface;
use crate::net::route::{Links, Route, RouteQuery, Routes};
use crate::net::settings::{kernel_min_pmtu, kernel_settings};
use crate::net::systems::Systems;
use crate::resolve::{Question, Remark, Resolved, ResolvedAddress, Resolver, Target};
use crate::runner::Job;

/// A resolver gets at most this much of the run's time.
const RESOLVER_PATIENCE: Duration = Duration::from_secs(10);

const LOOKUPS_AT_A_TIME: usize = 32;

/// When nothing is known about the interface, the size that nearly every one has.
const USUAL_MTU: PacketSize = PacketSize::new(1500);

/// Makes the plan of each address.
pub(super) struct Planner<'a> {
    plan: &'a RunPlan,
    ours: Ours,
    routes: Routes,
    resolver: Resolver,
    /// Settings of this kernel, read once: many targets share them.
    kernel: [(KernelSettings, PacketSize); 2],
    links: Links,
    systems: &'a Systems,
}

/// What targets lead to, as it comes.
#[derive(Default)]
struct Collected {
    planned: Vec<PlannedAddress>,
    errors: Vec<PlanError>,
    skipped: Vec<(ResolvedAddress, PlanError)>,
    remarks: Vec<Remark>,
    failures: Vec<TargetFailure>,
}

impl<'a> Planner<'a> {
    /// Asks the system what all targets share.
    pub(super) async fn new(examiner: &'a Examiner<'_>) -> Result<Self, PlanError> {
        let (plan, ours, systems) = (examiner.plan(), examiner.ours(), examiner.systems());
        let routes = Routes::open()?;
        check_source(plan, &routes).await?;
        let kernel = [Family::V4, Family::V6].map(|family| (kernel_settings(family), kernel_min_pmtu(family)));
        let links = routes.links().await;
        Ok(Self { plan, ours, routes, resolver: Resolver::of_system(), kernel, links, systems })
    }

    /// What to examine for several targets, numbered.
    pub(super) async fn targets(&self, targets: &[String], deadline: Instant) -> Planned {
        let mut collected = Collected::default();
        // Side by side, so that names nobody answers for cost their time once.
        let lookups = targets.iter().map(|target| self.addresses(target, deadline));
        let lookups = stream::iter(lookups).buffered(LOOKUPS_AT_A_TIME).collect::<Vec<_>>().await;
        for (target, lookup) in targets.iter().zip(lookups) {
            self.collect(target, lookup, &mut collected).await;
        }
        let mut planned = collected.in_order();
        number(&mut planned.addresses);
        planned
    }

    /// What to examine for one of many targets, without numbers yet.
    pub(super) async fn target(&self, target: &str, patience: Duration) -> Planned {
        match target.parse() {
            Ok(parsed) => self.parsed_target(target, &parsed, patience).await,
            Err(error) => Planned::failed(target, PlanError::Target(error)),
        }
    }

    /// The same for a target that needs no reading, and what to call it.
    pub(super) async fn parsed_target(&self, name: &str, target: &Target, patience: Duration) -> Planned {
        let mut collected = Collected::default();
        let lookup = self.resolve(target, Instant::now() + patience).await;
        self.collect(name, lookup, &mut collected).await;
        collected.in_order()
    }

    async fn collect(&self, target: &str, lookup: Result<(u16, Resolved), PlanError>, collected: &mut Collected) {
        let (port, found) = match lookup {
            Ok(found) => found,
            Err(error) => return collected.leave_out(target, error),
        };
        for address in found.addresses {
            match self.plan_one(target, address.clone(), port).await {
                Ok(one) => collected.planned.push(one),
                Err(error) if error.is_harmless() => {
                    collected.failures.push(failure(target, &error));
                    collected.skipped.push((address, error));
                }
                Err(error) => collected.leave_out(target, error),
            }
        }
        for remark in found.remarks {
            if remark.is_incomplete() {
                collected.failures.push(failure(target, &PlanError::Remark(remark.clone())));
            }
            collected.remarks.push(remark);
        }
    }
}

impl Collected {
    fn leave_out(&mut self, target: &str, error: PlanError) {
        self.failures.push(failure(target, &error));
        self.errors.push(error);
    }

    /// Where nothing is left to examine, the first error is the reason: no remark is.
    fn in_order(mut self) -> Planned {
        self.errors.extend(in_few_lines(self.skipped));
        self.errors.extend(self.remarks.into_iter().map(PlanError::Remark));
        forget_repeated(&mut self.planned);
        Planned { addresses: self.planned, errors: self.errors, failures: self.failures }
    }
}

async fn check_source(plan: &RunPlan, routes: &Routes) -> Result<(), PlanError> {
    let interface = plan.sending.interface.as_deref().map(Interface::find).transpose()?;
    if let Some(source) = plan.sending.source {
        routes.require_our_address(source, interface.map(|interface| interface.index)).await?;
    }
    Ok(())
}

impl Planner<'_> {
    async fn addresses(&self, target: &str, deadline: Instant) -> Result<(u16, Resolved), PlanError> {
        self.resolve(&target.parse()?, deadline).await
    }

    async fn resolve(&self, target: &Target, deadline: Instant) -> Result<(u16, Resolved), PlanError> {
        let options = &self.plan.examination;
        let question = Question {
            family: options.family,
            mail_domain: options.mail_domains,
            port: options.port,
            limit: deadline.saturating_duration_since(Instant::now()).min(RESOLVER_PATIENCE),
        };
        let found = self.resolver.resolve(target, question).await?;
        Ok((target.port.unwrap_or(options.port), found))
    }

    async fn plan_one(&self, target: &str, address: ResolvedAddress, port: u16) -> Result<PlannedAddress, PlanError> {
        let (options, sending) = (&self.plan.examination, &self.plan.sending);
        let wanted = match (&address.zone, &sending.interface) {
            (Some(zone), _) => Some(Interface::find(zone.as_str())?),
            (None, Some(name)) => Some(Interface::find(name)?),
            (None, None) => None,
        };
        let query = RouteQuery {
            destination: address.address,
            source: sending.source,
            interface: wanted.as_ref().map(|interface| interface.index),
        };
        let route = self.routes.lookup(query).await?;
        debug!(?route, "route to {}", address.address);
        let source = sending.source.or(route.source).ok_or(PlanError::NoSource(address.address))?;
        let family = Family::of(address.address);
        let (settings, kernel_min_pmtu) = self.kernel[usize::from(family == Family::V6)];
        let (min_size, max_size, local_mtu) = sizes(&route, family, options)?;
        let mut ports = self.ours.ports.ports();
        let plan = Plan {
            source,
            destination: address.address,
            port,
            first_hop: route.first_hop,
            local_ports: ports.by_ref().take(PROBING_PORTS.into()).collect(),
            flow_ports: ports.by_ref().take(options.other_flows().into()).collect(),
            reverse_ports: ports.take(options.reverse_ports().into()).collect(),
            flows: if options.flows.is_some() { FlowChoice::Always } else { FlowChoice::WhenHoled },
            echo_ident: self.ours.echo_ident,
            method: options.method,
            first_flight: options.first_flight,
            local_mtu,
            kernel_path_mtu: route.kernel_path_mtu(),
            kernel_min_pmtu,
            max_size,
            beyond_route: route.interface_mtu.filter(|&mtu| options.max_size.is_none() && mtu > max_size),
            min_size,
            direction: options.direction_towards(port),
            service: Service::of_port(port),
            server_name: server_name(&address.host),
            ptb_test: options.ptb_test,
            own_tcp: OwnTcpSetup {
                port: Some(self.ours.ports.last()),
                route_mtu: route.route_mtu,
                route_advmss: route.route_advmss,
                cached: route.cached,
                settings,
            },
            known_end: None,
            seed: random::seed(),
        };
        let is_link_local = address.zone.is_some();
        let scope_id = wanted.filter(|_| is_link_local).map_or(0, |interface| interface.index);
        let link = route.interface.as_ref().and_then(|interface| self.links.kind(interface.index));
        let systems = self.systems.with(route.interface.as_ref(), link);
        let interface = route.interface.map(|interface| interface.name);
        let is_inner = |link: &&InnerLink| link.forwards_in(family) && Some(&link.name) != interface.as_ref();
        let here = HostFacts {
            source: Some(source),
            inner_links: self.links.inner.iter().filter(is_inner).cloned().collect(),
            interface,
            gateway: route.gateway,
            interface_mtu: route.interface_mtu,
            route_mtu: route.route_mtu,
            route_advmss: route.route_advmss,
            route_is_for_one: route.is_for_one,
            cached: route.cached,
            settings,
            blockers: Blockers::NotSought,
            clamps: Vec::new(),
            systems,
        };
        Ok(PlannedAddress {
            target: target.to_owned(),
            address,
            port,
            job: Job { id: 0, plan, scope_id, interface: sending.interface.clone() },
            here,
        })
    }
}

/// The host as a TLS client hello may name it: never by an address (RFC 6066, section 3).
pub(super) fn server_name(host: &str) -> Option<String> {
    let name = host.trim_end_matches('.');
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    (!is_address && !name.is_empty()).then(|| name.to_owned())
}

/// The sizes to probe between, and the local MTU.
fn sizes(
    route: &Route,
    family: Family,
    options: &ExaminationOptions,
) -> Result<(PacketSize, PacketSize, PacketSize), PlanError> {
    let local_mtu = route.local_mtu().unwrap_or(USUAL_MTU).min(family.largest_packet());
    let interface = || route.interface.as_ref().map_or_else(|| "the interface".into(), |i| i.name.clone());
    // A route that allows less than the interface may work around a hole, so the path is examined as it is without that route.
    // Beyond what the Internet carries there is nothing to work around.
    let ordinary = route.interface_mtu.filter(|_| options.method != MethodChoice::Icmp).map(|mtu| mtu.min(USUAL_MTU));
    let max_size = options.max_size.map_or(ordinary.map_or(local_mtu, |mtu| mtu.max(local_mtu)), |wanted| {
        if wanted > local_mtu {
            warn!("--max-size {wanted} is more than {} takes; probing up to {local_mtu}", interface());
        }
        wanted.min(local_mtu)
    });
    // Packets below the smallest MTU of IPv6 are fine as controls: only links must carry 1280, packets may be small.
    let min_size = options.min_size.unwrap_or(SMALLEST_CONTROL).max(SMALLEST_CONTROL);
    if min_size >= max_size {
        return Err(PlanError::MinAboveMax { min: min_size, max: max_size, interface: interface() });
    }
    Ok((min_size, max_size, local_mtu))
}

/// The smallest packet with a few bytes of payload in either family: RFC 791's smallest MTU.
const SMALLEST_CONTROL: PacketSize = PacketSize::new(68);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_names_hosts_and_no_addresses() {
        assert_eq!(server_name("mx.example.com").as_deref(), Some("mx.example.com"));
        assert_eq!(server_name("mx.example.com.").as_deref(), Some("mx.example.com"));
        for address in ["192.0.2.25", "2001:db8::25", "fe80::1", "."] {
            assert_eq!(server_name(address), None, "{address}");
        }
    }
}

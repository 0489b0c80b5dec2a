//! From targets to plans: names to addresses, addresses to routes, routes to sizes.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tracing::{debug, warn};

use crate::model::{Blockers, Family, FlowChoice, HostFacts, KernelSettings, PacketSize, Plan, Service};
use crate::net::interface::Interface;
use crate::net::route::{Route, RouteQuery, Routes};
use crate::net::settings::{kernel_min_pmtu, kernel_settings};
use crate::net::{NetError, Ours};
use crate::resolve::{Question, Remark, ResolveError, Resolved, ResolvedAddress, Resolver, Target, TargetError};
use crate::runner::Job;

use super::invocation::Invocation;
use super::skipped::{self, Skipped};

/// One address with all that is needed to examine it and to speak of it.
pub(super) struct Planned {
    pub(super) address: ResolvedAddress,
    pub(super) port: u16,
    pub(super) job: Job,
    pub(super) here: HostFacts,
}

/// Why there is nothing to examine.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("{0}")]
    Remark(Remark),
    #[error("{0}")]
    Skipped(Skipped),
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("this host has no address on the way to {0}: give one by --source")]
    NoSource(std::net::IpAddr),
    #[error("--min-size {min} is above the {max} bytes that {interface} takes: give a smaller --min-size")]
    MinAboveMax { min: PacketSize, max: PacketSize, interface: String },
}

impl PlanError {
    /// Whether it only says that one family of a name cannot be used from here, or what is odd about a domain: no fault of
    /// the path, and nothing that a second run would find.
    pub(super) fn is_harmless(&self) -> bool {
        match self {
            Self::Net(NetError::NoRoute { .. }) | Self::NoSource(_) | Self::Skipped(_) => true,
            Self::Remark(remark) => !remark.is_incomplete(),
            _ => false,
        }
    }

    /// Whether a second attempt may find what this one did not.
    pub(super) fn is_temporary(&self) -> bool {
        use ResolveError::{Temporary, TimedOut, Unanswered};
        matches!(self, Self::Resolve(Temporary { .. } | TimedOut { .. } | Unanswered { .. }))
    }
}

/// A resolver gets at most this much of the run's time.
const RESOLVER_PATIENCE: Duration = Duration::from_secs(10);

const LOOKUPS_AT_A_TIME: usize = 32;

/// When nothing is known about the interface, the size that nearly every one has.
const USUAL_MTU: PacketSize = PacketSize::new(1500);

/// Finds what to examine. The second list says why some addresses or targets are left out.
pub(super) async fn plan(invocation: &Invocation, ours: Ours, deadline: Instant) -> (Vec<Planned>, Vec<PlanError>) {
    let (mut planned, mut errors) = (Vec::new(), Vec::new());
    let source = match Planner::new(invocation, ours).await {
        Ok(source) => source,
        Err(error) => return (planned, vec![error]),
    };
    let (mut remarks, mut skipped) = (Vec::new(), Vec::new());
    // Side by side, so that names nobody answers for cost their time once.
    let lookups = invocation.targets.iter().map(|target| source.addresses(target, deadline));
    let lookups = stream::iter(lookups).buffered(LOOKUPS_AT_A_TIME).collect::<Vec<_>>().await;
    for lookup in lookups {
        match lookup {
            Ok((port, found)) => {
                remarks.extend(found.remarks.into_iter().map(PlanError::Remark));
                for address in found.addresses {
                    match source.plan_one(address.clone(), port).await {
                        Ok(one) => planned.push(one),
                        Err(error) if error.is_harmless() => skipped.push((address, error)),
                        Err(error) => errors.push(error),
                    }
                }
            }
            Err(error) => errors.push(error),
        }
    }
    // Where nothing is left to examine, the first error is the reason: no remark is.
    errors.extend(skipped::in_few_lines(skipped));
    errors.extend(remarks);
    forget_twins(&mut planned);
    number(&mut planned);
    (planned, errors)
}

pub(super) fn number(planned: &mut [Planned]) {
    for (id, one) in planned.iter_mut().enumerate() {
        one.job.id = id;
    }
}

/// Makes plans, one target at a time.
pub(super) struct Planner<'a> {
    invocation: &'a Invocation,
    ours: Ours,
    routes: Routes,
    resolver: Resolver,
    /// Settings of this kernel, read once: many targets share them.
    kernel: [(KernelSettings, PacketSize); 2],
}

impl<'a> Planner<'a> {
    /// Asks the system what all targets share.
    pub(super) async fn new(invocation: &'a Invocation, ours: Ours) -> Result<Self, PlanError> {
        let routes = Routes::open()?;
        check_source(invocation, &routes).await?;
        let kernel = [Family::V4, Family::V6].map(|family| (kernel_settings(family), kernel_min_pmtu(family)));
        Ok(Self { invocation, ours, routes, resolver: Resolver::of_system(), kernel })
    }

    /// What to examine for one of many targets, without numbers yet, and why some of it is left out.
    pub(super) async fn target(&self, target: &str, patience: Duration) -> (Vec<Planned>, Vec<PlanError>) {
        match target.parse() {
            Ok(target) => self.parsed_target(&target, patience).await,
            Err(error) => (Vec::new(), vec![PlanError::Target(error)]),
        }
    }

    /// The same for a target that needs no reading.
    pub(super) async fn parsed_target(&self, target: &Target, patience: Duration) -> (Vec<Planned>, Vec<PlanError>) {
        let (mut planned, mut errors, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        let (port, found) = match self.resolve(target, Instant::now() + patience).await {
            Ok(found) => found,
            Err(error) => return (planned, vec![error]),
        };
        for address in found.addresses {
            match self.plan_one(address.clone(), port).await {
                Ok(one) => planned.push(one),
                Err(error) if error.is_harmless() => skipped.push((address, error)),
                Err(error) => errors.push(error),
            }
        }
        errors.extend(skipped::in_few_lines(skipped));
        errors.extend(found.remarks.into_iter().map(PlanError::Remark));
        forget_twins(&mut planned);
        (planned, errors)
    }
}

async fn check_source(invocation: &Invocation, routes: &Routes) -> Result<(), PlanError> {
    let interface = invocation.interface.as_deref().map(Interface::find).transpose()?;
    if let Some(source) = invocation.source {
        routes.require_our_address(source, interface.map(|interface| interface.index)).await?;
    }
    Ok(())
}

impl Planner<'_> {
    async fn addresses(&self, target: &str, deadline: Instant) -> Result<(u16, Resolved), PlanError> {
        self.resolve(&target.parse()?, deadline).await
    }

    async fn resolve(&self, target: &Target, deadline: Instant) -> Result<(u16, Resolved), PlanError> {
        let invocation = self.invocation;
        let question = Question {
            family: invocation.family,
            mail_domain: invocation.mail_domains,
            port: invocation.port,
            limit: deadline.saturating_duration_since(Instant::now()).min(RESOLVER_PATIENCE),
        };
        let found = self.resolver.resolve(target, question).await?;
        Ok((target.port.unwrap_or(invocation.port), found))
    }

    async fn plan_one(&self, address: ResolvedAddress, port: u16) -> Result<Planned, PlanError> {
        let (invocation, ours) = (self.invocation, self.ours);
        let wanted = match (&address.zone, &invocation.interface) {
            (Some(zone), _) => Some(Interface::find(zone.as_str())?),
            (None, Some(name)) => Some(Interface::find(name)?),
            (None, None) => None,
        };
        let query = RouteQuery {
            destination: address.address,
            source: invocation.source,
            interface: wanted.as_ref().map(|interface| interface.index),
        };
        let route = self.routes.lookup(query).await?;
        debug!(?route, "route to {}", address.address);
        let source = invocation.source.or(route.source).ok_or(PlanError::NoSource(address.address))?;
        let family = Family::of(address.address);
        let (settings, kernel_min_pmtu) = self.kernel[usize::from(family == Family::V6)];
        let (min_size, max_size, local_mtu) = sizes(&route, family, invocation)?;
        let mut ports = ours.ports.ports();
        let plan = Plan {
            source,
            destination: address.address,
            port,
            local_ports: ports.by_ref().take(super::session::PROBING_PORTS).collect(),
            flow_ports: ports.by_ref().take(invocation.other_flows().into()).collect(),
            reverse_ports: ports.collect(),
            flows: if invocation.flows.is_some() { FlowChoice::Always } else { FlowChoice::WhenHoled },
            echo_ident: ours.echo_ident,
            method: invocation.method,
            local_mtu,
            kernel_path_mtu: route.kernel_path_mtu(),
            kernel_min_pmtu,
            max_size,
            beyond_route: route.interface_mtu.filter(|&mtu| invocation.max_size.is_none() && mtu > local_mtu),
            min_size,
            direction: invocation.direction_towards(port),
            service: Service::of_port(port),
            server_name: server_name(&address.host),
            ptb_test: invocation.ptb_test,
            seed: super::random_seed(),
        };
        let is_link_local = address.zone.is_some();
        let scope_id = wanted.filter(|_| is_link_local).map_or(0, |interface| interface.index);
        let here = HostFacts {
            source: Some(source),
            interface: route.interface.map(|interface| interface.name),
            gateway: route.gateway,
            interface_mtu: route.interface_mtu,
            route_mtu: route.route_mtu,
            cached: route.cached,
            settings,
            blockers: Blockers::NotSought,
        };
        Ok(Planned { address, port, job: Job { id: 0, plan, scope_id }, here })
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
    invocation: &Invocation,
) -> Result<(PacketSize, PacketSize, PacketSize), PlanError> {
    let local_mtu = route.local_mtu().unwrap_or(USUAL_MTU).min(family.largest_packet());
    let interface = || route.interface.as_ref().map_or_else(|| "the interface".into(), |i| i.name.clone());
    let max_size = invocation.max_size.map_or(local_mtu, |wanted| {
        if wanted > local_mtu {
            warn!("--max-size {wanted} is more than {} takes; probing up to {local_mtu}", interface());
        }
        wanted.min(local_mtu)
    });
    // Packets below the smallest MTU of IPv6 are fine as controls: only links must carry 1280, packets may be small.
    let min_size = invocation.min_size.unwrap_or(SMALLEST_CONTROL).max(SMALLEST_CONTROL);
    if min_size >= max_size {
        return Err(PlanError::MinAboveMax { min: min_size, max: max_size, interface: interface() });
    }
    Ok((min_size, max_size, local_mtu))
}

/// The smallest packet with a few bytes of payload in either family: RFC 791's smallest MTU.
const SMALLEST_CONTROL: PacketSize = PacketSize::new(68);

/// Several names may lead to one address: it is examined once.
fn forget_twins(planned: &mut Vec<Planned>) {
    let mut seen = std::collections::HashSet::new();
    planned.retain(|one| seen.insert((one.address.address, one.job.scope_id, one.port)));
}

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

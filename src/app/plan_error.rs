//! Why a target or one of its addresses is left out.

use super::skipped::Skipped;
use crate::model::{FailureKind, Family, PacketSize};
use crate::net::NetError;
use crate::resolve::{Remark, ResolveError, ResolvedAddress, TargetError};

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
    #[error(
        "{0} is the gateway of a container network: it stands in the log for every client, so who sent is not known and nothing \
         can be examined"
    )]
    HiddenSender(std::net::IpAddr),
    #[error(
        "{peer}: the log names port {port}, where no mail server listens, so nothing is sent there; if one does, give -p {port}"
    )]
    StrangePort { peer: String, port: u16 },
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
            Self::Net(NetError::NoRoute { .. } | NetError::Broadcast { .. }) | Self::NoSource(_) | Self::Skipped(_) => {
                true
            }
            Self::Remark(remark) => !remark.is_incomplete(),
            _ => false,
        }
    }

    /// Its kind, for programs.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Target(_) | Self::HiddenSender(_) | Self::StrangePort { .. } => FailureKind::BadTarget,
            Self::Resolve(_) | Self::Remark(_) => FailureKind::Unresolved,
            Self::Skipped(_) | Self::NoSource(_) | Self::Net(NetError::NoRoute { .. } | NetError::NoFamily { .. }) => {
                FailureKind::NoRoute
            }
            Self::MinAboveMax { .. } => FailureKind::BadOption,
            Self::Net(error) => failure_kind(error),
        }
    }

    /// Whether a second attempt may find what this one did not.
    pub(super) fn is_temporary(&self) -> bool {
        use ResolveError::{Temporary, TimedOut, Unanswered};
        matches!(self, Self::Resolve(Temporary { .. } | TimedOut { .. } | Unanswered { .. }))
    }
}

/// What kind of failure an error of the system is.
pub(super) fn failure_kind(error: &NetError) -> FailureKind {
    match error {
        NetError::NoPrivilege { .. } => FailureKind::NoPrivilege,
        NetError::NotOurAddress { .. } | NetError::NoInterface { .. } => FailureKind::BadOption,
        NetError::NoRoute { .. } | NetError::NoFamily { .. } => FailureKind::NoRoute,
        NetError::Broadcast { .. } => FailureKind::BadTarget,
        NetError::Capabilities { .. }
        | NetError::Socket { .. }
        | NetError::NoFreePorts { .. }
        | NetError::Netlink { .. }
        | NetError::Send { .. } => FailureKind::System,
    }
}

/// Addresses without a route, and why. One address keeps its own error, which says more.
pub(super) fn in_few_lines(skipped: Vec<(ResolvedAddress, PlanError)>) -> Vec<PlanError> {
    let (v4, v6) = skipped.into_iter().partition::<Vec<_>, _>(|(address, _)| address.address.is_ipv4());
    [(Family::V4, v4), (Family::V6, v6)]
        .into_iter()
        .filter_map(|(family, mut all)| {
            if all.len() < 2 {
                return all.pop().map(|(_, error)| error);
            }
            let addresses = all.into_iter().map(|(address, _)| address).collect();
            Some(PlanError::Skipped(Skipped { family, addresses }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(host: &str, address: &str) -> (ResolvedAddress, PlanError) {
        let address = address.parse().expect("an address");
        let resolved = ResolvedAddress { host: host.into(), preference: Some(10), address, zone: None };
        (resolved, PlanError::NoSource(address))
    }

    fn lines(skipped: Vec<(ResolvedAddress, PlanError)>) -> Vec<String> {
        in_few_lines(skipped).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_address_keeps_its_own_error() {
        assert_eq!(lines(vec![]), [""; 0]);
        let one = PlanError::NoSource("192.0.2.1".parse().expect("an address")).to_string();
        assert_eq!(lines(vec![skipped("mx.test", "192.0.2.1")]), [one]);
    }

    #[test]
    fn more_make_a_line_for_each_family() {
        let line = |digit: u8, rest: &str| {
            format!(
                "skipped, as this host has no IPv{digit} route to them (`ip -{digit} route` lists what it has): {rest}"
            )
        };
        let mixed = vec![
            skipped("a.test", "2001:db8::1"),
            skipped("192.0.2.1", "192.0.2.1"),
            skipped("b.test", "2001:db8::2"),
            skipped("a.test", "192.0.2.2"),
        ];
        let expected =
            [line(4, "192.0.2.1, 192.0.2.2 of a.test"), line(6, "2001:db8::1 of a.test, 2001:db8::2 of b.test")];
        assert_eq!(lines(mixed), expected);
        let many = (1..=9).map(|n| skipped("a.test", &format!("2001:db8::{n}"))).collect();
        assert!(lines(many)[0].ends_with("2001:db8::6 of a.test and 3 more"));
    }
}

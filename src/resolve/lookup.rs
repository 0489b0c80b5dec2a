//! Names to addresses, by the system's resolver, so that `/etc/hosts` and nsswitch.conf count.
//!
//! getaddrinfo(3) blocks a thread that nothing can stop. A resolver that never answers costs this program its time limit
//! and no more, if `main` then leaves by `std::process::exit` or `Runtime::shutdown_background`: dropping a tokio runtime
//! waits for its blocking threads.

use std::collections::HashSet;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::target::{Host, Target, Zone};
use crate::model::Family;

/// One address of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResolvedAddress {
    /// The host as the user named it.
    pub host: String,
    /// The address.
    pub address: IpAddr,
    /// The interface of a link-local address.
    pub zone: Option<Zone>,
}

/// Why a target has no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The resolver knows the name not, or knows no address of it.
    #[error("no such name: {host} has no address; `getent ahosts {host}` asks the same")]
    NoSuchName {
        /// The name.
        host: String,
    },
    /// There are addresses, but none of the wanted family.
    #[error("{host} has no {} address: leave out -{} to examine the others", version(*.family), digit(*.family))]
    NoAddressOfFamily {
        /// The name or the address.
        host: String,
        /// The wanted family.
        family: Family,
    },
    /// The resolver answered that it has no answer now.
    #[error(
        "the resolver cannot answer for {host} at the moment: check the servers in /etc/resolv.conf, then try again"
    )]
    Temporary {
        /// The name.
        host: String,
    },
    /// The time limit passed.
    #[error("no answer from the resolver about {host} within {} s: check the servers in /etc/resolv.conf, or give an address", .limit.as_secs_f32())]
    TimedOut {
        /// The name.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// Anything else.
    #[error("cannot look up {host}: {source}")]
    Failed {
        /// The name.
        host: String,
        /// The resolver's answer.
        source: io::Error,
    },
}

/// All addresses of a target, of one family if one is wanted, in the order the resolver prefers.
pub async fn resolve(
    target: &Target,
    family: Option<Family>,
    limit: Duration,
) -> Result<Vec<ResolvedAddress>, ResolveError> {
    match &target.host {
        Host::Address { address, zone } => {
            let found = ResolvedAddress { host: target.host.to_string(), address: *address, zone: zone.clone() };
            only_family(found.host.clone(), vec![found], family)
        }
        Host::Name(name) => {
            let host = name.as_str();
            ask(host, family, limit, tokio::net::lookup_host((host, 0))).await
        }
    }
}

async fn ask<I: Iterator<Item = SocketAddr>>(
    host: &str,
    family: Option<Family>,
    limit: Duration,
    lookup: impl Future<Output = io::Result<I>>,
) -> Result<Vec<ResolvedAddress>, ResolveError> {
    let host = host.to_owned();
    let answer = match tokio::time::timeout(limit, lookup).await {
        Err(_) => return Err(ResolveError::TimedOut { host, limit }),
        Ok(Err(error)) => return Err(failure(host, error)),
        Ok(Ok(answer)) => answer,
    };
    let mut seen = HashSet::new();
    let found: Vec<_> =
        answer.map(|address| resolved(&host, address)).filter(|each| seen.insert(each.clone())).collect();
    if found.is_empty() {
        return Err(ResolveError::NoSuchName { host });
    }
    only_family(host, found, family)
}

fn resolved(host: &str, address: SocketAddr) -> ResolvedAddress {
    let zone = match address {
        SocketAddr::V4(_) => None,
        SocketAddr::V6(v6) => Zone::from_index(v6.scope_id()),
    };
    ResolvedAddress { host: host.to_owned(), address: address.ip().to_canonical(), zone }
}

fn only_family(
    host: String,
    mut found: Vec<ResolvedAddress>,
    family: Option<Family>,
) -> Result<Vec<ResolvedAddress>, ResolveError> {
    let Some(family) = family else { return Ok(found) };
    found.retain(|each| Family::of(each.address) == family);
    if found.is_empty() { Err(ResolveError::NoAddressOfFamily { host, family }) } else { Ok(found) }
}

/// std hides the `EAI_` code behind the text of `gai_strerror(3)`, which is English as this program never sets a locale.
fn failure(host: String, source: io::Error) -> ResolveError {
    let text = source.to_string();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if says(&["Temporary failure", "Try again"]) {
        return ResolveError::Temporary { host };
    }
    if says(&["not known", "No address associated", "does not resolve", "no usable address", "has no usable"]) {
        return ResolveError::NoSuchName { host };
    }
    ResolveError::Failed { host, source }
}

fn version(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

fn digit(family: Family) -> u8 {
    match family {
        Family::V4 => 4,
        Family::V6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    async fn answered(answer: io::Result<Vec<&str>>, family: Option<Family>) -> Result<Vec<String>, ResolveError> {
        let addresses = answer.map(|texts| {
            texts
                .into_iter()
                .map(|text| text.parse().expect("a socket address"))
                .collect::<Vec<SocketAddr>>()
                .into_iter()
        });
        let found = ask("mx.example.com", family, LIMIT, async { addresses }).await?;
        Ok(found.iter().map(|each| each.address.to_string()).collect())
    }

    #[tokio::test]
    async fn duplicates_go_and_the_order_stays() {
        let answer = vec!["[2001:db8::2]:0", "192.0.2.1:0", "[2001:db8::2]:0", "[::ffff:192.0.2.1]:0", "192.0.2.2:0"];
        let found = answered(Ok(answer), None).await.expect("addresses");
        assert_eq!(found, ["2001:db8::2", "192.0.2.1", "192.0.2.2"]);
    }

    #[tokio::test]
    async fn a_name_without_the_wanted_family_says_so() {
        let error = answered(Ok(vec!["192.0.2.1:0"]), Some(Family::V6)).await.expect_err("no IPv6");
        assert_eq!(error.to_string(), "mx.example.com has no IPv6 address: leave out -6 to examine the others");
        let found = answered(Ok(vec!["192.0.2.1:0", "[2001:db8::1]:0"]), Some(Family::V6)).await.expect("one");
        assert_eq!(found, ["2001:db8::1"]);
    }

    #[tokio::test]
    async fn failures_of_the_resolver_are_told_apart() {
        let said = |text: &str| Err(io::Error::other(format!("failed to lookup address information: {text}")));
        let unknown = answered(said("Name or service not known"), None).await;
        assert!(matches!(unknown, Err(ResolveError::NoSuchName { .. })), "{unknown:?}");
        let later = answered(said("Temporary failure in name resolution"), None).await;
        assert!(matches!(later, Err(ResolveError::Temporary { .. })), "{later:?}");
        let broken = answered(said("System error"), None).await;
        assert!(matches!(broken, Err(ResolveError::Failed { .. })), "{broken:?}");
        let empty = answered(Ok(vec![]), None).await;
        assert!(matches!(empty, Err(ResolveError::NoSuchName { .. })), "{empty:?}");
    }

    #[tokio::test]
    async fn a_resolver_that_never_answers_costs_the_limit() {
        let never = std::future::pending::<io::Result<std::vec::IntoIter<SocketAddr>>>();
        let limit = Duration::from_millis(20);
        let error = ask("mx.example.com", None, limit, never).await.expect_err("a time-out");
        assert!(matches!(error, ResolveError::TimedOut { .. }), "{error}");
    }

    #[tokio::test]
    async fn an_address_needs_no_resolver() {
        let target: Target = "[fe80::1%eth0]:25".parse().expect("a target");
        let found = resolve(&target, None, Duration::ZERO).await.expect("itself");
        assert_eq!(found[0].zone.as_ref().map(Zone::as_str), Some("eth0"));
        let refused = resolve(&target, Some(Family::V4), Duration::ZERO).await;
        assert!(matches!(refused, Err(ResolveError::NoAddressOfFamily { .. })));
    }

    #[tokio::test]
    async fn the_hosts_file_counts() {
        let target: Target = "localhost".parse().expect("a target");
        let found = resolve(&target, None, LIMIT).await.expect("localhost");
        assert!(found.iter().all(|each| each.address.is_loopback()), "{found:?}");
    }
}

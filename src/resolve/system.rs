//! Resolves a host as this system does, with getaddrinfo(3), so that nsswitch.conf and the search list apply.
//!
//! The call blocks a thread that cannot be stopped. If the resolver never answers, this program waits only for its time limit,
//! provided that `main` ends with `std::process::exit` or `Runtime::shutdown_background`. Dropping a tokio runtime waits for
//! its blocking threads.

use std::collections::HashSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::error::ResolveError;
use super::resolved::ResolvedAddress;
use super::target::{HostName, Zone};

/// All addresses, in the order that the system prefers.
pub(super) async fn look_up(host: &HostName, limit: Duration) -> Result<Vec<ResolvedAddress>, ResolveError> {
    ask(host, limit, tokio::net::lookup_host((host.as_str(), 0))).await
}

async fn ask<I: Iterator<Item = SocketAddr>>(
    host: &HostName,
    limit: Duration,
    lookup: impl Future<Output = io::Result<I>>,
) -> Result<Vec<ResolvedAddress>, ResolveError> {
    let answer = match tokio::time::timeout(limit, lookup).await {
        Err(_) => {
            let asked = "this system's resolver".to_owned();
            return Err(ResolveError::TimedOut { host: host.clone(), asked, limit });
        }
        Ok(Err(error)) => return Err(failure(host.clone(), &error)),
        Ok(Ok(answer)) => answer,
    };
    let mut seen = HashSet::new();
    let found: Vec<_> =
        answer.map(|address| resolved(host, address)).filter(|each| seen.insert(each.clone())).collect();
    if found.is_empty() { Err(ResolveError::NoSuchName { host: host.clone() }) } else { Ok(found) }
}

fn resolved(host: &HostName, address: SocketAddr) -> ResolvedAddress {
    let zone = match address {
        SocketAddr::V4(_) => None,
        SocketAddr::V6(v6) => Zone::from_index(v6.scope_id()),
    };
    ResolvedAddress { host: host.relative().to_owned(), preference: None, address: address.ip().to_canonical(), zone }
}

/// std gives only the text of `gai_strerror(3)`, not the `EAI_` code. The text is English, because this program sets no locale.
fn failure(host: HostName, source: &io::Error) -> ResolveError {
    let reason = source.to_string();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| reason.contains(phrase));
    if says(&["Temporary failure", "Try again"]) {
        return ResolveError::Temporary { host };
    }
    if says(&["not known", "No address associated", "does not resolve", "no usable address", "has no usable"]) {
        return ResolveError::NoSuchName { host };
    }
    ResolveError::Failed { host, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn host() -> HostName {
        HostName::parse("mx.example.com").expect("a name")
    }

    async fn answered(answer: io::Result<Vec<&str>>) -> Result<Vec<String>, ResolveError> {
        let addresses = answer.map(|texts| {
            let parse = |text: &str| text.parse::<SocketAddr>().expect("a socket address");
            texts.into_iter().map(parse).collect::<Vec<_>>().into_iter()
        });
        let found = ask(&host(), LIMIT, async { addresses }).await?;
        Ok(found.iter().map(|each| each.address.to_string()).collect())
    }

    #[tokio::test]
    async fn duplicates_go_and_the_order_stays() {
        let answer = vec!["[2001:db8::2]:0", "192.0.2.1:0", "[2001:db8::2]:0", "[::ffff:192.0.2.1]:0", "192.0.2.2:0"];
        let found = answered(Ok(answer)).await.expect("addresses");
        assert_eq!(found, ["2001:db8::2", "192.0.2.1", "192.0.2.2"]);
    }

    #[tokio::test]
    async fn failures_of_the_resolver_are_told_apart() {
        let said = |text: &str| Err(io::Error::other(format!("failed to lookup address information: {text}")));
        let unknown = answered(said("Name or service not known")).await;
        assert!(matches!(unknown, Err(ResolveError::NoSuchName { .. })), "{unknown:?}");
        let later = answered(said("Temporary failure in name resolution")).await;
        assert!(matches!(later, Err(ResolveError::Temporary { .. })), "{later:?}");
        let broken = answered(said("System error")).await;
        assert!(matches!(broken, Err(ResolveError::Failed { .. })), "{broken:?}");
        let empty = answered(Ok(vec![])).await;
        assert!(matches!(empty, Err(ResolveError::NoSuchName { .. })), "{empty:?}");
    }

    #[tokio::test]
    async fn a_resolver_that_never_answers_costs_the_limit() {
        let never = std::future::pending::<io::Result<std::vec::IntoIter<SocketAddr>>>();
        let limit = Duration::from_millis(20);
        let error = ask(&host(), limit, never).await.expect_err("a time-out");
        assert!(matches!(error, ResolveError::TimedOut { .. }), "{error}");
    }
}

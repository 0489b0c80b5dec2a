//! Why a target has no address: what was asked, what came back, and what to do.

use std::time::Duration;

use super::target::HostName;
use crate::model::Family;

/// Why a target has no address.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ResolveError {
    /// The system does not know the host, or no address of it.
    #[error("no such name: {} has no address; `getent ahosts {}` asks the same", .host.described(), .host.as_str())]
    NoSuchName {
        /// The host.
        host: HostName,
    },
    /// The DNS has no such name.
    #[error("no such domain: {} (NXDOMAIN); check the spelling, or write [{domain}] if it is a host that only this system knows", .domain.described())]
    NoSuchDomain {
        /// The domain.
        domain: HostName,
    },
    /// RFC 7505: the domain says that it has no mail server.
    #[error("{} accepts no mail: it has a null MX (RFC 7505); write [{domain}] to examine the host of that name", .domain.described())]
    NullMx {
        /// The domain.
        domain: HostName,
    },
    /// The name exists, but has no mail server and no address.
    #[error("{} has no mail server: it has neither an MX record nor an address{}", .domain.described(), along(.alias_of.as_deref()))]
    NoMailServer {
        /// The domain.
        domain: HostName,
        /// Where its aliases lead.
        alias_of: Option<String>,
    },
    /// No MX record leads to an address.
    #[error("no mail server of {} can be examined: {reasons}", .domain.described())]
    NoUsableServer {
        /// The domain.
        domain: HostName,
        /// What is wrong with them, in one line.
        reasons: String,
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
    #[error("the resolver cannot answer for {} at the moment: check the servers in /etc/resolv.conf, then try again", .host.described())]
    Temporary {
        /// The name.
        host: HostName,
    },
    /// A name server answered with an error code.
    #[error("no answer about {}, but {code}, from {asked}: {}", .host.described(), remedy(.code))]
    Unanswered {
        /// The name.
        host: HostName,
        /// The response code, as DNS tools write it.
        code: String,
        /// Who was asked.
        asked: String,
    },
    /// The time limit passed.
    #[error("no answer about {} from {asked} within {} s: check the servers in /etc/resolv.conf, or give an address", .host.described(), seconds(*.limit))]
    TimedOut {
        /// The name.
        host: HostName,
        /// Who was asked.
        asked: String,
        /// The limit.
        limit: Duration,
    },
    /// Anything else.
    #[error("cannot look up {}: {reason}", .host.described())]
    Failed {
        /// The name.
        host: HostName,
        /// What happened.
        reason: String,
    },
}

fn along(alias_of: Option<&str>) -> String {
    alias_of.map_or_else(String::new, |last| format!("; its aliases (CNAME) end at {last}"))
}

fn remedy(code: &str) -> &'static str {
    match code {
        "REFUSED" => "it does not serve this host; name one in /etc/resolv.conf that does",
        _ => "try again later; if it lasts, the domain's own name servers or this one are broken",
    }
}

/// At most one digit after the point.
fn seconds(limit: Duration) -> f64 {
    (limit.as_secs_f64() * 10.0).round() / 10.0
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

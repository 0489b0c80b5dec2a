//! One resolver for a whole run. It decides how a target is resolved, and reads files only when they are needed.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

use super::dns::{Dns, NameServers};
use super::error::ResolveError;
use super::hosts::Hosts;
use super::resolved::{Resolved, ResolvedAddress};
use super::target::{Host, HostName, Target};
use super::{hop_names, smtp, system};
use crate::model::{Family, HopNames};

/// What is asked about a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The one family that is wanted.
    pub family: Option<Family>,
    /// Whether a bare name is a mail domain, whose MX records count.
    pub mail_domain: bool,
    /// The port where the target names none.
    pub port: u16,
    /// How long it may take.
    pub limit: Duration,
}

/// MX records name the servers that take mail from other servers, and those listen on this port (RFC 5321, section 4.5.4.2).
const SMTP: u16 = 25;

/// Looks names up. It reads a file when the first name needs it; an address needs none.
#[derive(Debug, Default)]
pub struct Resolver {
    hosts: OnceLock<Hosts>,
    servers: NameServers,
    dns: OnceLock<Dns>,
}

impl Resolver {
    /// With the hosts file and the name servers of this system.
    pub fn of_system() -> Self {
        Self::default()
    }

    /// With this hosts file and these name servers.
    pub fn new(hosts: Hosts, servers: NameServers) -> Self {
        Self { hosts: OnceLock::from(hosts), servers, dns: OnceLock::new() }
    }

    /// All addresses of a target, the most preferred first.
    ///
    /// # Errors
    /// There is no address. The text is one line.
    pub async fn resolve(&self, target: &Target, question: Question) -> Result<Resolved, ResolveError> {
        let name = match &target.host {
            Host::Address { address, zone } => {
                let host = target.host.to_string();
                let found = ResolvedAddress { host, preference: None, address: *address, zone: zone.clone() };
                return only_family(&target.host.to_string(), Resolved::of(vec![found]), question.family);
            }
            Host::Name(name) => name,
        };
        let resolved = if is_mail_domain(target, question) {
            self.mail_servers(name, question).await?
        } else {
            Resolved::of(system::look_up(name, question.limit).await?)
        };
        only_family(&name.described(), resolved, question.family)
    }

    /// What the DNS says of these addresses, as far as it comes in this time.
    pub async fn describe(&self, addresses: &[IpAddr], limit: Duration) -> HopNames {
        if addresses.is_empty() {
            return HopNames::default();
        }
        let dns = self.dns.get_or_init(|| Dns::new(&self.servers));
        hop_names::look_up(dns, addresses, Instant::now() + limit).await
    }

    async fn mail_servers(&self, domain: &HostName, question: Question) -> Result<Resolved, ResolveError> {
        let hosts = self.hosts.get_or_init(Hosts::of_system);
        if let Some(found) = hosts.find(domain.as_str()) {
            let of_host = |(address, zone)| ResolvedAddress {
                host: domain.relative().to_owned(),
                preference: None,
                address,
                zone,
            };
            return Ok(Resolved::of(found.into_iter().map(of_host).collect()));
        }
        let dns = self.dns.get_or_init(|| Dns::new(&self.servers));
        let start = Instant::now();
        smtp::MailServerSearch { dns, hosts, domain, family: question.family, start, limit: question.limit }.run().await
    }
}

fn is_mail_domain(target: &Target, question: Question) -> bool {
    question.mail_domain && !target.bracketed && target.port.unwrap_or(question.port) == SMTP
}

fn only_family(name: &str, mut resolved: Resolved, family: Option<Family>) -> Result<Resolved, ResolveError> {
    let Some(family) = family else { return Ok(resolved) };
    resolved.addresses.retain(|each| Family::of(each.address) == family);
    if resolved.addresses.is_empty() {
        return Err(ResolveError::NoAddressOfFamily { host: name.to_owned(), family });
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::target::Zone;

    const LIMIT: Duration = Duration::from_secs(5);

    fn question() -> Question {
        Question { family: None, mail_domain: true, port: 25, limit: LIMIT }
    }

    fn target(text: &str) -> Target {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn only_a_bare_name_at_port_25_is_a_mail_domain() {
        for (typed, port, expected) in [
            ("example.com", 25, true),
            ("example.com:25", 25, true),
            ("example.com:25", 587, true),
            ("example.com:587", 25, false),
            ("example.com", 587, false),
            ("[example.com]", 25, false),
            ("[example.com]:25", 25, false),
        ] {
            assert_eq!(is_mail_domain(&target(typed), Question { port, ..question() }), expected, "{typed} {port}");
        }
        assert!(!is_mail_domain(&target("example.com"), Question { mail_domain: false, ..question() }));
    }

    #[tokio::test]
    async fn an_address_needs_neither_file_nor_server_nor_time() {
        let resolver = Resolver::of_system();
        let question = Question { limit: Duration::ZERO, ..question() };
        let found = resolver.resolve(&target("[fe80::1%eth0]:25"), question).await.expect("itself");
        assert_eq!(found.addresses[0].zone.as_ref().map(Zone::as_str), Some("eth0"));
        assert!(resolver.hosts.get().is_none() && resolver.dns.get().is_none());
        let only_v4 = Question { family: Some(Family::V4), ..question };
        let refused = resolver.resolve(&target("[fe80::1%eth0]:25"), only_v4).await;
        assert!(matches!(refused, Err(ResolveError::NoAddressOfFamily { .. })));
    }

    #[tokio::test]
    async fn a_name_in_the_hosts_file_is_a_host_and_needs_no_name_server() {
        let hosts = Hosts::parse("192.0.2.25 mx.example.com\n2001:db8::25 mx.example.com");
        let resolver = Resolver::new(hosts, NameServers::OfSystem);
        let question = Question { limit: Duration::ZERO, ..question() };
        let found = resolver.resolve(&target("MX.example.com."), question).await.expect("the host");
        let listed: Vec<_> = found.addresses.iter().map(|each| each.address.to_string()).collect();
        assert_eq!(listed, ["192.0.2.25", "2001:db8::25"]);
        assert!(found.addresses.iter().all(|each| each.preference.is_none() && each.host == "MX.example.com"));
        assert!(resolver.dns.get().is_none(), "built without need");
        let only_v6 = Question { family: Some(Family::V6), ..question };
        assert_eq!(resolver.resolve(&target("mx.example.com"), only_v6).await.expect("one").addresses.len(), 1);
    }

    #[tokio::test]
    async fn a_host_meant_as_such_is_asked_of_the_system() {
        let resolver = Resolver::new(Hosts::default(), NameServers::OfSystem);
        let found = resolver.resolve(&target("[localhost]"), question()).await.expect("localhost");
        assert!(found.addresses.iter().all(|each| each.address.is_loopback()), "{found:?}");
        assert!(resolver.dns.get().is_none());
    }
}

//! The mail servers of a domain, as a mail server finds them: RFC 5321, section 5.1, and RFC 7505.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::future::{join, join_all};
use hickory_resolver::proto::rr::Name;
use tokio::time::Instant;

use super::dns::{self, Dns, DnsRecords, LookupFailure};
use super::error::ResolveError;
use super::hosts::{Hosts, HostsAddress};
use super::remark::Remark;
use super::resolved::{Resolved, ResolvedAddress};
use super::target::{HostName, is_one_host};
use crate::model::Family;

/// Large providers have about five. More is an error or malice, and each costs two questions.
const MOST_SERVERS: usize = 20;
const MOST_ADDRESSES: usize = 64;
/// At most so many faults are named in one line.
const MOST_REASONS: usize = 3;

/// One search for the mail servers of one domain.
pub(super) struct MailServerSearch<'a> {
    pub(super) dns: &'a Dns,
    pub(super) hosts: &'a Hosts,
    pub(super) domain: &'a HostName,
    pub(super) family: Option<Family>,
    pub(super) start: Instant,
    pub(super) limit: Duration,
}

/// A host that takes mail for the domain.
struct Exchanger {
    preference: u16,
    host: Name,
}

/// What is known of a host.
struct Addresses {
    found: Vec<HostsAddress>,
    /// The admin of this host says so, in its hosts file.
    is_of_this_host: bool,
    is_alias: bool,
    /// The records that could not be asked for.
    half: Option<(&'static str, LookupFailure)>,
}

impl MailServerSearch<'_> {
    pub(super) async fn run(&self) -> Result<Resolved, ResolveError> {
        let failed = |reason| ResolveError::Failed { host: self.domain.clone(), reason };
        let name = dns::absolute(self.domain.as_str()).map_err(failed)?;
        match self.dns.exchangers(&name, self.deadline()).await {
            Ok(found) => self.servers(found.records).await,
            Err(LookupFailure::NoRecords { .. }) => self.host_of_that_name(&name).await,
            Err(miss) => Err(self.error(miss)),
        }
    }

    fn deadline(&self) -> Instant {
        self.start + self.limit
    }

    /// RFC 5321, section 5.1: without MX records the domain itself is the host, "implicit MX". An error is no such answer.
    async fn host_of_that_name(&self, name: &Name) -> Result<Resolved, ResolveError> {
        let addresses = self.addresses(name, self.deadline()).await.map_err(|miss| self.error(miss))?;
        let mut list = MailServerList::default();
        list.add(self.domain.relative(), None, addresses.found, addresses.is_of_this_host);
        if let Some((record, miss)) = addresses.half {
            let why = self.why(&miss);
            list.remarks.push(Remark::HalfAnswered { host: self.domain.relative().to_owned(), record, why });
        }
        list.resolved(self.domain)
    }

    async fn servers(&self, records: Vec<(u16, Name)>) -> Result<Resolved, ResolveError> {
        let mut list = MailServerList::default();
        let exchangers = self.by_preference(records, &mut list.remarks)?;
        // A host whose name servers do not answer must not take all the time, because the others are to be examined.
        let now = Instant::now();
        let patience = now + self.deadline().saturating_duration_since(now) / 2;
        let answers = join_all(exchangers.iter().map(|one| self.addresses(&one.host, patience))).await;
        for (exchanger, answer) in exchangers.iter().zip(answers) {
            self.take(exchanger, answer, &mut list);
        }
        list.resolved(self.domain)
    }

    /// Each host once, the most preferred first. Equal ones are sorted by name, so that two runs have the same order.
    fn by_preference(
        &self,
        mut records: Vec<(u16, Name)>,
        remarks: &mut Vec<Remark>,
    ) -> Result<Vec<Exchanger>, ResolveError> {
        let count = records.len();
        records.retain(|(_, host)| !host.is_root());
        if records.is_empty() {
            return Err(ResolveError::NullMx { domain: self.domain.clone() });
        }
        if records.len() < count {
            remarks.push(Remark::NullAmongOthers { domain: self.domain() });
        }
        records.sort();
        let mut seen = HashSet::new();
        records.retain(|(_, host)| seen.insert(host.clone()));
        if records.len() > MOST_SERVERS {
            remarks.push(Remark::TooManyServers { domain: self.domain(), count: records.len(), kept: MOST_SERVERS });
        }
        Ok(records.into_iter().take(MOST_SERVERS).map(|(preference, host)| Exchanger { preference, host }).collect())
    }

    fn take(&self, exchanger: &Exchanger, answer: Result<Addresses, LookupFailure>, list: &mut MailServerList) {
        let (host, preference, domain) = (dns::text(&exchanger.host), exchanger.preference, self.domain());
        match answer {
            Ok(addresses) => {
                if let Some(address) = as_address(&exchanger.host) {
                    list.remarks.push(Remark::AddressForName { address, preference, domain });
                } else if addresses.is_alias {
                    list.remarks.push(Remark::Alias { host: host.clone(), preference, domain });
                }
                if let Some((record, miss)) = addresses.half {
                    let why = self.why(&miss);
                    list.remarks.push(Remark::HalfAnswered { host: host.clone(), record, why });
                }
                list.add(&host, Some(preference), addresses.found, addresses.is_of_this_host);
            }
            Err(miss) if miss.is_absence() => {
                list.remarks.push(Remark::NoAddress {
                    host,
                    preference,
                    domain,
                    exists: miss != LookupFailure::NoName,
                });
            }
            Err(miss) => {
                list.remarks.push(Remark::Unanswered { host, preference, domain, why: self.why(&miss) });
            }
        }
    }

    /// Looks in the hosts file, then in the DNS. If one family is wanted, the other is looked up only to say what there is instead.
    async fn addresses(&self, host: &Name, deadline: Instant) -> Result<Addresses, LookupFailure> {
        if let Some(address) = as_address(host) {
            return Ok(Addresses { found: vec![(address, None)], is_of_this_host: false, is_alias: false, half: None });
        }
        if let Some(found) = self.hosts.find(&dns::text(host)) {
            return Ok(Addresses { found, is_of_this_host: true, is_alias: false, half: None });
        }
        let ask = |family| self.dns.addresses(host, family, deadline);
        let Some(family) = self.family else {
            let (v4, v6) = join(ask(Family::V4), ask(Family::V6)).await;
            return merged(v4, v6);
        };
        match ask(family).await {
            Err(miss) if miss.is_absence() => ask(other(family)).await.map(Addresses::from).map_err(|_| miss),
            answer => answer.map(Addresses::from),
        }
    }

    fn error(&self, miss: LookupFailure) -> ResolveError {
        let (host, asked) = (self.domain.clone(), self.dns.asked().to_owned());
        match miss {
            LookupFailure::NoName => ResolveError::NoSuchDomain { domain: host },
            LookupFailure::NoRecords { alias_of } => ResolveError::NoMailServer { domain: host, alias_of },
            LookupFailure::Code(code) => ResolveError::Unanswered { host, code, asked },
            LookupFailure::TimedOut => ResolveError::TimedOut { host, asked, limit: self.start.elapsed() },
            LookupFailure::Failed(reason) => ResolveError::Failed { host, reason },
        }
    }

    fn why(&self, miss: &LookupFailure) -> String {
        match miss {
            LookupFailure::NoName => "no such name".into(),
            LookupFailure::NoRecords { .. } => "there are none".into(),
            LookupFailure::Code(code) => format!("{code} from {}", self.dns.asked()),
            LookupFailure::TimedOut => format!("no answer from {} in time", self.dns.asked()),
            LookupFailure::Failed(reason) => reason.clone(),
        }
    }

    fn domain(&self) -> String {
        self.domain.relative().to_owned()
    }
}

impl From<DnsRecords<IpAddr>> for Addresses {
    fn from(found: DnsRecords<IpAddr>) -> Self {
        let list = found.records.into_iter().map(|address| (address.to_canonical(), None)).collect();
        Self { found: list, is_of_this_host: false, is_alias: found.is_alias, half: None }
    }
}

fn merged(
    v4: Result<DnsRecords<IpAddr>, LookupFailure>,
    v6: Result<DnsRecords<IpAddr>, LookupFailure>,
) -> Result<Addresses, LookupFailure> {
    let half = |record, miss: LookupFailure| (!miss.is_absence()).then_some((record, miss));
    match (v4, v6) {
        (Ok(v4), Ok(v6)) => {
            let (mut both, v6) = (Addresses::from(v4), Addresses::from(v6));
            both.found.extend(v6.found);
            Ok(both)
        }
        (Ok(v4), Err(miss)) => Ok(Addresses { half: half("AAAA", miss), ..Addresses::from(v4) }),
        (Err(miss), Ok(v6)) => Ok(Addresses { half: half("A", miss), ..Addresses::from(v6) }),
        // If one of them is not known, the result is not known.
        (Err(v4), Err(v6)) => Err(if v4.is_absence() { v6 } else { v4 }),
    }
}

fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

/// The address that some zones write in place of a name.
fn as_address(host: &Name) -> Option<IpAddr> {
    dns::text(host).parse::<Ipv4Addr>().ok().map(IpAddr::from)
}

/// What will be examined.
#[derive(Default)]
struct MailServerList {
    addresses: Vec<ResolvedAddress>,
    remarks: Vec<Remark>,
    seen: HashSet<HostsAddress>,
}

impl MailServerList {
    /// Several names may lead to one address. The most preferred counts.
    /// What the DNS calls a loopback address is nobody's server: a mailer bounces such mail, as it would come back to itself.
    fn add(&mut self, host: &str, preference: Option<u16>, found: Vec<HostsAddress>, is_of_this_host: bool) {
        for (address, zone) in found {
            let needs_zone = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
            if !is_one_host(address) || needs_zone != zone.is_some() {
                self.remarks.push(Remark::ImpossibleAddress { host: host.to_owned(), address });
            } else if address.is_loopback() && !is_of_this_host {
                self.remarks.push(Remark::LeadsBack { host: host.to_owned(), address });
            } else if self.seen.insert((address, zone.clone())) {
                self.addresses.push(ResolvedAddress { host: host.to_owned(), preference, address, zone });
            }
        }
    }

    fn resolved(mut self, domain: &HostName) -> Result<Resolved, ResolveError> {
        let count = self.addresses.len();
        if count == 0 {
            let domain = domain.clone();
            return Err(ResolveError::NoUsableServer { domain, reasons: reasons(&self.remarks) });
        }
        if count > MOST_ADDRESSES {
            self.addresses.truncate(MOST_ADDRESSES);
            let domain = domain.relative().to_owned();
            self.remarks.push(Remark::TooManyAddresses { domain, count, kept: MOST_ADDRESSES });
        }
        Ok(Resolved { addresses: self.addresses, remarks: self.remarks })
    }
}

fn reasons(remarks: &[Remark]) -> String {
    let mut reasons: Vec<String> = remarks.iter().take(MOST_REASONS).map(ToString::to_string).collect();
    if remarks.len() > MOST_REASONS {
        reasons.push(format!("and {} more", remarks.len() - MOST_REASONS));
    }
    reasons.join("; ")
}

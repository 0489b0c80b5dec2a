//! Questions to name servers. Only this file uses hickory. It returns the records of a name or a [`LookupFailure`].

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use tokio::time::{Instant, sleep, timeout_at};

use crate::model::Family;

const SYSTEM_FILE: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
/// As many as resolv.conf(5) allows.
const MOST_SERVERS: usize = 3;
/// If a server does not answer within this time, the next one is asked as well.
const STAGGER: Duration = Duration::from_secs(1);
/// The longest wait for one server, even if resolv.conf allows more, because the whole search takes only twice that.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_CHAIN: usize = 16;

/// Which name servers are asked.
#[derive(Clone, Debug, Default)]
pub enum NameServers {
    /// Those of `/etc/resolv.conf`, with its options.
    #[default]
    OfSystem,
    /// These.
    Given(Vec<SocketAddr>),
}

/// Why there are no records, sorted by how much that says, the most last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LookupFailure {
    /// No server answered in time.
    TimedOut,
    /// Anything else.
    Failed(String),
    /// A server answered with an error.
    Code(String),
    /// The name exists, perhaps as an alias of another, without such records.
    NoRecords { alias_of: Option<String> },
    /// NXDOMAIN.
    NoName,
}

/// Records, and whether the name that was asked for is an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DnsRecords<T> {
    pub(super) records: Vec<T>,
    pub(super) is_alias: bool,
}

/// The name servers. Each has a resolver of its own, because hickory takes the error of one server as that of all.
#[derive(Debug)]
pub(super) struct Dns {
    servers: Vec<TokioResolver>,
    /// The server that answered last. It is asked first.
    preferred: AtomicUsize,
    asked: String,
}

impl LookupFailure {
    /// Whether a server answered that there are no such records.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::NoName | Self::NoRecords { .. })
    }
}

impl Dns {
    pub(super) fn new(servers: &NameServers) -> Self {
        let (config, mut options) = match servers {
            NameServers::OfSystem => of_resolv_conf(&std::fs::read(SYSTEM_FILE).unwrap_or_default()),
            NameServers::Given(servers) => (given(servers), ResolverOpts::default()),
        };
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = options.timeout.min(LONGEST_WAIT);
        let servers = &config.name_servers()[..config.name_servers().len().min(MOST_SERVERS)];
        let resolver = |server: &NameServerConfig| {
            let config = ResolverConfig::from_name_servers(vec![server.clone()]);
            let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            builder.with_options(options.clone()).build().ok()
        };
        let asked = describe(servers);
        Self { servers: servers.iter().filter_map(resolver).collect(), preferred: AtomicUsize::new(0), asked }
    }

    /// The servers that are asked, in words.
    pub(super) fn asked(&self) -> &str {
        &self.asked
    }

    /// The MX records in the order of the answer.
    pub(super) async fn exchangers(
        &self,
        domain: &Name,
        deadline: Instant,
    ) -> Result<DnsRecords<(u16, Name)>, LookupFailure> {
        self.ask(domain, RecordType::MX, deadline, |data| match data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.clone())),
            _ => None,
        })
        .await
    }

    /// The A or the AAAA records. They are sorted because servers shuffle them, but reports must be comparable.
    pub(super) async fn addresses(
        &self,
        host: &Name,
        family: Family,
        deadline: Instant,
    ) -> Result<DnsRecords<IpAddr>, LookupFailure> {
        let (record, pick): (_, fn(&RData) -> Option<IpAddr>) = match family {
            Family::V4 => (RecordType::A, |data| data.ip_addr().filter(IpAddr::is_ipv4)),
            Family::V6 => (RecordType::AAAA, |data| data.ip_addr().filter(IpAddr::is_ipv6)),
        };
        let mut found = self.ask(host, record, deadline, pick).await?;
        found.records.sort_unstable();
        Ok(found)
    }

    /// The names of an address.
    pub(super) async fn pointers(&self, name: &Name, deadline: Instant) -> Result<DnsRecords<Name>, LookupFailure> {
        self.ask(name, RecordType::PTR, deadline, |data| match data {
            RData::PTR(pointer) => Some(pointer.0.clone()),
            _ => None,
        })
        .await
    }

    /// The TXT records, each in one piece.
    pub(super) async fn texts(&self, name: &Name, deadline: Instant) -> Result<DnsRecords<Vec<u8>>, LookupFailure> {
        self.ask(name, RecordType::TXT, deadline, |data| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        })
        .await
    }

    async fn ask<T>(
        &self,
        name: &Name,
        record: RecordType,
        deadline: Instant,
        pick: impl Fn(&RData) -> Option<T>,
    ) -> Result<DnsRecords<T>, LookupFailure> {
        let lookup = timeout_at(deadline, self.ask_all(name, record)).await.map_err(|_| LookupFailure::TimedOut)??;
        // Whatever else it says: there is no such name.
        if lookup.message().metadata.response_code == ResponseCode::NXDomain {
            return Err(LookupFailure::NoName);
        }
        let found = records(name, &lookup, pick);
        if found.records.is_empty() {
            return Err(LookupFailure::NoRecords { alias_of: None });
        }
        Ok(found)
    }

    /// The first answer. An error counts only if no server answers.
    async fn ask_all(&self, name: &Name, record: RecordType) -> Result<Lookup, LookupFailure> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut rest = (0..self.servers.len()).map(|index| (first + index) % self.servers.len());
        let ask = async |index: usize| (index, self.servers[index].lookup(name.clone(), record).await);
        let (mut asked, mut worst) = (FuturesUnordered::new(), None);
        asked.extend(rest.next().map(ask));
        loop {
            let (index, answer) = tokio::select! {
                Some(answered) = asked.next() => answered,
                () = sleep(STAGGER), if rest.len() > 0 => {
                    asked.extend(rest.next().map(ask));
                    continue;
                }
                else => return Err(worst.unwrap_or(LookupFailure::TimedOut)),
            };
            match answer.map_err(|error| self.miss(name, &error)) {
                Err(miss) if !miss.is_absence() => {
                    worst = worst.max(Some(miss));
                    asked.extend(rest.next().map(ask));
                }
                answered => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return answered;
                }
            }
        }
    }

    fn miss(&self, asked_for: &Name, error: &NetError) -> LookupFailure {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => absence(asked_for, none),
            NetError::Dns(DnsError::ResponseCode(code)) => LookupFailure::Code(code_name(*code)),
            NetError::Timeout => LookupFailure::TimedOut,
            NetError::Io(error) => LookupFailure::Failed(format!("no way to {}: {error}", self.asked)),
            NetError::NoConnections => LookupFailure::Failed(format!("no connection to {}", self.asked)),
            NetError::Truncated => LookupFailure::Failed(format!(
                "the answer is too long for UDP, and there is none by TCP from {}",
                self.asked
            )),
            other => LookupFailure::Failed(format!("{} sent nonsense: {other}", self.asked)),
        }
    }
}

/// The records of an answer that belong to the name, or to what it is an alias of.
fn records<T>(name: &Name, lookup: &Lookup, pick: impl Fn(&RData) -> Option<T>) -> DnsRecords<T> {
    let chain = chain(name, lookup);
    let belongs = |owner: &Name| chain.contains(owner);
    let records = lookup.answers().iter().filter(|answer| belongs(&answer.name)).filter_map(|a| pick(&a.data));
    DnsRecords { records: records.collect(), is_alias: chain.len() > 1 }
}

/// The name in absolute form, so that no search list applies.
pub(super) fn absolute(name: &str) -> Result<Name, String> {
    let mut name = Name::from_ascii(name).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    Ok(name)
}

/// The name in text, without the final dot.
pub(super) fn text(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

/// Drops the search list, because absolute names do not use it and an invalid name in it would be an error. Without a name
/// server the one of this machine is asked, as resolv.conf(5) says.
fn of_resolv_conf(text: &[u8]) -> (ResolverConfig, ResolverOpts) {
    let text = String::from_utf8_lossy(text);
    let is_search = |line: &&str| matches!(line.split_whitespace().next(), Some("search" | "domain"));
    let kept: Vec<&str> = text.lines().filter(|line| !is_search(line)).collect();
    parse_resolv_conf(kept.join("\n")).unwrap_or_else(|_| {
        let local = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        (ResolverConfig::from_name_servers(vec![local]), ResolverOpts::default())
    })
}

fn given(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let mut server = NameServerConfig::udp_and_tcp(address.ip());
        server.connections.iter_mut().for_each(|connection| connection.port = address.port());
        server
    };
    ResolverConfig::from_name_servers(servers.iter().map(server).collect())
}

fn describe(servers: &[NameServerConfig]) -> String {
    let mut words = String::from(if servers.len() == 1 { "the name server" } else { "the name servers" });
    for (index, server) in servers.iter().enumerate() {
        let port = server.connections.first().map_or(DNS_PORT, |connection| connection.port);
        // Writing into a String cannot fail.
        let _ = write!(words, "{}{}", if index == 0 { " " } else { ", " }, server.ip);
        if port != DNS_PORT {
            let _ = write!(words, " port {port}");
        }
    }
    words
}

/// The names whose records answer a question: the name itself and those that its aliases lead to. An answer may contain
/// records of other names, by mistake or by malice. For a chain of aliases that was cached, hickory returns only its end.
///
/// A name is an alias of one other (RFC 2181, section 10.1). Thousands of aliases of one name, which fit into an answer, lead nowhere
/// either: a server must not choose how long we look.
fn chain(asked_for: &Name, lookup: &Lookup) -> Vec<Name> {
    let mut chain = vec![asked_for.clone()];
    // Without a question there is nothing that it could be of another name.
    if let Some(query) = lookup.message().queries.first().filter(|query| query.name() != asked_for) {
        chain.push(query.name().clone());
    }
    let mut next = 0;
    while next < chain.len() && chain.len() < LONGEST_CHAIN {
        let aliases = lookup.answers().iter().filter(|answer| answer.name == chain[next]);
        let target = aliases.filter_map(|answer| match &answer.data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        });
        let target = target.into_iter().next().filter(|target| !chain.contains(target));
        chain.extend(target);
        next += 1;
    }
    chain
}

fn absence(asked_for: &Name, none: &NoRecords) -> LookupFailure {
    if none.response_code == ResponseCode::NXDomain {
        return LookupFailure::NoName;
    }
    let last = none.query.name();
    LookupFailure::NoRecords { alias_of: (last != asked_for).then(|| text(last)) }
}

/// As `dig` writes it.
fn code_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        other => format!("{other:?}").to_ascii_uppercase(),
    }
}

/// What is made of a message that answers a question about this name: the names that it may speak of, and the data of its records
/// in text. `None`: it is no message with a question.
pub(super) fn of_message(bytes: &[u8], name: &str) -> Option<(Vec<String>, Vec<String>)> {
    let (name, message) = (absolute(name).ok()?, Message::from_vec(bytes).ok()?);
    let lookup = Lookup::new_with_max_ttl(message.queries.first()?.clone(), message.answers);
    let names = chain(&name, &lookup).iter().map(text).collect();
    Some((names, records(&name, &lookup, |data| Some(data.to_string())).records))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> Vec<String> {
        of_resolv_conf(text.as_bytes()).0.name_servers().iter().map(|server| server.ip.to_string()).collect()
    }

    #[test]
    fn the_servers_are_those_of_resolv_conf() {
        assert_eq!(servers("nameserver 192.0.2.53\n# x\nnameserver 2001:db8::53"), ["192.0.2.53", "2001:db8::53"]);
        assert_eq!(servers("search ex ample..com -- \nnameserver 192.0.2.53\ngarbage\nnameserver x"), ["192.0.2.53"]);
        let (_, options) = of_resolv_conf(b"nameserver 192.0.2.53\noptions timeout:1 attempts:4 edns0");
        assert_eq!((options.timeout, options.attempts, options.edns0), (Duration::from_secs(1), 4, true));
    }

    #[test]
    fn without_any_it_is_the_one_of_this_machine() {
        for text in ["", "search example.com", "\u{0}\u{1}", "nameserver nonsense"] {
            assert_eq!(servers(text), ["127.0.0.1"], "{text:?}");
        }
    }

    #[test]
    fn names_are_complete_and_come_back_as_they_went() {
        for name in ["example.com", "_smtp.example.com", "xn--bcher-kva.example", "4.example."] {
            let absolute = absolute(name).expect(name);
            assert!(absolute.is_fqdn());
            assert_eq!(text(&absolute), name.trim_end_matches('.'));
        }
    }

    #[test]
    fn servers_are_named_in_words() {
        let one = Dns::new(&NameServers::Given(vec!["192.0.2.53:53".parse().expect("an address")]));
        assert_eq!(one.asked(), "the name server 192.0.2.53");
        let two = ["192.0.2.53:5353", "[2001:db8::53]:53"].map(|text| text.parse().expect("an address"));
        let two = Dns::new(&NameServers::Given(two.into()));
        assert_eq!(two.asked(), "the name servers 192.0.2.53 port 5353, 2001:db8::53");
    }
}

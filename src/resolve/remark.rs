//! What is wrong with the mail servers of a domain, although some of them can be examined.

use std::net::IpAddr;

/// One line about a domain that is examined in spite of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// An MX record leads to a name without address. Mail servers skip it.
    #[error("{host}, MX {preference} of {domain}, has no address{}", if *.exists { "" } else { ": no such name" })]
    NoAddress {
        /// The host.
        host: String,
        /// Its preference.
        preference: u16,
        /// The domain.
        domain: String,
        /// Whether the DNS knows the name.
        exists: bool,
    },
    /// The addresses of a host could not be looked up.
    #[error("{host}, MX {preference} of {domain}, is left out: {why}")]
    Unanswered {
        /// The host.
        host: String,
        /// Its preference.
        preference: u16,
        /// The domain.
        domain: String,
        /// What came instead of an answer.
        why: String,
    },
    /// One kind of address is known, the other could not be looked up.
    #[error("the {record} records of {host} are not known: {why}")]
    HalfAnswered {
        /// The host.
        host: String,
        /// A or AAAA.
        record: &'static str,
        /// What came instead of an answer.
        why: String,
    },
    /// RFC 2181, section 10.3.
    #[error(
        "{host}, MX {preference} of {domain}, is an alias (CNAME), which RFC 2181 forbids: some servers may not deliver to it"
    )]
    Alias {
        /// The host.
        host: String,
        /// Its preference.
        preference: u16,
        /// The domain.
        domain: String,
    },
    /// RFC 1035, section 3.3.9: an MX record names a host.
    #[error(
        "MX {preference} of {domain} is the address {address}, where only a name may stand: some servers may not deliver to it"
    )]
    AddressForName {
        /// The address.
        address: IpAddr,
        /// Its preference.
        preference: u16,
        /// The domain.
        domain: String,
    },
    /// RFC 7505, section 3.
    #[error("{domain} has a null MX beside others, which RFC 7505 forbids: the others are examined")]
    NullAmongOthers {
        /// The domain.
        domain: String,
    },
    /// No host can have this address.
    #[error("{host} has the address {address}, which no mail server can have: left out")]
    ImpossibleAddress {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// The DNS of a domain names this host, or whoever it is that asks: mail would come back to where it is.
    #[error("{host} has the address {address}, which leads back to this host: left out")]
    LeadsBack {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// The domain has more servers than are examined.
    #[error("{domain} has {count} mail servers: the {kept} most preferred are examined")]
    TooManyServers {
        /// The domain.
        domain: String,
        /// Those there are.
        count: usize,
        /// Those that are examined.
        kept: usize,
    },
    /// The domain has more addresses than are examined.
    #[error("the mail servers of {domain} have {count} addresses: the first {kept} are examined")]
    TooManyAddresses {
        /// The domain.
        domain: String,
        /// Those there are.
        count: usize,
        /// Those that are examined.
        kept: usize,
    },
}

impl Remark {
    /// Whether a server was left out that a second run may reach, so that this result is not complete.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Unanswered { .. } | Self::HalfAnswered { .. })
    }
}

//! The argument TARGET: its forms, and the errors for everything else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// RFC 1035, section 2.3.4: 255 octets on the wire are 253 characters as text.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;
/// `IFNAMSIZ` less the final zero.
const LONGEST_ZONE: usize = 15;

/// What to examine, as the user named it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// A name or an address.
    pub host: Host,
    /// The port if one was named.
    pub port: Option<u16>,
    /// `[mx.example.com]`, as Postfix writes it: this host, without an MX lookup.
    pub bracketed: bool,
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name for the resolver.
    Name(HostName),
    /// An address.
    Address {
        /// The address, never an IPv4-mapped one.
        address: IpAddr,
        /// The interface of a link-local address (RFC 4007, section 11).
        zone: Option<Zone>,
    },
}

/// A syntactically valid host name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName {
    ascii: String,
    /// As people write it, if that takes more than ASCII.
    unicode: Option<String>,
}

/// The name or the index of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone(String);

/// Why an argument is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing there.
    #[error("the target is empty: give a host name or an address, like mx.example.com")]
    Empty,
    /// White space or control characters.
    #[error("`{0}` contains a space or control character: give one host name or address, like mx.example.com")]
    Blank(String),
    /// A URL.
    #[error("`{0}` is a URL: give only the host, like mx.example.com or mx.example.com:587")]
    Url(String),
    /// An e-mail address.
    #[error("`{0}` is an e-mail address: give its domain, `{1}`")]
    Email(String, String),
    /// A bracket without its other half.
    #[error("`{0}` has an unmatched bracket: write [2001:db8::1]:25 or [mx.example.com]:25")]
    Bracket(String),
    /// A port outside of 1 to 65535.
    #[error("`{0}` is no port: give a number from 1 to 65535")]
    Port(String),
    /// A name longer than DNS allows.
    #[error("`{0}` is longer than the 253 characters of a host name")]
    NameTooLong(String),
    /// A label longer than DNS allows.
    #[error("`{0}` is longer than the 63 characters between two dots of a host name")]
    LabelTooLong(String),
    /// Two dots in a row, or one at the start.
    #[error("`{0}` has an empty part between its dots")]
    EmptyLabel(String),
    /// Characters that no internationalised name has (RFC 5891), or a name too long in its ASCII form.
    #[error("`{0}` is no internationalised host name: check its characters, or give the form that starts with xn--")]
    Unicode(String),
    /// A character that no host name has.
    #[error("`{0}` is no host name: letters, digits, hyphens and dots make one")]
    Name(String),
    /// All digits and dots, or the like, but no IPv4 address.
    #[error("`{0}` is no IPv4 address: four numbers from 0 to 255 make one, like 192.0.2.25")]
    Ipv4(String),
    /// Colons, but no IPv6 address.
    #[error("`{0}` is no IPv6 address; with a port, write [2001:db8::1]:25")]
    Ipv6(String),
    /// A zone that is no interface's name.
    #[error("`{0}` is no interface: `ip link` lists them")]
    Zone(String),
    /// A zone on an address that has only one.
    #[error("`{0}` is not link-local: leave out the part from % on")]
    NeedlessZone(IpAddr),
    /// A link-local address without its interface.
    #[error("`{0}` is link-local: name its interface, like {0}%eth0")]
    MissingZone(IpAddr),
    /// An address that no single host has.
    #[error("`{0}` is not the address of one host")]
    NotUnicast(IpAddr),
}

impl HostName {
    /// Checks a name.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.is_ascii() {
            return check_name(text).map(|()| Self { ascii: text.to_owned(), unicode: None });
        }
        let no_name = || TargetError::Unicode(quoted(text));
        let ascii = idna::domain_to_ascii(text).map_err(|_| no_name())?;
        check_name(&ascii).map_err(|_| no_name())?;
        let (unicode, valid) = idna::domain_to_unicode(&ascii);
        let has_edge_hyphen = unicode.split('.').any(|label| label.starts_with('-') || label.ends_with('-'));
        if valid.is_err() || has_edge_hyphen {
            return Err(no_name());
        }
        // Full-width letters and soft hyphens become plain ASCII, and then there is one form.
        Ok(Self { unicode: Some(unicode).filter(|unicode| *unicode != ascii), ascii })
    }

    /// The name as the DNS has it, in ASCII (RFC 5890: A-labels).
    pub fn as_str(&self) -> &str {
        &self.ascii
    }

    /// The same without the final dot.
    pub fn relative(&self) -> &str {
        self.ascii.strip_suffix('.').unwrap_or(&self.ascii)
    }

    /// Both forms, where they differ.
    pub fn described(&self) -> String {
        match &self.unicode {
            Some(unicode) => format!("{unicode} ({})", self.ascii),
            None => self.ascii.clone(),
        }
    }
}

impl Zone {
    /// Checks the name or the index of an interface.
    pub(super) fn parse(text: &str) -> Result<Self, TargetError> {
        let fits = (1..=LONGEST_ZONE).contains(&text.len());
        let is_name = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'%'));
        if fits && is_name { Ok(Self(text.to_owned())) } else { Err(TargetError::Zone(quoted(text))) }
    }

    /// The name or the index as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The zone of an interface index, as the resolver returns it.
    pub(super) fn from_index(index: u32) -> Option<Self> {
        (index != 0).then(|| Self(index.to_string()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.unicode.as_deref().unwrap_or(&self.ascii))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address { address, zone: None } => address.fmt(f),
            Self::Address { address, zone: Some(zone) } => write!(f, "{address}%{zone}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ipv6 = matches!(self.host, Host::Address { address: IpAddr::V6(_), .. });
        if self.bracketed || (is_ipv6 && self.port.is_some()) {
            write!(f, "[{}]", self.host)?;
        } else {
            self.host.fmt(f)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        refuse_other_things(text)?;
        if text.starts_with('[') {
            return bracketed(text);
        }
        let bare = |host| Self { host, port: None, bracketed: false };
        match text.matches(':').count() {
            0 => Ok(bare(name_or_ipv4(text)?)),
            1 => {
                let (host, port) = text.split_once(':').unwrap_or((text, ""));
                let port = parse_port(port)?;
                Ok(Self { port: Some(port), ..bare(name_or_ipv4(host)?) })
            }
            _ => Ok(bare(ipv6(text)?)),
        }
    }
}

fn refuse_other_things(text: &str) -> Result<(), TargetError> {
    if text.is_empty() {
        return Err(TargetError::Empty);
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(TargetError::Blank(quoted(text)));
    }
    if text.contains("://") {
        return Err(TargetError::Url(quoted(text)));
    }
    if let Some((_, domain)) = text.rsplit_once('@') {
        return Err(TargetError::Email(quoted(text), quoted(domain)));
    }
    let brackets = text.matches(['[', ']']).count();
    let is_pair = text.starts_with('[') && text.matches(']').count() == 1 && brackets == 2;
    if brackets > 0 && !is_pair {
        return Err(TargetError::Bracket(quoted(text)));
    }
    Ok(())
}

/// `[host]` or `[host]:port`.
fn bracketed(text: &str) -> Result<Target, TargetError> {
    let malformed = || TargetError::Bracket(quoted(text));
    let (inside, behind) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(malformed)?;
    let port = match behind.strip_prefix(':') {
        Some(port) => Some(parse_port(port)?),
        None if behind.is_empty() => None,
        None => return Err(malformed()),
    };
    // Postfix writes [ipv6:2001:db8::1] as RFC 5321, section 4.1.3, does.
    let tagged = inside.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).map(|_| &inside[5..]);
    let host = match tagged {
        Some(address) => ipv6(address)?,
        None if inside.is_empty() => return Err(TargetError::Empty),
        None if inside.contains(':') => ipv6(inside)?,
        None => name_or_ipv4(inside)?,
    };
    Ok(Target { host, port, bracketed: true })
}

fn parse_port(text: &str) -> Result<u16, TargetError> {
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port @ 1..) if digits_only => Ok(port),
        _ => Err(TargetError::Port(quoted(text))),
    }
}

fn name_or_ipv4(text: &str) -> Result<Host, TargetError> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return unicast(address.into()).map(|address| Host::Address { address, zone: None });
    }
    HostName::parse(text).map(Host::Name)
}

fn ipv6(text: &str) -> Result<Host, TargetError> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| TargetError::Ipv6(quoted(text)))?;
    let address = unicast(address.to_canonical())?;
    let is_link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    match zone.map(Zone::parse).transpose()? {
        None if is_link_local => Err(TargetError::MissingZone(address)),
        Some(_) if !is_link_local => Err(TargetError::NeedlessZone(address)),
        zone => Ok(Host::Address { address, zone }),
    }
}

fn unicast(address: IpAddr) -> Result<IpAddr, TargetError> {
    if is_one_host(address) { Ok(address) } else { Err(TargetError::NotUnicast(address)) }
}

/// Whether one host can have this address.
pub(super) fn is_one_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || is_broadcast)
}

fn check_name(text: &str) -> Result<(), TargetError> {
    let relative = text.strip_suffix('.').unwrap_or(text);
    if relative.is_empty() {
        return if text.is_empty() { Err(TargetError::Empty) } else { Err(TargetError::EmptyLabel(quoted(text))) };
    }
    if relative.len() > LONGEST_NAME {
        return Err(TargetError::NameTooLong(quoted(text)));
    }
    for label in relative.split('.') {
        check_label(label, text)?;
    }
    // No top-level domain is a number, but the resolver would read 1.2.3, 0x7f.1 and 300.1.1.1 as old forms of IPv4 addresses.
    let last = relative.rsplit('.').next().unwrap_or_default();
    if last.starts_with(|c: char| c.is_ascii_digit()) && is_number(last) {
        return Err(TargetError::Ipv4(quoted(text)));
    }
    Ok(())
}

/// RFC 1123, section 2.1, and the underscore that real zones have.
fn check_label(label: &str, whole: &str) -> Result<(), TargetError> {
    if label.is_empty() {
        return Err(TargetError::EmptyLabel(quoted(whole)));
    }
    if label.len() > LONGEST_LABEL {
        return Err(TargetError::LabelTooLong(quoted(label)));
    }
    let is_allowed = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_allowed || label.starts_with('-') || label.ends_with('-') {
        return Err(TargetError::Name(quoted(whole)));
    }
    Ok(())
}

fn is_number(label: &str) -> bool {
    let is_hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hexadecimal.is_some_and(is_hexadecimal) || label.bytes().all(|byte| byte.is_ascii_digit())
}

/// Safe and short enough for one line of a terminal.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let escaped: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() { escaped + "…" } else { escaped }
}

#[cfg(test)]
mod tests;

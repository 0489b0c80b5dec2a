//! How a target stands, as its line in a file of results says: that much can be compared with the line of another run.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::report::json::SCHEMA;

/// A target and its addresses.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) target: String,
    pub(super) addresses: BTreeMap<Place, Found>,
}

/// Which address of a target. One address under two names of a domain counts twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Place {
    host: String,
    address: String,
    port: u16,
}

/// What was found there, in the words of the document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Found {
    pub(super) verdict: String,
    pub(super) path_mtu: Option<u32>,
    /// Lines of earlier versions have none.
    pub(super) port_state: Option<String>,
    pub(super) reverse: WayBack,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct WayBack {
    pub(super) verdict: String,
}

#[derive(Deserialize)]
struct Line {
    schema: String,
    target: String,
    addresses: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    #[serde(flatten)]
    place: Place,
    #[serde(flatten)]
    state: Found,
}

impl Standing {
    /// `None` if it is no line of results.
    pub(super) fn of_line(line: &[u8]) -> Option<Self> {
        let line: Line = serde_json::from_slice(line).ok()?;
        let addresses = line.addresses.into_iter().map(|one| (one.place, one.state)).collect();
        (line.schema == SCHEMA).then_some(Self { target: line.target, addresses })
    }
}

impl Found {
    /// Whether large mail passes both ways, as far as is known.
    pub(super) fn is_fine(&self) -> bool {
        ["clear", "discoverable"].contains(&self.verdict.as_str())
            && ["clear", "discoverable", "untested"].contains(&self.reverse.verdict.as_str())
            && self.port_state.as_ref().is_none_or(|state| state == "open")
    }
}

/// `mx.example.com 192.0.2.25`, and the port unless it is that of SMTP.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host != self.address {
            write!(f, "{} ", self.host)?;
        }
        f.write_str(&self.address)?;
        if self.port == 25 { Ok(()) } else { write!(f, " port {}", self.port) }
    }
}

/// `black_hole (1400 bytes)`; a path without a smaller link needs no size.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.verdict)?;
        match self.path_mtu {
            Some(size) if self.verdict != "clear" => write!(f, " ({size} bytes)"),
            _ => Ok(()),
        }
    }
}

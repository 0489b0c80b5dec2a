//! A result line as it was written, read back as far as it matters here. Whatever is odd about it makes it no line of ours.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;

use super::found::Found;
use super::place::Spot;
use super::what::{There, What};
use crate::model::{Cause, FailureKind, Location, LocationPoint, PortState, PtbFault, ReverseVerdict, Ttl, Verdict};
use crate::report::json::SCHEMA;
use crate::report::words::Word;

/// A document of one target.
pub struct Document<'a> {
    /// As the user wrote it.
    pub target: Cow<'a, str>,
    pub(in crate::report) vantage: Option<Cow<'a, str>>,
    /// Seconds since 1970; 0: not known.
    pub(in crate::report) started: u32,
    /// In the order of addresses, the way there first.
    pub found: Vec<Found<'a>>,
    /// Of a target without an address.
    pub failure: Option<FailureKind>,
    /// What a run with this result alone exits with.
    pub exit_code: u8,
}

#[derive(Deserialize)]
struct RawDocument<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow)]
    target: Cow<'a, str>,
    /// Lines of earlier versions have none.
    #[serde(borrow, default)]
    vantage: Option<Cow<'a, str>>,
    #[serde(borrow)]
    started: Option<Cow<'a, str>>,
    #[serde(borrow)]
    addresses: Vec<RawAddress<'a>>,
    #[serde(borrow, default)]
    errors: Vec<RawError<'a>>,
    exit_code: u8,
}

#[derive(Deserialize)]
struct RawError<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawAddress<'a> {
    #[serde(borrow)]
    host: Cow<'a, str>,
    #[serde(borrow)]
    address: Cow<'a, str>,
    port: u16,
    #[serde(borrow)]
    verdict: Cow<'a, str>,
    #[serde(borrow)]
    cause: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    masked_by: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    port_state: Option<Cow<'a, str>>,
    /// The same.
    #[serde(default)]
    expected: Option<bool>,
    path_mtu: Option<u32>,
    location: Option<RawLocation>,
    #[serde(borrow)]
    ptb: Vec<RawPtb<'a>>,
    #[serde(borrow)]
    reverse: RawReverse<'a>,
    /// `null` where the way there was not asked for.
    #[serde(default = "asked_for")]
    forward_elapsed_ms: Option<f64>,
}

/// Lines of earlier versions do not say.
#[allow(clippy::unnecessary_wraps)] // serde wants the type of the field
fn asked_for() -> Option<f64> {
    Some(0.0)
}

#[derive(Deserialize)]
struct RawLocation {
    last_hop: Option<RawPoint>,
    next_hop: Option<RawPoint>,
}

#[derive(Deserialize)]
struct RawPoint {
    ttl: Option<u8>,
    address: IpAddr,
}

#[derive(Deserialize)]
struct RawPtb<'a> {
    from: IpAddr,
    #[serde(borrow)]
    fault: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct RawReverse<'a> {
    #[serde(borrow)]
    verdict: Cow<'a, str>,
    path_mtu: Option<u32>,
}

impl<'a> Document<'a> {
    /// `None`: something else than a result line that this version knows.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let raw: RawDocument = serde_json::from_slice(line).ok()?;
        if raw.schema != SCHEMA {
            return None;
        }
        let failure = match raw.errors.first() {
            Some(error) if raw.addresses.is_empty() => Some(failure(&error.kind)?),
            None if raw.addresses.is_empty() => Some(FailureKind::Unresolved),
            _ => None,
        };
        let mut found = Vec::with_capacity(raw.addresses.len());
        for address in raw.addresses {
            address.read(&mut found)?;
        }
        let started = raw.started.map_or(Some(0), |text| seconds(&text))?;
        Some(Self { target: raw.target, vantage: raw.vantage, started, found, failure, exit_code: raw.exit_code })
    }
}

impl<'a> RawAddress<'a> {
    fn read(self, found: &mut Vec<Found<'a>>) -> Option<()> {
        let address: IpAddr = self.address.split('%').next()?.parse().ok()?;
        let way_back = known(&ReverseVerdict::WORST_FIRST, &self.reverse.verdict)?;
        let there = self.there()?;
        let size = |size: Option<u32>| size.and_then(|size| u16::try_from(size).ok()).unwrap_or(0);
        let is_closed = self.port_state.as_deref().is_some_and(|state| state != PortState::Open.word());
        let of = |host: Cow<'a, str>, what, path_mtu, spot| Found {
            host,
            address,
            port: self.port,
            what,
            path_mtu: size(path_mtu),
            spot,
            is_expected: self.expected,
            is_closed,
        };
        let is_there = self.forward_elapsed_ms.is_some();
        if is_there {
            found.push(of(self.host.clone(), What::There(there), self.path_mtu, self.spot(there, address)));
        }
        if way_back != ReverseVerdict::Untested || !is_there {
            found.push(of(self.host, What::Back(way_back), self.reverse.path_mtu, Spot::Unknown));
        }
        Some(())
    }

    fn there(&self) -> Option<There> {
        const CAUSES: [Cause; 4] = [Cause::NoPtb, Cause::LocalFirewall, Cause::BadPtb, Cause::LinkMismatch];
        let verdict = known(&Verdict::WORST_FIRST, &self.verdict)?;
        let cause = self.cause.as_ref().map(|word| known(&CAUSES, word).ok_or(())).transpose().ok()?;
        let masked_by = one_of(&["path_clamp", "peer_link", "this_host"], self.masked_by.as_deref()).ok()?;
        let port_state = one_of(&["open", "refused", "filtered", "forbidden_here"], self.port_state.as_deref()).ok()?;
        Some(There::of((verdict, cause), masked_by, port_state, self.ptb.iter().filter_map(RawPtb::fault)))
    }

    fn spot(&self, there: There, target: IpAddr) -> Spot {
        let point = |raw: &RawPoint| LocationPoint { ttl: raw.ttl.map(Ttl), address: raw.address };
        let location = self.location.as_ref().map(|raw| Location {
            last_hop: raw.last_hop.as_ref().map(point),
            next_hop: raw.next_hop.as_ref().map(point),
        });
        Spot::of(there, target, location.as_ref(), self.ptb.iter().map(|ptb| (ptb.from, ptb.fault())))
    }
}

impl RawPtb<'_> {
    /// One that matters here.
    fn fault(&self) -> Option<PtbFault> {
        const FAULTS: [PtbFault; 4] =
            [PtbFault::MtuZero, PtbFault::TooLow, PtbFault::BelowMinimum, PtbFault::BadChecksum];
        known(&FAULTS, self.fault.as_deref()?)
    }
}

/// The value of this word.
fn known<T: Word + Copy>(values: &[T], word: &str) -> Option<T> {
    values.iter().copied().find(|value| value.word() == word)
}

fn one_of(words: &[&'static str], word: Option<&str>) -> Result<Option<&'static str>, ()> {
    let Some(word) = word else { return Ok(None) };
    words.iter().find(|known| **known == word).map(|known| Some(*known)).ok_or(())
}

fn failure(word: &str) -> Option<FailureKind> {
    const KINDS: [FailureKind; 7] = [
        FailureKind::BadTarget,
        FailureKind::Unresolved,
        FailureKind::NoRoute,
        FailureKind::BadOption,
        FailureKind::NoPrivilege,
        FailureKind::Interrupted,
        FailureKind::System,
    ];
    known(&KINDS, word)
}

fn seconds(rfc3339: &str) -> Option<u32> {
    let time: jiff::Timestamp = rfc3339.parse().ok()?;
    u32::try_from(time.as_second()).ok()
}

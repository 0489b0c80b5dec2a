//! Takes result lines one by one. What is kept of each is small and of one size; the rest is rows.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;

use super::row::{Candidate, RowDraft};
use crate::model::ReverseVerdict;
use crate::report::rows::{Document, Found, NO_ADDRESS, RowKey, Spot, What};

/// The line is no result that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOurs;

/// All that was read.
#[derive(Debug, Default)]
pub struct Collection {
    pub(super) vantages: Vec<Box<str>>,
    vantage_numbers: HashMap<Box<str>, u32>,
    pub(super) rows: Vec<RowDraft>,
    row_numbers: HashMap<RowKey, u32>,
    pub(super) results: Vec<Outcome>,
    /// Names of addresses that something is wrong with, for as many as there is room.
    pub(super) names: HashMap<Endpoint, Box<str>>,
    /// The same in every run, so that the order does not depend on chance.
    hasher: BuildHasherDefault<DefaultHasher>,
}

/// An address and port. IPv4 as mapped into IPv6; nothing at all for targets without an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Endpoint {
    pub(super) address: [u8; 16],
    pub(super) port: u16,
}

/// What one vantage found of one direction of one address of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) address: [u8; 16],
    pub(super) port: u16,
    /// 0: not known.
    pub(super) path_mtu: u16,
    /// The vantage, and in the lowest bit the direction.
    seat: u32,
    pub(super) target: u64,
    pub(super) started: u32,
    pub(super) row: u32,
}

/// A result costs as much as the documentation says.
const _: () = assert!(size_of::<Outcome>() == 40);

/// Addresses whose names are kept for the contradictions.
const MOST_NAMES: usize = 50_000;
/// The longest part of a name that is kept: longer ones are not names.
const LONGEST_NAME: usize = 255;

impl Collection {
    /// Takes a line, from this file, which stands for the vantage where the line does not name one.
    ///
    /// # Errors
    /// The line is no result; nothing of it is taken.
    pub fn add(&mut self, line: &[u8], file: &str) -> Result<(), NotOurs> {
        let document = Document::read(line).ok_or(NotOurs)?;
        let vantage = self.vantage(document.vantage.as_deref().unwrap_or(file));
        let target = self.hasher.hash_one(document.target.trim_end_matches('.').to_ascii_lowercase());
        let mut add = |found: &Found| {
            let key = RowKey::of(found.what, found.spot, found.address, vantage);
            let row = self.row(key);
            let is_back = matches!(found.what, What::Back(_));
            self.results.push(Outcome {
                address: mapped(found.address),
                port: found.port,
                path_mtu: found.path_mtu,
                seat: vantage << 1 | u32::from(is_back),
                target,
                started: document.started,
                row,
            });
            let host = || found.host.chars().take(LONGEST_NAME).collect::<String>().into_boxed_str();
            if let Some(row) = self.rows.get_mut(row as usize) {
                let (address, port) = (found.address, found.port);
                row.note(|| Candidate { host: host(), address, port, target });
            }
            if !found.what.is_fine() && self.names.len() < MOST_NAMES {
                let endpoint = Endpoint { address: mapped(found.address), port: found.port };
                self.names.entry(endpoint).or_insert_with(host);
            }
        };
        // Of a way back of which nothing could be seen there is nothing to sum up.
        let is_untested = |found: &&Found| found.what == What::Back(ReverseVerdict::Untested);
        document.found.iter().filter(|found| !is_untested(found)).for_each(&mut add);
        if let Some(kind) = document.failure {
            add(&Found {
                host: document.target.clone(),
                address: NO_ADDRESS,
                port: 0,
                what: What::NotExamined(kind),
                path_mtu: 0,
                spot: Spot::Unknown,
                is_expected: None,
                is_closed: false,
            });
        }
        Ok(())
    }

    fn vantage(&mut self, name: &str) -> u32 {
        if let Some(number) = self.vantage_numbers.get(name) {
            return *number;
        }
        let number = self.vantages.len() as u32;
        self.vantages.push(name.into());
        self.vantage_numbers.insert(name.into(), number);
        number
    }

    fn row(&mut self, key: RowKey) -> u32 {
        let next = self.rows.len() as u32;
        let number = *self.row_numbers.entry(key).or_insert(next);
        if number == next {
            self.rows.push(RowDraft::new(key));
        }
        number
    }
}

impl Outcome {
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { address: self.address, port: self.port }
    }

    pub(super) fn vantage(&self) -> u32 {
        self.seat >> 1
    }

    pub(super) fn is_back(&self) -> bool {
        self.seat & 1 == 1
    }

    /// Results with the same of this are of different times.
    pub(super) fn whose(&self) -> (Endpoint, u32, u64) {
        (self.endpoint(), self.seat, self.target)
    }
}

impl Endpoint {
    pub(super) fn ip(&self) -> IpAddr {
        IpAddr::from(self.address).to_canonical()
    }

    pub(super) fn of(address: IpAddr, port: u16) -> Self {
        Self { address: mapped(address), port }
    }
}

fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

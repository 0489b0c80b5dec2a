//! A row of results while they still come.

use std::net::IpAddr;

use crate::report::rows::{NO_ADDRESS, Named, RowKey};

/// A row, and some of those that may be named in it.
#[derive(Debug)]
pub(super) struct RowDraft {
    pub(super) key: RowKey,
    pub(super) candidates: Vec<Candidate>,
}

/// Somebody who may be named as an example, unless a later result of theirs is another.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) host: Box<str>,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) target: u64,
}

impl RowDraft {
    pub(super) fn new(key: RowKey) -> Self {
        Self { key, candidates: Vec::new() }
    }

    pub(super) fn note(&mut self, candidate: impl FnOnce() -> Candidate) {
        /// More than are named, as some may be outdated by later results.
        const MOST: usize = 6;
        if self.candidates.len() < MOST {
            self.candidates.push(candidate());
        }
    }
}

impl Candidate {
    pub(super) fn named(&self) -> Named {
        let address = Some(self.address).filter(|address| *address != NO_ADDRESS);
        Named { host: self.host.clone(), address, port: self.port }
    }
}

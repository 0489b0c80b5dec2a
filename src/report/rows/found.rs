//! What a result says of one direction of one address.

use std::borrow::Cow;
use std::net::IpAddr;

use super::place::Spot;
use super::what::{There, What};
use crate::model::{AddressReport, PacketSize, ReverseVerdict};
use crate::report::words::Word;

/// From a report, or from its line.
pub struct Found<'a> {
    pub(in crate::report) host: Cow<'a, str>,
    pub(in crate::report) address: IpAddr,
    pub(in crate::report) port: u16,
    /// What is true of it.
    pub what: What,
    /// 0: not known.
    pub(in crate::report) path_mtu: u16,
    pub(in crate::report) spot: Spot,
    /// Whether it is as the user said; `None`: nothing was said.
    pub is_expected: Option<bool>,
    /// Whether the port takes no connections, whatever the path carries.
    pub is_closed: bool,
}

impl<'a> Found<'a> {
    /// What was asked for, of each direction.
    pub fn all_of(report: &'a AddressReport) -> impl Iterator<Item = Self> {
        let examined = &report.examined;
        let (there, back) = (There::of_report(report), examined.reverse.verdict);
        let ptb = examined.ptb.iter().map(|ptb| (ptb.from, ptb.fault));
        let spot = Spot::of(there, report.address, examined.location.as_ref(), ptb);
        let of = |what, size: Option<PacketSize>, spot| Self {
            host: Cow::Borrowed(&*report.host),
            address: report.address,
            port: report.port,
            what,
            path_mtu: size.map_or(0, |size| u16::try_from(size.bytes()).unwrap_or(0)),
            spot,
            is_expected: report.assessment.is_expected(),
            is_closed: examined.takes_no_connections(),
        };
        let is_there = examined.direction.is_forward();
        let there = is_there.then(|| of(What::There(there), examined.path_mtu, spot));
        let is_back = back != ReverseVerdict::Untested || !is_there;
        let back = is_back.then(|| of(What::Back(back), examined.reverse.path_mtu, Spot::Unknown));
        there.into_iter().chain(back)
    }

    /// Whether both are directions of one address.
    pub fn is_of_the_same(one: &Self, next: &Self) -> bool {
        matches!((one.what, next.what), (What::There(_), What::Back(_)))
            && (one.address, one.port) == (next.address, next.port)
    }
}

impl There {
    fn of_report(AddressReport { examined, .. }: &AddressReport) -> Self {
        let (masked_by, port_state) = (examined.masked_by.map(Word::word), examined.port_state.map(Word::word));
        let faults = examined.ptb.iter().filter_map(|ptb| ptb.fault);
        Self::of((examined.verdict, examined.cause), masked_by, port_state, faults)
    }
}

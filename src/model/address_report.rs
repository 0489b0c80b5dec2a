//! The outcome of a run: its addresses, and what came of each.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::assessment::Assessment;
use super::failure::TargetFailure;
use super::hop_names::HopNames;
use super::host::{HostFacts, InnerLink};
use super::report::{Examined, worst_exit_code};
use super::size::Family;

/// The outcome of one run over one target.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target as the user wrote it.
    pub target: String,
    /// The host that examines, by its own name; `None`: not known.
    pub vantage: Option<String>,
    /// Wall-clock time of the start.
    pub started: SystemTime,
    /// From start to the last verdict.
    pub elapsed: Duration,
    /// One entry per address examined.
    pub addresses: Vec<AddressReport>,
    /// What could not be examined.
    pub errors: Vec<TargetFailure>,
    /// The exit code of the process, where that is not the worst of the addresses.
    pub ending: Option<u8>,
}

/// The outcome for one address.
#[derive(Clone, Debug)]
pub struct AddressReport {
    /// The target that leads to it, as the user wrote it; of several the first.
    pub target: String,
    /// The host name the address belongs to, or the address itself.
    pub host: String,
    /// MX preference, if the address came from an MX record.
    pub preference: Option<u16>,
    /// The address.
    pub address: IpAddr,
    /// Zone of a link-local address, as an interface name.
    pub zone: Option<String>,
    /// The TCP port.
    pub port: u16,
    /// This host as far as it bears on the address.
    pub here: HostFacts,
    /// What the examination found.
    pub examined: Examined,
    /// How that fares against what was expected.
    pub assessment: Assessment,
    /// What the DNS says of addresses on the way, where that was asked for.
    pub names: HopNames,
}

impl AddressReport {
    /// The exit code of this address: see [`Report::exit_code`].
    pub fn exit_code(&self) -> u8 {
        self.assessment.exit_code(&self.examined)
    }

    /// Links behind which others send larger packets than this host's way out takes: what was examined does not hold for them.
    pub fn inner_links_not_examined(&self) -> Vec<&InnerLink> {
        self.here.inner_links_above(self.examined.local_mtu, Family::of(self.address))
    }
}

impl Report {
    /// The exit code of the process: that of its ending, if it has one of its own, else the worst over all addresses and both
    /// directions, 2 before 1 before 3 before 0. 3 if there was no address to examine.
    pub fn exit_code(&self) -> u8 {
        if let Some(code) = self.ending {
            return code;
        }
        if self.addresses.is_empty() {
            return 3;
        }
        worst_exit_code(self.addresses.iter().map(AddressReport::exit_code))
    }
}

//! Why the firewall rules cannot be read, and the limits that the messages state.

use std::time::Duration;

/// Reading thousands of rules takes tens of milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);
/// No admin writes rules of this length. A blocklist of a hundred thousand addresses fits.
pub(super) const LIMIT: u64 = 16 << 20;
/// Where the programs are looked for.
pub(super) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Why the rules cannot be read: the end of the sentence "cannot read the firewall rules: …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesetError {
    /// `CAP_NET_ADMIN` is missing.
    #[error("that needs root, or the capability CAP_NET_ADMIN")]
    NoPrivilege,
    /// The child could not be started.
    #[error("/bin/sh does not start: {0}")]
    NoChild(String),
    /// Neither nft nor iptables-save.
    #[error("neither nft nor iptables-save is in {PATH}")]
    NoProgram,
    /// A program is there, but failed.
    #[error("{0} failed")]
    Failed(String),
    /// It takes too long.
    #[error("nft or iptables-save takes longer than {} ms", PATIENCE.as_millis())]
    TooSlow,
    /// Too much output.
    #[error("the rules are longer than {} MiB", LIMIT >> 20)]
    TooLong,
}

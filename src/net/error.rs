//! Errors between this program and the kernel. Each names the operation, its subject and what to do.

use std::io;
use std::net::IpAddr;

use crate::model::Family;

/// An error of the operating system layer.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// `CAP_NET_RAW` is missing.
    #[error(
        "raw sockets need the capability CAP_NET_RAW: run `sudo {program} …`, or once `sudo setcap cap_net_raw+ep {program}`"
    )]
    NoPrivilege {
        /// The path of this program.
        program: String,
    },
    /// The capabilities of this thread could not be read or changed.
    #[error("cannot {operation} the capabilities of this process: {reason}")]
    Capabilities {
        /// What was tried: "read", "raise", "drop".
        operation: &'static str,
        /// The kernel's answer.
        reason: String,
    },
    /// A socket could not be opened or set up.
    #[error("cannot {operation} for the {subject}: {source}")]
    Socket {
        /// The system call, in words.
        operation: &'static str,
        /// Which socket.
        subject: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// There is no free block of local ports.
    #[error("no {count} neighbouring TCP ports are free between 33000 and 60000: see `ss -tan`, then try again")]
    NoFreePorts {
        /// How many ports were wanted.
        count: u16,
    },
    /// The kernel has no route.
    #[error(
        "no route to {destination}{via}: `ip route get {destination}{via}` says the same; add a route or leave this address out"
    )]
    NoRoute {
        /// Where to.
        destination: IpAddr,
        /// The conditions, as `ip route get` takes them: "", " from 192.0.2.1", " oif eth0".
        via: String,
    },
    /// All hosts of a network have this address.
    #[error(
        "{destination} is the broadcast address of a network at this host, not the address of one host: leave it out"
    )]
    Broadcast {
        /// The address.
        destination: IpAddr,
    },
    /// No usable IPv4 or IPv6 in this host's kernel.
    #[error("this host has no {}: leave the addresses of that family out", family_name(*.family))]
    NoFamily {
        /// The family.
        family: Family,
    },
    /// A source address that is not this host's.
    #[error("{address} is not an address of this host: `ip address` lists them")]
    NotOurAddress {
        /// The address.
        address: IpAddr,
    },
    /// An interface name or index that does not exist.
    #[error("no interface {name}: `ip link` lists them")]
    NoInterface {
        /// Its name or index.
        name: String,
    },
    /// The routing tables could not be asked.
    #[error("cannot ask the kernel for {subject}: {reason}")]
    Netlink {
        /// What was asked.
        subject: &'static str,
        /// The kernel's answer.
        reason: String,
    },
    /// A packet could not be handed to the kernel, for a reason that no path explains.
    #[error("cannot send a packet to {destination}: {source}")]
    Send {
        /// Where to.
        destination: IpAddr,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl NetError {
    /// For `map_err`: the socket and the call that failed.
    pub(super) fn socket(operation: &'static str, subject: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Socket { operation, subject, source }
    }
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_one_line() {
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        let denied = || io::Error::from_raw_os_error(libc::EPERM);
        for error in [
            NetError::NoPrivilege { program: "/usr/bin/pmtu-probe".into() },
            NetError::Socket { operation: "open a socket", subject: "capture", source: denied() },
            NetError::NoFreePorts { count: 24 },
            NetError::NoRoute { destination: address, via: " oif eth0".into() },
            NetError::Broadcast { destination: address },
            NetError::NoFamily { family: Family::V6 },
            NetError::Send { destination: address, source: denied() },
        ] {
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn missing_privilege_names_both_ways_out() {
        let text = NetError::NoPrivilege { program: "/usr/bin/pmtu-probe".into() }.to_string();
        assert!(text.contains("`sudo /usr/bin/pmtu-probe …`"), "{text}");
        assert!(text.contains("`sudo setcap cap_net_raw+ep /usr/bin/pmtu-probe`"), "{text}");
    }
}

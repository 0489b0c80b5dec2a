//! Settings of this kernel that decide how its TCP copes with a black hole.
//!
//! `/proc/sys/net` shows those of the reader's network namespace. If a file is missing there, its value is unknown: older
//! kernels show some in the first namespace only.

use std::str::FromStr;
use std::time::Duration;

use crate::model::{Family, KernelSettings, PacketSize};

/// net/ipv4/route.c: 512 + 20 + 20.
const DEFAULT_MIN_PMTU: PacketSize = PacketSize::new(552);

/// The settings that apply to connections of this family.
pub fn kernel_settings(family: Family) -> KernelSettings {
    let is_v4 = family == Family::V4;
    KernelSettings {
        no_pmtu_disc: is_v4.then(|| sysctl("ipv4/ip_no_pmtu_disc")).flatten(),
        tcp_mtu_probing: sysctl("ipv4/tcp_mtu_probing"),
        tcp_base_mss: sysctl("ipv4/tcp_base_mss"),
        min_pmtu: Some(kernel_min_pmtu(family)),
        mtu_expires: sysctl(if is_v4 { "ipv4/route/mtu_expires" } else { "ipv6/route/mtu_expires" })
            .map(Duration::from_secs),
    }
}

/// The smallest path MTU that this kernel takes from a PTB.
pub fn kernel_min_pmtu(family: Family) -> PacketSize {
    match family {
        Family::V4 => sysctl("ipv4/route/min_pmtu").map_or(DEFAULT_MIN_PMTU, PacketSize::new),
        Family::V6 => Family::V6.minimum_mtu(),
    }
}

fn sysctl<T: FromStr>(name: &str) -> Option<T> {
    std::fs::read_to_string(format!("/proc/sys/net/{name}")).ok()?.trim().parse().ok()
}

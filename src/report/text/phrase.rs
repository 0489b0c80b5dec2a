//! Phrases that several sentences share.

use std::time::Duration;

use crate::model::PacketSize;

pub(super) fn above(size: Option<PacketSize>) -> String {
    size.map_or_else(String::new, |size| format!(" above {size} bytes"))
}

pub(in crate::report) fn large_packets(above: Option<PacketSize>) -> String {
    above.map_or_else(|| "large packets".into(), |size| format!("packets above {size} bytes"))
}

pub(super) fn bytes_or(size: Option<PacketSize>, otherwise: &str) -> String {
    size.map_or_else(|| otherwise.into(), |size| format!("{size} bytes"))
}

/// Seconds to two digits below ten, to one above.
pub(in crate::report) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}

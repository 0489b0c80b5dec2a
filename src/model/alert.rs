//! Limits of the path MTU beyond which a monitoring system is to raise an alarm.

use std::fmt;

use super::size::PacketSize;

/// A range as the guidelines of the monitoring plugins have it: which sizes raise an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertRange {
    /// The lower end; `None`: no limit.
    pub start: Option<u32>,
    /// The upper end; `None`: no limit.
    pub end: Option<u32>,
    /// Whether sizes inside raise the alarm, both ends included, and not those outside.
    pub inside: bool,
}

/// The limits of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// From where on it is a warning.
    pub warning: Option<AlertRange>,
    /// From where on it is critical.
    pub critical: Option<AlertRange>,
}

/// A limit that a path MTU does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Whether it is critical, else a warning.
    pub is_critical: bool,
    /// The limit.
    pub range: AlertRange,
    /// The path MTU.
    pub size: PacketSize,
}

impl AlertRange {
    /// Whether this size raises the alarm.
    pub fn alerts(self, size: PacketSize) -> bool {
        let is_within =
            self.start.is_none_or(|start| size.bytes() >= start) && self.end.is_none_or(|end| size.bytes() <= end);
        is_within == self.inside
    }
}

impl Thresholds {
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.warning.is_none() && self.critical.is_none()
    }

    /// The graver one of the limits that this size does not keep.
    pub fn alarm(self, size: PacketSize) -> Option<Alarm> {
        let of = |range: Option<AlertRange>, is_critical| {
            range.filter(|range| range.alerts(size)).map(|range| Alarm { is_critical, range, size })
        };
        of(self.critical, true).or_else(|| of(self.warning, false))
    }
}

impl Alarm {
    /// The exit code that it asks for.
    pub fn code(self) -> u8 {
        if self.is_critical { 2 } else { 1 }
    }
}

/// In the shortest form that means the same.
impl fmt::Display for AlertRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            f.write_str("@")?;
        }
        match (self.start, self.end) {
            (Some(0), Some(end)) => write!(f, "{end}"),
            (start, end) => {
                let number = |end: Option<u32>, none: &str| end.map_or_else(|| none.to_owned(), |end| end.to_string());
                write!(f, "{}:{}", number(start, "~"), number(end, ""))
            }
        }
    }
}

//! Results for monitoring systems: as a plugin of Nagios and Icinga, and as a local check of Checkmk.
//!
//! The forms are those of the [guidelines](https://www.monitoring-plugins.org/doc/guidelines.html) of the monitoring plugins and of
//! Checkmk's manual. All is ASCII, and holds nothing that such a system, its notifications or their shells take for more than text.

mod checkmk;
mod nagios;
mod status;
mod words;

pub use checkmk::{checkmk, checkmk_failure};
pub use nagios::{nagios, nagios_failure};

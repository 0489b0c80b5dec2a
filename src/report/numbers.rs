//! Times and probabilities as JSON and text both write them.

use std::time::{Duration, SystemTime};

/// UTC to the second; `None` for a clock set outside the years that RFC 3339 can write.
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    let timestamp = jiff::Timestamp::try_from(time).ok()?;
    let second = jiff::Timestamp::from_second(timestamp.as_second()).ok()?;
    Some(second.to_string())
}

/// Four digits, never rounded up: a test's confidence must not read as certainty.
pub(super) fn rounded_down(confidence: f64) -> f64 {
    const HALF_ULP_GUARD: f64 = 1e-9;
    let rounded = ((confidence + HALF_ULP_GUARD) * 1e4).floor() / 1e4;
    if confidence < 1.0 { rounded.min(0.9999) } else { rounded }
}

/// Milliseconds to the microsecond: finer digits are noise.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // the digits printed are what counts
mod tests {
    use super::*;

    #[test]
    fn confidence_is_never_rounded_up_to_certainty() {
        assert_eq!(rounded_down(1.0), 1.0);
        assert_eq!(rounded_down(0.999_98), 0.9999);
        assert_eq!(rounded_down(0.9989), 0.9989);
        assert_eq!(rounded_down(0.998_917), 0.9989);
    }

    #[test]
    fn times_are_utc_to_the_second() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_987);
        assert_eq!(rfc3339(time).as_deref(), Some("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn milliseconds_keep_microseconds() {
        assert_eq!(milliseconds(Duration::from_nanos(171_234_567)), 171.235);
        assert_eq!(milliseconds(Duration::from_micros(30)), 0.03);
    }
}

//! A first flight of two sizes: the largest one, and behind it a small control, which leaves only if the large packet is not answered
//! in time. What links are known to carry is asked about only after that.

use std::time::Duration;

use crate::model::{PacketSize, Timestamp};

use super::log::ProbeLog;
use super::probe::{ProbeKind, QueuedProbe};

/// How far such a flight has come.
#[derive(Clone, Debug, Default)]
pub(super) struct TwoSizes {
    control: Control,
    /// The sizes that follow where the large packet is lost, largest first.
    second_flight: Vec<PacketSize>,
}

/// The small control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Control {
    /// There is none, or it has left.
    #[default]
    None,
    /// The large packet has not left yet; so long it has for its answer.
    Behind(Duration),
    /// The large packet left at the one instant; the control leaves at the other.
    At { since: Timestamp, at: Timestamp },
}

impl TwoSizes {
    /// The large packet is queued. `patience`: how long it may take to be answered.
    pub(super) fn new(patience: Duration, second_flight: Vec<PacketSize>) -> Self {
        Self { control: Control::Behind(patience), second_flight }
    }

    /// The control, as long as neither the large packet is answered nor anything that was sent since, as a PTB suggests it.
    pub(super) fn control(&self, size: PacketSize, log: &ProbeLog) -> Option<QueuedProbe> {
        match self.control {
            Control::At { since, at } if log.is_waiting() && log.answer_to_probe_after(since).is_none() => {
                Some(QueuedProbe { size, kind: ProbeKind::Sized, not_before: at })
            }
            _ => None,
        }
    }

    /// A probe leaves.
    pub(super) fn launched(&mut self, is_control: bool, now: Timestamp) {
        self.control = match self.control {
            Control::Behind(patience) => Control::At { since: now, at: now + patience },
            Control::At { .. } if is_control => Control::None,
            as_it_was => as_it_was,
        };
    }

    /// The sizes of the second flight strictly between two, and then the lower one as control; once, and `None` if there are none.
    pub(super) fn take_second_flight(&mut self, passes: PacketSize, lost: PacketSize) -> Option<Vec<PacketSize>> {
        let mut sizes = std::mem::take(&mut self.second_flight);
        sizes.retain(|&size| passes < size && size < lost);
        if sizes.is_empty() {
            return None;
        }
        sizes.push(passes);
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rtt::RttEstimator;
    use super::super::probe::ProbeKey;
    use super::*;

    const SMALL: PacketSize = PacketSize::new(68);
    const PATIENCE: Duration = Duration::from_millis(30);

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    /// The large packet leaves at 5 ms, number 0.
    fn begun() -> (TwoSizes, ProbeLog) {
        let mut flight = TwoSizes::new(PATIENCE, vec![PacketSize::new(1400), PacketSize::new(576)]);
        let mut log = ProbeLog::default();
        assert_eq!(flight.control(SMALL, &log), None, "the large packet goes first");
        launch(&mut flight, &mut log, 1500, 0, 5);
        (flight, log)
    }

    fn launch(flight: &mut TwoSizes, log: &mut ProbeLog, size: u32, number: u16, millis: u64) {
        let probe = QueuedProbe { size: PacketSize::new(size), kind: ProbeKind::Sized, not_before: at(millis) };
        log.launched(probe, ProbeKey::Echo(number), at(millis));
        flight.launched(probe.size == SMALL, at(millis));
    }

    fn answer(log: &mut ProbeLog, number: u16, millis: u64) {
        let _ = log.answered(at(millis), &mut RttEstimator::default(), |probe| probe.key == ProbeKey::Echo(number));
    }

    #[test]
    fn the_control_leaves_only_if_the_large_packet_is_not_answered_in_time() {
        let (flight, mut log) = begun();
        assert_eq!(flight.control(SMALL, &log).map(|control| control.not_before), Some(at(35)));
        answer(&mut log, 0, 25);
        assert_eq!(flight.control(SMALL, &log), None);
    }

    /// A true PTB leads to a size that is answered, and a false one to one that is not.
    #[test]
    fn an_answer_to_what_a_ptb_suggests_is_as_good() {
        let (mut flight, mut log) = begun();
        let _ = log.refused(|probe| probe.key == ProbeKey::Echo(0));
        launch(&mut flight, &mut log, 1400, 1, 15);
        launch(&mut flight, &mut log, 1401, 2, 15);
        assert_eq!(flight.control(SMALL, &log).map(|control| control.not_before), Some(at(35)));
        answer(&mut log, 1, 30);
        assert_eq!(flight.control(SMALL, &log), None);
    }

    #[test]
    fn it_leaves_once() {
        let (mut flight, mut log) = begun();
        launch(&mut flight, &mut log, 68, 1, 35);
        assert_eq!(flight.control(SMALL, &log), None);
    }

    #[test]
    fn the_second_flight_is_what_lies_between_and_comes_once() {
        let (mut flight, _) = begun();
        let sizes = flight.take_second_flight(SMALL, PacketSize::new(1000));
        assert_eq!(sizes, Some(vec![PacketSize::new(576), SMALL]));
        assert_eq!(flight.take_second_flight(SMALL, PacketSize::new(1500)), None);
    }
}

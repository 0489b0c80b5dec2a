//! Logs that real servers wrote over a path whose faults were set up.

use pmtu_probe::model::{Direction, Grade, Reason, StallStage};

use super::suspects;

/// Postfix 3.7.11 with its default time limits on both sides, nine mails of 300 bytes to 5 MB without TLS, and a silent hole above 1400
/// bytes. What fits into the socket buffer is given up by the server, after 300 s; larger bodies by the client, after 180 s.
#[test]
fn a_hole_is_found_with_default_time_limits() {
    let found = suspects(include_bytes!("samples/postfix-3.7-default-limits.log"));
    let [suspect] = found.list.as_slice() else { panic!("{found:?}") };
    assert_eq!((suspect.grade, suspect.direction()), (Grade::Classic, Direction::Forward));
    assert_eq!(suspect.peer.address, "10.0.4.2".parse().ok());
    for reason in [
        Reason::Stalled { stage: StallStage::Body, mails: 4 },
        Reason::Stalled { stage: StallStage::EndOfData, mails: 3 },
        Reason::StuckSizes { mails: 7, smallest: 3246, largest: 5_078_381 },
        Reason::SmallPassed { mails: 2, largest: 1231 },
    ] {
        assert!(suspect.reasons.contains(&reason), "no {reason:?} in {suspect:?}");
    }
}

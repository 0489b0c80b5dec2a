//! One address was examined twice, and the second time counts.

use super::account::is_exact;
use crate::model::{Examined, Finding};

/// What is reported: the second examination asked for the way there alone, so the way back is that of the first.
pub fn examined_again(first: Examined, again: Examined) -> Examined {
    let is_placed = |examined: &Examined| examined.location.as_ref().is_some_and(is_exact);
    let both_ways = first.direction != again.direction;
    let mut findings = again.findings;
    if both_ways {
        let of_the_way_back = first.findings.iter().filter(|finding| is_of_the_way_back(**finding));
        findings.extend(of_the_way_back.copied());
    }
    if !findings.contains(&Finding::AskedAlone) {
        findings.push(Finding::AskedAlone);
    }
    // A hole is where it is: whoever saw the place saw it, but a router that tells is the place itself.
    let was_placed = is_placed(&first) && again.location.is_none();
    let (location, hops) = if was_placed { (first.location, first.hops) } else { (again.location, again.hops) };
    Examined {
        location,
        hops,
        findings,
        direction: first.direction,
        reverse: if both_ways { first.reverse } else { again.reverse },
        reception: if both_ways { first.reception } else { again.reception },
        port_state: if both_ways { first.port_state } else { again.port_state },
        probes_sent: first.probes_sent + again.probes_sent,
        bytes_sent: first.bytes_sent + again.bytes_sent,
        elapsed: first.elapsed + again.elapsed,
        forward_elapsed: first.forward_elapsed.zip(again.forward_elapsed).map(|(first, again)| first + again),
        ..again
    }
}

fn is_of_the_way_back(finding: Finding) -> bool {
    matches!(
        finding,
        Finding::PeerWithoutDf
            | Finding::PeerObeysPtb { .. }
            | Finding::PeerIgnoresPtb { .. }
            | Finding::RecoveryWatchedBriefly { .. }
            | Finding::IncomingNotExamined
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample::{hole, hole_at, told_by};
    use super::*;
    use crate::model::{Direction, ReverseVerdict, Verdict};

    #[test]
    fn the_second_time_counts_for_the_way_there_and_the_first_for_the_way_back() {
        let mut first = Examined { direction: Direction::Both, findings: vec![Finding::PeerWithoutDf], ..hole() };
        first.reverse.verdict = ReverseVerdict::Clear;
        let examined = examined_again(first, told_by("203.0.113.2"));
        assert_eq!((examined.verdict, examined.reverse.verdict), (Verdict::Discoverable, ReverseVerdict::Clear));
        assert_eq!((examined.direction, examined.probes_sent), (Direction::Both, 72));
        assert_eq!(examined.findings, [Finding::PeerWithoutDf, Finding::AskedAlone]);
        assert_eq!(examined.location, told_by("203.0.113.2").location);
    }

    #[test]
    fn a_place_that_was_seen_is_kept() {
        let examined = examined_again(hole_at("203.0.113.2"), hole());
        assert_eq!(examined.location, hole_at("203.0.113.2").location);
        let examined = examined_again(hole(), hole_at("203.0.113.2"));
        assert_eq!(examined.location, hole_at("203.0.113.2").location);
    }
}

use super::*;
use crate::model::{Family, Flags, IpHeader, Segment, SeqNumber, Ttl};

use super::super::arrivals::StreamBefore;

const SIZE: fn(u32) -> PacketSize = PacketSize::new;

/// Segments of these lengths arrived in order on a connection whose full segments carry 1460 bytes. `missing_up_to`: bytes up
/// to there are known to have been sent before.
fn arrivals(lengths: &[u32], missing_up_to: Option<u32>) -> ArrivalLog {
    arrivals_with(Flags::ACK, lengths, missing_up_to)
}

fn arrivals_with(flags: Flags, lengths: &[u32], missing_up_to: Option<u32>) -> ArrivalLog {
    let mut log = ArrivalLog::new(Family::V4);
    log.expect(1460);
    log.asked(SeqNumber(0));
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    let ip = IpHeader { source: address, destination: address, ttl: Ttl::DEFAULT, dont_fragment: true, id: 1 };
    let mut next = 0;
    for &length in lengths {
        let mut segment = Segment::new(25, 40_000, SeqNumber(next), SeqNumber(0), flags);
        segment.payload = vec![0; length as usize].into();
        log.note(&ip, &segment, None, StreamBefore::new(SeqNumber(next), missing_up_to.map(SeqNumber)));
        next += length;
        log.reached(SeqNumber(next));
    }
    log
}

/// The same of segments that each end a piece of what the server says.
fn pieces(lengths: &[u32]) -> ArrivalLog {
    arrivals_with(Flags::PSH_ACK, lengths, None)
}

fn evidence<'a>(end: WatchEnd, arrivals: &'a ArrivalLog, small_segments: &'a SmallSegments) -> ReverseEvidence<'a> {
    ReverseEvidence {
        end,
        first: FetchEvidence {
            arrivals,
            lowered_after: arrivals.resent().map(|_| Duration::from_millis(3200)),
            is_lossy: false,
            watched: Duration::from_secs(15),
            answers_while_stalled: 5,
            round_trip: Duration::from_millis(20),
            exact_by_echo: None,
        },
        again: None,
        by_chance: Chance::Excluded,
        small_segments,
        passes: Some(SIZE(1400)),
        lost: Some(SIZE(1401)),
        recovered_beside: None,
        ptb_test: None,
        told: None,
        is_without_df: false,
    }
}

fn verdict(evidence: &ReverseEvidence<'_>) -> ReverseVerdict {
    judge(evidence).found().verdict
}

#[test]
fn full_packets_that_arrive_are_clear() {
    let log = arrivals(&[1460, 1460], None);
    let found = judge(&evidence(WatchEnd::Complete, &log, &SmallSegments::NotTried));
    assert_eq!((found.found().verdict, found.found().path_mtu), (ReverseVerdict::Clear, Some(SIZE(1500))));
    let refused = WatchEnd::Unavailable(Unwillingness::FellSilent);
    assert_eq!(verdict(&evidence(refused, &log, &SmallSegments::NotTried)), ReverseVerdict::Clear);
}

#[test]
fn a_hole_needs_small_packets_that_pass_and_a_server_that_answers() {
    let log = arrivals(&[], None);
    let missing = |small, answers, lost| {
        let mut evidence = evidence(WatchEnd::StillMissing, &log, small);
        evidence.first.answers_while_stalled = answers;
        evidence.lost = lost;
        judge(&evidence).found().clone()
    };
    let hole = missing(&SmallSegments::Pass, LEAST_ANSWERS, Some(SIZE(1401)));
    assert_eq!(hole.verdict, ReverseVerdict::BlackHole);
    assert_eq!((hole.path_mtu, hole.first_lost_size), (Some(SIZE(1400)), Some(SIZE(1401))));
    for (small, answers, lost) in [
        (&SmallSegments::Pass, LEAST_ANSWERS - 1, Some(SIZE(1401))),
        (&SmallSegments::Pass, LEAST_ANSWERS, None),
        (&SmallSegments::Awaited, LEAST_ANSWERS, Some(SIZE(1401))),
        (&SmallSegments::NotTried, LEAST_ANSWERS, Some(SIZE(1401))),
        (&SmallSegments::no_connection(), LEAST_ANSWERS, Some(SIZE(1401))),
    ] {
        assert_eq!(missing(small, answers, lost).verdict, ReverseVerdict::Inconclusive, "{small:?} {answers} {lost:?}");
    }
}

#[test]
fn a_size_that_passes_was_not_lost() {
    let log = arrivals(&[], None);
    let mut evidence = evidence(WatchEnd::StillMissing, &log, &SmallSegments::Pass);
    evidence.lost = evidence.passes;
    assert_eq!(judge(&evidence).found().first_lost_size, None);
}

#[test]
fn missing_bytes_in_smaller_packets_are_told_searched_or_unclear() {
    let searched = arrivals(&[1024], Some(2920));
    let mut found = evidence(WatchEnd::Complete, &searched, &SmallSegments::Pass);
    assert_eq!((lowering(&found.first), verdict(&found)), (Some(Lowering::Recovery), ReverseVerdict::Recovers));
    found.first.lowered_after = Some(Duration::from_millis(40));
    assert_eq!((lowering(&found.first), verdict(&found)), (Some(Lowering::Told), ReverseVerdict::Discoverable));

    let other = arrivals(&[1360], Some(2920));
    let mut found = evidence(WatchEnd::Complete, &other, &SmallSegments::Pass);
    found.first.is_lossy = true;
    assert_eq!((lowering(&found.first), verdict(&found)), (Some(Lowering::Unclear), ReverseVerdict::Inconclusive));
    found.first.exact_by_echo = Some(SIZE(1400));
    assert_eq!((lowering(&found.first), verdict(&found)), (Some(Lowering::Told), ReverseVerdict::Discoverable));
}

/// The few small packets by which it recovers may be lost on the first connection.
#[test]
fn a_server_that_recovers_beside_the_first_connection_is_no_black_hole() {
    let log = arrivals(&[], None);
    let mut found = evidence(WatchEnd::StillMissing, &log, &SmallSegments::Pass);
    found.first.answers_while_stalled = LEAST_ANSWERS;
    assert_eq!(verdict(&found), ReverseVerdict::BlackHole);
    found.recovered_beside = Some(Duration::from_millis(3200));
    let reverse = judge(&found).found().clone();
    assert_eq!((reverse.verdict, reverse.recovered_after), (ReverseVerdict::Recovers, found.recovered_beside));
    assert_eq!((reverse.path_mtu, reverse.first_lost_size), (Some(SIZE(1400)), Some(SIZE(1401))));
}

/// Two segments of 1360 bytes that come again fill a gap of 2720 as they did before, and one of 2920 they never filled. Where
/// nothing is lost by chance, nothing was lost before it was too large.
#[test]
fn what_was_lost_by_chance_was_not_lowered() {
    let soon = |log: &ArrivalLog, is_lossy| {
        let mut found = evidence(WatchEnd::Complete, log, &SmallSegments::NotTried);
        found.first.lowered_after = Some(Duration::from_millis(40));
        found.first.is_lossy = is_lossy;
        verdict(&found)
    };
    let as_before = arrivals(&[1360, 1360], Some(2720));
    assert_eq!(soon(&as_before, true), ReverseVerdict::Clear);
    assert_eq!(soon(&as_before, false), ReverseVerdict::Discoverable);
    assert_eq!(soon(&arrivals(&[1360, 1360], Some(2920)), true), ReverseVerdict::Discoverable);
}

#[test]
fn silence_on_a_lossy_path_is_not_the_servers() {
    let log = arrivals(&[], None);
    let mut found = evidence(WatchEnd::TooLossy, &log, &SmallSegments::NotTried);
    assert_eq!(judge(&found).found().reason, Some(ReverseReason::TooLossy));
    found.end = WatchEnd::Unavailable(Unwillingness::FellSilent);
    assert_eq!(verdict(&found), ReverseVerdict::Untested);
    found.first.is_lossy = true;
    assert_eq!(verdict(&found), ReverseVerdict::Inconclusive);
}

/// What came smaller after our own PTB is no way out of the hole.
#[test]
fn obedience_to_our_own_ptb_does_not_mend_the_hole() {
    let log = arrivals(&[1360], Some(2920));
    let mut found = evidence(WatchEnd::Complete, &log, &SmallSegments::Pass);
    found.told = Some(SIZE(1400));
    assert_eq!(verdict(&found), ReverseVerdict::BlackHole);
    assert_eq!(judge(&found).findings(), [Finding::PeerObeysPtb { told: SIZE(1400) }]);
    found.end = WatchEnd::StillMissing;
    assert_eq!(judge(&found).findings(), [Finding::PeerIgnoresPtb { told: SIZE(1400) }]);
    found.end = WatchEnd::Interrupted(InterruptedFetch::Stalled(Duration::from_secs(1)));
    assert!(judge(&found).findings().is_empty(), "cut short, it shows nothing");
}

/// A hole is proven when its size has stayed away for as long as a size does that counts as lost. Whether the server would have
/// recovered is not known, and that is said.
#[test]
fn an_interrupted_run_claims_a_hole_only_where_it_is_proven() {
    let log = arrivals(&[], None);
    let stalled = |ms| WatchEnd::Interrupted(InterruptedFetch::Stalled(Duration::from_millis(ms)));
    let found = |end: WatchEnd, small: &SmallSegments, is_lossy, answers| {
        let mut evidence = evidence(end, &log, small);
        evidence.first.is_lossy = is_lossy;
        evidence.first.answers_while_stalled = answers;
        evidence.first.watched = Duration::from_secs(7);
        let judgement = judge(&evidence);
        (judgement.found().verdict, judgement.findings().to_vec())
    };
    let (hole, doubt) = (ReverseVerdict::BlackHole, ReverseVerdict::Inconclusive);
    let briefly = vec![Finding::RecoveryWatchedBriefly { watched: Duration::from_secs(7) }];
    assert_eq!(found(stalled(7000), &SmallSegments::Pass, false, 5), (hole, briefly.clone()));
    assert_eq!(found(stalled(3400), &SmallSegments::Pass, false, 5), (doubt, vec![]), "too soon for any size");
    assert_eq!(found(stalled(7000), &SmallSegments::Pass, true, 5), (doubt, vec![]), "too soon where packets are lost");
    assert_eq!(found(stalled(7600), &SmallSegments::Pass, true, 5), (hole, briefly));
    assert_eq!(found(stalled(7000), &SmallSegments::Awaited, false, 5), (doubt, vec![]), "no control");
    assert_eq!(found(stalled(7000), &SmallSegments::Pass, false, 2), (doubt, vec![]), "the server fell silent");
    let waiting = WatchEnd::Interrupted(InterruptedFetch::Waiting);
    assert_eq!(found(waiting, &SmallSegments::Pass, false, 5), (ReverseVerdict::Untested, vec![]));
}

/// What chance may have taken proves nothing, be it the large packets or the small ones of a server that searches.
#[test]
fn chance_leaves_a_hole_open() {
    let log = arrivals(&[], None);
    let mut found = evidence(WatchEnd::StillMissing, &log, &SmallSegments::Pass);
    found.by_chance = Chance::MayBeAll;
    assert_eq!(judge(&found).found().reason, Some(ReverseReason::MayBeChance));
    found.recovered_beside = Some(Duration::from_millis(3200));
    assert_eq!(verdict(&found), ReverseVerdict::Inconclusive, "it may have gone over to smaller ones by mistake");
    found.recovered_beside = None;
    found.by_chance = Chance::MayHideSearch;
    let watched = found.first.watched;
    assert_eq!(judge(&found).found().reason, Some(ReverseReason::MayRecover { watched }));
}

/// A server that was told keeps within the path from the start, and a large packet that comes refutes the hole.
#[test]
fn a_second_connection_that_is_complete_gives_the_verdict() {
    let (log, told, full) = (arrivals(&[], None), arrivals(&[1360, 1360, 500], None), arrivals(&[1460], None));
    let mut found = evidence(WatchEnd::StillMissing, &log, &SmallSegments::Pass);
    for (again, size) in [(&told, 1400), (&full, 1500)] {
        found.again = Some(FetchEvidence { arrivals: again, ..found.first });
        let reverse = judge(&found).found().clone();
        assert_eq!((reverse.verdict, reverse.path_mtu), (ReverseVerdict::Clear, Some(SIZE(size))));
    }
}

/// A reply of several packets came in unequal smaller ones: where packets are lost, the large ones that it began with may be among them.
#[test]
fn what_loss_may_have_hidden_is_no_reply_that_is_too_short() {
    let log = pieces(&[976, 900, 850, 660]);
    let mut evidence = evidence(WatchEnd::Complete, &log, &SmallSegments::NotTried);
    assert_eq!(verdict(&evidence), ReverseVerdict::Untested);
    evidence.first.is_lossy = true;
    let found = judge(&evidence);
    let found = (found.found().verdict, found.found().reason.clone());
    assert_eq!(found, (ReverseVerdict::Inconclusive, Some(ReverseReason::TooLossy)));

    let log = pieces(&[976, 400]);
    let mut short = self::evidence(WatchEnd::Complete, &log, &SmallSegments::NotTried);
    short.first.is_lossy = true;
    assert_eq!(verdict(&short), ReverseVerdict::Untested);
}

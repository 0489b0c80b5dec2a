use super::*;

const OK: PacketSize = PacketSize::new(1400);
const LOST: PacketSize = PacketSize::new(1401);

fn hop(n: u8) -> IpAddr {
    IpAddr::from([10, 0, n, 2])
}

/// A path of `hops` routers of which the one at `narrow` forwards only `OK`; those in `mute` never answer.
fn drive(hops: u8, narrow: u8, mute: &[u8]) -> (HopSearch, usize) {
    drive_on(HopSearch::new(OK, LOST, Ttl(64 - hops)), hops, narrow, mute)
}

fn drive_on(mut search: HopSearch, hops: u8, narrow: u8, mute: &[u8]) -> (HopSearch, usize) {
    let rtt = RttEstimator::default();
    assert!(search.refine(OK, LOST));
    let mut now = Timestamp::ZERO;
    let mut sent = 0u16;
    while !search.is_over() {
        while let Some((ttl, size)) = search.next_probe() {
            let key = ProbeKey::Echo(sent);
            sent += 1;
            search.launched(key, now);
            let arrives = size == OK || ttl.0 <= narrow;
            let answer = match ttl.0 {
                n if n <= hops && !mute.contains(&n) && arrives => Some(Answerer::Hop(hop(n))),
                n if n > hops && arrives => Some(Answerer::Target(hop(100))),
                _ => None,
            };
            if let Some(answer) = answer {
                search.answered(answer, now, |k| *k == key);
            }
        }
        now = now + Duration::from_secs(3);
        search.advance(now, &rtt, Trials { total: 20, answered: 20 });
    }
    (search, usize::from(sent))
}

fn named(search: &HopSearch) -> (Option<IpAddr>, Option<IpAddr>) {
    let location = search.location();
    let address = |point: Option<LocationPoint>| point.map(|point| point.address);
    location.map_or((None, None), |l| (address(l.last_hop), address(l.next_hop)))
}

#[test]
fn names_the_hop_and_the_next_one() {
    let (search, sent) = drive(3, 2, &[]);
    assert_eq!(named(&search), (Some(hop(2)), Some(hop(3))));
    assert!(sent <= 11, "{sent}");
    assert_eq!(search.hops().iter().filter_map(|h| h.address).collect::<Vec<_>>(), [hop(1), hop(2), hop(3)].map(|a| a));
}

#[test]
fn the_last_link_ends_at_the_target() {
    let (search, _) = drive(3, 3, &[]);
    assert_eq!(named(&search), (Some(hop(3)), Some(hop(100))));
}

#[test]
fn the_own_link_has_no_last_hop() {
    let (search, _) = drive(3, 0, &[]);
    assert_eq!(named(&search), (None, Some(hop(1))));
}

#[test]
fn a_hidden_hop_is_not_invented() {
    let (search, _) = drive(5, 2, &[3]);
    assert_eq!(named(&search), (Some(hop(2)), Some(hop(4))));
    assert!(search.hops().iter().any(|h| h.ttl == Ttl(3) && h.address.is_none()));
}

/// A round to hop 1 in which so many of the lost size stay silent, and then a smaller one is answered or not.
fn round(search: &mut HopSearch, lost: u16, is_spoken: bool) {
    search.queue.extend((0..lost).map(|_| (1, LOST)).chain([(1, OK)]));
    while let Some((_, size)) = search.next_probe() {
        let key = ProbeKey::Echo(search.probes.len() as u16);
        search.launched(key, Timestamp::ZERO);
        if size == OK && is_spoken {
            search.answered(Answerer::Hop(hop(1)), Timestamp::ZERO, |k| *k == key);
        }
    }
}

/// Linux gives one address a burst of messages and then one a second: who spares its words about small packets spares those about
/// large ones too.
#[test]
fn a_round_in_which_the_hop_spares_its_words_does_not_count() {
    let mut search = HopSearch::new(OK, LOST, Ttl(61));
    assert!(search.refine(OK, LOST));
    search.queue.clear();
    round(&mut search, 3, false);
    assert_eq!(search.silences(1), 0);
    round(&mut search, 2, true);
    assert_eq!(search.silences(1), 2);
    round(&mut search, 3, false);
    assert_eq!(search.silences(1), 2);
    round(&mut search, 1, true);
    assert_eq!(search.silences(1), 3);
}

#[test]
fn with_every_hop_mute_nothing_is_claimed_but_the_target() {
    let (search, _) = drive(3, 2, &[1, 2, 3]);
    assert_eq!(named(&search), (None, Some(hop(100))));
}

/// A search that others of the list have told of a hop.
fn told_of(ttl: u8, passes: PacketSize) -> HopSearch {
    let known = KnownEnd { passes, ttl: Ttl(ttl), hop: hop(ttl) };
    HopSearch { known: Some(known), queue: VecDeque::from([(ttl, LOST)]), ..HopSearch::new(OK, LOST, Ttl(59)) }
}

#[test]
fn a_place_that_others_know_takes_one_probe() {
    let (search, sent) = drive_on(told_of(2, OK), 5, 2, &[]);
    assert_eq!((named(&search), sent), ((Some(hop(2)), None), 1));
    // Its hop spares its words: nothing says otherwise.
    let (search, sent) = drive_on(told_of(2, OK), 5, 2, &[2]);
    assert_eq!((search.location(), sent), (None, 1));
}

#[test]
fn a_place_that_is_not_that_of_others_is_looked_for() {
    let elsewhere = HopSearch { known: Some(KnownEnd { passes: OK, ttl: Ttl(2), hop: hop(77) }), ..told_of(2, OK) };
    for search in [elsewhere, told_of(2, PacketSize::new(1392))] {
        let (search, _) = drive_on(search, 5, 3, &[]);
        assert_eq!(named(&search), (Some(hop(3)), Some(hop(4))));
    }
}

#[test]
fn a_verdict_that_depends_on_the_place_takes_nobodys_word() {
    let mut search = told_of(2, OK);
    search.be_patient();
    let (search, _) = drive_on(search, 5, 2, &[]);
    assert_eq!(named(&search), (Some(hop(2)), Some(hop(3))));
}

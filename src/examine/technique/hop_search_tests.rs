use super::*;

const OK: PacketSize = PacketSize::new(1400);
const LOST: PacketSize = PacketSize::new(1401);

fn hop(n: u8) -> IpAddr {
    IpAddr::from([10, 0, n, 2])
}

/// A path of `hops` routers of which the one at `narrow` forwards only `OK`; those in `mute` never answer.
fn drive(hops: u8, narrow: u8, mute: &[u8]) -> (HopSearch, usize) {
    let rtt = RttEstimator::default();
    let mut search = HopSearch::new(OK, LOST, Ttl(64 - hops));
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

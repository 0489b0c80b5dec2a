use super::super::sample::{hole, hole_at, hop, ip, point};
use super::*;
use crate::model::{Cause, PacketSize};

#[test]
fn told_as_others_is_no_hole_any_more() {
    let mut examined =
        Examined { findings: vec![Finding::OnlyPtbMissing, Finding::DfCleared], ..hole_at("203.0.113.2") };
    let place = Some(Location { last_hop: Some(point(2, "203.0.113.2")), next_hop: Some(point(3, "203.0.113.9")) });
    Outcome::AsTold { hop: ip("203.0.113.2"), told_alone: 8, place }.apply(&mut examined);
    assert_eq!((examined.verdict, examined.cause), (Verdict::Discoverable, None));
    let ground = Ground::ToldToOthers { passes: PacketSize::new(1400), start: PacketSize::new(1500), told: 8 };
    assert_eq!(examined.reason.ground, ground);
    assert_eq!(examined.location, Some(Location { last_hop: Some(point(2, "203.0.113.2")), next_hop: None }));
    let told = Finding::ToldAsOthers { hop: ip("203.0.113.2"), told: 8 };
    assert_eq!(examined.findings, [Finding::DfCleared, told]);
}

#[test]
fn a_shared_place_gives_way_to_what_was_seen() {
    let location = Location { last_hop: Some(point(2, "203.0.113.2")), next_hop: None };
    let shared = || Outcome::Stands(Some(SharedPlace { location: location.clone(), others: 5 }));
    let mut unknown = hole();
    shared().apply(&mut unknown);
    assert_eq!((unknown.verdict, unknown.cause), (Verdict::BlackHole, Some(Cause::NoPtb)));
    assert_eq!(
        (&unknown.location, &unknown.findings[..]),
        (&Some(location.clone()), &[Finding::PlaceShared { others: 5 }][..])
    );
    // Its own second hop is another router.
    let mut elsewhere = Examined { hops: vec![hop(2, "198.51.100.7")], ..hole() };
    shared().apply(&mut elsewhere);
    assert_eq!((elsewhere.location, elsewhere.findings), (None, vec![]));
}

#[test]
fn doubt_takes_the_hole_back() {
    let mut examined = hole();
    Outcome::Doubtful(None).apply(&mut examined);
    assert_eq!((examined.verdict, examined.cause, examined.confidence), (Verdict::Inconclusive, None, None));
    let ground = Ground::Rationed { passes: PacketSize::new(1400), lost: PacketSize::new(1401) };
    assert_eq!(examined.reason.ground, ground);
}

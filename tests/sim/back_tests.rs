//! The peer as a sender: its TCP against what Linux was seen to do, its TLS, and links that are small on the way back.

use std::time::Duration;

use crate::scenario::{Family, Scenario, parse};
use crate::sim::caller::{Manner, Seen, call};

const BOTH: [Family; 2] = [Family::V4, Family::V6];

fn path(text: &str) -> Scenario {
    let text = format!("about = \"x\"\n{text}\n[expect]\nverdict = \"clear\"\npath_mtu = 1500\n");
    parse("test", &text).unwrap()
}

/// A hole or a bottleneck of `mtu` on the way back alone, in front of r2.
fn narrow(mtu: u32, rest: &str) -> Scenario {
    path(&format!("[[link]]\n[[link]]\n[[link]]\nback_mtu = {mtu}\n{rest}"))
}

fn headers(family: Family) -> u32 {
    if family == Family::V4 { 40 } else { 60 }
}

fn talk(scenario: &Scenario, family: Family, manner: Manner) -> Seen {
    let (seen, run) = call(scenario, family, manner);
    assert!(run.complaints.iter().all(|complaint| complaint.contains("left open")), "{:?}", run.complaints);
    seen
}

#[test]
fn a_healthy_path_carries_a_whole_handshake_in_full_packets() {
    for family in BOTH {
        let (seen, run) = call(&path("[peer]\ntls = \"starttls\""), family, Manner::default());
        assert!(seen.handshake_done && seen.closed, "{seen:?}");
        assert!(seen.text.ends_with("221 2.0.0 Bye\r\n"), "{}", seen.text);
        assert_eq!(seen.arrived.iter().filter(|arrived| arrived.2 == 1500).count(), 2, "{seen:?}");
        assert!(run.complaints.is_empty(), "{:?}", run.complaints);
    }
}

#[test]
fn a_flight_has_about_the_size_that_a_file_wants() {
    for (wanted, least, most) in [(500, 500, 800), (2000, 1900, 2200), (3400, 3300, 3600), (5000, 4900, 5200)] {
        let scenario = path(&format!("[peer]\ntls = \"implicit\"\nflight = {wanted}"));
        let first = talk(&scenario, Family::V4, Manner::default());
        assert!(first.handshake_done && first.closed);
        let sizes: Vec<u32> = first.arrived.iter().map(|arrived| arrived.2).collect();
        let again = talk(&scenario, Family::V4, Manner::default());
        assert_eq!(sizes, again.arrived.iter().map(|arrived| arrived.2).collect::<Vec<_>>());
        let start = first.arrived[0].0;
        let flight: u32 = first.arrived.iter().filter(|arrived| arrived.0 == start).map(|arrived| arrived.2 - 40).sum();
        assert!((least..=most).contains(&flight), "{flight} for {wanted}");
    }
}

#[test]
fn the_mss_option_bounds_segments() {
    for family in BOTH {
        let manner = Manner { mss: Some(1000), ..Manner::default() };
        let seen = talk(&path("[peer]\ntls = \"starttls\""), family, manner);
        assert!(seen.handshake_done);
        assert_eq!(seen.largest(), 1000 + headers(family));
    }
}

#[test]
fn half_the_window_bounds_segments() {
    for (window, mss) in [(2000, 1000), (1072, 536), (700, 350), (400, 400)] {
        let manner = Manner { window, ..Manner::default() };
        let seen = talk(&path("[peer]\ntls = \"starttls\""), Family::V4, manner);
        assert!(seen.handshake_done, "{window}: {seen:?}");
        assert_eq!(seen.largest(), mss + 40, "{window}");
    }
}

#[test]
fn a_ptb_makes_the_server_resend_smaller_at_once() {
    for family in BOTH {
        let seen = talk(&narrow(1400, "[peer]\ntls = \"starttls\""), family, Manner::default());
        assert!(seen.handshake_done, "{seen:?}");
        assert_eq!(seen.largest(), 1400);
        let end = seen.arrived.last().unwrap().0;
        assert!(end < Duration::from_millis(150), "{end:?}");
    }
}

#[test]
fn a_silent_router_holds_full_segments_for_ever_and_lets_small_ones_pass() {
    for family in BOTH {
        let hole = narrow(1400, "[router.r3]\nptb = \"silent\"\n[peer]\ntls = \"starttls\"");
        let seen = talk(&hole, family, Manner::default());
        assert!(!seen.handshake_done && seen.largest() < 1400, "{seen:?}");
        let mss = (1400 - headers(family)) as u16;
        let seen = talk(&hole, family, Manner { mss: Some(mss), ..Manner::default() });
        assert!(seen.handshake_done && seen.largest() == 1400, "{seen:?}");
        let seen = talk(&hole, family, Manner { mss: Some(mss + 1), ..Manner::default() });
        assert!(!seen.handshake_done, "{seen:?}");
    }
}

/// Measured on Linux 6.18 at a round trip of a few milliseconds: 3.14 s, and then segments of 1024 bytes.
#[test]
fn black_hole_detection_recovers_after_three_seconds_with_1024_bytes() {
    for family in BOTH {
        let hole = "[router.r3]\nptb = \"silent\"\n[peer]\ntls = \"starttls\"\nmtu_probing = true";
        let seen = talk(&narrow(1400, hole), family, Manner::default());
        assert!(seen.handshake_done, "{seen:?}");
        let full = seen.arrived.iter().find(|arrived| arrived.2 == 1024 + headers(family)).expect("smaller segments");
        assert!((3000..3500).contains(&full.0.as_millis()), "{:?}", full.0);
    }
}

#[test]
fn without_sack_and_without_a_tail_it_takes_a_round_of_time_outs_more() {
    let hole = "[router.r3]\nptb = \"silent\"\n[peer]\ntls = \"starttls\"\nmtu_probing = true\nsack = false";
    let seen = talk(&narrow(1400, hole), Family::V4, Manner { sack: false, ..Manner::default() });
    assert!(seen.handshake_done, "{seen:?}");
}

#[test]
fn ptbs_are_filtered_on_the_far_side_or_dropped_by_the_server() {
    for rest in
        ["[peer]\ndrops_ptb = true\ntls = \"starttls\"", "[peer]\ntls = \"starttls\"\n[router.r3]\nforward_ptb = false"]
    {
        for family in BOTH {
            let text = format!("[[link]]\n[[link]]\nback_mtu = 1400\n{rest}");
            let seen = talk(&path(&text), family, Manner::default());
            assert!(!seen.handshake_done && seen.largest() < 1400, "{rest}: {seen:?}");
        }
    }
}

#[test]
fn without_df_routers_cut_what_is_too_large() {
    let seen = talk(
        &narrow(1400, "[router.r3]\nptb = \"silent\"\n[peer]\ndont_fragment = false\ntls = \"starttls\""),
        Family::V4,
        Manner::default(),
    );
    assert!(seen.handshake_done && seen.largest() == 1500);
    assert!(seen.arrived.iter().all(|arrived| !arrived.3));
}

#[test]
fn tls_is_offered_refused_or_answered_by_an_alert() {
    for family in BOTH {
        let none = talk(&path(""), family, Manner::default());
        assert!(!none.text.contains("STARTTLS") && none.closed && none.text.ends_with("Bye\r\n"), "{}", none.text);
        let refused = talk(&path("[peer]\ntls = \"refused\""), family, Manner::default());
        assert!(refused.text.contains("454 ") && refused.closed && refused.text.ends_with("Bye\r\n"));
        let alert = talk(&path("[peer]\ntls = \"alert\""), family, Manner::default());
        assert!(alert.failure.is_some_and(|failure| failure.contains("HandshakeFailure")) && alert.closed);
    }
}

#[test]
fn a_tarpit_says_one_byte_a_second() {
    let seen = talk(&path("[peer]\nbytes_per_second = 1\ntls = \"starttls\""), Family::V4, Manner::default());
    assert!("220 mx.example.com ESMTP".starts_with(&seen.text), "{}", seen.text);
    // In 15 s, and in the 3 s that follow.
    assert!((14..=18).contains(&seen.text.len()), "{}", seen.text);
    assert_eq!(seen.largest(), 41);
}

#[test]
fn loss_delays_a_flight_and_does_not_stop_it() {
    let lossy = path("[[link]]\n[[link]]\nloss = 0.1\n[peer]\ntls = \"implicit\"");
    let mut done = 0;
    for family in BOTH {
        for mss in 1000..1030 {
            let (seen, _) = call(&lossy, family, Manner { mss: Some(mss), ..Manner::default() });
            // The client of this test repeats nothing, so its own losses end a call.
            done += u32::from(seen.handshake_done);
        }
    }
    assert!(done >= 30, "{done} of 60");
}

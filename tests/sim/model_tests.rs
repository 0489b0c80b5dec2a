//! The simulator against what Linux was seen to do, and what the RFCs say.

use std::time::Duration;

use pmtu_probe::model::{Body, IcmpErrorKind, Packet, PacketSize};

use crate::scenario::{Family, Scenario, load, parse};
use crate::sim::scripted::{Step, answers, dsack_sizes, segments};

const SOON: Step = Step::Pause(Duration::from_millis(100));

fn path(text: &str) -> Scenario {
    parse("test", &format!("about = \"x\"\n{text}\n[expect]\nverdict = \"clear\"\npath_mtu = 1500\n")).unwrap()
}

fn ptbs(packets: &[Packet]) -> Vec<u32> {
    let mtu = |packet: &Packet| match &packet.body {
        Body::Error(error) => match error.kind {
            IcmpErrorKind::Ptb { mtu } => Some(mtu),
            _ => None,
        },
        _ => None,
    };
    packets.iter().filter_map(mtu).collect()
}

fn hops(packets: &[Packet]) -> Vec<String> {
    let is_te = |packet: &&Packet| matches!(&packet.body, Body::Error(e) if e.kind == IcmpErrorKind::TimeExceeded);
    packets.iter().filter(is_te).map(|packet| packet.ip.source.to_string()).collect()
}

fn echo_replies(packets: &[Packet]) -> Vec<u32> {
    let is_reply = |packet: &&Packet| matches!(packet.body, Body::EchoReply(_));
    packets.iter().filter(is_reply).filter_map(|packet| packet.size().map(PacketSize::bytes)).collect()
}

#[test]
fn old_data_names_every_size_that_arrives() {
    for family in [Family::V4, Family::V6] {
        let packets = answers(
            &load("silent_router").unwrap(),
            family,
            &[Step::old(1500), Step::old(1401), Step::old(1400), Step::old(1280), SOON],
        );
        assert_eq!(dsack_sizes(&packets, family), [1400, 1280]);
        assert!(ptbs(&packets).is_empty());
    }
}

#[test]
fn an_honest_router_answers_every_packet_that_is_too_large() {
    for family in [Family::V4, Family::V6] {
        let packets =
            answers(&load("ptb_1400").unwrap(), family, &[Step::old(1500), Step::old(1401), Step::old(1400), SOON]);
        assert_eq!(ptbs(&packets), [1400, 1400]);
        assert_eq!(dsack_sizes(&packets, family), [1400]);
    }
}

#[test]
fn a_peer_without_dsack_answers_with_a_plain_ack() {
    let packets = answers(&path("[peer]\ndsack = false"), Family::V4, &[Step::old(1500), Step::old(1400), SOON]);
    assert!(dsack_sizes(&packets, Family::V4).is_empty());
    let plain = segments(&packets).filter(|segment| segment.payload.is_empty() && !segment.flags.syn).count();
    assert_eq!(plain, 2);
}

#[test]
fn only_a_mismatch_loses_the_copy_without_df() {
    let silent = answers(&load("silent_router").unwrap(), Family::V4, &[Step::non_df(1500), SOON]);
    assert_eq!(dsack_sizes(&silent, Family::V4), [1500]);
    let mismatch = answers(&load("drop_by_size").unwrap(), Family::V4, &[Step::non_df(1500), SOON]);
    assert!(dsack_sizes(&mismatch, Family::V4).is_empty());
}

#[test]
fn time_exceeded_comes_six_times_and_then_once_a_second() {
    let mut steps = vec![Step::with_ttl(1000, 2); 10];
    steps.extend([Step::Pause(Duration::from_millis(1100)), Step::with_ttl(1000, 2), SOON]);
    let packets = answers(&path(""), Family::V4, &steps);
    assert_eq!(hops(&packets), ["10.0.2.2"; 7]);
}

#[test]
fn a_silent_router_still_says_time_exceeded_to_large_packets() {
    let packets = answers(
        &load("silent_router").unwrap(),
        Family::V4,
        &[Step::with_ttl(1500, 2), Step::with_ttl(1500, 3), Step::with_ttl(1400, 3), SOON],
    );
    assert_eq!(hops(&packets), ["10.0.2.2", "10.0.3.2"]);
}

#[test]
fn a_stateful_firewall_knows_old_data_and_no_echo() {
    let firewall = load("stateful_firewall").unwrap();
    for family in [Family::V4, Family::V6] {
        let packets = answers(&firewall, family, &[Step::old(1500), Step::Echo { size: 100 }, SOON]);
        assert_eq!(dsack_sizes(&packets, family), [1500]);
        assert!(echo_replies(&packets).is_empty());
    }
}

#[test]
fn an_echo_reply_is_as_large_as_its_request() {
    for family in [Family::V4, Family::V6] {
        let packets = answers(
            &load("silent_router").unwrap(),
            family,
            &[Step::Echo { size: 1400 }, Step::Echo { size: 1401 }, SOON],
        );
        assert_eq!(echo_replies(&packets), [1400]);
    }
}

#[test]
fn large_echo_may_be_filtered_on_its_own() {
    let filter = load("large_echo_filtered").unwrap();
    let packets = answers(&filter, Family::V4, &[Step::Echo { size: 1200 }, Step::Echo { size: 1201 }, SOON]);
    assert_eq!(echo_replies(&packets), [1200]);
}

#[test]
fn nat_turns_quotes_back() {
    for family in [Family::V4, Family::V6] {
        let packets = answers(&load("nat_ptb").unwrap(), family, &[Step::old(1500), Step::old(1400), SOON]);
        assert_eq!(ptbs(&packets), [1400]);
        assert_eq!(dsack_sizes(&packets, family), [1400]);
        let client = crate::scenario::Node::C.near_address(family);
        let is_ours = |packet: &Packet| match &packet.body {
            Body::Error(error) => error.quote.source == client,
            _ => true,
        };
        assert!(packets.iter().all(|packet| packet.ip.destination == client && is_ours(packet)));
    }
}

#[test]
fn a_clamp_lowers_the_mss_of_the_answer() {
    let packets = answers(&load("mss_clamped").unwrap(), Family::V6, &[SOON]);
    assert_eq!(segments(&packets).find_map(|segment| segment.mss), Some(1340));
}

#[test]
fn a_cleared_df_shows_in_a_quote() {
    let packets = answers(&load("df_cleared").unwrap(), Family::V4, &[Step::with_ttl(1000, 2), Step::old(1500), SOON]);
    let quoted = packets.iter().find_map(|packet| match &packet.body {
        Body::Error(error) => Some(error.quote.dont_fragment),
        _ => None,
    });
    assert_eq!(quoted, Some(false));
    assert_eq!(dsack_sizes(&packets, Family::V4), [1500]);
}

#[test]
fn the_server_greets_answers_and_closes() {
    let steps =
        [SOON, Step::NewData("EHLO x\r\n"), SOON, Step::NewData("NOOP\r\n"), SOON, Step::NewData("QUIT\r\n"), SOON];
    let packets = answers(&path(""), Family::V4, &steps);
    let text: Vec<u8> = segments(&packets).flat_map(|segment| segment.payload.to_vec()).collect();
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("220 ") && text.contains("\r\n250 ") && text.ends_with("221 2.0.0 Bye\r\n"), "{text}");
    assert!(segments(&packets).any(|segment| segment.flags.fin));
    assert!(segments(&packets).all(|segment| !segment.flags.rst));
}

#[test]
fn a_zero_window_takes_nothing_new_and_still_answers_old_data() {
    let steps = [SOON, Step::old(1500), SOON, Step::NewData("EHLO x\r\n"), SOON];
    let packets = answers(&path("[peer]\nwindow = \"zero\""), Family::V4, &steps);
    assert_eq!(dsack_sizes(&packets, Family::V4), [1500]);
    let text: Vec<u8> = segments(&packets).flat_map(|segment| segment.payload.to_vec()).collect();
    assert!(text.starts_with(b"220 ") && !text.windows(3).any(|part| part == b"250"));
}

#[test]
fn loss_takes_its_share() {
    let steps: Vec<Step> = (0..1000).map(|index| Step::old(1000 + index % 500)).chain([SOON]).collect();
    let packets = answers(&path("[[link]]\n[[link]]\nloss = 0.2"), Family::V4, &steps);
    let share = dsack_sizes(&packets, Family::V4).len();
    // 0.8 there and 0.8 back.
    assert!((580..=700).contains(&share), "{share} of 1000");
}

#[test]
fn parallel_links_spread_flows_and_keep_each_together() {
    use crate::sim::run::run;
    let spread = load("ecmp_healthy").unwrap();
    for family in [Family::V4, Family::V6] {
        let runs: Vec<_> = (0..20).map(|seed| run(&spread, family, seed, false)).collect();
        assert!(runs.iter().any(|run| run.member == 0) && runs.iter().any(|run| run.member == 1));
        assert!(runs.iter().flat_map(|run| run.flows.values()).all(|members| members.len() == 1));
    }
}

#[test]
fn an_end_that_disagrees_takes_a_vlan_tag_more_and_says_nothing() {
    for family in [Family::V4, Family::V6] {
        let steps = [Step::old(1405), Step::old(1404), Step::with_ttl(1405, 2), Step::with_ttl(1405, 3), SOON];
        let packets = answers(&load("ends_disagree").unwrap(), family, &steps);
        assert_eq!(dsack_sizes(&packets, family), [1404]);
        assert!(ptbs(&packets).is_empty());
        assert_eq!(hops(&packets), [crate::scenario::Node::R2.near_address(family).to_string()]);
    }
    let twin = answers(&load("ends_disagree").unwrap(), Family::V4, &[Step::non_df(1500), SOON]);
    assert!(dsack_sizes(&twin, Family::V4).is_empty());
}

#[test]
fn a_hidden_router_passes_what_others_say() {
    let steps = [Step::with_ttl(1000, 1), Step::with_ttl(1000, 2), Step::with_ttl(1000, 3), SOON];
    let packets = answers(&load("hidden_r2").unwrap(), Family::V4, &steps);
    assert_eq!(hops(&packets), ["10.0.1.2", "10.0.3.2"]);
}

#[test]
fn a_place_is_judged_by_the_path() {
    use crate::scenario::{Found, Node, Placing, judge_place, place, places};
    let judge = |name: &str, last: Option<(u8, Node)>, next: Option<(u8, Node)>| {
        let scenario = load(name).unwrap();
        let point = |(ttl, node): (u8, Node)| (Some(ttl), node.near_address(Family::V4));
        let found = Found { last: last.map(point), next: next.map(point), rests_on_ptb: false };
        match judge_place(&places(&scenario, 0, 1401), found, &scenario, Family::V4) {
            Some(Placing::Exact) => "exact",
            Some(Placing::Vague(_)) => "vague",
            Some(Placing::Wrong(_)) => "wrong",
            None => "nothing is lost",
        }
    };
    let (r1, r2, r3, s) = ((1, Node::R1), (2, Node::R2), (3, Node::R3), (4, Node::S));
    assert_eq!(judge("clear", None, None), "nothing is lost");
    assert_eq!(judge("silent_router", Some(r2), Some(r3)), "exact");
    assert_eq!(judge("silent_router", Some(r2), None), "vague");
    assert_eq!(judge("silent_router", Some(r1), Some(s)), "vague");
    assert_eq!(judge("silent_router", None, None), "vague");
    assert_eq!(judge("silent_router", Some(r1), Some(r2)), "wrong");
    assert_eq!(judge("silent_router", Some(r3), Some(s)), "wrong");
    assert_eq!(judge("silent_router", Some(r2), Some((5, Node::S))), "wrong");
    assert_eq!(judge("hidden_r2", Some(r1), Some(r3)), "exact");
    assert_eq!(judge("icmp_dead_beyond_r1", Some(r1), Some(s)), "exact");
    assert_eq!(judge("icmp_dead_beyond_r1", Some(r1), None), "exact");
    assert_eq!(judge("icmp_dead_beyond_r1", None, Some(s)), "vague");
    let three = load("ecmp_hole_of_three").unwrap();
    assert_eq!(place(&three, 1, 1500), None);
    assert_eq!(place(&three, 2, 1500).map(|place| place.last), Some(Node::R2));
}

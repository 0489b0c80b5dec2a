use std::time::Duration;

use super::*;

const OK: PacketSize = PacketSize::new(1400);
const LOST: PacketSize = PacketSize::new(1401);
const NO_LOSS: Trials = Trials { total: 100, answered: 100 };

/// Drives a comparison over a path that answers `passes(port, size, attempt)`.
fn drive(ports: &[u16], reserve: &[u16], answers: impl Fn(u16, PacketSize, u32) -> bool) -> (Flows, u32) {
    let (comparison, sent) = driven(FlowComparison::new(OK, LOST, ports, reserve), answers);
    (comparison.flows(Flow { port: 1, outcome: FlowOutcome::Lost }, None), sent)
}

fn driven(mut comparison: FlowComparison, answers: impl Fn(u16, PacketSize, u32) -> bool) -> (FlowComparison, u32) {
    let rtt = RttEstimator::default();
    let (mut now, mut sent) = (Timestamp::ZERO, 0);
    while !comparison.is_over() {
        while let Some(syn) = comparison.next_probe(now, &rtt, NO_LOSS) {
            let isn = SeqNumber(sent * 10_000);
            sent += 1;
            assert!(sent < 500, "no end");
            comparison.launched(syn, isn, now);
            if answers(syn.port, syn.size, sent) {
                comparison.answered(syn.port, |own, _| own == isn, now);
            }
        }
        now = now + Duration::from_millis(500);
        comparison.advance(now, &rtt, NO_LOSS);
    }
    (comparison, sent)
}

/// Where packets are saved: one SYN each tells whether it is worth while to compare.
#[test]
fn feeling_costs_one_probe_each_and_finds_a_flow_that_passes() {
    let ports = [2, 3, 4, 5, 6, 7, 8];
    let feeling = || FlowComparison::new(OK, LOST, &ports, &[9]).by_feeling();
    let (alike, sent) = driven(feeling(), |_, size, _| size == OK);
    assert!(alike.has_felt_nothing() && !alike.tells());
    assert_eq!(sent, 7);
    let (mixed, _) = driven(feeling(), |port, size, _| size == OK || port == 5);
    assert!(mixed.tells());
    let flows = mixed.flows(Flow { port: 1, outcome: FlowOutcome::Lost }, None);
    assert_eq!((flows.hit(), flows.known()), (7, 8));
}

#[test]
fn counts_the_flows_that_are_hit() {
    let (flows, _) = drive(&[2, 3, 4], &[5], |port, size, _| size == OK || port == 3);
    assert_eq!((flows.hit(), flows.known()), (3, 4));
    assert_eq!(flows.flows.iter().find(|flow| flow.port == 3).map(|flow| flow.outcome), Some(FlowOutcome::Passes));
}

/// The budget of a black hole, 120 probes, has room for no more.
#[test]
fn a_hole_on_every_flow_costs_three_probes_each() {
    let (flows, sent) = drive(&[2, 3, 4, 5, 6, 7, 8], &[9], |_, size, _| size == OK);
    assert_eq!((flows.hit(), flows.known(), sent), (8, 8, 21));
}

/// Half of the flows take the whole path, and by chance only one of these is among seven: one lost SYN must not hide it.
#[test]
fn one_loss_among_holes_is_no_hole() {
    let (flows, _) = drive(&[2, 3, 4, 5, 6, 7, 8], &[], |port, size, attempt| size == OK || (port == 5 && attempt > 7));
    assert_eq!((flows.hit(), flows.known()), (7, 8));
}

/// A server that holds half a connection answers no SYN from that port, small or large.
#[test]
fn rounds_without_any_answer_are_no_silences() {
    let is_lost = |port, size, attempt| port == 3 && (size == LOST || attempt > 7);
    let (flows, _) = drive(&[2, 3, 4], &[], |port, size, attempt| !is_lost(port, size, attempt));
    let outcome = flows.flows.iter().find(|flow| flow.port == 3).map(|flow| flow.outcome);
    assert_eq!(outcome, Some(FlowOutcome::Unknown), "{flows:?}");
}

#[test]
fn more_flows_are_tried_when_all_of_the_first_pass() {
    let (flows, _) = drive(&[2, 3], &[4, 5], |port, size, _| size == OK || port != 5);
    assert_eq!((flows.hit(), flows.known()), (2, 5));
}

#[test]
fn where_no_syn_with_data_is_answered_nothing_is_known() {
    let (flows, sent) = drive(&[2, 3], &[4], |_, _, _| false);
    assert_eq!((flows.hit(), flows.known()), (1, 1));
    assert_eq!(sent, 10, "two rounds without any answer");
}

/// On Linux a SYN behind one that was answered draws an ACK of that one, or nothing: that is no loss.
#[test]
fn what_follows_an_answered_syn_is_not_lost() {
    let rtt = RttEstimator::default();
    let mut comparison = FlowComparison::new(OK, LOST, &[2, 3], &[]);
    let mut sent = Vec::new();
    while let Some(syn) = comparison.next_probe(Timestamp::ZERO, &rtt, NO_LOSS) {
        let isn = SeqNumber(sent.len() as u32 * 10_000);
        comparison.launched(syn, isn, Timestamp::ZERO);
        sent.push((syn, isn));
    }
    assert_eq!(sent.len(), 6, "a large one for each, and a round");
    let soon = Timestamp::ZERO + Duration::from_millis(10);
    let first = sent.iter().find(|(syn, _)| syn.port == 2);
    let control = sent.iter().find(|(syn, _)| syn.port == 3 && syn.size == OK);
    for (syn, isn) in first.into_iter().chain(control) {
        comparison.answered(syn.port, |own, _| own == *isn, soon);
    }
    let late = soon + Duration::from_secs(10);
    assert_eq!(comparison.silences_wanted(late, &rtt, NO_LOSS), SILENCES_MIXED);
}

/// One lost control makes the rest be tried more often.
#[test]
fn chance_is_given_more_rounds() {
    let (flows, _) = drive(&[2, 3], &[], |port, size, attempt| match attempt {
        1..=4 => size == OK && port == 2,
        5..=8 => size == OK,
        _ => true,
    });
    assert_eq!(flows.hit(), 1, "only the flow of the verdict itself");
}

use super::*;
use crate::model::{DialogueTrouble, PtbFault, Ttl};

const P: PacketSize = PacketSize::new(1400);
const U: PacketSize = PacketSize::new(1401);
const FULL: PacketSize = PacketSize::new(1500);
const PROOF: Proof = Proof { pair: Pair { passes: P, lost: U }, suspect: U, p: 0.001 };
const SILENT: KernelPmtu = KernelPmtu::Silent { at: FULL };
const PASSES: KernelPmtu = KernelPmtu::Passes { steps: 1 };

/// Old data proves 1400 / 1401 on an open connection with a full MSS, and nothing else is known.
fn proven() -> Evidence {
    Evidence {
        carried: Some((Technique::OldData, Carried::Proven(PROOF))),
        masking: None,
        tcp_ends_at: None,
        silence: None,
        start: FULL,
        sends_larger: false,
        tcp_limit: Some(FULL),
        path_end: Some(SILENT),
        tcp_end: Some(SILENT),
        is_lost_size_told: false,
        only_others_told: false,
        awaits_ptb: false,
        spent: None,
        real_bytes: None,
        second: Vec::new(),
        no_df: NoDfOutcome::Passes,
        smaller_packets: None,
        dialogue_trouble: DialogueTrouble::NoGreeting,
    }
}

fn verdict(evidence: &Evidence) -> (Verdict, Option<Cause>) {
    let judgement = judge(evidence);
    (judgement.verdict, judgement.cause)
}

const HOLE: (Verdict, Option<Cause>) = (Verdict::BlackHole, Some(Cause::NoPtb));
const DOUBT: (Verdict, Option<Cause>) = (Verdict::Inconclusive, None);

/// Design, section 3, honesty rule (d): for TCP not one technique alone.
#[test]
fn one_tcp_technique_alone_makes_no_black_hole() {
    assert_eq!(verdict(&proven()), DOUBT);
    let stalls = Evidence { real_bytes: Some(RealBytesOutcome::Stalls), ..proven() };
    assert_eq!(verdict(&stalls), HOLE);
    let passes = Evidence { real_bytes: Some(RealBytesOutcome::Passes), ..proven() };
    assert_eq!(verdict(&passes), DOUBT);
    for technique in [Technique::SynData, Technique::Echo] {
        let agrees = Evidence { second: vec![(technique, Second::Agrees(0.001))], ..proven() };
        assert_eq!(verdict(&agrees), HOLE);
        let refutes = Evidence { second: vec![(technique, Second::Refutes)], ..proven() };
        assert_eq!(verdict(&refutes), DOUBT);
    }
}

#[test]
fn the_cause_is_what_the_kernel_of_this_host_is_told() {
    let with = |end, copies| Evidence {
        real_bytes: Some(RealBytesOutcome::Stalls),
        tcp_end: Some(end),
        path_end: Some(end),
        no_df: copies,
        ..proven()
    };
    for (end, copies, cause) in [
        (SILENT, NoDfOutcome::NoSuchCopies, Some(Cause::NoPtb)),
        (SILENT, NoDfOutcome::Passes, Some(Cause::NoPtb)),
        (SILENT, NoDfOutcome::FragmentsLost, Some(Cause::NoPtb)),
        (SILENT, NoDfOutcome::Lost, Some(Cause::LinkMismatch)),
        (SILENT, NoDfOutcome::Untested, None),
        (SILENT, NoDfOutcome::Unclear, None),
        (KernelPmtu::Firewalled { at: FULL }, NoDfOutcome::Unclear, Some(Cause::LocalFirewall)),
        (KernelPmtu::Misled { at: FULL, fault: PtbFault::NotSmaller }, NoDfOutcome::Unclear, Some(Cause::BadPtb)),
    ] {
        assert_eq!(verdict(&with(end, copies)), (Verdict::BlackHole, cause), "{end:?} {copies:?}");
    }
}

/// The server's own link is small, or it remembers: the place tells, and loss hides it.
#[test]
fn a_place_that_loss_hides_makes_no_hole_below_the_mss() {
    let hidden = |is_place_lost, limit| {
        verdict(&Evidence {
            tcp_limit: Some(limit),
            tcp_end: Some(KernelPmtu::Passes { steps: 0 }),
            masking: Some(Masking::Memory { is_place_lost }),
            second: vec![(Technique::SynData, Second::Agrees(0.001))],
            ..proven()
        })
    };
    assert_eq!(hidden(false, P), HOLE);
    assert_eq!(hidden(true, P), DOUBT);
    assert_eq!(hidden(true, PacketSize::new(1300)), HOLE, "no link of its own");
}

/// Above the MSS a normaliser may drop segments, so other packets must say it too.
#[test]
fn above_the_mss_another_technique_decides() {
    let clamped = |second| Evidence {
        tcp_limit: Some(P),
        tcp_end: Some(KernelPmtu::Passes { steps: 0 }),
        second: vec![(Technique::SynData, second)],
        ..proven()
    };
    assert_eq!(verdict(&clamped(Second::Agrees(0.01))), (Verdict::Masked, Some(Cause::NoPtb)));
    assert_eq!(verdict(&clamped(Second::Refutes)), (Verdict::Clear, None));
    assert_eq!(verdict(&clamped(Second::Mute)), DOUBT);
    let wider = Pair { passes: PacketSize::new(1450), lost: PacketSize::new(1451) };
    let judgement = judge(&clamped(Second::Differs(Proof { pair: wider, suspect: wider.lost, p: 0.001 })));
    assert_eq!((judgement.verdict, judgement.path_mtu), (Verdict::Masked, Some(wider.passes)));
    let narrower = Pair { passes: PacketSize::new(1200), lost: PacketSize::new(1201) };
    let filtered = Second::Differs(Proof { pair: narrower, suspect: narrower.lost, p: 0.001 });
    assert_eq!(verdict(&clamped(filtered)), DOUBT);
    let in_smaller_packets =
        |second| Evidence { smaller_packets: Some(Confirmation::FragmentedCopyPasses), ..clamped(second) };
    assert_eq!(verdict(&in_smaller_packets(Second::Mute)), (Verdict::Masked, Some(Cause::NoPtb)));
    assert_eq!(verdict(&in_smaller_packets(Second::Refutes)), (Verdict::Clear, None));
}

#[test]
fn echo_alone_needs_the_copy_without_df() {
    let echo =
        |copies| Evidence { carried: Some((Technique::Echo, Carried::Proven(PROOF))), no_df: copies, ..proven() };
    assert_eq!(verdict(&echo(NoDfOutcome::Passes)), HOLE);
    for copies in [NoDfOutcome::Untested, NoDfOutcome::Lost, NoDfOutcome::FragmentsLost, NoDfOutcome::Unclear] {
        assert_eq!(verdict(&echo(copies)), DOUBT, "{copies:?}");
    }
}

#[test]
fn answers_need_no_statistics_but_must_cover_what_this_host_sends() {
    let full = Evidence { carried: Some((Technique::OldData, Carried::Full)), path_end: None, ..proven() };
    assert_eq!(verdict(&full), (Verdict::Clear, None));
    assert_eq!(verdict(&Evidence { sends_larger: true, ..full }), DOUBT);
    let pair = Carried::Discoverable(PROOF.pair);
    let told = Evidence { carried: Some((Technique::OldData, pair)), path_end: Some(PASSES), ..proven() };
    let judgement = judge(&told);
    assert_eq!(
        (judgement.verdict, judgement.path_mtu, judgement.first_lost),
        (Verdict::Discoverable, Some(P), Some(U))
    );
}

/// A firewall on the way sends RSTs in the place of the host.
#[test]
fn refusals_alone_are_no_proof_that_anything_got_there() {
    let refused = Evidence { carried: Some((Technique::SynData, Carried::Refused)), tcp_limit: None, ..proven() };
    assert_eq!(verdict(&refused), DOUBT);
}

/// Honesty rule (c): a PTB may come late. What dropped one that did come is known at once.
#[test]
fn no_hole_for_want_of_a_message_that_may_still_come() {
    let with = |end| Evidence {
        real_bytes: Some(RealBytesOutcome::Stalls),
        tcp_end: Some(end),
        path_end: Some(end),
        awaits_ptb: true,
        ..proven()
    };
    assert_eq!(verdict(&with(SILENT)), DOUBT);
    assert_eq!(judge(&with(SILENT)).path_mtu, Some(P), "what was answered is known all the same");
    let firewalled = (Verdict::BlackHole, Some(Cause::LocalFirewall));
    assert_eq!(verdict(&with(KernelPmtu::Firewalled { at: FULL })), firewalled);
}

#[test]
fn messages_about_other_packets_do_not_help() {
    let evidence = Evidence { real_bytes: Some(RealBytesOutcome::Stalls), only_others_told: true, ..proven() };
    assert_eq!(verdict(&evidence), HOLE);
    let outcome = match judge(&evidence).ground {
        Ground::Vanishes { ptb, .. } => Some(ptb),
        _ => None,
    };
    assert_eq!(outcome, Some(PtbOutcome::OnlyAboutOthers));
}

#[test]
fn noise_and_silence_are_no_verdict_on_the_path() {
    let noisy = Proof { p: 0.01, ..PROOF };
    let noisy = Evidence { carried: Some((Technique::OldData, Carried::Noisy(noisy))), ..proven() };
    assert_eq!(verdict(&noisy), DOUBT);
    let some = Some(PacketSize::new(1200));
    let unfinished = Evidence { carried: Some((Technique::OldData, Carried::Unfinished(some))), ..proven() };
    assert_eq!(verdict(&unfinished), DOUBT);
    assert_eq!(judge(&unfinished).path_mtu, some, "what was answered is known all the same");
    let dead = Evidence { carried: None, silence: Some(Silence::Plain), ..proven() };
    assert_eq!(verdict(&dead), (Verdict::Unreachable, None));
    assert_eq!(verdict(&Evidence { silence: None, ..dead.clone() }), DOUBT);
    assert_eq!(verdict(&Evidence { silence: Some(Silence::CutShort), ..dead.clone() }), DOUBT);
    assert_eq!(verdict(&Evidence { silence: Some(Silence::Forbidden), ..dead }), DOUBT);
}

/// Whoever answers nearer than the target, a hole on the way to him is one; nothing else is known of the path.
#[test]
fn what_ends_nearer_than_the_target_says_nothing_about_the_path() {
    let ends = |evidence| Evidence { tcp_ends_at: Some(Ttl(2)), ..evidence };
    let full = Evidence { carried: Some((Technique::OldData, Carried::Full)), ..proven() };
    assert_eq!(verdict(&full).0, Verdict::Clear);
    assert_eq!(verdict(&ends(full.clone())), DOUBT);
    assert_eq!(judge(&ends(full)).path_mtu, None);
    let told = Carried::Discoverable(Pair { passes: P, lost: U });
    assert_eq!(verdict(&ends(Evidence { carried: Some((Technique::OldData, told)), ..proven() })), DOUBT);
    assert_eq!(verdict(&ends(Evidence { real_bytes: Some(RealBytesOutcome::Stalls), ..proven() })), HOLE);
    let echo = Evidence { carried: Some((Technique::Echo, Carried::Full)), ..proven() };
    assert_eq!(verdict(&ends(echo)).0, Verdict::Clear);
}

/// An echo filter takes larger requests; the router's message, which states 500, is about still larger ones.
#[test]
fn a_size_that_echo_alone_loses_is_not_where_a_false_message_ends() {
    let found = |technique| Evidence { carried: Some((technique, Carried::Discoverable(PROOF.pair))), ..proven() };
    let by_echo = Evidence { no_df: NoDfOutcome::Lost, ..found(Technique::Echo) };
    assert_eq!(verdict(&by_echo), DOUBT);
    assert_eq!(verdict(&Evidence { is_lost_size_told: true, ..by_echo.clone() }), (Verdict::Discoverable, None));
    assert_eq!(verdict(&Evidence { no_df: NoDfOutcome::Passes, ..by_echo }), (Verdict::Discoverable, None));
    assert_eq!(verdict(&found(Technique::OldData)), (Verdict::Discoverable, None));
}

use super::*;

const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
const KERNEL4: Kernel = Kernel { family: Family::V4, min_pmtu: PacketSize::new(552) };
const KERNEL6: Kernel = Kernel { family: Family::V6, min_pmtu: PacketSize::new(1280) };
const TCP: PacketKind = PacketKind::Segment;

fn size(bytes: u32) -> PacketSize {
    PacketSize::new(bytes)
}

fn ptb(about: PacketKind, from: IpAddr, mtu: u32, refused: u32) -> Ptb {
    Ptb { from, mtu, about, refused: size(refused), checksum_ok: true }
}

fn both(log: &mut PtbLog, from: IpAddr, mtu: u32, refused: u32) {
    heard(log, ptb(TCP, from, mtu, refused));
}

fn heard(log: &mut PtbLog, ptb: Ptb) {
    log.record(ptb, Seen::OnWire);
    log.record(ptb, Seen::InKernel);
}

fn kernel_pmtu4(log: &PtbLog, start: u32, passes: u32) -> KernelPmtu {
    log.kernel_pmtu(TCP, size(start), size(passes), KERNEL4)
}

#[test]
fn a_true_ptb_leads_to_a_size_that_passes() {
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1400, 1500);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Passes { steps: 1 });
    assert_eq!(kernel_pmtu4(&log, 1450, 1400), KernelPmtu::Passes { steps: 1 });
}

#[test]
fn two_bottlenecks_are_two_steps() {
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1492, 1500);
    both(&mut log, FAR, 1400, 1492);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Passes { steps: 2 });
}

#[test]
fn an_honest_near_router_does_not_help_before_a_silent_far_one() {
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1450, 1500);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Silent { at: size(1450) });
}

#[test]
fn an_honest_far_router_does_not_help_behind_a_silent_near_one() {
    let mut log = PtbLog::default();
    both(&mut log, FAR, 1300, 1400);
    assert_eq!(kernel_pmtu4(&log, 1500, 1300), KernelPmtu::Silent { at: size(1500) });
    assert_eq!(kernel_pmtu4(&log, 1350, 1300), KernelPmtu::Passes { steps: 1 });
}

#[test]
fn a_ptb_that_the_kernel_never_saw_is_the_firewalls() {
    let mut log = PtbLog::default();
    log.record(ptb(TCP, ROUTER, 1400, 1500), Seen::OnWire);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Firewalled { at: size(1500) });
}

#[test]
fn a_ptb_that_states_too_much_misleads() {
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1480, 1500);
    both(&mut log, ROUTER, 1480, 1480);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Misled { at: size(1480), fault: PtbFault::StatedSizeLost });
}

#[test]
fn zero_and_tiny_mtus_are_survived_in_ipv4_and_ignored_in_ipv6() {
    for mtu in [0, 300] {
        let mut log = PtbLog::default();
        both(&mut log, ROUTER, mtu, 1500);
        assert!(matches!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Passes { .. }));
        assert!(matches!(
            log.kernel_pmtu(TCP, size(1500), size(1400), KERNEL6),
            KernelPmtu::Misled { at, .. } if at == size(1500)
        ));
    }
}

/// Packets of 1400 bytes get through, so the link of who states 500 takes more than that, and how much is not known.
#[test]
fn a_false_mtu_speaks_for_the_size_that_it_refuses_alone() {
    for mtu in [0, 500, 1399] {
        let mut log = PtbLog::default();
        both(&mut log, ROUTER, mtu, 1500);
        assert!(matches!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Passes { .. }), "{mtu}");
        assert_eq!(kernel_pmtu4(&log, 1450, 1400), KernelPmtu::Silent { at: size(1450) }, "{mtu}");
        assert!(log.may_have_spared(TCP, size(1450), size(1400)) && !log.may_speak_of(TCP, size(1450), size(1400)));
    }
    // Larger packets may be lost before they get to who refuses 1401.
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1500, 1401);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Silent { at: size(1500) });
    assert!(log.may_have_spared(TCP, size(1500), size(1400)));
    both(&mut log, ROUTER, 1500, 1500);
    let misled = KernelPmtu::Misled { at: size(1500), fault: PtbFault::NotSmaller };
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), misled);
}

#[test]
fn who_speaks_of_pings_alone_may_have_spared_words_about_segments() {
    let mut log = PtbLog::default();
    heard(&mut log, ptb(PacketKind::Echo, ROUTER, 1600, 1500));
    assert!(log.may_have_spared(TCP, size(1500), size(1400)));
    assert!(!log.may_have_spared(PacketKind::Echo, size(1500), size(1400)), "of those it has spoken");
    both(&mut log, FAR, 1400, 1500);
    assert!(!log.may_have_spared(TCP, size(1401), size(1400)), "what is true of a larger one holds");
}

#[test]
fn a_wrong_checksum_is_no_word_at_all() {
    let mut log = PtbLog::default();
    log.record(Ptb { checksum_ok: false, ..ptb(TCP, ROUTER, 1400, 1500) }, Seen::OnWire);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Misled { at: size(1500), fault: PtbFault::BadChecksum });
}

#[test]
fn a_hostile_network_makes_no_endless_loop() {
    let mut log = PtbLog::default();
    for mtu in 0..2000 {
        both(&mut log, ROUTER, mtu, 1500);
        both(&mut log, FAR, mtu, mtu.max(600));
    }
    assert!(log.entries.len() <= MOST_ENTRIES);
    let _ = kernel_pmtu4(&log, 1500, 1400);
}

/// `tcp_v4_err` finds the connection by the ports of the quote, and no connection by the number of an echo request.
#[test]
fn what_quotes_other_packets_tells_tcp_nothing() {
    let mut log = PtbLog::default();
    for other in [PacketKind::Echo, PacketKind::Syn] {
        heard(&mut log, ptb(other, ROUTER, 1400, 1500));
    }
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Silent { at: size(1500) });
    assert!(
        log.has_word_for_others_only(TCP, size(1500), size(1400)) && !log.may_speak_of(TCP, size(1500), size(1400))
    );
    both(&mut log, ROUTER, 1400, 1500);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Passes { steps: 1 });
    assert!(!log.has_word_for_others_only(TCP, size(1500), size(1400)));
}

#[test]
fn a_firewall_that_drops_those_about_tcp_alone_is_the_cause() {
    let mut log = PtbLog::default();
    heard(&mut log, ptb(PacketKind::Echo, ROUTER, 1400, 1500));
    log.record(ptb(TCP, ROUTER, 1400, 1500), Seen::OnWire);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Firewalled { at: size(1500) });
    let reports = log.reports(Some(TCP), Some(size(1400)), KERNEL4);
    let told = |report: &PtbReport| (report.about, report.reached_kernel, report.count);
    assert_eq!(reports.iter().map(told).collect::<Vec<_>>(), [(Method::Tcp, false, 1), (Method::Icmp, true, 1)]);
}

#[test]
fn one_report_for_what_is_the_same_about_all_packets() {
    let mut log = PtbLog::default();
    heard(&mut log, ptb(PacketKind::Echo, ROUTER, 1400, 1500));
    both(&mut log, ROUTER, 1400, 1500);
    both(&mut log, ROUTER, 1400, 1401);
    let reports = log.reports(Some(TCP), Some(size(1400)), KERNEL4);
    assert_eq!(reports.iter().map(|report| (report.about, report.count)).collect::<Vec<_>>(), [(Method::Tcp, 3)]);
}

/// RFC 8201, section 4: discarded, so the true one counts.
#[test]
fn in_ipv6_a_false_ptb_beside_a_true_one_does_no_harm() {
    for false_mtu in [0, 68, 1279] {
        let mut log = PtbLog::default();
        both(&mut log, FAR, false_mtu, 1500);
        both(&mut log, ROUTER, 1400, 1500);
        let end = log.kernel_pmtu(TCP, size(1500), size(1400), KERNEL6);
        assert_eq!(end, KernelPmtu::Passes { steps: 1 }, "{false_mtu}");
    }
}

/// To admit it would change nothing.
#[test]
fn a_useless_ptb_in_the_firewall_is_bad_all_the_same() {
    let mut log = PtbLog::default();
    log.record(ptb(TCP, ROUTER, 1500, 1500), Seen::OnWire);
    let bad = KernelPmtu::Misled { at: size(1500), fault: PtbFault::NotSmaller };
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), bad);
}

/// A SYN of 44 bytes, whatever the quote states of it.
#[test]
fn a_ptb_about_a_small_packet_says_nothing_of_large_ones() {
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1400, 44);
    assert_eq!(kernel_pmtu4(&log, 1500, 1400), KernelPmtu::Silent { at: size(1500) });
}

#[test]
fn a_line_may_have_damaged_one_message_and_not_three() {
    let damaged = Ptb { checksum_ok: false, ..ptb(TCP, ROUTER, 1400, 1500) };
    let mut log = PtbLog::default();
    let may_be = |log: &PtbLog| log.may_be_damaged(TCP, size(1500), size(1400));
    assert!(!may_be(&log), "none came");
    log.record(damaged, Seen::OnWire);
    assert!(may_be(&log));
    let mut sound = log.clone();
    both(&mut sound, ROUTER, 1400, 1500);
    assert!(!may_be(&sound), "a sound one came too");
    log.record(damaged, Seen::OnWire);
    log.record(damaged, Seen::OnWire);
    assert!(!may_be(&log), "three came");
}

/// A firewall of this host drops "1350" about 1500 bytes, and TCP sends 1388 at most, which a box behind that router takes without a
/// word: nobody has refused 1388.
#[test]
fn a_stated_size_that_is_lost_speaks_for_the_size_that_it_refuses_alone() {
    let mut log = PtbLog::default();
    log.record(ptb(TCP, ROUTER, 1350, 1500), Seen::OnWire);
    assert_eq!(kernel_pmtu4(&log, 1388, 1320), KernelPmtu::Silent { at: size(1388) });
    assert_eq!(kernel_pmtu4(&log, 1500, 1320), KernelPmtu::Firewalled { at: size(1500) });
    assert!(log.may_have_spared(TCP, size(1388), size(1320)), "asked about it, it may refuse it");
    log.record(ptb(TCP, ROUTER, 1350, 1388), Seen::OnWire);
    assert_eq!(kernel_pmtu4(&log, 1388, 1320), KernelPmtu::Firewalled { at: size(1388) });
}

/// 1430 is lost without a word between who states 1350 about 1500 and who states 1300 about 1350: no kernel that begins there is told.
#[test]
fn a_chain_of_messages_leads_nobody_who_was_not_told_its_first_one() {
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1350, 1500);
    both(&mut log, FAR, 1300, 1350);
    assert_eq!(kernel_pmtu4(&log, 1430, 1300), KernelPmtu::Silent { at: size(1430) });
    assert_eq!(kernel_pmtu4(&log, 1500, 1300), KernelPmtu::Passes { steps: 2 });
}

/// A router that states 1500 about 1500 bytes for a link of 1380 says the same about 1430, once it is asked.
#[test]
fn who_states_what_cannot_be_about_a_larger_packet_may_have_spared_words() {
    let mut log = PtbLog::default();
    both(&mut log, ROUTER, 1500, 1500);
    assert!(log.may_have_spared(TCP, size(1430), size(1290)));
    let mut honest = PtbLog::default();
    both(&mut honest, ROUTER, 1450, 1500);
    assert!(!honest.may_have_spared(TCP, size(1450), size(1400)), "by its word it passes 1450");
}

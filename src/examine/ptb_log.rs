//! Packet-too-big messages: which came, and where a kernel that believes them would end up.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::model::{Family, Method, PacketSize, Plan, PtbFault, PtbReport};

use super::packet_kind::PacketKind;

/// PTBs that quote one of our own packets, by sender, stated MTU, kind and size of what they refuse.
#[derive(Clone, Debug, Default)]
pub(crate) struct PtbLog {
    entries: Vec<Entry>,
    /// A quote states another length than was sent.
    has_altered_quote: bool,
    /// A quote has our ports and a sequence number that was never sent.
    has_unknown_quote: bool,
}

/// A PTB about a packet of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ptb {
    pub(crate) from: IpAddr,
    pub(crate) mtu: u32,
    /// What carried the refused packet. A kernel tells its TCP nothing that quotes another connection or an echo request.
    pub(crate) about: PacketKind,
    /// The size that was sent. What the quote states may have been changed on the way.
    pub(crate) refused: PacketSize,
    pub(crate) checksum_ok: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    ptb: Ptb,
    on_wire: u32,
    in_kernel: u32,
}

/// A hostile network may send what it likes; beyond this many different PTBs nothing is learnt.
const MOST_ENTRIES: usize = 256;

/// Where a message was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// At the interface, before the firewall.
    OnWire,
    /// Behind the firewall.
    InKernel,
}

/// What this host's kernel accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    family: Family,
    min_pmtu: PacketSize,
}

/// Where a kernel ends that believes the PTBs: a model of its path MTU, size after size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KernelPmtu {
    /// A size that passes, in this many steps.
    Passes { steps: u32 },
    /// A size that is lost, and no PTB speaks of it.
    Silent { at: PacketSize },
    /// A size that is lost, and the PTB about it stayed in this host's firewall.
    Firewalled { at: PacketSize },
    /// A size that is lost, and the PTB about it cannot help.
    Misled { at: PacketSize, fault: PtbFault },
}

impl KernelPmtu {
    /// The lost size at which they end, if it does not reach one that passes.
    pub(crate) fn stuck_at(self) -> Option<PacketSize> {
        self.awaits_word_about().or(match self {
            Self::Firewalled { at } => Some(at),
            _ => None,
        })
    }

    /// The lost size of which a true PTB may still come. One that this host's firewall drops will not do better later.
    pub(crate) fn awaits_word_about(self) -> Option<PacketSize> {
        match self {
            Self::Silent { at } | Self::Misled { at, .. } => Some(at),
            Self::Passes { .. } | Self::Firewalled { .. } => None,
        }
    }
}

impl PtbLog {
    /// Notes a PTB.
    pub(crate) fn record(&mut self, ptb: Ptb, seen: Seen) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.ptb == ptb) {
            entry.note(seen);
        } else if self.entries.len() < MOST_ENTRIES {
            let mut entry = Entry { ptb, on_wire: 0, in_kernel: 0 };
            entry.note(seen);
            self.entries.push(entry);
        }
    }

    /// Notes that a quote states another length than was sent.
    pub(crate) fn note_altered_quote(&mut self) {
        self.has_altered_quote = true;
    }

    pub(crate) fn has_altered_quote(&self) -> bool {
        self.has_altered_quote
    }

    /// Notes a quote with our ports and a sequence number that was never sent.
    pub(crate) fn note_unknown_quote(&mut self) {
        self.has_unknown_quote = true;
    }

    pub(crate) fn has_unknown_quote(&self) -> bool {
        self.has_unknown_quote
    }

    /// Follows what a kernel would do: send `start`, believe the PTB that refuses it, send the stated size, and so on. Only PTBs
    /// about packets of this kind count.
    ///
    /// A router that refuses a packet of q bytes because its link takes only m refuses every size between m and q, and
    /// those reach it, since they pass wherever q passed. So a PTB about q speaks for all sizes above m up to q, even when
    /// the router rationed its messages and stayed silent about some. One that states a false MTU speaks for q alone: smaller
    /// sizes may get through there, and larger ones may be lost before they get there.
    pub(crate) fn kernel_pmtu(
        &self,
        about: PacketKind,
        start: PacketSize,
        passes: PacketSize,
        kernel: Kernel,
    ) -> KernelPmtu {
        let mut size = start;
        let mut steps = 0;
        while size > passes {
            // What the kernel discards does no harm beside what it believes.
            let believed = self.about(about, size, passes).filter(|entry| entry.in_kernel > 0);
            let Some(smaller) = believed.filter_map(|entry| kernel.reaction(entry.ptb.mtu, size).ok()).min() else {
                return self.stuck(about, size, passes, kernel);
            };
            size = smaller;
            steps += 1;
        }
        KernelPmtu::Passes { steps }
    }

    /// Why nothing that the kernel got leads further down.
    fn stuck(&self, about: PacketKind, at: PacketSize, passes: PacketSize, kernel: Kernel) -> KernelPmtu {
        let reactions = self.about(about, at, passes).filter(|entry| entry.ptb.checksum_ok);
        let reactions: Vec<_> = reactions.map(|entry| (entry.ptb.mtu, kernel.reaction(entry.ptb.mtu, at))).collect();
        if reactions.iter().any(|(_, reaction)| reaction.is_ok()) {
            return KernelPmtu::Firewalled { at };
        }
        let lowest = reactions.into_iter().min_by_key(|(mtu, _)| *mtu);
        match lowest {
            Some((_, Err(fault))) => KernelPmtu::Misled { at, fault: self.sharpen(fault, at) },
            _ if self.about(about, at, passes).next().is_some() => {
                KernelPmtu::Misled { at, fault: PtbFault::BadChecksum }
            }
            _ => KernelPmtu::Silent { at },
        }
    }

    fn about(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.ptb.about == about && entry.ptb.speaks_of(size, passes))
    }

    /// A PTB that is "not smaller" than the size it once stated itself: the stated size is what is lost.
    fn sharpen(&self, fault: PtbFault, size: PacketSize) -> PtbFault {
        let stated_before = self.entries.iter().any(|e| e.ptb.mtu == size.bytes() && e.ptb.refused > size);
        if fault == PtbFault::NotSmaller && stated_before { PtbFault::StatedSizeLost } else { fault }
    }

    /// Whether any PTB about packets of this kind, with a right checksum, speaks of a size. `passes`: the largest that gets through.
    pub(crate) fn speaks_of(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> bool {
        self.about(about, size, passes).any(|entry| entry.ptb.checksum_ok)
    }

    /// Whether a router may have spared its words about packets of this kind and size: it speaks of packets of other kinds, or it states
    /// a false MTU about a larger packet, or about a smaller one an MTU that is no smaller than this size.
    pub(crate) fn may_have_spared(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> bool {
        self.entries.iter().map(|entry| entry.ptb).filter(|ptb| ptb.checksum_ok).any(|ptb| {
            match ptb.refused.cmp(&size) {
                _ if ptb.about != about => ptb.speaks_of(size, passes),
                Ordering::Equal => false,
                Ordering::Greater => ptb.mtu < passes.bytes(),
                Ordering::Less => ptb.mtu >= size.bytes(),
            }
        })
    }

    /// Whether this host's kernel got a usable MTU about packets of other kinds of a size, and none about those of this one.
    pub(crate) fn has_word_for_others_only(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> bool {
        let in_kernel = |is_wanted: &dyn Fn(PacketKind) -> bool| {
            let heard = self.entries.iter().filter(|entry| entry.in_kernel > 0 && is_wanted(entry.ptb.about));
            heard.filter(|entry| entry.ptb.speaks_of(size, passes)).any(|entry| entry.ptb.is_true_word(size))
        };
        in_kernel(&|other| other != about) && !in_kernel(&|same| same == about)
    }

    /// One entry per sender, MTU and fault, judged by what the path turned out to carry. Those about packets of `carrier` come
    /// first; what is the same about other packets is counted in.
    pub(crate) fn reports(
        &self,
        carrier: Option<PacketKind>,
        passes: Option<PacketSize>,
        kernel: Kernel,
    ) -> Vec<PtbReport> {
        let of_carrier = self.entries.iter().filter(|entry| Some(entry.ptb.about) == carrier);
        let of_others = self.entries.iter().filter(|entry| Some(entry.ptb.about) != carrier);
        let mut reports = grouped(of_carrier, passes, kernel);
        for report in grouped(of_others, passes, kernel) {
            let is_same =
                |known: &&mut PtbReport| PtbReport { about: known.about, count: known.count, ..report } == **known;
            match reports.iter_mut().find(is_same) {
                Some(known) => known.count += report.count,
                None => reports.push(report),
            }
        }
        reports
    }
}

fn grouped<'a>(entries: impl Iterator<Item = &'a Entry>, passes: Option<PacketSize>, kernel: Kernel) -> Vec<PtbReport> {
    let mut reports: Vec<PtbReport> = Vec::new();
    for Entry { ptb, on_wire, in_kernel } in entries {
        let about = if ptb.about == PacketKind::Echo { Method::Icmp } else { Method::Tcp };
        let fault = ptb.fault(passes, kernel);
        let same = |r: &&mut PtbReport| r.from == ptb.from && r.mtu == ptb.mtu && r.about == about && r.fault == fault;
        let (reached_kernel, count) = (*in_kernel > 0, *on_wire.max(in_kernel));
        if let Some(report) = reports.iter_mut().find(same) {
            report.count += count;
            report.reached_kernel |= reached_kernel;
        } else {
            reports.push(PtbReport { from: ptb.from, mtu: ptb.mtu, about, reached_kernel, fault, count });
        }
    }
    reports
}

impl Entry {
    fn note(&mut self, seen: Seen) {
        match seen {
            Seen::OnWire => self.on_wire += 1,
            Seen::InKernel => self.in_kernel += 1,
        }
    }
}

impl Ptb {
    /// Also of all sizes down to the stated one, if that is not below what gets through.
    fn speaks_of(&self, size: PacketSize, passes: PacketSize) -> bool {
        self.refused == size || self.refused > size && (passes.bytes()..size.bytes()).contains(&self.mtu)
    }

    fn is_true_word(&self, size: PacketSize) -> bool {
        self.checksum_ok && self.mtu > 0 && self.mtu < size.bytes()
    }

    fn fault(&self, passes: Option<PacketSize>, kernel: Kernel) -> Option<PtbFault> {
        if !self.checksum_ok {
            return Some(PtbFault::BadChecksum);
        }
        if self.mtu == 0 {
            return Some(PtbFault::MtuZero);
        }
        if self.mtu < kernel.minimum().bytes() {
            return Some(PtbFault::BelowMinimum);
        }
        if self.mtu >= self.refused.bytes() {
            return Some(PtbFault::NotSmaller);
        }
        match passes {
            Some(passes) if self.mtu < passes.bytes() => Some(PtbFault::TooLow),
            _ => None,
        }
    }
}

impl Kernel {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self { family: plan.family(), min_pmtu: plan.kernel_min_pmtu }
    }

    /// What Linux makes of a PTB about a packet of `size`: the size it sends next, or why it stays where it is.
    fn reaction(self, mtu: u32, size: PacketSize) -> Result<PacketSize, PtbFault> {
        let minimum = self.minimum().bytes();
        match self.family {
            // Below min_pmtu, and that includes 0, Linux locks the route at min_pmtu and clears DF: everything passes in pieces.
            Family::V4 if mtu < minimum => Ok(PacketSize::new(0)),
            // RFC 8201, section 4: a PTB below 1280 must be discarded.
            Family::V6 if mtu < minimum => Err(if mtu == 0 { PtbFault::MtuZero } else { PtbFault::BelowMinimum }),
            _ if mtu >= size.bytes() => Err(PtbFault::NotSmaller),
            _ => Ok(PacketSize::new(mtu)),
        }
    }

    fn minimum(self) -> PacketSize {
        match self.family {
            Family::V4 => self.min_pmtu,
            Family::V6 => self.family.minimum_mtu(),
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            kernel_pmtu4(&log, 1500, 1400),
            KernelPmtu::Misled { at: size(1480), fault: PtbFault::StatedSizeLost }
        );
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
            assert!(log.may_have_spared(TCP, size(1450), size(1400)) && !log.speaks_of(TCP, size(1450), size(1400)));
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
            log.has_word_for_others_only(TCP, size(1500), size(1400)) && !log.speaks_of(TCP, size(1500), size(1400))
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
}

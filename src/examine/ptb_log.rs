//! Packet-too-big messages: which came, and where a kernel that believes them would end up.

use std::net::IpAddr;

use crate::model::{Family, PacketSize, PtbFault, PtbReport};

/// PTBs that quote one of our own packets, by sender, stated MTU and refused size.
#[derive(Clone, Debug, Default)]
pub(crate) struct PtbLog {
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    from: IpAddr,
    mtu: u32,
    refused: PacketSize,
    checksum_ok: bool,
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
        match self {
            Self::Passes { .. } => None,
            Self::Silent { at } | Self::Firewalled { at } | Self::Misled { at, .. } => Some(at),
        }
    }
}

impl PtbLog {
    /// Notes a PTB about a probe of `refused` bytes.
    pub(crate) fn record(&mut self, from: IpAddr, mtu: u32, refused: PacketSize, checksum_ok: bool, seen: Seen) {
        let same = |e: &&mut Entry| {
            e.from == from
                && e.mtu == mtu
                && e.refused == refused
                && (e.checksum_ok == checksum_ok || seen == Seen::InKernel)
        };
        if let Some(entry) = self.entries.iter_mut().find(same) {
            entry.note(seen);
        } else if self.entries.len() < MOST_ENTRIES {
            let mut entry = Entry { from, mtu, refused, checksum_ok, on_wire: 0, in_kernel: 0 };
            entry.note(seen);
            self.entries.push(entry);
        }
    }

    /// Follows what a kernel would do: send `start`, believe the PTB that refuses it, send the stated size, and so on.
    ///
    /// A router that refuses a packet of q bytes because its link takes only m refuses every size between m and q, and
    /// those reach it, since they pass wherever q passed. So a PTB about q speaks for all sizes above m up to q, even when
    /// the router rationed its messages and stayed silent about some.
    pub(crate) fn kernel_pmtu(
        &self,
        start: PacketSize,
        passes: PacketSize,
        family: Family,
        min_pmtu: PacketSize,
    ) -> KernelPmtu {
        let mut size = start;
        let mut steps = 0;
        while size > passes {
            let Some(entry) = self.best_about(size) else { return self.stuck_without_kernel(size) };
            match kernel_reaction(entry.mtu, size, family, min_pmtu) {
                Ok(smaller) => size = smaller,
                Err(fault) => return KernelPmtu::Misled { at: size, fault: self.sharpen(fault, size) },
            }
            steps += 1;
        }
        KernelPmtu::Passes { steps }
    }

    /// Among the PTBs that the kernel got about a size, the one that leads furthest down.
    fn best_about(&self, size: PacketSize) -> Option<&Entry> {
        self.entries.iter().filter(|e| e.in_kernel > 0 && e.speaks_of(size)).min_by_key(|e| e.mtu)
    }

    fn stuck_without_kernel(&self, at: PacketSize) -> KernelPmtu {
        let about: Vec<&Entry> = self.entries.iter().filter(|e| e.speaks_of(at)).collect();
        if about.iter().any(|e| e.checksum_ok) {
            KernelPmtu::Firewalled { at }
        } else if about.is_empty() {
            KernelPmtu::Silent { at }
        } else {
            KernelPmtu::Misled { at, fault: PtbFault::BadChecksum }
        }
    }

    /// A PTB that is "not smaller" than the size it once stated itself: the stated size is what is lost.
    fn sharpen(&self, fault: PtbFault, size: PacketSize) -> PtbFault {
        let stated_before = self.entries.iter().any(|e| e.mtu == size.bytes() && e.refused > size);
        if fault == PtbFault::NotSmaller && stated_before { PtbFault::StatedSizeLost } else { fault }
    }

    /// Whether any PTB with a right checksum speaks of a size.
    pub(crate) fn speaks_of(&self, size: PacketSize) -> bool {
        self.entries.iter().any(|entry| entry.checksum_ok && entry.speaks_of(size))
    }

    /// Whether a PTB with a right checksum and a usable MTU speaks of a size.
    pub(crate) fn has_true_word_about(&self, size: PacketSize) -> bool {
        self.entries.iter().any(|e| e.checksum_ok && e.mtu > 0 && e.mtu < size.bytes() && e.speaks_of(size))
    }

    /// One entry per sender, MTU and fault, judged by what the path turned out to carry.
    pub(crate) fn reports(&self, passes: Option<PacketSize>, family: Family, min_pmtu: PacketSize) -> Vec<PtbReport> {
        let mut reports: Vec<PtbReport> = Vec::new();
        for entry in &self.entries {
            let fault = entry.fault(passes, family, min_pmtu);
            let same = |r: &&mut PtbReport| r.from == entry.from && r.mtu == entry.mtu && r.fault == fault;
            if let Some(report) = reports.iter_mut().find(same) {
                report.count += entry.on_wire.max(entry.in_kernel);
                report.reached_kernel |= entry.in_kernel > 0;
            } else {
                reports.push(PtbReport {
                    from: entry.from,
                    mtu: entry.mtu,
                    reached_kernel: entry.in_kernel > 0,
                    fault,
                    count: entry.on_wire.max(entry.in_kernel),
                });
            }
        }
        reports
    }
}

impl Entry {
    fn note(&mut self, seen: Seen) {
        match seen {
            Seen::OnWire => self.on_wire += 1,
            Seen::InKernel => self.in_kernel += 1,
        }
    }

    fn speaks_of(&self, size: PacketSize) -> bool {
        self.refused == size || (self.refused > size && self.mtu < size.bytes())
    }

    fn fault(&self, passes: Option<PacketSize>, family: Family, min_pmtu: PacketSize) -> Option<PtbFault> {
        if !self.checksum_ok {
            return Some(PtbFault::BadChecksum);
        }
        if self.mtu == 0 {
            return Some(PtbFault::MtuZero);
        }
        if self.mtu < minimum(family, min_pmtu).bytes() {
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

/// What Linux makes of a PTB about a packet of `size`: the size it sends next, or why it stays where it is.
fn kernel_reaction(mtu: u32, size: PacketSize, family: Family, min_pmtu: PacketSize) -> Result<PacketSize, PtbFault> {
    let minimum = minimum(family, min_pmtu);
    match family {
        // Below min_pmtu, and that includes 0, Linux locks the route at min_pmtu and clears DF: everything passes in pieces.
        Family::V4 if mtu < minimum.bytes() => Ok(PacketSize::new(0)),
        // RFC 8201, section 4: a PTB below 1280 must be discarded.
        Family::V6 if mtu < minimum.bytes() => Err(if mtu == 0 { PtbFault::MtuZero } else { PtbFault::BelowMinimum }),
        _ if mtu >= size.bytes() => Err(PtbFault::NotSmaller),
        _ => Ok(PacketSize::new(mtu)),
    }
}

fn minimum(family: Family, min_pmtu: PacketSize) -> PacketSize {
    match family {
        Family::V4 => min_pmtu,
        Family::V6 => family.minimum_mtu(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn size(bytes: u32) -> PacketSize {
        PacketSize::new(bytes)
    }

    fn both(log: &mut PtbLog, from: IpAddr, mtu: u32, refused: u32) {
        log.record(from, mtu, size(refused), true, Seen::OnWire);
        log.record(from, mtu, size(refused), true, Seen::InKernel);
    }

    fn kernel_pmtu4(log: &PtbLog, start: u32, passes: u32) -> KernelPmtu {
        log.kernel_pmtu(size(start), size(passes), Family::V4, size(552))
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
        log.record(ROUTER, 1400, size(1500), true, Seen::OnWire);
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
                log.kernel_pmtu(size(1500), size(1400), Family::V6, size(1280)),
                KernelPmtu::Misled { at, .. } if at == size(1500)
            ));
        }
    }

    #[test]
    fn a_wrong_checksum_is_no_word_at_all() {
        let mut log = PtbLog::default();
        log.record(ROUTER, 1400, size(1500), false, Seen::OnWire);
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
}

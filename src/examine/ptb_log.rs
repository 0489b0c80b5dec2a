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

/// So many damaged messages, and no sound one, are no accident of the line: it would damage nearly all packets.
const SURE: u32 = 3;

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
    /// the router rationed its messages and stayed silent about some. That is known if m is what passes. Otherwise m may be false, or
    /// somebody else takes smaller sizes without a word, and it speaks for q alone.
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

    /// Whether any PTB about packets of this kind, with a right checksum, may speak of a size, for all that is known until now.
    /// `passes`: the largest that gets through.
    pub(crate) fn may_speak_of(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> bool {
        let mut sound = self.entries.iter().map(|entry| entry.ptb).filter(|ptb| ptb.about == about && ptb.checksum_ok);
        sound.any(|ptb| ptb.may_speak_of(size, passes))
    }

    /// Whether a router may have spared its words about packets of this kind and size: it speaks of packets of other kinds; or of a
    /// larger packet, with an MTU by which it refuses this one too, or one that cannot be; or of a smaller one, with an MTU that
    /// is no smaller than this size.
    pub(crate) fn may_have_spared(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> bool {
        self.entries.iter().map(|entry| entry.ptb).filter(|ptb| ptb.checksum_ok).any(|ptb| {
            match ptb.refused.cmp(&size) {
                _ if ptb.about != about => ptb.may_speak_of(size, passes),
                Ordering::Equal => false,
                Ordering::Greater if ptb.speaks_of(size, passes) => false,
                Ordering::Greater => ptb.mtu < size.bytes() || ptb.mtu >= ptb.refused.bytes(),
                Ordering::Less => ptb.mtu >= size.bytes(),
            }
        })
    }

    /// Whether so few PTBs about packets of this kind and size came, all with a wrong checksum, that the line may have damaged them.
    pub(crate) fn may_be_damaged(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> bool {
        let mut came = self.about(about, size, passes).peekable();
        let is_any = came.peek().is_some();
        is_any
            && came
                .try_fold(0, |sum, entry| (!entry.ptb.checksum_ok).then_some(sum + entry.on_wire))
                .is_some_and(|sum| sum < SURE)
    }

    /// Whether this host's kernel got a usable MTU about packets of other kinds of a size, and none about those of this one.
    pub(crate) fn has_word_for_others_only(&self, about: PacketKind, size: PacketSize, passes: PacketSize) -> bool {
        let in_kernel = |is_wanted: &dyn Fn(PacketKind) -> bool| {
            let heard = self.entries.iter().filter(|entry| entry.in_kernel > 0 && is_wanted(entry.ptb.about));
            heard.filter(|entry| entry.ptb.may_speak_of(size, passes)).any(|entry| entry.ptb.is_true_word(size))
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
    /// Also of all sizes down to the stated one, if that is what gets through.
    fn speaks_of(&self, size: PacketSize, passes: PacketSize) -> bool {
        self.refused == size || self.refused > size && size > passes && self.mtu == passes.bytes()
    }

    /// The same while larger sizes may yet turn out to get through.
    fn may_speak_of(&self, size: PacketSize, passes: PacketSize) -> bool {
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
#[path = "ptb_log_tests.rs"]
mod tests;

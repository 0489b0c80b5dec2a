//! A small assembler for classic BPF, the socket filter language of `SO_ATTACH_FILTER`.
//!
//! Jumps name labels; [`Assembler::finish`] turns them into distances.

use libc::{
    BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IMM, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K,
    BPF_LD, BPF_LDX, BPF_LSH, BPF_MISC, BPF_RET, BPF_TAX, BPF_W, BPF_X,
};
use socket2::SockFilter;

/// The place of an instruction.
pub(super) type Label = &'static str;

/// The instruction that follows.
pub(super) const NEXT: Label = "next";
/// The end at which the whole packet is admitted.
pub(super) const ACCEPT: Label = "accept";
/// The end at which the packet is dropped.
pub(super) const DROP: Label = "drop";

/// One instruction, as `struct sock_filter` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) yes: u8,
    pub(super) no: u8,
    pub(super) k: u32,
}

/// A finished program.
pub(super) struct FilterProgram(Vec<Instruction>);

impl FilterProgram {
    /// Drops every packet: what makes a listening port silent.
    pub(super) fn drop_everything() -> Self {
        Self(vec![Instruction { code: (BPF_RET | BPF_K) as u16, yes: 0, no: 0, k: 0 }])
    }

    /// In the form that a socket takes.
    pub(super) fn as_filter(&self) -> Vec<SockFilter> {
        self.0.iter().map(|i| SockFilter::new(i.code, i.yes, i.no, i.k)).collect()
    }

    #[cfg(test)]
    pub(super) fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

/// Collects instructions and labels.
#[derive(Default)]
pub(super) struct Assembler {
    lines: Vec<UnresolvedInstruction>,
    labels: Vec<(Label, usize)>,
}

struct UnresolvedInstruction {
    code: u32,
    k: u32,
    yes: Label,
    no: Label,
}

impl Assembler {
    /// Gives the next instruction a name.
    pub(super) fn label(&mut self, name: Label) -> &mut Self {
        self.labels.push((name, self.lines.len()));
        self
    }

    /// Loads a 32-bit word at a fixed place, or one of the kernel's pseudo-fields (`SKF_AD_OFF`).
    pub(super) fn load_word(&mut self, at: u32) -> &mut Self {
        self.plain(BPF_LD | BPF_W | BPF_ABS, at)
    }

    /// Loads a 16-bit word at a fixed place.
    pub(super) fn load_half(&mut self, at: u32) -> &mut Self {
        self.plain(BPF_LD | BPF_H | BPF_ABS, at)
    }

    /// Sets X.
    pub(super) fn index(&mut self, to: u32) -> &mut Self {
        self.plain(BPF_LDX | BPF_IMM, to)
    }

    /// Moves X from the start of an IPv4 header to its end. Overwrites the loaded value.
    pub(super) fn index_behind_ipv4_header(&mut self) -> &mut Self {
        // The low half of the first byte counts words of four bytes.
        self.load_indexed_byte(0)
            .plain(BPF_ALU | BPF_AND | BPF_K, 0x0f)
            .plain(BPF_ALU | BPF_LSH | BPF_K, 2)
            .plain(BPF_ALU | BPF_ADD | BPF_X, 0)
            .plain(BPF_MISC | BPF_TAX, 0)
    }

    /// Loads a 16-bit word at X + `at`.
    pub(super) fn load_indexed_half(&mut self, at: u32) -> &mut Self {
        self.plain(BPF_LD | BPF_H | BPF_IND, at)
    }

    /// Loads a byte at X + `at`.
    pub(super) fn load_indexed_byte(&mut self, at: u32) -> &mut Self {
        self.plain(BPF_LD | BPF_B | BPF_IND, at)
    }

    /// Goes to `yes` if the loaded value equals `k`.
    pub(super) fn if_equal(&mut self, k: u32, yes: Label, no: Label) -> &mut Self {
        self.jump(BPF_JEQ, k, yes, no)
    }

    /// Goes to `yes` if the loaded value is `k` or more.
    pub(super) fn if_at_least(&mut self, k: u32, yes: Label, no: Label) -> &mut Self {
        self.jump(BPF_JGE, k, yes, no)
    }

    /// Goes to `yes` if the loaded value is more than `k`.
    pub(super) fn if_more(&mut self, k: u32, yes: Label, no: Label) -> &mut Self {
        self.jump(BPF_JGT, k, yes, no)
    }

    /// Goes to `yes` if the loaded value has a bit of `k`.
    pub(super) fn if_bits(&mut self, k: u32, yes: Label, no: Label) -> &mut Self {
        self.jump(libc::BPF_JSET, k, yes, no)
    }

    /// Goes to `to`.
    pub(super) fn go_to(&mut self, to: Label) -> &mut Self {
        self.if_at_least(0, to, to)
    }

    /// Adds the two ends and resolves the labels.
    ///
    /// # Panics
    ///
    /// On a label that does not exist, lies behind, or more than 255 instructions ahead: a mistake in the program text,
    /// which no input changes.
    pub(super) fn finish(mut self) -> FilterProgram {
        self.label(ACCEPT).plain(BPF_RET | BPF_K, u32::MAX);
        self.label(DROP).plain(BPF_RET | BPF_K, 0);
        let distance = |from: usize, to: Label| {
            if to == NEXT {
                return 0;
            }
            let place = self.labels.iter().find(|(name, _)| *name == to).map(|(_, place)| *place);
            place
                .and_then(|place| place.checked_sub(from + 1))
                .and_then(|distance| u8::try_from(distance).ok())
                .unwrap_or_else(|| panic!("label {to} cannot be reached"))
        };
        let resolve = |(place, line): (usize, &UnresolvedInstruction)| Instruction {
            code: line.code as u16,
            yes: distance(place, line.yes),
            no: distance(place, line.no),
            k: line.k,
        };
        FilterProgram(self.lines.iter().enumerate().map(resolve).collect())
    }

    fn plain(&mut self, code: u32, k: u32) -> &mut Self {
        self.lines.push(UnresolvedInstruction { code, k, yes: NEXT, no: NEXT });
        self
    }

    fn jump(&mut self, test: u32, k: u32, yes: Label, no: Label) -> &mut Self {
        self.lines.push(UnresolvedInstruction { code: BPF_JMP | test | BPF_K, k, yes, no });
        self
    }
}

/// What the kernel's interpreter does, for tests.
#[cfg(test)]
pub(super) mod interpreter {
    use super::{FilterProgram, Instruction};

    /// What the kernel knows of a packet beside its bytes.
    #[derive(Clone, Copy, Default)]
    pub(in super::super) struct Metadata {
        pub(in super::super) protocol: u32,
        pub(in super::super) packet_type: u32,
        /// The kind of the interface (`ARPHRD_...`).
        pub(in super::super) hardware: u32,
        /// Where the IP header begins: what `SKF_NET_OFF` counts from.
        pub(in super::super) network: u32,
    }

    const PSEUDO_FIELDS: u32 = (-0x1000_i32).cast_unsigned();
    const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();

    /// Runs a program; `true` if the packet is admitted. A load outside of the packet drops it.
    pub(in super::super) fn admits(program: &FilterProgram, meta: Metadata, packet: &[u8]) -> bool {
        run(program.instructions(), meta, packet).is_some_and(|length| length > 0)
    }

    fn run(program: &[Instruction], meta: Metadata, packet: &[u8]) -> Option<u32> {
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
        let load = |at: u32, width: usize| load(packet, meta, at, width);
        loop {
            let Instruction { code, yes, no, k } = *program.get(at)?;
            at += 1;
            match code {
                0x20 => a = load(k, 4)?,
                0x28 => a = load(k, 2)?,
                0x48 => a = load(x.wrapping_add(k), 2)?,
                0x50 => a = load(x.wrapping_add(k), 1)?,
                0x01 => x = k,
                0x54 => a &= k,
                0x64 => a <<= k,
                0x0c => a = a.wrapping_add(x),
                0x07 => x = a,
                0x15 => at += usize::from(if a == k { yes } else { no }),
                0x35 => at += usize::from(if a >= k { yes } else { no }),
                0x25 => at += usize::from(if a > k { yes } else { no }),
                0x45 => at += usize::from(if a & k != 0 { yes } else { no }),
                0x06 => return Some(k),
                other => panic!("instruction {other:#x} is not in this interpreter"),
            }
        }
    }

    fn load(packet: &[u8], meta: Metadata, at: u32, width: usize) -> Option<u32> {
        let at = match at.checked_sub(PSEUDO_FIELDS) {
            Some(0) => return Some(meta.protocol),
            Some(4) => return Some(meta.packet_type),
            Some(28) => return Some(meta.hardware),
            Some(other) => panic!("pseudo-field {other} is not in this interpreter"),
            None => at.checked_sub(NETWORK_HEADER).map_or(at, |behind| meta.network + behind),
        };
        let bytes = packet.get(at as usize..)?.get(..width)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_distances() {
        let mut code = Assembler::default();
        code.load_half(9).if_equal(6, "tcp", DROP);
        code.label("tcp").load_half(2).if_equal(25, ACCEPT, NEXT).if_equal(587, ACCEPT, DROP);
        let program = code.finish();
        let distances: Vec<_> = program.instructions().iter().map(|i| (i.yes, i.no)).collect();
        assert_eq!(distances, [(0, 0), (0, 4), (0, 0), (1, 0), (0, 1), (0, 0), (0, 0)]);
    }

    #[test]
    #[should_panic(expected = "cannot be reached")]
    fn a_jump_backwards_is_refused() {
        let mut code = Assembler::default();
        code.label("start").load_half(0).if_equal(1, "start", DROP);
        code.finish();
    }
}

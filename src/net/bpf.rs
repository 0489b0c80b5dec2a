//! A small assembler for classic BPF, the socket filter language of `SO_ATTACH_FILTER`.
//!
//! Jumps name labels; [`Assembler::finish`] turns them into distances.

use libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_MSH, BPF_RET, BPF_W,
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
pub(super) struct Program(Vec<Instruction>);

impl Program {
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
    lines: Vec<Line>,
    labels: Vec<(Label, usize)>,
}

struct Line {
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

    /// Loads a byte at a fixed place.
    pub(super) fn load_byte(&mut self, at: u32) -> &mut Self {
        self.plain(BPF_LD | BPF_B | BPF_ABS, at)
    }

    /// Sets X to the length of the IPv4 header at this place.
    pub(super) fn index_by_ipv4_header(&mut self, at: u32) -> &mut Self {
        self.plain(BPF_LDX | BPF_B | BPF_MSH, at)
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

    /// Adds the two ends and resolves the labels.
    ///
    /// # Panics
    ///
    /// On a label that does not exist, lies behind, or more than 255 instructions ahead: a mistake in the program text,
    /// which no input changes.
    pub(super) fn finish(mut self) -> Program {
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
        let resolve = |(place, line): (usize, &Line)| Instruction {
            code: line.code as u16,
            yes: distance(place, line.yes),
            no: distance(place, line.no),
            k: line.k,
        };
        Program(self.lines.iter().enumerate().map(resolve).collect())
    }

    fn plain(&mut self, code: u32, k: u32) -> &mut Self {
        self.lines.push(Line { code, k, yes: NEXT, no: NEXT });
        self
    }

    fn jump(&mut self, test: u32, k: u32, yes: Label, no: Label) -> &mut Self {
        self.lines.push(Line { code: BPF_JMP | test | BPF_K, k, yes, no });
        self
    }
}

/// What the kernel's interpreter does, for tests.
#[cfg(test)]
pub(super) mod interpreter {
    use super::{Instruction, Program};

    /// The pseudo-fields that the kernel adds to a packet.
    #[derive(Clone, Copy, Default)]
    pub(in super::super) struct Metadata {
        pub(in super::super) protocol: u32,
        pub(in super::super) packet_type: u32,
    }

    /// Runs a program; `true` if the packet is admitted. A load outside of the packet drops it.
    pub(in super::super) fn admits(program: &Program, meta: Metadata, packet: &[u8]) -> bool {
        run(program.instructions(), meta, packet).is_some_and(|length| length > 0)
    }

    fn run(program: &[Instruction], meta: Metadata, packet: &[u8]) -> Option<u32> {
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
        loop {
            let Instruction { code, yes, no, k } = *program.get(at)?;
            at += 1;
            match code {
                0x20 if k == (-0x1000_i32).cast_unsigned() => a = meta.protocol,
                0x20 if k == (-0x1000_i32 + 4).cast_unsigned() => a = meta.packet_type,
                0x20 => a = load(packet, k, 4)?,
                0x28 => a = load(packet, k, 2)?,
                0x30 => a = load(packet, k, 1)?,
                0x48 => a = load(packet, x + k, 2)?,
                0x50 => a = load(packet, x + k, 1)?,
                0xb1 => x = 4 * (load(packet, k, 1)? & 0xf),
                0x15 => at += usize::from(if a == k { yes } else { no }),
                0x35 => at += usize::from(if a >= k { yes } else { no }),
                0x25 => at += usize::from(if a > k { yes } else { no }),
                0x45 => at += usize::from(if a & k != 0 { yes } else { no }),
                0x06 => return Some(k),
                other => panic!("instruction {other:#x} is not in this interpreter"),
            }
        }
    }

    fn load(packet: &[u8], at: u32, width: usize) -> Option<u32> {
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
        code.load_byte(9).if_equal(6, "tcp", DROP);
        code.label("tcp").load_half(2).if_equal(25, ACCEPT, NEXT).if_equal(587, ACCEPT, DROP);
        let program = code.finish();
        let distances: Vec<_> = program.instructions().iter().map(|i| (i.yes, i.no)).collect();
        assert_eq!(distances, [(0, 0), (0, 4), (0, 0), (1, 0), (0, 1), (0, 0), (0, 0)]);
    }

    #[test]
    #[should_panic(expected = "cannot be reached")]
    fn a_jump_backwards_is_refused() {
        let mut code = Assembler::default();
        code.label("start").load_byte(0).if_equal(1, "start", DROP);
        code.finish();
    }
}

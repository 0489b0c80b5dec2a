//! Which sizes to try next where the server's large packets do not arrive.

use crate::model::{Family, PacketSize};

/// What one further connection tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeTrial {
    /// Comes first, and is expected to pass.
    passes: Option<PacketSize>,
    /// The size of full segments.
    size: PacketSize,
}

impl SizeTrial {
    /// All segments make packets of this size.
    pub(super) fn one(size: PacketSize) -> Self {
        Self { passes: None, size }
    }

    /// The first segment makes a packet of this size, the next ones are a byte larger.
    fn with_next(passes: PacketSize) -> Self {
        Self { passes: Some(passes), size: passes.next() }
    }

    /// The size that comes first and is expected to pass.
    pub(super) fn passes(&self) -> Option<PacketSize> {
        self.passes
    }

    /// The size of full segments.
    pub(super) fn size(&self) -> PacketSize {
        self.size
    }
}

/// Sizes that tunnels and links leave of 1500, the most common ones first.
const USUAL: [u32; 15] = [1492, 1400, 1420, 1480, 1450, 1476, 1460, 1440, 1472, 1454, 1436, 1380, 1350, 1300, 1280];

/// The next trial between the largest size that passes and the smallest that is lost; `None`: no guess is left. `hints` are
/// sizes that something else suggests, the best first.
pub(super) fn next_trial(
    passes: PacketSize,
    lost: PacketSize,
    hints: &[PacketSize],
    family: Family,
) -> Option<SizeTrial> {
    if passes.next() >= lost {
        return None;
    }
    let usual = USUAL.iter().map(|&size| PacketSize::new(size));
    let fits = |size: &PacketSize| *size >= passes && *size < lost;
    let guess = hints.iter().copied().chain(usual).find(fits).unwrap_or_else(|| middle(passes, lost));
    let guess = guess.max(family.minimum_mtu().min(lost));
    Some(if guess <= passes {
        SizeTrial::one(passes.next())
    } else if guess.next() >= lost {
        SizeTrial::one(guess)
    } else {
        SizeTrial::with_next(guess)
    })
}

fn middle(passes: PacketSize, lost: PacketSize) -> PacketSize {
    PacketSize::new(u32::midpoint(passes.bytes(), lost.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(passes: u32, lost: u32, hints: &[u32]) -> Option<(Option<u32>, u32)> {
        let hints: Vec<PacketSize> = hints.iter().map(|&size| PacketSize::new(size)).collect();
        let trial = next_trial(PacketSize::new(passes), PacketSize::new(lost), &hints, Family::V4)?;
        Some((trial.passes.map(PacketSize::bytes), trial.size.bytes()))
    }

    #[test]
    fn a_hint_is_tried_with_its_neighbour() {
        assert_eq!(trial(576, 1500, &[1383]), Some((Some(1383), 1384)));
        assert_eq!(trial(576, 1500, &[1500, 400]), Some((Some(1492), 1493)), "hints that cannot be are none");
    }

    #[test]
    fn only_the_half_that_is_open_is_tried() {
        assert_eq!(trial(1400, 1500, &[1400]), Some((None, 1401)));
        assert_eq!(trial(576, 1401, &[1400]), Some((None, 1400)));
        assert_eq!(trial(1400, 1401, &[1400]), None);
    }

    #[test]
    fn without_any_guess_the_middle_is_taken() {
        assert_eq!(trial(600, 1200, &[]), Some((Some(900), 901)));
    }
}

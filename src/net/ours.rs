//! What distinguishes our packets from all others: the local ports and the echo identifier.

/// Neighbouring local TCP ports. One range, so that a socket filter tests it with two comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortBlock {
    first: u16,
    count: u16,
}

impl PortBlock {
    /// `count` ports from `first` on. `None` if that is empty or runs past 65535.
    pub fn new(first: u16, count: u16) -> Option<Self> {
        let last_offset = count.checked_sub(1)?;
        first.checked_add(last_offset)?;
        (first > 0).then_some(Self { first, count })
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.first + (self.count - 1)
    }

    /// Whether the port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last()).contains(&port)
    }

    /// All ports, ascending.
    pub fn ports(self) -> impl Iterator<Item = u16> {
        self.first..=self.last()
    }
}

/// What the receiving sockets let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ours {
    /// The ports of our TCP segments.
    pub ports: PortBlock,
    /// The identifier of our echo requests.
    pub echo_ident: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_exactly_its_ports() {
        let block = PortBlock::new(40_000, 3).expect("a valid block");
        assert_eq!(block.ports().collect::<Vec<_>>(), [40_000, 40_001, 40_002]);
        assert!(!block.contains(39_999) && block.contains(40_000) && block.contains(40_002) && !block.contains(40_003));
    }

    #[test]
    fn a_block_is_never_empty_and_never_wraps() {
        assert_eq!(PortBlock::new(40_000, 0), None);
        assert_eq!(PortBlock::new(0, 4), None);
        assert_eq!(PortBlock::new(65_535, 2), None);
        assert_eq!(PortBlock::new(65_535, 1).map(PortBlock::last), Some(65_535));
    }
}

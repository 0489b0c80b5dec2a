//! Which sizes to probe next: a ladder of plateaus, then everything inside the bracket, then the exact pair.

use crate::model::{FirstFlight, PacketSize};

use super::log::ProbeLog;

/// What the search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextSizes {
    /// Probe these sizes, largest first, controls last.
    Round(Vec<PacketSize>),
    /// The largest size asked about passes.
    Full,
    /// `passes` was answered and `lost`, one byte larger, was not.
    Pair(Pair),
    /// Not even the smallest size was answered.
    Nothing,
}

/// Two neighbouring sizes, of which one passes and one is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) passes: PacketSize,
    pub(crate) lost: PacketSize,
}

/// The sizes between which a search runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) min: PacketSize,
    pub(crate) max: PacketSize,
    /// Most sizes in one round: few for techniques that need a port or a turn each.
    pub(crate) width: usize,
    /// After a first flight of two sizes, rounds are sparse.
    pub(crate) flight: FirstFlight,
}

/// Most sizes in one round of a technique whose answers name the probe.
pub(crate) const WIDE: usize = 26;
/// Sizes in a sparse round.
const SPARSE: usize = 5;

/// Sizes that links and tunnels are known to have (RFC 1191, section 7.1, and the tunnels of today), largest first.
///
/// Gaps are at most 20 bytes where paths of today end, so that one round inside a gap finds the exact size.
const PLATEAUS: [u32; 34] = [
    65_535, 32_000, 17_914, 9_216, 9_001, 8_500, 8_166, 6_000, 4_352, 2_002, 1_500, 1_492, 1_480, 1_476, 1_460, 1_450,
    1_440, 1_430, 1_420, 1_406, 1_400, 1_380, 1_372, 1_360, 1_340, 1_320, 1_300, 1_280, 1_200, 1_006, 800, 576, 296,
    68,
];

impl Bounds {
    /// Leaves out the sizes above `most`.
    pub(crate) fn limit_to(&mut self, most: PacketSize) {
        self.max = self.max.min(most);
    }

    /// A ladder was queued, or the check of a pair: the rounds that follow are wide.
    pub(crate) fn go_wide(&mut self) {
        self.flight = FirstFlight::Ladder;
    }

    /// The first round: the largest size, the plateaus below it, and the smallest size twice as a control. The sizes of `also`, which
    /// a kernel may send, are left out in no case.
    pub(crate) fn ladder(&self, also: &[PacketSize]) -> Vec<PacketSize> {
        let floor = LADDER_FLOOR.max(self.min.bytes());
        let mut sizes: Vec<PacketSize> = PLATEAUS
            .iter()
            .filter(|&&bytes| bytes >= floor)
            .map(|&bytes| PacketSize::new(bytes))
            .chain(also.iter().copied())
            .filter(|&size| size > self.min && size < self.max)
            .collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        sizes = thin_out(&sizes, self.width, also);
        sizes.insert(0, self.max);
        sizes.extend([self.min, self.min]);
        sizes
    }

    /// The round that follows a first flight of two sizes: a few of the plateaus, largest first, and all of `also`.
    pub(crate) fn sparse_ladder(&self, also: &[PacketSize]) -> Vec<PacketSize> {
        let is_inside = |size: &PacketSize| (self.min.next()..self.max).contains(size);
        let mut sizes =
            thin_out(&plateaus_inside(self.min.bytes().max(LADDER_FLOOR - 1), self.max.bytes()), SPARSE, &[]);
        sizes.extend(also.iter().copied().filter(is_inside));
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        sizes
    }

    /// Sizes above the largest, up to one that the interface takes.
    pub(crate) fn beyond(&self, most: PacketSize) -> Vec<PacketSize> {
        let next = PacketSize::new(self.max.bytes() + 1);
        let plateaus = PLATEAUS.iter().map(|&bytes| PacketSize::new(bytes)).filter(|size| (next..most).contains(size));
        let mut sizes: Vec<PacketSize> = plateaus.chain([next, most]).filter(|&size| size <= most).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        sizes
    }

    /// What to do once every probe of a log is settled.
    pub(crate) fn step(&self, log: &ProbeLog) -> NextSizes {
        let Some(passes) = log.largest_answered() else {
            return if log.count(self.min).sent >= CONTROLS_BEFORE_GIVING_UP {
                NextSizes::Nothing
            } else {
                NextSizes::Round(vec![self.min; self.width.min(3)])
            };
        };
        if passes >= self.max {
            return NextSizes::Full;
        }
        let lost = match log.smallest_lost_above(passes) {
            Some(lost) => lost,
            None if self.width == 1 => return NextSizes::Round(vec![self.max]),
            None => return NextSizes::Round(vec![self.max, passes]),
        };
        if lost == passes.next() {
            return NextSizes::Pair(Pair { passes, lost });
        }
        // Where packets of any size are lost, sparse rounds would be led astray.
        let is_sparse = self.flight == FirstFlight::TwoSizes && self.width > 1 && !log.lost_below(passes);
        NextSizes::Round(if is_sparse { sparsely_inside(passes, lost) } else { self.inside(passes, lost) })
    }

    /// Sizes strictly between two, then the upper one again in case chance took it, then the lower one as control.
    fn inside(&self, passes: PacketSize, lost: PacketSize) -> Vec<PacketSize> {
        let (low, high) = (passes.bytes(), lost.bytes());
        if self.width == 1 {
            return vec![one_inside(low, high)];
        }
        let between = high - low - 1;
        let picked = between.min(self.width as u32);
        let mut sizes = vec![lost];
        sizes.extend((1..=picked).rev().map(|i| PacketSize::new(low + span_step(between, picked, i))));
        sizes.extend([passes, passes]);
        sizes
    }
}

/// One size strictly between two: the middle one of the plateaus there, or the middle.
fn one_inside(low: u32, high: u32) -> PacketSize {
    let plateaus = plateaus_inside(low, high);
    plateaus.get(plateaus.len() / 2).copied().unwrap_or(PacketSize::new(low + (high - low) / 2))
}

/// The plateaus strictly between two sizes, largest first.
fn plateaus_inside(low: u32, high: u32) -> Vec<PacketSize> {
    PLATEAUS.iter().filter(|&&bytes| low < bytes && bytes < high).map(|&bytes| PacketSize::new(bytes)).collect()
}

/// Few sizes strictly between two, largest first, then the lower one as control: some of many plateaus; each of few, with the size
/// above it, as one of them is the likely end; where there is none, the sizes that leave the smallest gaps.
fn sparsely_inside(passes: PacketSize, lost: PacketSize) -> Vec<PacketSize> {
    let (low, high) = (passes.bytes(), lost.bytes());
    let between = high - low - 1;
    let plateaus = plateaus_inside(low, high);
    let mut sizes: Vec<PacketSize> = match plateaus.len() {
        _ if between <= SPARSE as u32 => (1..=between).map(|i| PacketSize::new(low + i)).collect(),
        0 => {
            let first = PLATEAUS.contains(&low).then(|| passes.next());
            (1..SPARSE as u32).map(|i| PacketSize::new(low + (between + 1) * i / SPARSE as u32)).chain(first).collect()
        }
        few if few < SPARSE => {
            let pairs = plateaus.iter().flat_map(|&size| [size, size.next()]);
            pairs.chain([passes.next()]).filter(|&size| size < lost).collect()
        }
        _ => thin_out(&plateaus, SPARSE, &[]),
    };
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes.push(passes);
    sizes
}

/// The `i`-th of `picked` sizes spread evenly over `between` candidates, the last one always among them.
fn span_step(between: u32, picked: u32, i: u32) -> u32 {
    (between * i).div_ceil(picked)
}

/// Keeps at most `width` sizes, evenly spread; those wanted take the places of their neighbours above.
fn thin_out(sizes: &[PacketSize], width: usize, wanted: &[PacketSize]) -> Vec<PacketSize> {
    if sizes.len() <= width {
        return sizes.to_vec();
    }
    let kept = |i: usize| {
        let part = &sizes[i * sizes.len() / width..(i + 1) * sizes.len() / width];
        part.iter().copied().find(|size| wanted.contains(size)).unwrap_or(part[0])
    };
    (0..width).map(kept).collect()
}

/// The ladder ends here: smaller path MTUs hardly exist, and the search goes there when nothing else passes.
const LADDER_FLOOR: u32 = 576;

/// After so many unanswered probes of the smallest size a technique is of no use.
const CONTROLS_BEFORE_GIVING_UP: u32 = 5;

#[cfg(test)]
mod tests {
    use super::super::probe::{ProbeKey, ProbeKind, QueuedProbe};
    use super::*;
    use crate::examine::rtt::RttEstimator;
    use crate::model::Timestamp;
    use std::time::Duration;

    fn bounds(max: u32, width: usize) -> Bounds {
        Bounds { min: PacketSize::new(68), max: PacketSize::new(max), width, flight: FirstFlight::Ladder }
    }

    /// The first two flights where two sizes are asked about first, and all rounds after them.
    fn drive_sparsely(max: u32, link: u32) -> (NextSizes, Vec<Vec<u32>>) {
        let bounds = Bounds { flight: FirstFlight::TwoSizes, ..bounds(max, WIDE) };
        let (mut first, control) = (vec![bounds.max], bounds.min);
        first.push(control);
        let mut second = bounds.sparse_ladder(&[]);
        second.push(control);
        drive_with(bounds, vec![first, second], link)
    }

    /// A network in one line: what fits is answered, the rest is lost. Returns the sizes probed, round by round.
    fn drive(bounds: Bounds, link: u32) -> (NextSizes, Vec<Vec<u32>>) {
        drive_with(bounds, vec![bounds.ladder(&[])], link)
    }

    /// The same with these rounds first.
    fn drive_with(bounds: Bounds, first: Vec<Vec<PacketSize>>, link: u32) -> (NextSizes, Vec<Vec<u32>>) {
        let mut log = ProbeLog::default();
        let mut rtt = RttEstimator::default();
        let mut rounds = Vec::new();
        let mut now = Timestamp::ZERO;
        let mut first = first.into_iter();
        let mut sizes = first.next().expect("a round");
        loop {
            rounds.push(sizes.iter().map(|s| s.bytes()).collect());
            for (i, &size) in sizes.iter().enumerate() {
                let key = ProbeKey::Echo(i as u16);
                log.launched(QueuedProbe { size, kind: ProbeKind::Sized, not_before: now }, key, now);
                if size.bytes() <= link {
                    log.answered(now + Duration::from_millis(20), &mut rtt, |f| f.key == key && f.size == size);
                }
            }
            now = now + Duration::from_secs(3);
            log.settle(now, &rtt);
            match bounds.step(&log) {
                NextSizes::Round(next) => sizes = first.next().unwrap_or(next),
                end => return (end, rounds),
            }
        }
    }

    #[test]
    fn finds_every_link_exactly_in_few_rounds() {
        for link in 68..1500 {
            let (end, rounds) = drive(bounds(1500, WIDE), link);
            let pair = Pair { passes: PacketSize::new(link), lost: PacketSize::new(link + 1) };
            assert_eq!(end, NextSizes::Pair(pair));
            let most = if link >= 1280 { 2 } else { 4 };
            assert!(rounds.len() <= most, "{link}: {rounds:?}");
            assert!(rounds.iter().all(|r| r.len() <= 32), "{link}: {rounds:?}");
        }
    }

    #[test]
    fn after_two_sizes_every_link_is_found_exactly_with_few_packets() {
        let (mut most, mut sum) = (0, 0);
        for link in 68..1500 {
            let (end, rounds) = drive_sparsely(1500, link);
            let pair = Pair { passes: PacketSize::new(link), lost: PacketSize::new(link + 1) };
            assert_eq!(end, NextSizes::Pair(pair), "{link}: {rounds:?}");
            let packets: usize = rounds.iter().map(Vec::len).sum();
            let limit = if link >= 1280 { 32 } else { 42 };
            assert!(packets <= limit, "{link}: {packets} packets, {rounds:?}");
            most = most.max(packets);
            sum += packets;
        }
        assert!(sum / (1500 - 68) <= most);
        // What links and tunnels leave of Ethernet.
        for link in [1492, 1480, 1476, 1450, 1440, 1420, 1400, 1280] {
            let (_, rounds) = drive_sparsely(1500, link);
            let packets: usize = rounds.iter().map(Vec::len).sum();
            assert!(packets <= 20, "{link}: {packets} packets, {rounds:?}");
        }
        let (end, rounds) = drive_sparsely(1500, 1500);
        assert_eq!((end, rounds), (NextSizes::Full, vec![vec![1500, 68]]));
    }

    #[test]
    fn jumbo_links_need_a_third_round() {
        for link in [1500, 1501, 4000, 8166, 8999] {
            let (end, rounds) = drive(bounds(9000, WIDE), link);
            assert_eq!(end, NextSizes::Pair(Pair { passes: PacketSize::new(link), lost: PacketSize::new(link + 1) }));
            assert!(rounds.len() <= 4, "{link}: {rounds:?}");
        }
    }

    #[test]
    fn a_narrow_search_ends_too() {
        for link in [68, 576, 1399, 1400, 1499] {
            let (end, rounds) = drive(bounds(1500, 1), link);
            assert!(rounds.len() <= 16, "{link}: {rounds:?}");
            assert_eq!(end, NextSizes::Pair(Pair { passes: PacketSize::new(link), lost: PacketSize::new(link + 1) }));
        }
    }

    #[test]
    fn a_path_as_large_as_the_interface_takes_one_round() {
        let (end, rounds) = drive(bounds(1500, WIDE), 1500);
        assert_eq!(end, NextSizes::Full);
        assert_eq!(rounds.len(), 1);
        assert_eq!(rounds[0][..4], [1500, 1492, 1480, 1476]);
        assert_eq!(rounds[0][rounds[0].len() - 2..], [68, 68]);
    }

    #[test]
    fn silence_at_every_size_ends_the_search() {
        let (end, rounds) = drive(bounds(1500, WIDE), 0);
        assert_eq!(end, NextSizes::Nothing);
        assert_eq!(rounds.len(), 2);
    }
}

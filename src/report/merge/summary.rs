//! The counts, once all is read.

use super::collection::{Collection, Endpoint, Outcome};
use super::contradiction::{Contradiction, contradictions};
use super::row::{Candidate, RowDraft};
use crate::model::worst_exit_code;
use crate::report::rows::{NO_ADDRESS, Named, RowKey};

/// A file, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead {
    /// As the user wrote it.
    pub name: String,
    /// Results in it.
    pub lines: u64,
    /// The longest line, in bytes.
    pub longest_line: usize,
    /// Whether it ended in the middle of a line, which was left out.
    pub is_cut_short: bool,
}

/// What many results come to.
#[derive(Debug)]
pub struct Summary {
    pub(super) files: Vec<FileRead>,
    /// In the order of their first lines.
    pub(super) vantages: Vec<VantageCount>,
    pub(super) targets: u64,
    pub(super) addresses: u64,
    /// When the first and the last result that counts began, in seconds since 1970.
    pub(super) span: Option<(u32, u32)>,
    /// Results that a later one of the same vantage outdates.
    pub(super) outdated: u64,
    /// The worst first, and of those the largest.
    pub(super) rows: Vec<Row>,
    pub(super) contradictions: Vec<Contradiction>,
}

/// A vantage.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VantageCount {
    pub(super) name: Box<str>,
    /// Addresses of which it has a result.
    pub(super) addresses: u64,
}

/// Results of which the same is true.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: RowKey,
    /// The smallest and the largest size that passes.
    pub(super) path_mtu: Option<(u16, u16)>,
    pub(super) targets: u64,
    pub(super) addresses: u64,
    /// By number.
    pub(super) vantages: Vec<u32>,
    pub(super) examples: Vec<Named>,
}

/// Examples that a row names.
const EXAMPLES: usize = 3;

impl Collection {
    /// Counts.
    pub fn summary(mut self, files: Vec<FileRead>) -> Summary {
        let all = self.results.len();
        self.results.sort_unstable_by_key(|result| (result.whose(), result.started, result.row));
        // The later one counts. `dedup_by` keeps the earlier of two neighbours, so they are exchanged.
        self.results.dedup_by(|later, kept| {
            let is_same = later.whose() == kept.whose();
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
        let mut counting = Counting::new(&self);
        counting.by_endpoint(&self.results);
        let contradictions = contradictions(&self);
        let examples: Vec<Vec<Named>> =
            self.rows.iter().enumerate().map(|(row, draft)| self.examples(row, draft)).collect();
        self.results.sort_unstable_by_key(|result| (result.target, result.row));
        counting.by_target(&self.results);
        let started = || self.results.iter().map(|result| result.started).filter(|started| *started > 0);
        let order = order(&counting.rows, &self.rows);
        let mut places = vec![0; self.rows.len()];
        for (place, row) in order.iter().enumerate() {
            places[*row as usize] = place as u32;
        }
        let vantages = self.vantages.into_iter().zip(counting.of_vantages);
        Summary {
            files,
            vantages: vantages.map(|(name, addresses)| VantageCount { name, addresses }).collect(),
            targets: counting.targets,
            addresses: counting.addresses,
            span: started().min().zip(started().max()),
            outdated: (all - self.results.len()) as u64,
            rows: rows(counting.rows, &self.rows, examples, &order),
            contradictions: contradictions.into_iter().map(|each| each.renumbered(&places)).collect(),
        }
    }

    /// Those whose latest result is in the row.
    fn examples(&self, row: usize, draft: &RowDraft) -> Vec<Named> {
        let mut named: Vec<Named> = Vec::new();
        for candidate in &draft.candidates {
            let one = candidate.named();
            if named.len() < EXAMPLES && !named.contains(&one) && self.is_still_in(row, candidate) {
                named.push(one);
            }
        }
        named
    }

    /// To be asked while results are in the order of endpoints.
    fn is_still_in(&self, row: usize, candidate: &Candidate) -> bool {
        let endpoint = Endpoint::of(candidate.address, candidate.port);
        let first = self.results.partition_point(|result| result.endpoint() < endpoint);
        let of_endpoint = self.results[first..].iter().take_while(|result| result.endpoint() == endpoint);
        let mut of_target = of_endpoint.filter(|result| result.target == candidate.target);
        of_target.any(|result| result.row as usize == row)
    }
}

impl Summary {
    /// What a run that found all this would exit with.
    pub fn exit_code(&self) -> u8 {
        worst_exit_code(self.rows.iter().map(|row| row.key.what.exit_code()))
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Counts of each row while results go by, sorted.
struct Counting {
    rows: Vec<RowCount>,
    of_vantages: Vec<u64>,
    targets: u64,
    addresses: u64,
}

#[derive(Clone, Default)]
struct RowCount {
    targets: u64,
    addresses: u64,
    path_mtu: Option<(u16, u16)>,
    vantages: Vec<u32>,
    last_endpoint: Option<Endpoint>,
}

impl Counting {
    fn new(collection: &Collection) -> Self {
        Self {
            rows: vec![RowCount::default(); collection.rows.len()],
            of_vantages: vec![0; collection.vantages.len()],
            targets: 0,
            addresses: 0,
        }
    }

    fn by_endpoint(&mut self, results: &[Outcome]) {
        let no_endpoint = Endpoint::of(NO_ADDRESS, 0);
        for of_endpoint in results.chunk_by(|one, next| one.endpoint() == next.endpoint()) {
            let mut seen_from: Vec<u32> = of_endpoint.iter().map(Outcome::vantage).collect();
            seen_from.sort_unstable();
            seen_from.dedup();
            let is_one = of_endpoint.first().is_some_and(|result| result.endpoint() != no_endpoint);
            self.addresses += u64::from(is_one);
            for vantage in seen_from.iter().filter(|_| is_one) {
                self.of_vantages[*vantage as usize] += 1;
            }
            for result in of_endpoint {
                self.rows[result.row as usize].note(result, is_one);
            }
        }
    }

    fn by_target(&mut self, results: &[Outcome]) {
        let mut last = None;
        for result in results {
            self.targets += u64::from(last.is_none_or(|(target, _)| target != result.target));
            if last != Some((result.target, result.row)) {
                self.rows[result.row as usize].targets += 1;
            }
            last = Some((result.target, result.row));
        }
    }
}

impl RowCount {
    fn note(&mut self, result: &Outcome, has_endpoint: bool) {
        if has_endpoint && self.last_endpoint.replace(result.endpoint()) != Some(result.endpoint()) {
            self.addresses += 1;
        }
        if result.path_mtu > 0 {
            let (least, most) = self.path_mtu.unwrap_or((result.path_mtu, result.path_mtu));
            self.path_mtu = Some((least.min(result.path_mtu), most.max(result.path_mtu)));
        }
        if let Err(place) = self.vantages.binary_search(&result.vantage()) {
            self.vantages.insert(place, result.vantage());
        }
    }
}

/// The numbers of rows in the order in which they are shown, without those whose results are all outdated.
fn order(counts: &[RowCount], drafts: &[RowDraft]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..drafts.len() as u32).filter(|row| counts[*row as usize].targets > 0).collect();
    // Stable: rows of one size stand in the order of their first lines.
    order.sort_by_key(|row| {
        let (draft, count) = (&drafts[*row as usize], &counts[*row as usize]);
        (draft.key.what.rank(), std::cmp::Reverse((count.targets, count.addresses)))
    });
    order
}

fn rows(mut counts: Vec<RowCount>, drafts: &[RowDraft], mut examples: Vec<Vec<Named>>, order: &[u32]) -> Vec<Row> {
    let row = |number: &u32| {
        let number = *number as usize;
        let (key, count) = (drafts[number].key, std::mem::take(&mut counts[number]));
        Row {
            key,
            path_mtu: count.path_mtu,
            targets: count.targets,
            addresses: count.addresses,
            vantages: count.vantages,
            examples: std::mem::take(&mut examples[number]),
        }
    };
    order.iter().map(row).collect()
}

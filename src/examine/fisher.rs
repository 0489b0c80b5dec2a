//! Fisher's exact test: are large packets lost more often than small ones by more than chance?

/// Largest p at which a difference counts as proven (design: 6 + 6 without a lost control gives 0.0011).
pub(super) const SIGNIFICANCE: f64 = 0.002;

/// How often probes of one kind were answered, of those whose fate is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trials {
    /// Probes settled.
    pub(super) total: u32,
    /// Probes answered.
    pub(super) answered: u32,
}

impl Trials {
    /// With one probe more.
    pub(super) fn with(self, is_answered: bool) -> Self {
        Self { total: self.total + 1, answered: self.answered + u32::from(is_answered) }
    }

    /// Both series taken together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { total: self.total + other.total, answered: self.answered + other.answered }
    }
}

/// The one-sided p: the chance that, with size making no difference, so many of the answers would fall to `control`.
pub(super) fn p_value(control: Trials, suspect: Trials) -> f64 {
    let answered = control.answered + suspect.answered;
    let lowest = control.answered;
    let highest = answered.min(control.total);
    let all = ln_choose(control.total + suspect.total, answered);
    (lowest..=highest)
        .filter(|&k| answered - k <= suspect.total)
        .map(|k| (ln_choose(control.total, k) + ln_choose(suspect.total, answered - k) - all).exp())
        .sum::<f64>()
        .min(1.0)
}

fn ln_choose(n: u32, k: u32) -> f64 {
    (1..=k.min(n - k)).map(|i| (f64::from(n - k.min(n - k) + i) / f64::from(i)).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(control: (u32, u32), suspect: (u32, u32)) -> f64 {
        p_value(Trials { answered: control.0, total: control.1 }, Trials { answered: suspect.0, total: suspect.1 })
    }

    /// With no suspect answered, p is C(n, a) / C(2n, a): values computed by hand.
    #[test]
    fn agrees_with_values_computed_by_hand() {
        for (control, suspect, expected) in [
            ((6, 6), (0, 6), 1.0 / 924.0),
            ((3, 3), (0, 3), 1.0 / 20.0),
            ((5, 6), (0, 6), 6.0 / 792.0),
            ((8, 12), (0, 12), 495.0 / 735_471.0),
            ((0, 6), (0, 6), 1.0),
            ((0, 0), (0, 0), 1.0),
        ] {
            assert!((p(control, suspect) - expected).abs() < 1e-9, "{control:?} {suspect:?}");
        }
    }

    #[test]
    fn equal_fates_prove_nothing() {
        assert!(p((6, 6), (6, 6)) > 0.99);
        assert!(p((3, 6), (3, 6)) > 0.5);
    }
}

//! What was measured, again and again.

use serde::Serialize;

use harness::step::Failure;

/// At least one finite number, in the order of their size.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Samples in any order.
    ///
    /// # Errors
    /// When there are none, or one is no number: a bench that measured nothing must not show a figure.
    pub fn new(mut values: Vec<f64>) -> Result<Self, Failure> {
        if values.is_empty() {
            return Err(Failure::new("nothing was measured"));
        }
        if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
            return Err(Failure::new(format!("{bad} was measured, which is no number")));
        }
        values.sort_by(f64::total_cmp);
        Ok(Self(values))
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle one; of an even number the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let (low, high) = ((self.0.len() - 1) / 2, self.0.len() / 2);
        f64::midpoint(self.0[low], self.0[high])
    }

    /// The smallest one that at least `percent` of them (1 to 100) do not exceed (nearest rank).
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (percent * self.0.len()).div_ceil(100);
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    /// This median as a multiple of another; `None` where the other is zero.
    pub fn times(&self, other: &Self) -> Option<f64> {
        let base = other.median();
        (base != 0.0).then(|| self.median() / base)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn samples(values: &[f64]) -> Samples {
        Samples::new(values.to_vec()).unwrap()
    }

    #[rstest]
    #[case(&[3.0], 3.0)]
    #[case(&[9.0, 1.0], 5.0)]
    #[case(&[9.0, 1.0, 2.0], 2.0)]
    #[case(&[4.0, 1.0, 3.0, 2.0], 2.5)]
    fn the_median_is_in_the_middle_whatever_the_order(#[case] values: &[f64], #[case] median: f64) {
        assert_eq!(samples(values).median(), median);
    }

    #[rstest]
    #[case(1, 1.0)]
    #[case(5, 1.0)]
    #[case(50, 10.0)]
    #[case(95, 19.0)]
    #[case(96, 20.0)]
    #[case(100, 20.0)]
    fn a_percentile_is_the_nearest_rank(#[case] percent: usize, #[case] expected: f64) {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(samples(&values).percentile(percent), expected);
    }

    #[test]
    fn the_95th_percentile_of_a_few_is_the_largest() {
        assert_eq!(samples(&[1.0, 7.0, 3.0]).percentile(95), 7.0);
    }

    #[test]
    fn nothing_measured_is_no_figure() {
        assert!(Samples::new(Vec::new()).is_err());
        assert!(Samples::new(vec![1.0, f64::NAN]).is_err());
        assert!(Samples::new(vec![f64::INFINITY]).is_err());
    }

    #[test]
    fn a_ratio_compares_medians_and_knows_no_division_by_zero() {
        assert_eq!(samples(&[2.0, 4.0]).times(&samples(&[6.0])), Some(0.5));
        assert_eq!(samples(&[2.0]).times(&samples(&[0.0])), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_samples_and_never_fall(values in prop::collection::vec(-1e9..1e9_f64, 1..50)) {
            let samples = samples(&values);
            let found: Vec<f64> = (1..=100).map(|percent| samples.percentile(percent)).collect();
            prop_assert!(found.iter().all(|value| values.contains(value)));
            prop_assert!(found.is_sorted());
            prop_assert!((found[0]..=found[99]).contains(&samples.median()));
        }
    }
}

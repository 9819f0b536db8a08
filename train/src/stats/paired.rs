//! One policy against another on the same weeks and job seeds.
//!
//! In: two tables of J. Out: mean difference and probability of improvement, with intervals.
//! Always: a positive difference means the first policy is cheaper.
//! Not here: gap captured (`gap.rs`).

use super::{Bootstrap, Estimate, Scores, StatsError};

/// The first policy seen against the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedComparison {
    /// Mean of (J of the second - J of the first), in the unit of the scores: what the first saves per week.
    pub saving: Estimate,
    /// Chance that the first is cheaper on a week and seed drawn at random; a tie counts one half.
    pub probability_of_improvement: Estimate,
}

impl PairedComparison {
    /// Whether the interval of the saving lies above zero.
    pub fn is_clearly_better(&self) -> bool {
        self.saving.lo > 0.0
    }
}

/// Compares two policies pair by pair.
///
/// Jobs are the same in both halves of a pair, so the probability of improvement compares pairs, not all
/// combinations of seeds as for independent runs.
///
/// # Errors
/// [`StatsError::NotPaired`] if the tables differ in size.
pub fn compare_paired(first: &Scores, second: &Scores, bootstrap: &Bootstrap) -> Result<PairedComparison, StatsError> {
    first.require_pairs(second)?;
    let mean_over = |of: &dyn Fn(f64, f64) -> f64| {
        let weekly: Vec<f64> = (0..first.weeks())
            .map(|week| {
                let pairs = first.week(week).iter().zip(second.week(week));
                pairs.map(|(a, b)| of(*a, *b)).sum::<f64>() / first.seeds() as f64
            })
            .collect();
        let mean = |weeks: &[usize]| weeks.iter().map(|week| weekly[*week]).sum::<f64>() / weeks.len() as f64;
        bootstrap.estimate(first.weeks(), |weeks| Some(mean(weeks))).expect("a mean of at least one week is defined")
    };
    let wins = |a: f64, b: f64| match a.total_cmp(&b) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    };
    Ok(PairedComparison { saving: mean_over(&|a, b| b - a), probability_of_improvement: mean_over(&wins) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saving_and_probability_are_means_over_pairs() {
        // Pairs (1, 3), (2, 2), (5, 4), (0, 4): savings 2, 0, -1, 4; wins 1, 1/2, 0, 1.
        let first = Scores::new(2, 2, vec![1.0, 2.0, 5.0, 0.0]).unwrap();
        let second = Scores::new(2, 2, vec![3.0, 2.0, 4.0, 4.0]).unwrap();
        let found = compare_paired(&first, &second, &Bootstrap::default()).unwrap();
        // Weekly savings are 1 and 1.5, weekly wins 0.75 and 0.5.
        assert_eq!(found.saving, Estimate { value: 1.25, lo: 1.0, hi: 1.5 });
        assert_eq!(found.probability_of_improvement, Estimate { value: 0.625, lo: 0.5, hi: 0.75 });
        assert!(found.is_clearly_better());
        let back = compare_paired(&second, &first, &Bootstrap::default()).unwrap();
        assert_eq!(back.saving.value, -1.25);
        assert!(!back.is_clearly_better());
    }

    #[test]
    fn a_constant_saving_is_certain_however_much_the_weeks_differ() {
        let base: Vec<f64> = (0..13).map(|week| 1000.0 * f64::from(week)).collect();
        let cheaper: Vec<f64> = base.iter().map(|j| j - 8.0).collect();
        let (first, second) = (Scores::new(13, 1, cheaper).unwrap(), Scores::new(13, 1, base).unwrap());
        let found = compare_paired(&first, &second, &Bootstrap::default()).unwrap();
        assert_eq!(found.saving, Estimate { value: 8.0, lo: 8.0, hi: 8.0 });
    }
}

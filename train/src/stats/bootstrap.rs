//! Percentile bootstrap clustered by week.
//!
//! In: a number of weeks and a statistic of a list of weeks. Out: the statistic with its interval.
//! Always: the same seed gives the same draws, whatever the statistic, so that differences of statistics are paired.
//! Not here: which statistics there are (`gap.rs`, `paired.rs`).

use flexai_env::core::SeedTree;
use rand::RngExt;

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The statistic of the data as it is.
    pub value: f64,
    /// Lower end of the interval.
    pub lo: f64,
    /// Upper end of the interval.
    pub hi: f64,
}

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Number of times the weeks are drawn anew.
    pub resamples: usize,
    /// Share of resamples inside the interval, in (0, 1).
    pub confidence: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 10_000, confidence: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    /// The statistic of all weeks and of weeks drawn with replacement; `None` where it is not defined.
    ///
    /// A draw for which the statistic is not defined is left out. With no defined draw the interval is the value itself.
    pub fn estimate(&self, weeks: usize, statistic: impl Fn(&[usize]) -> Option<f64>) -> Option<Estimate> {
        let all: Vec<usize> = (0..weeks).collect();
        let value = statistic(&all)?;
        let mut rng = SeedTree::new(self.seed).stream("bootstrap");
        let mut drawn = vec![0; weeks];
        let mut found = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            drawn.fill_with(|| rng.random_range(0..weeks));
            found.extend(statistic(&drawn));
        }
        found.sort_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        let at = |share: f64| percentile(&found, share).unwrap_or(value);
        Some(Estimate { value, lo: at(tail), hi: at(1.0 - tail) })
    }
}

/// Percentile of sorted values with linear interpolation (numpy's default, Hyndman and Fan's type 7).
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_neighbours() {
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(percentile(&sorted, 0.5), Some(4.0));
        assert_eq!(percentile(&sorted, 0.625), Some(6.0));
        assert_eq!((percentile(&sorted, 0.0), percentile(&sorted, 1.0)), (Some(1.0), Some(16.0)));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn a_constant_statistic_has_an_interval_of_no_width() {
        let estimate = Bootstrap::default().estimate(5, |_| Some(2.5)).unwrap();
        assert_eq!(estimate, Estimate { value: 2.5, lo: 2.5, hi: 2.5 });
        assert_eq!(Bootstrap::default().estimate(5, |_| None), None);
    }

    #[test]
    fn the_interval_of_a_mean_of_two_weeks_is_that_of_four_equal_cases() {
        // Draws (0,0), (0,1), (1,0), (1,1) have means 0, 1, 1, 2, each end with probability 1/4 > 2.5 %.
        let values = [0.0, 2.0];
        let mean = |weeks: &[usize]| Some(weeks.iter().map(|week| values[*week]).sum::<f64>() / 2.0);
        let estimate = Bootstrap::default().estimate(2, mean).unwrap();
        assert_eq!(estimate, Estimate { value: 1.0, lo: 0.0, hi: 2.0 });
    }

    #[test]
    fn the_interval_of_a_mean_agrees_with_the_normal_approximation() {
        // Mean of 100 weeks 0..99: standard error of the resampled mean = sqrt((100^2 - 1) / 12 / 100) = 2.8866.
        let mean = |weeks: &[usize]| Some(weeks.iter().map(|week| *week as f64).sum::<f64>() / 100.0);
        let estimate = Bootstrap::default().estimate(100, mean).unwrap();
        assert_eq!(estimate.value, 49.5);
        assert!((estimate.lo - (49.5 - 1.96 * 2.8866)).abs() < 0.25, "{estimate:?}");
        assert!((estimate.hi - (49.5 + 1.96 * 2.8866)).abs() < 0.25, "{estimate:?}");
    }

    #[test]
    fn equal_seeds_give_equal_intervals_and_other_seeds_other_ones() {
        let values = [0.3, 1.7, 2.9, 5.1, 4.2, 0.9, 3.3];
        let mean = |weeks: &[usize]| Some(weeks.iter().map(|week| values[*week]).sum::<f64>() / 7.0);
        let with = |seed| Bootstrap { seed, resamples: 200, ..Bootstrap::default() }.estimate(7, mean).unwrap();
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }
}

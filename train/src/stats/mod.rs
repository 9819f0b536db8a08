//! Statistics of an evaluation: share of the oracle's gain captured, paired differences, bootstrap intervals.
//!
//! In: costs J in pounds per scored week and job seed, for each policy. Out: point estimates with 95 % intervals.
//! Always: weeks are what is drawn again, with all their seeds; every policy sees the same draws, so that pairs stay pairs.
//! Not here: how J is made (`flexai-env`), how it is shown (the report).

mod bootstrap;
mod gap;
mod paired;
mod profile;

pub use bootstrap::{Bootstrap, Estimate};
pub use gap::{GapCaptured, MIN_HEADROOM_GBP, gap_captured, interquartile_mean};
pub use paired::{PairedComparison, compare_paired};
pub use profile::{optimality_gap, performance_profile, profile_scores};

/// Scores of one policy: one number per scored week and job seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    weeks: usize,
    seeds: usize,
    values: Vec<f64>,
}

/// Scores that do not fit together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Not a full table of weeks x seeds.
    #[error(
        "scores: {found} values, but {weeks} weeks x {seeds} seeds are expected\n\nhint: evaluate every week with every seed"
    )]
    NotATable {
        /// Values given.
        found: usize,
        /// Weeks expected.
        weeks: usize,
        /// Seeds expected.
        seeds: usize,
    },
    /// A value that is no finite number.
    #[error(
        "scores: week {week}, seed {seed} is {value}, but a finite number is expected\n\nhint: look at this week's ledger"
    )]
    NotFinite {
        /// Position of the week, from 0.
        week: usize,
        /// Position of the seed, from 0.
        seed: usize,
        /// What was found.
        value: f64,
    },
    /// Two policies with different tables.
    #[error(
        "scores: one policy has {found:?} (weeks, seeds), the other {expected:?}, but pairs need equal tables\n\nhint: evaluate both on the same weeks and seeds"
    )]
    NotPaired {
        /// Weeks and seeds of one.
        found: (usize, usize),
        /// Weeks and seeds of the other.
        expected: (usize, usize),
    },
}

impl Scores {
    /// A table in week-major order: all seeds of the first week, then those of the second.
    ///
    /// # Errors
    /// [`StatsError`] if the table is empty, not full, or holds a value that is no finite number.
    pub fn new(weeks: usize, seeds: usize, values: Vec<f64>) -> Result<Self, StatsError> {
        if values.is_empty() || values.len() != weeks * seeds {
            return Err(StatsError::NotATable { found: values.len(), weeks, seeds });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(StatsError::NotFinite { week: at / seeds, seed: at % seeds, value: values[at] }),
            None => Ok(Self { weeks, seeds, values }),
        }
    }

    /// Number of weeks.
    pub fn weeks(&self) -> usize {
        self.weeks
    }

    /// Number of seeds per week.
    pub fn seeds(&self) -> usize {
        self.seeds
    }

    /// All values in week-major order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The seeds of one week.
    pub fn week(&self, week: usize) -> &[f64] {
        &self.values[week * self.seeds..(week + 1) * self.seeds]
    }

    /// Mean over all weeks and seeds.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    fn require_pairs(&self, other: &Scores) -> Result<(), StatsError> {
        let (found, expected) = ((other.weeks, other.seeds), (self.weeks, self.seeds));
        if found == expected { Ok(()) } else { Err(StatsError::NotPaired { found, expected }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_a_hole_or_a_nan_is_refused_with_its_place() {
        let text = Scores::new(2, 2, vec![1.0; 3]).unwrap_err().to_string();
        assert!(text.starts_with("scores: 3 values, but 2 weeks x 2 seeds are expected\n\nhint: "), "{text}");
        let text = Scores::new(2, 2, vec![1.0, 1.0, 1.0, f64::NAN]).unwrap_err().to_string();
        assert!(text.starts_with("scores: week 1, seed 1 is NaN"), "{text}");
        let (a, b) = (Scores::new(1, 2, vec![1.0; 2]).unwrap(), Scores::new(2, 1, vec![1.0; 2]).unwrap());
        let text = a.require_pairs(&b).unwrap_err().to_string();
        assert!(text.contains("one policy has (2, 1) (weeks, seeds), the other (1, 2)"), "{text}");
    }

    #[test]
    fn a_week_is_a_row_of_its_seeds() {
        let scores = Scores::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(scores.week(1), [4.0, 5.0, 6.0]);
        assert_eq!(scores.mean(), 3.5);
    }
}

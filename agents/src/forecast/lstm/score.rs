//! How good a forecast of a series was over a part of it.
//!
//! In: a forecaster, a series, a part. Out: [`SeriesScore`].
//! Always: every half-hour is an origin; holes are not scored; the forecaster sees nothing at or after its origin.
//! Not here: which forecaster is chosen (`fit.rs`).

use super::super::contract::{Distribution, LEVELS};
use super::super::significance::mean_and_error;
use super::floors::Floor;
use super::series::{HORIZON, Part, SeriesForecaster, ShortHistory, WorkloadSeries};
use serde::{Deserialize, Serialize};

/// Origins whose losses depend on each other: two days.
const DEPENDENT: usize = 96;

/// Errors over a part of a series, in its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesScore {
    /// Moments at which a forecast was issued.
    pub origins: usize,
    /// Mean absolute error of the median.
    pub mae: f64,
    /// Of each floor, in the order of [`Floor::ALL`].
    pub floor_mae: [f64; Floor::ALL.len()],
    /// Mean pinball loss over the deciles.
    pub pinball: f64,
    /// Share of truths inside the 80 % interval.
    pub coverage: f64,
    /// Diebold-Mariano statistic of absolute errors against each floor; negative is better. `None` where the part is too
    /// short to tell (fewer than three times two days of origins).
    pub diebold_mariano: [Option<f64>; Floor::ALL.len()],
}

impl SeriesScore {
    /// The floor with the least error.
    pub fn best_floor(&self) -> Floor {
        let mut best = 0;
        for i in 1..Floor::ALL.len() {
            if self.floor_mae[i] < self.floor_mae[best] {
                best = i;
            }
        }
        Floor::ALL[best]
    }

    /// Error against a floor's: below 0 is better, -0.2 is a fifth better.
    pub fn against(&self, floor: Floor) -> f64 {
        let i = Floor::ALL.iter().position(|f| *f == floor).expect("all floors are in the list");
        self.mae / self.floor_mae[i] - 1.0
    }
}

/// Scores a forecaster; `None` if the part holds no origin.
///
/// # Errors
/// [`ShortHistory`] if it has nothing to say at some origin.
pub fn score(
    forecaster: &dyn SeriesForecaster,
    series: &WorkloadSeries,
    part: Part,
) -> Result<Option<SeriesScore>, ShortHistory> {
    let mut losses: Vec<[f64; 1 + Floor::ALL.len()]> = Vec::new();
    let (mut pinball, mut inside, mut count) = (0.0, 0.0, 0.0);
    for t in series.origins(part) {
        let history = &series.values[..t];
        let told = forecaster.forecast(history, series.start.plus(t))?;
        let floors = Floor::ALL.map(|floor| floor.forecast(history));
        let (mut sums, mut known) = ([0.0; 1 + Floor::ALL.len()], 0.0);
        for (k, d) in told.iter().enumerate() {
            let truth = series.values[t + k];
            if !truth.is_finite() {
                continue;
            }
            known += 1.0;
            sums[0] += (d.quantiles[LEVELS.len() / 2] - truth).abs();
            for (sum, floor) in sums[1..].iter_mut().zip(&floors) {
                *sum += (floor[k] - truth).abs();
            }
            pinball += d.pinball(truth);
            inside += f64::from(u8::from((d.quantiles[0]..=d.quantiles[LEVELS.len() - 1]).contains(&truth)));
            count += 1.0;
        }
        if known > 0.0 {
            losses.push(sums.map(|sum| sum / known));
        }
    }
    if losses.is_empty() {
        return Ok(None);
    }
    let mean = |i: usize| losses.iter().map(|l| l[i]).sum::<f64>() / losses.len() as f64;
    let against = |i: usize| {
        let differences: Vec<f64> = losses.iter().map(|l| l[0] - l[i]).collect();
        diebold_mariano(&differences, DEPENDENT)
    };
    Ok(Some(SeriesScore {
        origins: losses.len(),
        mae: mean(0),
        floor_mae: [mean(1), mean(2), mean(3)],
        pinball: pinball / count,
        coverage: inside / count,
        diebold_mariano: [against(1), against(2), against(3)],
    }))
}

/// Mean difference of losses over its standard error.
///
/// Source: Diebold and Mariano 1995, "Comparing predictive accuracy".
fn diebold_mariano(differences: &[f64], lag: usize) -> Option<f64> {
    let long_enough = differences.len() >= 3 * lag;
    long_enough.then(|| mean_and_error(differences, lag - 1)).flatten().map(|(mean, error)| mean / error)
}

/// Says the same as a floor, without spread.
#[derive(Debug, Clone, Copy)]
pub struct FloorForecaster(pub Floor);

impl SeriesForecaster for FloorForecaster {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn forecast(&self, history: &[f64], _: super::series::WeekClock) -> Result<[Distribution; HORIZON], ShortHistory> {
        Ok(self.0.forecast(history).map(Distribution::certain))
    }
}

//! One Prophet: trend with changepoints, seasonalities of the clock, regressors, and the noise around them.
//!
//! In: a series with its inputs. Out: [`Additive`], which gives the expected value of any period whose inputs are there.
//! Always: scaled as Prophet scales (greatest absolute value 1, time 0 to 1, regressors to mean 0 and deviation 1);
//! parameters come from [`MapOptimizer`] through the trait of `augurs-prophet`.
//! Not here: what the latest values say (`correction.rs`).
//!
//! `augurs-prophet`'s own `Prophet` is not used beyond its data and its trait: it keeps columns in hash maps, so that
//! their order and the last digits differ from run to run; it can be neither saved nor loaded; and it draws its
//! intervals from the thread's generator.

use super::design::{Clock, Regressor, Seasonalities, fill_regressors};
use super::inputs::Inputs;
use super::solver::MapOptimizer;
use augurs_prophet::optimizer::{Data, InitialParams, OptimizeOpts, Optimizer, TrendIndicator};
use augurs_prophet::{PositiveFloat, TryFromFloatError};
use flexai_env::grid::calendar::{PERIODS_PER_DAY, PERIODS_PER_WEEK, Period};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Shape of a model and width of its priors; defaults are Prophet's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdditiveOptions {
    /// The clock of day and week.
    pub clock: Clock,
    /// Fourier orders.
    pub seasonalities: Seasonalities,
    /// External regressors.
    pub regressors: Vec<Regressor>,
    /// Whether there is a trend at all; without one a level is left.
    pub trend: bool,
    /// Potential changes of trend; 0 leaves one line.
    pub changepoints: usize,
    /// Part of the history in which they lie.
    pub changepoint_range: f64,
    /// Scale of the Laplace prior on a change of rate.
    pub changepoint_prior: f64,
    /// Deviation of the normal prior on a coefficient of seasonality.
    pub seasonality_prior: f64,
    /// Deviation of the normal prior on a coefficient of a regressor.
    pub regressor_prior: f64,
}

impl Default for AdditiveOptions {
    fn default() -> Self {
        Self {
            clock: Clock::Utc,
            seasonalities: Seasonalities { daily: 4, weekend: 0, weekly: 3, yearly: 10 },
            regressors: Vec::new(),
            trend: true,
            changepoints: 25,
            changepoint_range: 0.8,
            changepoint_prior: 0.05,
            seasonality_prior: 10.0,
            regressor_prior: 10.0,
        }
    }
}

/// Why a series could not be fitted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ModelError {
    #[error("{rows} usable periods, expected at least {needed}")]
    TooShort { rows: usize, needed: usize },
    #[error(transparent)]
    Prior(#[from] TryFromFloatError),
    #[error(transparent)]
    Optimizer(#[from] augurs_prophet::optimizer::Error),
}

/// A regressor with the scale it was fitted at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scaled {
    regressor: Regressor,
    mean: f64,
    deviation: f64,
    coefficient: f64,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Additive {
    clock: Clock,
    seasonalities: Seasonalities,
    /// Where scaled time is 0, and half-hours until it is 1.
    start: Period,
    periods: f64,
    /// What a scaled value of 1 stands for.
    pub(super) unit: f64,
    rate: f64,
    offset: f64,
    /// Scaled times of changes of rate, and the changes.
    changes: Vec<(f64, f64)>,
    seasonal: Vec<f64>,
    regressors: Vec<Scaled>,
    /// Deviation of the noise, scaled.
    noise: f64,
}

impl Additive {
    /// Fits to the periods `rows` (ascending), whose values and regressors must all be there.
    pub(super) fn fit(
        inputs: &(impl Inputs + ?Sized),
        rows: &[usize],
        values: &[f64],
        options: &AdditiveOptions,
    ) -> Result<Self, ModelError> {
        let columns = options.seasonalities.columns() + options.regressors.len();
        let needed = 2 * (columns + options.changepoints + 2);
        if rows.len() < needed {
            return Err(ModelError::TooShort { rows: rows.len(), needed });
        }
        let (mut data, scales) = build(inputs, rows, values, options)?;
        if columns == 0 {
            // Prophet's data hold at least one column.
            data.X = vec![0.0; rows.len()];
            (data.K, data.s_a, data.s_m, data.sigmas) = (1, vec![1], vec![0], vec![PositiveFloat::one()]);
        }
        let start = InitialParams {
            k: 0.0,
            m: 0.0,
            delta: vec![0.0; data.t_change.len()],
            beta: vec![0.0; data.sigmas.len()],
            sigma_obs: PositiveFloat::one(),
        };
        let found = MapOptimizer.optimize(&start, &data, &OptimizeOpts::default())?;
        let seasonal = options.seasonalities.columns();
        Ok(Self {
            clock: options.clock,
            seasonalities: options.seasonalities,
            start: inputs.period(rows[0]),
            periods: scales.periods,
            unit: scales.unit,
            rate: found.k,
            offset: found.m,
            changes: data.t_change.iter().copied().zip(found.delta).collect(),
            seasonal: found.beta[..seasonal].to_vec(),
            regressors: scales
                .regressors
                .iter()
                .zip(&found.beta[seasonal..])
                .map(|(scaled, coefficient)| Scaled { coefficient: *coefficient, ..scaled.clone() })
                .collect(),
            noise: f64::from(found.sigma_obs),
        })
    }

    /// Makes it ready to speak of many periods.
    pub(super) fn ready(&self) -> Ready {
        let s = &self.seasonalities;
        let (daily, rest) = self.seasonal.split_at(2 * s.daily);
        let (weekend, rest) = rest.split_at(2 * s.weekend);
        let (weekly, yearly) = rest.split_at(2 * s.weekly);
        let table = |length: usize, waves: &[f64]| -> Vec<f64> {
            (0..length).map(|i| series(TAU * i as f64 / length as f64, waves)).collect()
        };
        Ready {
            model: self.clone(),
            daily: table(PERIODS_PER_DAY, daily),
            weekend: table(PERIODS_PER_DAY, weekend),
            weekly: table(PERIODS_PER_WEEK, weekly),
            yearly: yearly.to_vec(),
        }
    }

    /// Whether it needs published forecasts.
    pub(super) fn is_published(&self) -> bool {
        self.regressors.iter().any(|r| r.regressor.is_published())
    }

    /// Faults of a model that was read from a file.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let scales = self.regressors.iter().flat_map(|r| [r.mean, r.deviation, r.coefficient]);
        let changes = self.changes.iter().flat_map(|(at, by)| [*at, *by]);
        let single = [self.periods, self.unit, self.rate, self.offset, self.noise];
        let finite = scales.chain(changes).chain(single).chain(self.seasonal.iter().copied()).all(f64::is_finite);
        if !finite {
            return Some("a parameter is not finite");
        }
        if self.periods <= 0.0 || self.unit <= 0.0 || self.regressors.iter().any(|r| r.deviation <= 0.0) {
            return Some("a scale is not positive");
        }
        (self.seasonal.len() != self.seasonalities.columns()).then_some("seasonal coefficients do not match the orders")
    }
}

/// A model with its seasonalities laid out as tables.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    model: Additive,
    daily: Vec<f64>,
    weekend: Vec<f64>,
    weekly: Vec<f64>,
    yearly: Vec<f64>,
}

impl Ready {
    /// Expected value of period `t`; `None` where a regressor is missing. `row` is working memory.
    pub(super) fn expected(&self, inputs: &(impl Inputs + ?Sized), t: usize, row: &mut Vec<f64>) -> Option<f64> {
        let model = &self.model;
        row.clear();
        if !fill_regressors(model.regressors.iter().map(|r| r.regressor), inputs, t, row) {
            return None;
        }
        let mut scaled: f64 =
            model.regressors.iter().zip(row.iter()).map(|(r, x)| r.coefficient * (x - r.mean) / r.deviation).sum();
        let time = (inputs.period(t) - model.start) as f64 / model.periods;
        scaled += model.rate * time + model.offset;
        scaled += model.changes.iter().map(|(at, by)| by * (time - at).max(0.0)).sum::<f64>();
        let reading = model.clock.reading(inputs, t);
        let day = reading.rem_euclid(PERIODS_PER_DAY as i64) as usize;
        scaled += self.daily[day] + self.weekly[reading.rem_euclid(PERIODS_PER_WEEK as i64) as usize];
        if super::design::is_weekend(reading) {
            scaled += self.weekend[day];
        }
        if !self.yearly.is_empty() {
            let year = super::design::PERIODS_PER_YEAR;
            scaled += series(TAU * (reading as f64).rem_euclid(year) / year, &self.yearly);
        }
        Some(scaled * model.unit)
    }
}

/// A Fourier series at an angle: pairs of sine and cosine, from the first harmonic on.
fn series(angle: f64, waves: &[f64]) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let (mut s, mut c, mut sum) = (sine, cosine, 0.0);
    for pair in waves.chunks_exact(2) {
        sum += pair[0] * s + pair[1] * c;
        (s, c) = (s * cosine + c * sine, c * cosine - s * sine);
    }
    sum
}

struct Scales {
    periods: f64,
    unit: f64,
    regressors: Vec<Scaled>,
}

/// The series as Prophet's Stan program takes it.
#[cfg(test)]
pub(super) fn build_data(
    inputs: &(impl Inputs + ?Sized),
    rows: &[usize],
    values: &[f64],
    options: &AdditiveOptions,
) -> Result<Data, ModelError> {
    build(inputs, rows, values, options).map(|(data, _)| data)
}

fn build(
    inputs: &(impl Inputs + ?Sized),
    rows: &[usize],
    values: &[f64],
    options: &AdditiveOptions,
) -> Result<(Data, Scales), ModelError> {
    let seasonal = options.seasonalities.columns();
    let columns = seasonal + options.regressors.len();
    let first = inputs.period(rows[0]);
    let periods = (inputs.period(rows[rows.len() - 1]) - first) as f64;
    let unit = values.iter().fold(0.0_f64, |most, y| most.max(y.abs()));
    let unit = if unit == 0.0 { 1.0 } else { unit };
    let t: Vec<f64> = rows.iter().map(|i| (inputs.period(*i) - first) as f64 / periods).collect();
    let mut x = Vec::with_capacity(rows.len() * columns);
    for i in rows {
        options.seasonalities.fill(options.clock.reading(inputs, *i), &mut x);
        let there = fill_regressors(options.regressors.iter().copied(), inputs, *i, &mut x);
        assert!(there, "the caller chose rows whose regressors are there");
    }
    let regressors = (seasonal..columns)
        .map(|c| {
            let (mean, deviation) = moments(x.iter().skip(c).step_by(columns).copied());
            x.iter_mut().skip(c).step_by(columns).for_each(|v| *v = (*v - mean) / deviation);
            Scaled { regressor: options.regressors[c - seasonal], mean, deviation, coefficient: 0.0 }
        })
        .collect();
    let t_change = changepoints(&t, options);
    let prior = |scale: f64, count: usize| PositiveFloat::try_new(scale).map(|s| vec![s; count]);
    let mut sigmas = prior(options.seasonality_prior, seasonal)?;
    sigmas.extend(prior(options.regressor_prior, columns - seasonal)?);
    let data = Data {
        T: rows.len() as i32,
        y: values.iter().map(|y| y / unit).collect(),
        cap: vec![0.0; rows.len()],
        S: t_change.len() as i32,
        t_change,
        trend_indicator: if options.trend { TrendIndicator::Linear } else { TrendIndicator::Flat },
        K: columns as i32,
        s_a: vec![1; columns],
        s_m: vec![0; columns],
        X: x,
        sigmas,
        tau: PositiveFloat::try_new(options.changepoint_prior)?,
        t,
    };
    Ok((data, Scales { periods, unit, regressors }))
}

/// Times of potential changes, evenly over the rows of the first part of the history, as Prophet places them.
fn changepoints(t: &[f64], options: &AdditiveOptions) -> Vec<f64> {
    let rows = (t.len() as f64 * options.changepoint_range).floor() as usize;
    let count = options.changepoints.min(rows.saturating_sub(1));
    if count == 0 {
        return vec![0.0];
    }
    let step = (rows as f64 - 1.0) / count as f64;
    (1..=count).map(|i| t[(i as f64 * step).round_ties_even() as usize]).collect()
}

/// Mean and sample deviation; a constant column keeps a deviation of 1.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}

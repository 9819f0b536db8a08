//! Fits workload forecasts: trains the network, then chooses for each series on its validation part.
//!
//! In: series. Out: [`WorkloadForecasts`] with the figures of its choice.
//! Always: fit on the first 70 % of each series, chosen and calibrated on the next 15 %; the last 15 % are only reported.
//! Not here: gradients (`train.rs`).

use super::super::contract::LEVELS;
use super::features::Example;
use super::floors::Floor;
use super::forecasts::{Choice, FLOOR_GROUPS, SeriesEntry, WorkloadForecasts};
use super::network::LstmNetwork;
use super::options::LstmOptions;
use super::score::{SeriesScore, score};
use super::series::{HORIZON, Part, ShortHistory, WorkloadSeries};
use super::train::{lessons, train};
use crate::device::{self, DeviceChoice, DeviceError};

/// Share of truths that the outer quantiles are stretched to hold.
const NOMINAL: f64 = 0.8;
const SPREADS: (f64, f64) = (0.25, 4.0);
/// Origins from which a floor's misses are taken, at most.
const MOST_ORIGINS: usize = 1500;

/// Why there are no workload forecasts.
#[derive(Debug, thiserror::Error)]
pub enum LstmFitError {
    /// Every part must hold a forecast and the week before it.
    #[error(
        "series `{name}` has {len} half-hours, too few for three parts with a forecast each\n\nhint: 12 days are enough"
    )]
    TooShort {
        /// The series.
        name: String,
        /// Its length.
        len: usize,
    },
    /// There is nothing to fit.
    #[error("no series was given\n\nhint: name a folder that holds workload traces")]
    Nothing,
    /// A week of holes.
    #[error("series `{name}`: {source}")]
    Holes {
        /// The series.
        name: String,
        /// What was missing.
        source: ShortHistory,
    },
    /// The device does not compute.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// Fits all series together.
///
/// # Errors
/// [`LstmFitError`].
pub fn fit_all(series: &[WorkloadSeries], options: &LstmOptions) -> Result<WorkloadForecasts, LstmFitError> {
    if series.is_empty() {
        return Err(LstmFitError::Nothing);
    }
    for one in series {
        let parts = [Part::Fit, Part::Validation, Part::Test];
        if parts.iter().any(|part| one.origins(*part).is_empty()) || lessons(one, Part::Fit, 1).is_empty() {
            return Err(LstmFitError::TooShort { name: one.name.clone(), len: one.values.len() });
        }
    }
    let device = device::open(DeviceChoice::Flex)?;
    let (network, _) = train(series, options, &device);
    let entries =
        series.iter().map(|one| choose(&network, options, one)).collect::<Result<Vec<SeriesEntry>, LstmFitError>>()?;
    Ok(WorkloadForecasts::new(network, *options, entries))
}

fn choose(network: &LstmNetwork, options: &LstmOptions, series: &WorkloadSeries) -> Result<SeriesEntry, LstmFitError> {
    let nothing = SeriesScore {
        origins: 0,
        mae: 0.0,
        floor_mae: [0.0; Floor::ALL.len()],
        pinball: 0.0,
        coverage: 0.0,
        diebold_mariano: [None; Floor::ALL.len()],
    };
    let mut entry = SeriesEntry {
        name: series.name.clone(),
        unit: series.unit.clone(),
        choice: Choice::Lstm,
        spread: spread(network, series),
        floor_quantiles: [[0.0; LEVELS.len()]; FLOOR_GROUPS],
        validation: nothing.clone(),
        test: nothing.clone(),
        chosen_test: nothing,
    };
    let scored = |entry: &SeriesEntry, part: Part| {
        let one = WorkloadForecasts::new(network.clone(), *options, vec![entry.clone()]);
        let forecaster = one.forecaster(&series.name).expect("it is the only entry");
        let short = || LstmFitError::TooShort { name: series.name.clone(), len: series.values.len() };
        score(&forecaster, series, part)
            .map_err(|source| LstmFitError::Holes { name: series.name.clone(), source })?
            .ok_or_else(short)
    };
    entry.validation = scored(&entry, Part::Validation)?;
    entry.test = scored(&entry, Part::Test)?;
    let floor = entry.validation.best_floor();
    entry.floor_quantiles = floor_quantiles(floor, series);
    if entry.validation.against(floor) >= 0.0 {
        entry.choice = Choice::Floor(floor);
    }
    entry.chosen_test = scored(&entry, Part::Test)?;
    Ok(entry)
}

/// What the network's outer quantiles must be stretched by to hold the nominal share of the validation part.
fn spread(network: &LstmNetwork, series: &WorkloadSeries) -> f64 {
    let mut needed = Vec::new();
    for lesson in lessons(series, Part::Validation, MOST_ORIGINS) {
        for (truth, quantiles) in lesson.truth.iter().zip(network.raw(&lesson.example)) {
            let mut q = quantiles;
            q.sort_by(f32::total_cmp);
            let miss = truth - q[LEVELS.len() / 2];
            let side = if miss >= 0.0 { q[LEVELS.len() - 1] } else { q[0] } - q[LEVELS.len() / 2];
            if truth.is_finite() {
                needed.push(f64::from(miss / if side == 0.0 { f32::MIN_POSITIVE } else { side }));
            }
        }
    }
    quantile(&mut needed, NOMINAL).clamp(SPREADS.0, SPREADS.1)
}

/// A floor's misses on the first part, in deviations of the week before.
fn floor_quantiles(floor: Floor, series: &WorkloadSeries) -> [[f64; LEVELS.len()]; FLOOR_GROUPS] {
    let mut misses: [Vec<f64>; FLOOR_GROUPS] = Default::default();
    let origins = series.origins(Part::Fit);
    let step = origins.len().div_ceil(MOST_ORIGINS).max(1);
    for t in origins.step_by(step) {
        let history = &series.values[..t];
        let Ok(example) = Example::new(history, series.start.plus(t)) else { continue };
        for (k, told) in floor.forecast(history).iter().enumerate() {
            let miss = (series.values[t + k] - told) / example.scale;
            if miss.is_finite() {
                misses[k * FLOOR_GROUPS / HORIZON].push(miss);
            }
        }
    }
    misses.map(|mut part| LEVELS.map(|level| quantile(&mut part, level)))
}

/// By rank; 0 of nothing.
fn quantile(values: &mut [f64], level: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (level * values.len().saturating_sub(1) as f64).round() as usize;
    values.get(rank).copied().unwrap_or(0.0)
}

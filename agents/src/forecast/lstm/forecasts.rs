//! Fitted workload forecasts: one network for all series, and for each series whether it or a floor is used.
//!
//! In: a fit or a file. Out: [`WorkloadForecasts`], and a [`WorkloadForecaster`] per series.
//! Always: no Burn; quantiles do not cross and are not negative; a damaged file is refused with what is wrong in it.
//! Not here: learning (`train.rs`), choosing (`fit.rs`).

use super::super::contract::{Distribution, LEVELS};
use super::features::Example;
use super::floors::Floor;
use super::network::{LEVEL_COUNT, LstmNetwork};
use super::options::LstmOptions;
use super::score::SeriesScore;
use super::series::{HORIZON, SeriesForecaster, ShortHistory, WeekClock};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;
const KIND: &str = "workload_lstm";
/// Groups of half-hours ahead with a distribution of their own around a floor.
pub(super) const FLOOR_GROUPS: usize = 4;
const MEDIAN: usize = LEVELS.len() / 2;

/// What speaks of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The network.
    Lstm,
    /// A floor, because it was better on the validation part.
    Floor(Floor),
}

/// One series of a fit: the manifest's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesEntry {
    /// Name of the series.
    pub name: String,
    /// What a value is.
    pub unit: String,
    /// What speaks of it.
    pub choice: Choice,
    /// What the network's quantiles are stretched by, so that eight in ten truths of the validation part lie inside.
    pub spread: f64,
    /// Misses of the best floor on the first part at the nominal levels, in deviations of the week before.
    pub floor_quantiles: [[f64; LEVELS.len()]; FLOOR_GROUPS],
    /// The network on the validation part.
    pub validation: SeriesScore,
    /// The network on the test part: reported only.
    pub test: SeriesScore,
    /// What was chosen, on the test part: reported only.
    pub chosen_test: SeriesScore,
}

/// A fit of all series.
#[derive(Debug, Clone)]
pub struct WorkloadForecasts {
    network: LstmNetwork,
    options: LstmOptions,
    entries: Vec<SeriesEntry>,
}

/// Why a file holds no workload forecasts that can be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadFileError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no JSON of this shape, or its numbers cannot be those of a network.
    #[error("{}: no usable workload forecasts: {reason}\n\nhint: fit them again with `flexai forecast workload`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    kind: String,
    levels: Vec<f64>,
    options: LstmOptions,
    series: Vec<SeriesEntry>,
    weights: Vec<f32>,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
    kind: String,
}

impl WorkloadForecasts {
    #[cfg(feature = "training")]
    pub(super) fn new(network: LstmNetwork, options: LstmOptions, entries: Vec<SeriesEntry>) -> Self {
        Self { network, options, entries }
    }

    /// The manifest: one line per series.
    pub fn entries(&self) -> &[SeriesEntry] {
        &self.entries
    }

    /// What was chosen for a series.
    pub fn forecaster(&self, series: &str) -> Option<WorkloadForecaster<'_>> {
        let entry = self.entries.iter().find(|entry| entry.name == series)?;
        Some(WorkloadForecaster { network: &self.network, choice: entry.choice, spread: entry.spread, entry })
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let stored = Stored {
            format: FORMAT,
            kind: KIND.into(),
            levels: LEVELS.to_vec(),
            options: self.options,
            series: self.entries.clone(),
            weights: self.network.weights().to_vec(),
        };
        serde_json::to_string(&stored).expect("numbers and names serialise")
    }

    /// Reads [`WorkloadForecasts::to_json`]; `path` is for messages.
    ///
    /// # Errors
    /// [`WorkloadFileError::Damaged`].
    pub fn from_json(text: &str, path: &Path) -> Result<Self, WorkloadFileError> {
        let damaged = |reason: String| WorkloadFileError::Damaged { path: path.to_path_buf(), reason };
        let head: Head = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        if head.format != FORMAT || head.kind != KIND {
            let (kind, format) = (head.kind, head.format);
            return Err(damaged(format!("it is `{kind}` of format {format}, expected `{KIND}` of format {FORMAT}")));
        }
        let stored: Stored = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        if stored.levels != LEVELS {
            return Err(damaged(format!("its levels are {:?}, expected {LEVELS:?}", stored.levels)));
        }
        let count = stored.weights.len();
        let network = LstmNetwork::new(stored.weights).ok_or_else(|| {
            damaged(format!("{count} weights, of another number than the network's, or not all finite"))
        })?;
        let sound = |e: &SeriesEntry| {
            e.spread.is_finite()
                && e.spread > 0.0
                && e.floor_quantiles.iter().all(|q| q.is_sorted() && q[0].is_finite())
        };
        if let Some(entry) = stored.series.iter().find(|e| !sound(e)) {
            return Err(damaged(format!(
                "the spread of `{}` is no positive number, or its quantiles cross",
                entry.name
            )));
        }
        Ok(Self { network, options: stored.options, entries: stored.series })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`WorkloadFileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), WorkloadFileError> {
        std::fs::write(path, self.to_json())
            .map_err(|source| WorkloadFileError::Io { path: path.to_path_buf(), source })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`WorkloadFileError`].
    pub fn load(path: &Path) -> Result<Self, WorkloadFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| WorkloadFileError::Io { path: path.to_path_buf(), source })?;
        Self::from_json(&text, path)
    }
}

/// Speaks of one series.
#[derive(Debug, Clone)]
pub struct WorkloadForecaster<'f> {
    network: &'f LstmNetwork,
    choice: Choice,
    spread: f64,
    entry: &'f SeriesEntry,
}

impl SeriesForecaster for WorkloadForecaster<'_> {
    fn name(&self) -> &str {
        match self.choice {
            Choice::Lstm => "lstm",
            Choice::Floor(floor) => floor.name(),
        }
    }

    fn forecast(&self, history: &[f64], next: WeekClock) -> Result<[Distribution; HORIZON], ShortHistory> {
        let example = Example::new(history, next)?;
        Ok(match self.choice {
            Choice::Lstm => told_by(self.network, &example, self.spread),
            Choice::Floor(floor) => around(&floor.forecast(history), &example, &self.entry.floor_quantiles),
        })
    }
}

/// The network's word, in the unit of the series: sorted, stretched around the median, not negative.
pub(super) fn told_by(network: &LstmNetwork, example: &Example, spread: f64) -> [Distribution; HORIZON] {
    network.raw(example).map(|mut raw: [f32; LEVEL_COUNT]| {
        raw.sort_by(f32::total_cmp);
        let median = f64::from(raw[MEDIAN]);
        let value = |q: f32| {
            let stretched = median + spread * (f64::from(q) - median);
            (example.centre + example.scale * stretched).max(0.0)
        };
        distribution(raw.map(value))
    })
}

/// A floor with what it has missed.
fn around(
    floor: &[f64; HORIZON],
    example: &Example,
    quantiles: &[[f64; LEVELS.len()]; FLOOR_GROUPS],
) -> [Distribution; HORIZON] {
    std::array::from_fn(|k| {
        let group = quantiles[k * FLOOR_GROUPS / HORIZON];
        distribution(group.map(|q| (floor[k] + example.scale * q).max(0.0)))
    })
}

fn distribution(quantiles: [f64; LEVELS.len()]) -> Distribution {
    Distribution { mean: quantiles.iter().sum::<f64>() / LEVELS.len() as f64, quantiles }
}

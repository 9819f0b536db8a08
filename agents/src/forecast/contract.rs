//! What every forecaster promises.
//!
//! In: [`Knowledge`] of a moment, a target, the periods asked for. Out: a [`Distribution`] each, with its [`Provenance`].
//! Always: quantiles do not cross; a value that is known already is handed out as it is, without spread.
//! Not here: any forecaster.

use flexai_env::grid::{ForecastGap, GridTrace, Knowledge, Period, Signal};
use serde::{Deserialize, Serialize};

/// Nominal levels of the quantiles of a [`Distribution`]; the outer two bound the central 80 %.
pub const LEVELS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// What is forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Intraday index price, GBP/MWh.
    IntradayPrice,
    /// Imbalance price, GBP/MWh.
    ImbalancePrice,
    /// Carbon intensity of the nation, g/kWh.
    Carbon,
    /// Transmission-metered wind generation, MW.
    Wind,
    /// National solar output per installed capacity, 0 to about 1.
    Solar,
}

impl Target {
    /// All targets, in the order of reports.
    pub const ALL: [Self; 5] = [Self::IntradayPrice, Self::ImbalancePrice, Self::Carbon, Self::Wind, Self::Solar];

    /// Name in reports and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::IntradayPrice => "intraday price",
            Self::ImbalancePrice => "imbalance price",
            Self::Carbon => "carbon",
            Self::Wind => "wind",
            Self::Solar => "solar",
        }
    }

    /// The column it is read from; `None` for solar output, which is a quotient.
    pub fn signal(self) -> Option<Signal> {
        match self {
            Self::IntradayPrice => Some(Signal::IntradayPrice),
            Self::ImbalancePrice => Some(Signal::ImbalancePrice),
            Self::Carbon => Some(Signal::CarbonIntensity),
            Self::Wind => Some(Signal::Wind),
            Self::Solar => None,
        }
    }

    /// Value in period `t`, if it is known now and not a hole.
    pub fn known(self, known: &Knowledge<'_>, t: usize) -> Option<f64> {
        match self.signal() {
            Some(signal) => known.get(signal, t),
            None => known.solar_factor(t),
        }
    }

    /// What period `t` turned out to be: for fitting and scoring, never for a forecast.
    pub fn truth(self, trace: &GridTrace, t: usize) -> Option<f64> {
        match self.signal() {
            Some(signal) => trace.get(signal, t),
            None => trace.solar_capacity_factor(t),
        }
    }
}

/// What is expected of one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Expected value.
    pub mean: f64,
    /// Quantiles at [`LEVELS`], not decreasing.
    pub quantiles: [f64; LEVELS.len()],
}

impl Distribution {
    /// A value without doubt.
    pub fn certain(value: f64) -> Self {
        Self { mean: value, quantiles: [value; LEVELS.len()] }
    }

    /// Mean pinball loss of the quantiles, in the unit of the value.
    pub fn pinball(&self, truth: f64) -> f64 {
        let each = LEVELS.iter().zip(self.quantiles).map(|(level, q)| pinball(*level, truth - q));
        each.sum::<f64>() / LEVELS.len() as f64
    }
}

/// Loss of a quantile at `level` that the truth exceeds by `miss`.
pub(super) fn pinball(level: f64, miss: f64) -> f64 {
    if miss >= 0.0 { level * miss } else { (level - 1.0) * miss }
}

/// When a forecast was issued, and what it used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Start of the period in which it was issued.
    pub issued: Period,
    /// Newest period whose realised value it used.
    pub newest: Option<Period>,
    /// What answered: the forecaster, or the next best source where its inputs were missing.
    pub source: String,
    /// Inputs that were missing, by name.
    pub missing: Vec<String>,
}

/// A fitted or fixed forecaster.
pub trait Forecaster: Send + Sync {
    /// Short name for reports and manifests.
    fn name(&self) -> &str;

    /// Whether it speaks of a target at all.
    fn covers(&self, target: Target) -> bool;

    /// Fills `out[k]` with what is expected of period `first + k`, as seen at the start of period `known.now()`.
    ///
    /// # Errors
    /// [`ForecastGap`] if nothing is known to forecast from.
    fn predict(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [Distribution],
    ) -> Result<Provenance, ForecastGap>;
}

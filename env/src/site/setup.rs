//! Joins a scenario with a grid trace, once, for all environments that share them.
//!
//! In: a [`SiteConfig`], a [`GridTrace`], a forecast source. Out: prices, features and forecasts of every period.
//! Always: features and forecasts of period t are made from what is known at t (`grid/knowledge.rs`); what the site
//! pays and scores by is kept apart from them. Not here: episodes (`episode.rs`).

use super::config::SiteConfig;
use super::grid_features::{GRID_FEATURES, grid_features};
use crate::grid::{DayAheadPersistence, ForecastSource, GridTrace, Knowledge, Signal};
use crate::workload::JobGenerator;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Periods that a forecast covers, the present one included.
pub const FORECAST_LEN: usize = 49;
/// Periods of history before an episode: two days for forecasts and for the jobs in progress.
pub const HISTORY: usize = 96;
/// Periods after a scored episode whose mean price settles what is left over.
pub(super) const SETTLEMENT: usize = 48;

/// A scenario on a trace, shared by many environments.
pub struct SiteSetup {
    /// The scenario.
    pub config: SiteConfig,
    /// The grid.
    pub trace: Arc<GridTrace>,
    /// Draws the work.
    pub generator: JobGenerator,
    paid: Vec<f64>,
    charges: Vec<f64>,
    carbon: Vec<f64>,
    solar: Vec<f64>,
    features: Vec<f32>,
    forecasts: Vec<f32>,
    training_starts: Vec<u32>,
}

/// Why a scenario cannot run on a trace.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SetupError {
    /// The scenario has faults.
    #[error("scenario `{name}`: {faults}\n\nhint: correct the keys named above")]
    Scenario {
        /// Its name.
        name: String,
        /// All faults, a line each.
        faults: String,
    },
    /// No window of the trace can be used.
    #[error(
        "grid table {table}: no window of {periods} half-hours, with {HISTORY} before and one after it, has all of \
         {signals}\n\nhint: `flexai data check` shows \
         where the holes are"
    )]
    NoWindow {
        /// Name of the table.
        table: String,
        /// Length of an episode.
        periods: usize,
        /// What the scenario pays and scores by.
        signals: String,
    },
}

impl std::fmt::Debug for SiteSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteSetup").field("scenario", &self.config.name).field("periods", &self.trace.len()).finish()
    }
}

impl SiteSetup {
    /// Prepares a scenario on a trace; training windows start inside `training`.
    ///
    /// # Errors
    /// [`SetupError`] if the scenario has faults.
    pub fn new(config: SiteConfig, trace: Arc<GridTrace>, training: Range<usize>) -> Result<Self, SetupError> {
        Self::with_forecast(config, trace, training, &DayAheadPersistence)
    }

    /// The same with another forecast source.
    ///
    /// # Errors
    /// As [`SiteSetup::new`].
    pub fn with_forecast(
        config: SiteConfig,
        trace: Arc<GridTrace>,
        training: Range<usize>,
        source: &dyn ForecastSource,
    ) -> Result<Self, SetupError> {
        let faults: Vec<String> = config.validate().into_iter().map(|(key, text)| format!("`{key}` {text}")).collect();
        if !faults.is_empty() {
            return Err(SetupError::Scenario { name: config.name.clone(), faults: faults.join("; ") });
        }
        // Forecasts reach past the end of the table; the calendar does too.
        let ahead = (0..trace.len() + FORECAST_LEN).map(|t| trace.start() + t as i64);
        let charges = ahead.map(|period| config.tariff.charges(period.local())).collect();
        let mut setup = Self {
            generator: JobGenerator::new(&config.workload),
            paid: trace.column(config.tariff.paid_price.signal()).to_vec(),
            charges,
            carbon: trace.column(Signal::CarbonIntensity).to_vec(),
            solar: trace.solar_factor().to_vec(),
            features: Vec::new(),
            forecasts: Vec::new(),
            training_starts: Vec::new(),
            config,
            trace,
        };
        setup.fill_features(source);
        setup.training_starts = setup.usable_starts(training);
        Ok(setup)
    }

    /// That there is a window to train on; scored weeks do not need one.
    ///
    /// # Errors
    /// [`SetupError::NoWindow`].
    pub fn require_training(&self) -> Result<(), SetupError> {
        if !self.training_starts.is_empty() {
            return Ok(());
        }
        let paid = self.config.tariff.paid_price.signal();
        let mut signals = vec![paid.column_name(), Signal::CarbonIntensity.column_name()];
        if self.config.solar.capacity_mwp > 0.0 {
            signals.push("solar_mw or pvlive_mw");
        }
        Err(SetupError::NoWindow {
            table: self.trace.source().name.clone(),
            periods: self.config.episode_periods,
            signals: signals.join(", "),
        })
    }

    /// What is known at the start of period `t`, for this scenario.
    pub fn knowledge(&self, t: usize) -> Knowledge<'_> {
        knowledge(&self.config, &self.trace, t)
    }

    /// Which signal that the scenario pays or scores by is missing in period `t`, if any.
    pub fn missing(&self, t: usize) -> Option<&'static str> {
        if self.paid[t].is_nan() {
            Some("the paid price")
        } else if self.carbon[t].is_nan() {
            Some("carbon intensity")
        } else if self.config.solar.capacity_mwp > 0.0 && self.solar[t].is_nan() {
            Some("solar output")
        } else if self.forecasts[t * FORECAST_LEN].is_nan() {
            Some("history to forecast from")
        } else {
            None
        }
    }

    /// Index price paid in period `t`, GBP/MWh.
    pub fn paid_price(&self, t: usize) -> f64 {
        self.paid[t]
    }

    /// Network and policy charges in period `t`, GBP/MWh.
    pub fn charges(&self, t: usize) -> f64 {
        self.charges[t]
    }

    /// Carbon intensity in period `t`, g/kWh.
    pub fn carbon(&self, t: usize) -> f64 {
        self.carbon[t]
    }

    /// On-site solar power available in period `t`, MW.
    pub fn solar_mw(&self, t: usize) -> f64 {
        if self.config.solar.capacity_mwp > 0.0 { self.solar[t] * self.config.solar.capacity_mwp } else { 0.0 }
    }

    /// What one MWh of import costs in period `t`, carbon price included, GBP/MWh.
    pub fn full_price(&self, t: usize) -> f64 {
        self.paid[t] + self.charges[t] + self.config.carbon_price_gbp_per_tonne * self.carbon[t] / 1000.0
    }

    /// Mean full price that settles what is left over after an episode ending before `end`: that of the following
    /// 24 hours, or of the last 24 hours of the episode where the table ends or has holes.
    pub fn settlement_price(&self, end: usize) -> f64 {
        self.settlement_mean(end, |t| self.full_price(t))
    }

    /// Mean over the 24 hours that settle an episode ending before `end`.
    pub(super) fn settlement_mean(&self, end: usize, of: impl Fn(usize) -> f64) -> f64 {
        let from = if self.settles_on_following_day(end) { end } else { end - SETTLEMENT };
        (from..from + SETTLEMENT).map(of).sum::<f64>() / SETTLEMENT as f64
    }

    /// Whether the 24 hours after an episode ending before `end` are in the table.
    pub fn settles_on_following_day(&self, end: usize) -> bool {
        end + SETTLEMENT <= self.trace.len() && (end..end + SETTLEMENT).all(|t| self.full_price(t).is_finite())
    }

    /// Forecast of the full price for periods `t ..`, made at the start of `t`; `[FORECAST_LEN]`, GBP/MWh.
    pub fn forecast(&self, t: usize) -> &[f32] {
        &self.forecasts[t * FORECAST_LEN..(t + 1) * FORECAST_LEN]
    }

    /// The part of the observation that depends on the grid alone, `[GRID_FEATURES]`.
    pub fn grid_features(&self, t: usize) -> &[f32] {
        &self.features[t * GRID_FEATURES..(t + 1) * GRID_FEATURES]
    }

    /// Mean of the forecast over the coming day: what energy is worth on average.
    pub fn mean_forecast(&self, t: usize) -> f64 {
        let day = &self.forecast(t)[..48];
        day.iter().map(|f| f64::from(*f)).sum::<f64>() / 48.0
    }

    /// Starts of training windows.
    pub fn training_starts(&self) -> &[u32] {
        &self.training_starts
    }

    /// Divisor of rewards for an episode starting at `start`.
    pub fn reward_scale(&self, start: usize) -> f64 {
        let Some(floor) = self.config.reward.spread_floor_gbp_per_mwh else {
            return self.config.reward.scale_gbp;
        };
        // A scored week may be shorter than a training episode, and end with the table.
        let window = start..(start + self.config.episode_periods).min(self.trace.len());
        let day_ahead = &self.trace.column(Signal::DayAheadPrice)[window.clone()];
        let prices = if day_ahead.iter().any(|p| p.is_nan()) { &self.paid[window] } else { day_ahead };
        let n = prices.len() as f64;
        let mean = prices.iter().sum::<f64>() / n;
        let variance = prices.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n;
        variance.sqrt().max(floor)
    }

    fn usable_starts(&self, range: Range<usize>) -> Vec<u32> {
        let length = self.config.episode_periods;
        let end = range.end.min(self.trace.len());
        // A window needs its own periods and one more, from which the value of its end is bootstrapped.
        let mut free_run = 0;
        let mut starts = Vec::new();
        for t in (range.start.saturating_sub(HISTORY)..end).rev() {
            free_run = if self.missing(t).is_none() { free_run + 1 } else { 0 };
            if t >= range.start.max(HISTORY) && free_run > length {
                starts.push(t as u32);
            }
        }
        starts.reverse();
        starts
    }

    fn fill_features(&mut self, source: &dyn ForecastSource) {
        let n = self.trace.len();
        let mut features = vec![f32::NAN; n * GRID_FEATURES];
        let mut forecasts = vec![f32::NAN; n * FORECAST_LEN];
        features.par_chunks_mut(GRID_FEATURES).zip(forecasts.par_chunks_mut(FORECAST_LEN)).enumerate().for_each(
            |(t, (features, forecast))| {
                if t >= HISTORY {
                    grid_features(self, t, source, forecast, features);
                }
            },
        );
        self.features = features;
        self.forecasts = forecasts;
    }
}

/// What is known at the start of period `t` in a scenario.
fn knowledge<'a>(config: &SiteConfig, trace: &'a GridTrace, t: usize) -> Knowledge<'a> {
    let known = Knowledge::at(trace, t, config.information.set);
    if config.information.day_ahead_prices { known } else { known.without_day_ahead() }
}

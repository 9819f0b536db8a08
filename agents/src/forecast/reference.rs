//! The two ends of what a forecast can be: nothing known of the future, and all of it.
//!
//! In: [`Knowledge`], or a trace. Out: environment sources that measure what a forecast is worth.
//! Always: the names say what they are. Not here: anything anybody would use.

use super::contract::Target;
use super::moment::{DAY, mean, newest};
use super::residuals::gap;
use flexai_env::grid::{
    DayAheadPersistence, ForecastGap, ForecastSource, Freshness, GridTrace, Knowledge, Period, Signal,
};
use std::sync::Arc;

/// No forecast: the mean of the last day, the same for every coming period; what is known already stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoForecast;

/// The truth, which nobody has: a cheat that measures what forecasts are worth. Holes are forecast as without a model.
#[derive(Debug, Clone)]
pub struct PerfectForesight {
    trace: Arc<GridTrace>,
}

impl PerfectForesight {
    /// Looks values of `trace` up.
    pub fn new(trace: Arc<GridTrace>) -> Self {
        Self { trace }
    }

    fn index(&self, period: Period) -> Option<usize> {
        self.trace.index_of(period)
    }
}

fn flat(known: &Knowledge<'_>, target: Target, out: &mut [f64]) -> Result<usize, ForecastGap> {
    let (at, value) = newest(known, target).ok_or_else(|| gap(known, target))?;
    let usual = mean((at.saturating_sub(DAY - 1)..=at).filter_map(|t| target.known(known, t))).unwrap_or(value);
    for (k, out) in out.iter_mut().enumerate() {
        *out = target.known(known, known.now() + k).unwrap_or(usual);
    }
    Ok(known.now() - at)
}

fn target_of(signal: Signal) -> Option<Target> {
    Target::ALL.into_iter().find(|target| target.signal() == Some(signal))
}

impl ForecastSource for NoForecast {
    fn name(&self) -> &'static str {
        "none"
    }

    fn forecast(&self, known: &Knowledge<'_>, signal: Signal, out: &mut [f64]) -> Result<Freshness, ForecastGap> {
        let Some(target) = target_of(signal) else { return DayAheadPersistence.forecast(known, signal, out) };
        match flat(known, target, out)?.saturating_sub(2) {
            0 => Ok(Freshness::Fresh),
            age => Ok(Freshness::Stale { age }),
        }
    }

    fn forecast_solar(&self, known: &Knowledge<'_>, out: &mut [f64]) {
        if flat(known, Target::Solar, out).is_err() {
            out.fill(0.0);
        }
    }
}

impl ForecastSource for PerfectForesight {
    fn name(&self) -> &'static str {
        "perfect"
    }

    fn forecast(&self, known: &Knowledge<'_>, signal: Signal, out: &mut [f64]) -> Result<Freshness, ForecastGap> {
        let freshness = DayAheadPersistence.forecast(known, signal, out)?;
        for (k, out) in out.iter_mut().enumerate() {
            let truth = self.index(known.period(known.now() + k)).and_then(|t| self.trace.get(signal, t));
            *out = truth.unwrap_or(*out);
        }
        Ok(freshness)
    }

    fn forecast_solar(&self, known: &Knowledge<'_>, out: &mut [f64]) {
        DayAheadPersistence.forecast_solar(known, out);
        for (k, out) in out.iter_mut().enumerate() {
            let truth = self.index(known.period(known.now() + k)).and_then(|t| self.trace.solar_capacity_factor(t));
            *out = truth.unwrap_or(*out);
        }
    }
}

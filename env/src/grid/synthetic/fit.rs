//! Fit of the synthetic grid's parameters to a real table.
//!
//! In: a trace and the part of it that may be seen (the train split). Out: [`SyntheticParameters`].
//! Always: holes are left out, never filled; where a substitute is used it is the named one of the trace.
//! Not here: prices and carbon (`fit_market.rs`), whether the fit is good (`compare.rs`).

use super::days::line;
use super::fit_market::{Drivers, fit_carbon, fit_day_ahead, fit_imbalance, fit_intraday};
use super::noise::Noise;
use super::parameters::{
    DemandParameters, FitOrigin, ForecastError, ForecastParameters, GenerationParameters, SolarParameters,
    SyntheticParameters, WindParameters,
};
use super::shape::{Curve, SeasonalProfile, sun_height};
use crate::grid::calendar::{LocalStamp, PERIODS_PER_DAY};
use crate::grid::signal::Signal;
use crate::grid::statistics::{maximum, mean, minimum};
use crate::grid::trace::{GridTrace, solar_capacity_mw};
use std::ops::Range;

/// Shortest table that shows all seasons.
const SHORTEST: usize = 365 * PERIODS_PER_DAY;
/// Clearness is learnt where the sun stands at least this high (sine of its elevation).
const LOWEST_SUN: f64 = 0.08;
/// Power of the sun's height that national output follows: panels are tilted, low light is weak.
const HEIGHT_EXPONENT: f64 = 1.2;

/// What a fit says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FitDescription {
    /// Name of the table, and who published what is in it.
    pub source: String,
    /// Date of the fit, `YYYY-MM-DD`.
    pub fitted_on: String,
}

/// A table that the generator cannot be fitted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Not all seasons are there.
    #[error(
        "{table}: the part to fit has {found} half-hours, expected at least {SHORTEST} (a year)\n\n\
         hint: fit to a longer table"
    )]
    TooShort {
        /// Name of the table.
        table: String,
        /// Half-hours in the part.
        found: usize,
    },
    /// A needed signal has too few values.
    #[error(
        "{table}: `{column}` has {found} values in the part to fit, expected at least {expected} together with the \
         other columns\n\nhint: fit to a table that publishes it"
    )]
    TooFewValues {
        /// Name of the table.
        table: String,
        /// The column.
        column: &'static str,
        /// Values found.
        found: usize,
        /// Values needed.
        expected: usize,
    },
}

/// Fits the generator to the periods `range` of a trace.
///
/// # Errors
/// [`FitError`] if the part is shorter than a year, or a signal that the generator stands on is (almost) absent.
pub fn fit(
    trace: &GridTrace,
    range: Range<usize>,
    description: FitDescription,
) -> Result<SyntheticParameters, FitError> {
    let table = trace.source().name.clone();
    // Whole hours only, because auction and carbon are hourly.
    let first = range.start + trace.period(range.start).0.rem_euclid(2) as usize;
    let len = range.end.saturating_sub(first) / 2 * 2;
    if len < SHORTEST {
        return Err(FitError::TooShort { table, found: len });
    }
    let data = Data::of(trace.slice(first..first + len));
    data.require(&table)?;
    let origin = FitOrigin {
        statement: "It holds fitted parameters only, no row of any table.".into(),
        source: description.source,
        rows: len,
        from: data.trace.start(),
        to: data.trace.end() - 1,
        fitted_on: description.fitted_on,
    };
    let wind = fit_wind(&data);
    let solar = fit_solar(&data);
    let forecast = fit_forecasts(&data, &solar);
    let drivers = Drivers::of(&data, &wind);
    let (day_ahead, price_scores) = fit_day_ahead(&data, &drivers);
    let (intraday, intraday_sizes) = fit_intraday(&data, &drivers, &price_scores.sizes);
    let imbalance = fit_imbalance(&data, &drivers, &intraday_sizes);
    let carbon = fit_carbon(&data, &drivers, &price_scores.hours);
    let generation = fit_generation(&data);
    Ok(SyntheticParameters {
        origin,
        demand: fit_demand(&data),
        wind,
        solar,
        forecast,
        day_ahead,
        intraday,
        imbalance,
        carbon,
        generation,
    })
}

/// The part of the table that may be seen.
pub(super) struct Data {
    /// Its signals.
    pub(super) trace: GridTrace,
    /// Its local clock.
    pub(super) local: Vec<LocalStamp>,
}

impl Data {
    fn of(trace: GridTrace) -> Self {
        let local = (0..trace.len()).map(|t| trace.local(t)).collect();
        Self { trace, local }
    }

    pub(super) fn len(&self) -> usize {
        self.local.len()
    }

    pub(super) fn column(&self, signal: Signal) -> &[f64] {
        self.trace.column(signal)
    }

    pub(super) fn each(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..self.len()).map(value).collect()
    }

    pub(super) fn difference(&self, a: Signal, b: Signal) -> Vec<f64> {
        self.column(a).iter().zip(self.column(b)).map(|(a, b)| a - b).collect()
    }

    /// Every signal that a parameter rests on needs half a year of values, alone and with its partners.
    fn require(&self, table: &str) -> Result<(), FitError> {
        let groups: [&[Signal]; 10] = [
            &[Signal::CarbonActual, Signal::CarbonForecast],
            &[Signal::Demand, Signal::Solar, Signal::EmbeddedWind, Signal::Wind],
            &[Signal::Demand, Signal::FuelTotal],
            &[Signal::DayAheadPrice, Signal::Wind, Signal::IntradayPrice],
            &[Signal::ImbalancePrice, Signal::NetImbalanceVolume, Signal::IntradayPrice],
            &[Signal::CarbonIntensity, Signal::Demand, Signal::Solar, Signal::EmbeddedWind, Signal::Wind],
            &[Signal::DayAheadForecastDemand, Signal::Demand, Signal::DayAheadForecastWind, Signal::Wind],
            &[Signal::DayAheadForecastEmbeddedWind, Signal::EmbeddedWind],
            &[Signal::DayAheadForecastEmbeddedSolar, Signal::Solar],
            &[Signal::TransmissionDemand, Signal::Demand],
        ];
        let expected = SHORTEST / 2;
        for group in groups {
            let whole = |t: &usize| group.iter().all(|signal| !self.column(*signal)[*t].is_nan());
            let found = (0..self.len()).filter(whole).count();
            if found < expected {
                let count = |signal: &&Signal| self.column(**signal).iter().filter(|x| !x.is_nan()).count();
                let column = group.iter().min_by_key(count).expect("no group is empty").column_name();
                return Err(FitError::TooFewValues { table: table.to_string(), column, found, expected });
            }
        }
        Ok(())
    }
}

/// Mean of the two half-hours of each hour, written in both; a hole in one is a hole in both.
pub(super) fn hourly(values: &[f64]) -> Vec<f64> {
    values.chunks(2).flat_map(|hour| [(hour[0] + hour[1]) / 2.0; 2]).collect()
}

pub(super) fn every_other(values: &[f64]) -> Vec<f64> {
    values.iter().step_by(2).copied().collect()
}

pub(super) fn minus(a: &[f64], b: impl Fn(usize) -> f64) -> Vec<f64> {
    a.iter().enumerate().map(|(t, x)| x - b(t)).collect()
}

fn fit_demand(data: &Data) -> DemandParameters {
    let [demand, solar, wind] = [Signal::Demand, Signal::Solar, Signal::EmbeddedWind].map(|s| data.column(s));
    let gross = data.each(|t| demand[t] + solar[t] + wind[t]);
    let profile = SeasonalProfile::fit(3, PERIODS_PER_DAY, &gross, &data.local);
    let noise = Noise::fit(&minus(&gross, |t| profile.at(&data.local[t])));
    DemandParameters { profile, noise }
}

fn fit_wind(data: &Data) -> WindParameters {
    let wind = data.column(Signal::Wind);
    let profile = SeasonalProfile::fit(1, 24, wind, &data.local);
    let noise = Noise::fit(&data.each(|t| wind[t] / profile.at(&data.local[t])));
    let embedded = data.column(Signal::EmbeddedWind);
    let (slope, intercept) = line(wind, embedded);
    let embedded_noise = Noise::fit(&minus(embedded, |t| intercept + slope * wind[t]));
    let maximum_mw = maximum(wind);
    WindParameters {
        maximum_mw,
        profile,
        noise,
        embedded_intercept_mw: intercept,
        embedded_slope: slope,
        embedded_noise,
    }
}

fn fit_solar(data: &Data) -> SolarParameters {
    let factor = data.trace.solar_factor();
    let clearness = data.each(|t| {
        let height = sun_height(data.trace.period(t));
        if height < LOWEST_SUN { f64::NAN } else { factor[t] / height.powf(HEIGHT_EXPONENT) }
    });
    let profile = SeasonalProfile::fit(1, 24, &clearness, &data.local);
    let noise = Noise::fit(&data.each(|t| clearness[t] / profile.at(&data.local[t])));
    SolarParameters { height_exponent: HEIGHT_EXPONENT, profile, noise }
}

fn fit_forecasts(data: &Data, solar: &SolarParameters) -> ForecastParameters {
    let of = |actual: Signal, forecast: Signal| {
        let error = data.difference(actual, forecast);
        fit_forecast_error(&error, data.column(actual), |_| 1.0, &data.local)
    };
    let clear = |t: usize| {
        let height = sun_height(data.trace.period(t));
        let capacity = solar_capacity_mw(data.trace.period(t));
        let output = solar.profile.at(&data.local[t]) * height.powf(HEIGHT_EXPONENT) * capacity;
        if height < LOWEST_SUN { f64::NAN } else { output }
    };
    let error = data.difference(Signal::Solar, Signal::DayAheadForecastEmbeddedSolar);
    let error = data.each(|t| error[t] / clear(t));
    ForecastParameters {
        demand: of(Signal::Demand, Signal::DayAheadForecastDemand),
        wind: of(Signal::Wind, Signal::DayAheadForecastWind),
        embedded_wind: of(Signal::EmbeddedWind, Signal::DayAheadForecastEmbeddedWind),
        embedded_solar: fit_forecast_error(&error, data.column(Signal::Solar), clear, &data.local),
    }
}

/// `error` is in units of `unit`, as its profile and scale will be; `actual` is in MW.
fn fit_forecast_error(
    error: &[f64],
    actual: &[f64],
    unit: impl Fn(usize) -> f64,
    local: &[LocalStamp],
) -> ForecastError {
    let in_units: Vec<f64> = actual.iter().enumerate().map(|(t, x)| x / unit(t)).collect();
    let seen: Vec<f64> = in_units.iter().zip(error).map(|(x, e)| if e.is_nan() { f64::NAN } else { *x }).collect();
    let less_profile = |values: &[f64]| {
        let profile = SeasonalProfile::fit(1, 24, values, local);
        minus(values, |t| profile.at(&local[t]))
    };
    // The slope of two series of deviations is that of the joint fit of slope and profile (Frisch and Waugh 1933).
    let (slope, _) = line(&less_profile(&seen), &less_profile(error));
    let rest = minus(error, |t| slope * in_units[t]);
    let profile = SeasonalProfile::fit(1, 24, &rest, local);
    let deviation = minus(&rest, |t| profile.at(&local[t]));
    let scale = fit_scale(actual, &deviation);
    let noise = Noise::fit(&scaled(&deviation, actual, &scale));
    ForecastError { slope, profile, scale, noise }
}

/// Mean absolute deviation by driver, never below a fifth of the overall one.
pub(super) fn fit_scale(driver: &[f64], deviation: &[f64]) -> Curve {
    let size: Vec<f64> = deviation.iter().map(|x| x.abs()).collect();
    let seen: Vec<f64> = driver.iter().zip(&size).map(|(x, y)| if y.is_nan() { f64::NAN } else { *x }).collect();
    Curve::fit(&seen, &size).at_least(0.2 * mean(&size))
}

pub(super) fn scaled(deviation: &[f64], driver: &[f64], scale: &Curve) -> Vec<f64> {
    deviation.iter().zip(driver).map(|(x, driver)| x / scale.at(*driver)).collect()
}

fn fit_generation(data: &Data) -> GenerationParameters {
    let average = |signal: Signal| {
        let mean = mean(data.column(signal));
        if mean.is_nan() { 0.0 } else { mean }
    };
    GenerationParameters {
        total_minus_demand_mw: mean(&data.difference(Signal::FuelTotal, Signal::Demand)),
        transmission_minus_demand_mw: mean(&data.difference(Signal::TransmissionDemand, Signal::Demand)),
        nuclear_mw: average(Signal::Nuclear),
        biomass_mw: average(Signal::Biomass),
        hydro_mw: average(Signal::Hydro),
        other_mw: average(Signal::OtherGeneration),
        coal_mw: average(Signal::Coal),
        interconnectors_mw: average(Signal::Interconnectors),
        gas_minimum_mw: minimum(data.column(Signal::Gas)).max(0.0),
    }
}

//! Fit of the synthetic grid's parameters to a real table.
//!
//! In: a trace and the part of it that may be seen (the train split). Out: [`SyntheticParameters`].
//! Always: holes are left out, never filled; where a substitute is used it is the named one of the trace.
//! Not here: whether the fit is good (`compare.rs`).

use super::noise::{Memory, Noise, Volatility, fit_marginal, score_at};
use super::parameters::{
    CarbonParameters, DayAheadParameters, DemandParameters, FitOrigin, ForecastError, ForecastParameters,
    GenerationParameters, ImbalanceParameters, IntradayParameters, PremiumParameters, SolarParameters,
    SyntheticParameters, WindParameters,
};
use super::shape::{Curve, Regime, SeasonalProfile, sun_height};
use crate::grid::calendar::{LocalStamp, PERIODS_PER_DAY};
use crate::grid::signal::Signal;
use crate::grid::statistics::{correlation, maximum, mean, minimum, standard_deviation};
use crate::grid::trace::GridTrace;
use std::ops::Range;

/// Shortest table that shows all seasons.
const SHORTEST: usize = 365 * PERIODS_PER_DAY;
/// The price level is the mean of this many days around a half-hour.
const LEVEL_DAYS: usize = 28;
/// The price level never counts as lower than this, GBP/MWh.
const LEVEL_FLOOR: f64 = 10.0;
/// Clearness is learnt where the sun stands at least this high (sine of its elevation).
const LOWEST_SUN: f64 = 0.08;
/// Power of the sun's height that national output follows: panels are tilted, low light is weak.
const HEIGHT_EXPONENT: f64 = 1.2;

/// A day whose expected price over level varies less than this (standard deviation) shows no amplitude.
const FLAT_DAY: f64 = 0.05;
/// Amplitudes of a day's price beyond these are those of a few odd hours.
const AMPLITUDE_LIMITS: (f64, f64) = (-0.5, 4.0);

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
    let demand = fit_demand(&data);
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
        demand,
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
struct Data {
    trace: GridTrace,
    local: Vec<LocalStamp>,
}

impl Data {
    fn of(trace: GridTrace) -> Self {
        let local = (0..trace.len()).map(|t| trace.local(t)).collect();
        Self { trace, local }
    }

    fn len(&self) -> usize {
        self.local.len()
    }

    fn column(&self, signal: Signal) -> &[f64] {
        self.trace.column(signal)
    }

    fn each(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..self.len()).map(value).collect()
    }

    fn difference(&self, a: Signal, b: Signal) -> Vec<f64> {
        self.column(a).iter().zip(self.column(b)).map(|(a, b)| a - b).collect()
    }

    /// Every signal that a parameter rests on needs half a year of values, alone and with its partners.
    fn require(&self, table: &str) -> Result<(), FitError> {
        let groups: [&[Signal]; 9] = [
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
fn hourly(values: &[f64]) -> Vec<f64> {
    values.chunks(2).flat_map(|hour| [(hour[0] + hour[1]) / 2.0; 2]).collect()
}

fn every_other(values: &[f64]) -> Vec<f64> {
    values.iter().step_by(2).copied().collect()
}

fn minus(a: &[f64], b: impl Fn(usize) -> f64) -> Vec<f64> {
    a.iter().enumerate().map(|(t, x)| x - b(t)).collect()
}

/// Slope and intercept of `y` over `x`.
fn line(x: &[f64], y: &[f64]) -> (f64, f64) {
    let both = |t: &usize| !x[*t].is_nan() && !y[*t].is_nan();
    let (xs, ys): (Vec<f64>, Vec<f64>) = (0..x.len()).filter(both).map(|t| (x[t], y[t])).unzip();
    let slope = correlation(&xs, &ys) * standard_deviation(&ys) / standard_deviation(&xs);
    (slope, mean(&ys) - slope * mean(&xs))
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
        let capacity = crate::grid::trace::solar_capacity_mw(data.trace.period(t));
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
fn fit_scale(driver: &[f64], deviation: &[f64]) -> Curve {
    let size: Vec<f64> = deviation.iter().map(|x| x.abs()).collect();
    let seen: Vec<f64> = driver.iter().zip(&size).map(|(x, y)| if y.is_nan() { f64::NAN } else { *x }).collect();
    Curve::fit(&seen, &size).at_least(0.2 * mean(&size))
}

fn scaled(deviation: &[f64], driver: &[f64], scale: &Curve) -> Vec<f64> {
    deviation.iter().zip(driver).map(|(x, driver)| x / scale.at(*driver)).collect()
}

/// What prices and carbon follow.
struct Drivers {
    /// Residual demand as expected the day before, hourly mean, MW.
    expected: Vec<f64>,
    /// Residual demand minus its forecast, MW; NaN without a published forecast.
    surprise: Vec<f64>,
    /// Share of demand, embedded generation included, that neither wind nor solar serves, hourly mean.
    residual_share: Vec<f64>,
    /// Price level, GBP/MWh.
    level: Vec<f64>,
}

impl Drivers {
    fn of(data: &Data, wind: &WindParameters) -> Self {
        let proxy_bias = mean(&data.difference(Signal::FuelTotal, Signal::Demand));
        let [measured, total, metered, embedded] =
            [Signal::Demand, Signal::FuelTotal, Signal::Wind, Signal::EmbeddedWind].map(|s| data.column(s));
        let demand = data.each(|t| if measured[t].is_nan() { total[t] - proxy_bias } else { measured[t] });
        let residual = data.each(|t| demand[t] - metered[t]);
        let forecast = data.difference(Signal::DayAheadForecastDemand, Signal::DayAheadForecastWind);
        let expected = hourly(&data.each(|t| if forecast[t].is_nan() { residual[t] } else { forecast[t] }));
        let surprise = data.each(|t| residual[t] - forecast[t]);
        let (factor, capacity) =
            (data.trace.solar_factor(), |t| crate::grid::trace::solar_capacity_mw(data.trace.period(t)));
        let residual_share = hourly(&data.each(|t| {
            let line = wind.embedded_intercept_mw + wind.embedded_slope * metered[t];
            let embedded = if embedded[t].is_nan() { line } else { embedded[t] };
            residual[t] / (demand[t] + factor[t] * capacity(t) + embedded)
        }));
        Self { expected, surprise, residual_share, level: price_level(data.column(Signal::DayAheadPrice)) }
    }
}

/// Mean over four weeks around each half-hour, at least the floor.
fn price_level(price: &[f64]) -> Vec<f64> {
    let half = LEVEL_DAYS / 2 * PERIODS_PER_DAY;
    let (mut sum, mut count) = (vec![0.0; price.len() + 1], vec![0_usize; price.len() + 1]);
    for (t, x) in price.iter().enumerate() {
        sum[t + 1] = sum[t] + if x.is_nan() { 0.0 } else { *x };
        count[t + 1] = count[t] + usize::from(!x.is_nan());
    }
    let around = |t: usize| (t.saturating_sub(half), (t + half).min(price.len()));
    let level = |t: usize| {
        let (low, high) = around(t);
        ((sum[high] - sum[low]) / (count[high] - count[low]).max(1) as f64).max(LEVEL_FLOOR)
    };
    (0..price.len()).map(level).collect()
}

/// Normal scores of the day-ahead price, which the others are correlated with.
struct Scores {
    /// Of the noise, hour by hour.
    hours: Vec<f64>,
    /// Of its size, day by day.
    sizes: Vec<f64>,
}

/// The parameters, and what the other prices and carbon are correlated with.
fn fit_day_ahead(data: &Data, drivers: &Drivers) -> (DayAheadParameters, Scores) {
    let log_level: Vec<f64> = drivers.level.iter().map(|x| x.ln()).collect();
    let level_log = Regime::fit(data.trace.start(), &log_level);
    let deviation = minus(&log_level, |t| level_log.at(data.trace.period(t)));
    let daily: Vec<f64> = deviation.iter().step_by(PERIODS_PER_DAY).copied().collect();
    let level_noise = Noise::fit(&daily);
    let price = data.column(Signal::DayAheadPrice);
    let over_level = data.each(|t| price[t] / drivers.level[t]);
    let first_of_hour = |t: usize| &data.local[t / 2 * 2];
    let stamps: Vec<LocalStamp> = (0..data.len()).map(|t| *first_of_hour(t)).collect();
    let (curve, profile) = curve_and_profile(&drivers.expected, &over_level, 3, &stamps);
    let expected = data.each(|t| curve.at(drivers.expected[t]) + profile.at(&stamps[t]));
    let days = Days::of(&over_level, &expected, &data.local);
    let rest = days.rest(&over_level, &expected);
    let scale = fit_scale(&drivers.expected, &rest);
    let hours = every_other(&scaled(&rest, &drivers.expected, &scale));
    let (noise, scores, sizes) = Noise::fit_clustered(&hours, 24);
    let (offset, amplitude) = (Noise::fit(&days.offset), Noise::fit(&days.amplitude));
    let steepness: Vec<f64> = days.amplitude.iter().map(|x| amplitude.score(*x)).collect();
    let volatility_correlation = correlation(&sizes, &steepness);
    let parameters = DayAheadParameters {
        level_log,
        level_noise,
        curve,
        profile,
        offset,
        amplitude,
        scale,
        noise,
        volatility_correlation,
    };
    (parameters, Scores { hours: scores, sizes })
}

/// How each local day of a price lies to its expectation: by an offset, and flatter or steeper.
struct Days {
    /// Place of each half-hour's local day.
    place: Vec<usize>,
    /// Mean of the expectation, by day.
    centre: Vec<f64>,
    /// Mean of the values minus that of the expectation, by day.
    offset: Vec<f64>,
    /// Slope of the values over the expectation within the day; NaN where the expectation is flat.
    amplitude: Vec<f64>,
}

impl Days {
    fn of(values: &[f64], expected: &[f64], local: &[LocalStamp]) -> Self {
        let first = local[0].day;
        let place: Vec<usize> = local.iter().map(|stamp| (stamp.day - first) as usize).collect();
        let count = place.last().map_or(0, |last| last + 1);
        let mut days = Self { centre: Vec::new(), offset: Vec::new(), amplitude: Vec::new(), place };
        let mut t = 0;
        for day in 0..count {
            let end = t + days.place[t..].iter().take_while(|place| **place == day).count();
            let whole = |t: &usize| !values[*t].is_nan() && !expected[*t].is_nan();
            let (y, x): (Vec<f64>, Vec<f64>) = (t..end).filter(whole).map(|t| (values[t], expected[t])).unzip();
            let enough = x.len() >= PERIODS_PER_DAY / 2;
            let steep = enough && standard_deviation(&x) > FLAT_DAY;
            days.centre.push(if enough { mean(&x) } else { f64::NAN });
            days.offset.push(if enough { mean(&y) - mean(&x) } else { f64::NAN });
            let slope = if steep { line(&x, &y).0 } else { f64::NAN };
            days.amplitude.push(slope.clamp(AMPLITUDE_LIMITS.0, AMPLITUDE_LIMITS.1));
            t = end;
        }
        days
    }

    /// What offset and amplitude leave over.
    fn rest(&self, values: &[f64], expected: &[f64]) -> Vec<f64> {
        let amplitude = |day: usize| if self.amplitude[day].is_nan() { 1.0 } else { self.amplitude[day] };
        let explained = |t: usize| {
            let day = self.place[t];
            self.offset[day] + self.centre[day] + amplitude(day) * (expected[t] - self.centre[day])
        };
        minus(values, explained)
    }
}

/// Curve of a driver and hourly profile that together explain values; alternating least squares.
fn curve_and_profile(
    driver: &[f64],
    values: &[f64],
    day_types: usize,
    stamps: &[LocalStamp],
) -> (Curve, SeasonalProfile) {
    const ROUNDS: usize = 6;
    let mut curve = Curve::fit(driver, values);
    let mut profile = SeasonalProfile::fit(day_types, 24, &minus(values, |t| curve.at(driver[t])), stamps);
    for _ in 1..ROUNDS {
        curve = Curve::fit(driver, &minus(values, |t| profile.at(&stamps[t])));
        profile = SeasonalProfile::fit(day_types, 24, &minus(values, |t| curve.at(driver[t])), stamps);
    }
    (curve, profile)
}

/// The parameters, and the scores of the size of each day's noise.
fn fit_intraday(data: &Data, drivers: &Drivers, day_ahead_sizes: &[f64]) -> (IntradayParameters, Vec<f64>) {
    let over_level = |signal: Signal| {
        let price = data.column(signal);
        data.each(|t| price[t] / drivers.level[t])
    };
    let (day_ahead, price) = (over_level(Signal::DayAheadPrice), over_level(Signal::IntradayPrice));
    let curve = Curve::fit(&day_ahead, &price);
    let expected = data.each(|t| curve.at(day_ahead[t]));
    let difference = minus(&price, |t| expected[t]);
    let (slope, _) = line(&drivers.surprise, &difference);
    // Where no forecast was published the surprise is unknown and stays in the noise.
    let surprise = |t: usize| if drivers.surprise[t].is_nan() { 0.0 } else { slope * drivers.surprise[t] };
    let profile = SeasonalProfile::fit(1, PERIODS_PER_DAY, &minus(&difference, surprise), &data.local);
    let price = minus(&price, |t| surprise(t) + profile.at(&data.local[t]));
    let mut days = Days::of(&price, &expected, &data.local);
    // The day's offset stays in the noise, which goes on over midnight.
    days.offset.iter_mut().filter(|x| !x.is_nan()).for_each(|x| *x = 0.0);
    let rest = days.rest(&price, &expected);
    let scale = fit_scale(&drivers.expected, &rest);
    let (noise, _, sizes) = Noise::fit_clustered(&scaled(&rest, &drivers.expected, &scale), PERIODS_PER_DAY);
    let amplitude = Noise::fit(&days.amplitude);
    let volatility_correlation = correlation(&sizes, day_ahead_sizes);
    let parameters = IntradayParameters {
        curve,
        amplitude,
        per_residual_error_mw: slope,
        profile,
        scale,
        noise,
        volatility_correlation,
    };
    (parameters, sizes)
}

fn fit_imbalance(data: &Data, drivers: &Drivers, intraday_sizes: &[f64]) -> ImbalanceParameters {
    let volume = data.column(Signal::NetImbalanceVolume);
    let profile = SeasonalProfile::fit(1, 24, volume, &data.local);
    let deviation = minus(volume, |t| profile.at(&data.local[t]));
    let noise = Noise::fit(&deviation);
    let scores: Vec<f64> = deviation.iter().map(|x| noise.score(*x)).collect();
    let premium = data.difference(Signal::ImbalancePrice, Signal::IntradayPrice);
    let premium = data.each(|t| premium[t] / drivers.level[t]);
    let intraday = data.column(Signal::IntradayPrice);
    let over_level = data.each(|t| intraday[t] / drivers.level[t]);
    let curve = Curve::fit(&over_level, &premium);
    let premium = minus(&premium, |t| curve.at(over_level[t]));
    let scale = fit_scale(&over_level, &premium);
    let premium = scaled(&premium, &over_level, &scale);
    let (volatility, size, sizes) = Volatility::fit(&premium, PERIODS_PER_DAY);
    let premium = data.each(|t| premium[t] / size[t]);
    let mut own = vec![f64::NAN; data.len()];
    let mut side = |short: bool| {
        let here = |t: usize| if (volume[t] > 0.0) == short { premium[t] } else { f64::NAN };
        let premium = data.each(here);
        let marginal = fit_marginal(&premium);
        let premium_scores: Vec<f64> = premium.iter().map(|x| score_at(&marginal, *x)).collect();
        let (slope, intercept) = line(&scores, &premium_scores);
        let rest = data.each(|t| premium_scores[t] - intercept - slope * scores[t]);
        let spread = standard_deviation(&rest);
        for (own, rest) in own.iter_mut().zip(&rest).filter(|(_, rest)| !rest.is_nan()) {
            *own = rest / spread;
        }
        PremiumParameters { marginal, intercept, slope, spread }
    };
    let (short, long) = (side(true), side(false));
    let volatility_correlation = correlation(&sizes, intraday_sizes);
    ImbalanceParameters {
        profile,
        noise,
        short,
        long,
        memory: Memory::fit(&own, &fit_marginal(&own)),
        curve,
        scale,
        volatility,
        volatility_correlation,
    }
}

fn fit_carbon(data: &Data, drivers: &Drivers, price_scores: &[f64]) -> CarbonParameters {
    let carbon = data.column(Signal::CarbonIntensity);
    let stamps: Vec<LocalStamp> = (0..data.len()).map(|t| data.local[t / 2 * 2]).collect();
    let share = &drivers.residual_share;
    let mut regime = Regime { from: data.trace.start(), values: vec![0.0; 16] };
    let (mut curve, mut profile) = curve_and_profile(share, carbon, 1, &stamps);
    for _ in 0..3 {
        let rest = minus(carbon, |t| curve.at(share[t]) + profile.at(&stamps[t]));
        // A curve at a hole of its driver has no meaning.
        let rest = data.each(|t| if share[t].is_nan() { f64::NAN } else { rest[t] });
        regime = Regime::fit(data.trace.start(), &rest);
        let without = minus(carbon, |t| regime.at(data.trace.period(t / 2 * 2)));
        (curve, profile) = curve_and_profile(share, &without, 1, &stamps);
    }
    let rest = data.each(|t| {
        let expected = regime.at(data.trace.period(t / 2 * 2)) + curve.at(share[t]) + profile.at(&stamps[t]);
        if share[t].is_nan() { f64::NAN } else { carbon[t] - expected }
    });
    let hours = every_other(&rest);
    let noise = Noise::fit(&hours);
    let scores: Vec<f64> = hours.iter().map(|x| noise.score(*x)).collect();
    let price_correlation = correlation(&scores, price_scores).clamp(-1.0, 1.0);
    CarbonParameters { regime, curve, profile, noise, price_correlation }
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

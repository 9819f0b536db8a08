//! Fit of the synthetic market to a real table: price level, auction, intraday, imbalance, carbon.
//!
//! In: the part of a table that may be seen, and the fitted wind. Out: the market's parameters.
//! Always: prices are learnt in units of the level's spread around the level, so that years of dear gas count like others.
//! Not here: demand, wind and sun (`fit.rs`).

use super::days::{Days, line};
use super::fit::{Data, every_other, fit_scale, hourly, minus, scaled};
use super::noise::{Memory, Noise, Volatility, evened, fit_marginal, score_at};
use super::parameters::{
    CarbonParameters, DayAheadParameters, ImbalanceParameters, IntradayParameters, LevelParameters, PremiumParameters,
    WindParameters,
};
use super::shape::{Curve, Regime, SeasonalProfile};
use crate::grid::calendar::{LocalStamp, PERIODS_PER_DAY};
use crate::grid::signal::Signal;
use crate::grid::statistics::{correlation, maximum, mean, minimum, standard_deviation};
use crate::grid::trace::solar_capacity_mw;

/// The price level is the mean of this many days around a half-hour.
const LEVEL_DAYS: usize = 28;
/// The price level never counts as lower than this, GBP/MWh.
const LEVEL_FLOOR: f64 = 10.0;
/// A day's size never counts as smaller than this, GBP/MWh.
const SMALLEST_SIZE: f64 = 1.0;

/// What prices and carbon follow.
pub(super) struct Drivers {
    /// Residual demand as expected the day before, hourly mean, MW.
    expected: Vec<f64>,
    /// Residual demand minus its forecast, MW; NaN without a published forecast.
    surprise: Vec<f64>,
    /// Share of demand, embedded generation included, that neither wind nor solar serves, hourly mean.
    residual_share: Vec<f64>,
    /// Price level, GBP/MWh.
    level: Vec<f64>,
    /// Unit in which prices lie around their level, GBP/MWh.
    unit: Vec<f64>,
    /// How the level moves and the unit follows from it.
    pub(super) level_parameters: LevelParameters,
}

impl Drivers {
    /// What the table says about them.
    pub(super) fn of(data: &Data, wind: &WindParameters) -> Self {
        let proxy_bias = mean(&data.difference(Signal::FuelTotal, Signal::Demand));
        let [measured, total, metered, embedded] =
            [Signal::Demand, Signal::FuelTotal, Signal::Wind, Signal::EmbeddedWind].map(|s| data.column(s));
        let demand = data.each(|t| if measured[t].is_nan() { total[t] - proxy_bias } else { measured[t] });
        let residual = data.each(|t| demand[t] - metered[t]);
        let forecast = data.difference(Signal::DayAheadForecastDemand, Signal::DayAheadForecastWind);
        let expected = hourly(&data.each(|t| if forecast[t].is_nan() { residual[t] } else { forecast[t] }));
        let surprise = data.each(|t| residual[t] - forecast[t]);
        let factor = data.trace.solar_factor();
        let solar = |t: usize| factor[t] * solar_capacity_mw(data.trace.period(t));
        let residual_share = hourly(&data.each(|t| {
            let line = wind.embedded_intercept_mw + wind.embedded_slope * metered[t];
            let embedded = if embedded[t].is_nan() { line } else { embedded[t] };
            residual[t] / (demand[t] + solar(t) + embedded)
        }));
        let level = price_level(data.column(Signal::DayAheadPrice));
        let level_parameters = fit_level(data, &level);
        let unit = level.iter().map(|level| level_parameters.unit(*level)).collect();
        Self { expected, surprise, residual_share, level, unit, level_parameters }
    }

    /// A price around its level, in units.
    fn around_level(&self, price: &[f64]) -> Vec<f64> {
        price.iter().enumerate().map(|(t, x)| (x - self.level[t]) / self.unit[t]).collect()
    }
}

fn fit_level(data: &Data, level: &[f64]) -> LevelParameters {
    let logs: Vec<f64> = level.iter().map(|x| x.ln()).collect();
    let log = Regime::fit(data.trace.start(), &logs);
    let deviation = minus(&logs, |t| log.at(data.trace.period(t)));
    let daily: Vec<f64> = deviation.iter().step_by(PERIODS_PER_DAY).copied().collect();
    let elasticity = elasticity(&logs, data.column(Signal::DayAheadPrice), standard_deviation);
    LevelParameters { log, noise: Noise::fit(&daily), reference: mean(&logs).exp(), elasticity }
}

/// Per cent by which the size of a day's values grows when the level grows by one per cent.
fn elasticity(log_level: &[f64], values: &[f64], size: impl Fn(&[f64]) -> f64) -> f64 {
    let days = log_level.chunks(PERIODS_PER_DAY).zip(values.chunks(PERIODS_PER_DAY));
    let (levels, sizes): (Vec<f64>, Vec<f64>) =
        days.map(|(level, day)| (mean(level), size(day).max(SMALLEST_SIZE).ln())).unzip();
    line(&levels, &sizes).0
}

/// Half as far again as the table went.
fn limits(data: &Data, price: Signal) -> [f64; 2] {
    [minimum, maximum].map(|end| 1.5 * end(data.column(price)))
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
pub(super) struct Scores {
    /// Of the noise, hour by hour.
    pub(super) hours: Vec<f64>,
    /// Of its size, day by day.
    pub(super) sizes: Vec<f64>,
}

/// The parameters, and what the other prices and carbon are correlated with.
pub(super) fn fit_day_ahead(data: &Data, drivers: &Drivers) -> (DayAheadParameters, Scores) {
    let price = drivers.around_level(data.column(Signal::DayAheadPrice));
    let stamps = hour_stamps(data);
    let (curve, profile) = curve_and_profile(&drivers.expected, &price, 3, &stamps);
    let expected = data.each(|t| curve.at(drivers.expected[t]) + profile.at(&stamps[t]));
    let days = Days::of(&price, &expected, &data.local);
    let rest = days.rest(&price, &expected);
    let scale = fit_scale(&drivers.expected, &rest);
    let hours = every_other(&scaled(&rest, &drivers.expected, &scale));
    let (noise, scores, sizes) = Noise::fit_clustered(&hours, 24);
    let (offset, amplitude) = (Noise::fit(&days.offset), Noise::fit(&days.amplitude));
    let steepness: Vec<f64> = days.amplitude.iter().map(|x| amplitude.score(*x)).collect();
    let volatility_correlation = correlation(&sizes, &steepness);
    let level = drivers.level_parameters.clone();
    let limits = limits(data, Signal::DayAheadPrice);
    let parameters =
        DayAheadParameters { limits, level, curve, profile, offset, amplitude, scale, noise, volatility_correlation };
    (parameters, Scores { hours: scores, sizes })
}

/// The stamp of the first half-hour of each hour, in both.
fn hour_stamps(data: &Data) -> Vec<LocalStamp> {
    (0..data.len()).map(|t| data.local[t / 2 * 2]).collect()
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
pub(super) fn fit_intraday(data: &Data, drivers: &Drivers, day_ahead_sizes: &[f64]) -> (IntradayParameters, Vec<f64>) {
    let day_ahead = drivers.around_level(data.column(Signal::DayAheadPrice));
    let price = drivers.around_level(data.column(Signal::IntradayPrice));
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
        limits: limits(data, Signal::IntradayPrice),
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

/// The volume, and the premium of its price.
pub(super) fn fit_imbalance(data: &Data, drivers: &Drivers, intraday_sizes: &[f64]) -> ImbalanceParameters {
    let volume = data.column(Signal::NetImbalanceVolume);
    let profile = SeasonalProfile::fit(1, PERIODS_PER_DAY, volume, &data.local);
    let noise = Noise::fit(&minus(volume, |t| profile.at(&data.local[t])));
    let price = drivers.around_level(data.column(Signal::IntradayPrice));
    let premium = data.difference(Signal::ImbalancePrice, Signal::IntradayPrice);
    let logs: Vec<f64> = drivers.level.iter().map(|x| x.ln()).collect();
    let elasticity = elasticity(&logs, &premium, |day| mean(&day.iter().map(|x| x.abs()).collect::<Vec<f64>>()));
    let level = &drivers.level_parameters;
    let premium = data.each(|t| premium[t] / level.unit_of(elasticity, drivers.level[t]));
    let side = |short: bool| {
        let here = data.each(|t| if (volume[t] > 0.0) == short { premium[t] } else { f64::NAN });
        let seen = data.each(|t| if here[t].is_nan() { f64::NAN } else { price[t] });
        let curve = Curve::fit(&seen, &here);
        let rest = minus(&here, |t| curve.at(price[t]));
        let scale = fit_scale(&price, &rest);
        (curve, scaled(&rest, &price, &scale), scale)
    };
    let (short, long) = (side(true), side(false));
    let both = data.each(|t| if volume[t] > 0.0 { short.1[t] } else { long.1[t] });
    let (volatility, size, sizes) = Volatility::fit(&both, PERIODS_PER_DAY);
    let even = |side: &[f64]| data.each(|t| side[t] / size[t]);
    let (short_rest, long_rest) = (even(&short.1), even(&long.1));
    let (short_marginal, long_marginal) = (fit_marginal(&short_rest), fit_marginal(&long_rest));
    // A long system's own score counts from the other end: a wild hour is far out on whichever side it falls.
    let own = data.each(|t| {
        if volume[t] > 0.0 { score_at(&short_marginal, short_rest[t]) } else { -score_at(&long_marginal, long_rest[t]) }
    });
    let memory = Memory::fit(&own, &fit_marginal(&own));
    let short_marginal = evened(short_marginal, &short.1, &short_rest, &size);
    let long_marginal = evened(long_marginal, &long.1, &long_rest, &size);
    ImbalanceParameters {
        limits: limits(data, Signal::ImbalancePrice),
        profile,
        noise,
        elasticity,
        short: PremiumParameters { curve: short.0, scale: short.2, marginal: short_marginal },
        long: PremiumParameters { curve: long.0, scale: long.2, marginal: long_marginal },
        memory,
        volatility,
        volatility_correlation: correlation(&sizes, intraday_sizes),
    }
}

/// The parameters; `price_scores` are those of the day-ahead noise.
pub(super) fn fit_carbon(data: &Data, drivers: &Drivers, price_scores: &[f64]) -> CarbonParameters {
    let carbon = data.column(Signal::CarbonIntensity);
    let stamps = hour_stamps(data);
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
    let last_forecast_error = Noise::fit(&data.difference(Signal::CarbonActual, Signal::CarbonForecast));
    CarbonParameters { regime, curve, profile, noise, price_correlation, last_forecast_error }
}

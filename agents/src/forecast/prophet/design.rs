//! Columns of a model beside its trend: Fourier seasonalities of the clock, and what is published of a period.
//!
//! In: a place in time and [`Published`] forecasts. Out: one row of numbers per period, columns in a fixed order.
//! Always: the order depends on the options alone, so that the same data give the same bytes.
//! Not here: scaling and coefficients (`model.rs`).

use super::inputs::{Inputs, Published};
use flexai_env::grid::calendar::{PERIODS_PER_DAY, PERIODS_PER_WEEK, Period};
use flexai_env::grid::{SolarPlace, clear_sky_kw_per_m2};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Half-hours of Prophet's year of 365.25 days.
pub(super) const PERIODS_PER_YEAR: f64 = 365.25 * PERIODS_PER_DAY as f64;

/// The clock by which days and weeks are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// That of the sun.
    Utc,
    /// That of people: Europe/London.
    Local,
}

impl Clock {
    /// Half-hours since the epoch, as this clock shows them.
    pub(super) fn reading(self, inputs: &(impl Inputs + ?Sized), t: usize) -> i64 {
        let period = inputs.period(t);
        match self {
            Self::Utc => period.index(),
            Self::Local => {
                let local = inputs.local(t);
                i64::from(local.day) * PERIODS_PER_DAY as i64 + i64::from(local.half_hour)
            }
        }
    }
}

/// Orders of the Fourier series: pairs of sine and cosine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seasonalities {
    /// Of the day.
    pub daily: usize,
    /// Of the day, again, on Saturdays and Sundays only.
    pub weekend: usize,
    /// Of the week.
    pub weekly: usize,
    /// Of the year of 365.25 days.
    pub yearly: usize,
}

impl Seasonalities {
    pub(super) fn columns(&self) -> usize {
        2 * (self.daily + self.weekend + self.weekly + self.yearly)
    }

    /// Appends the columns at a reading of the clock.
    pub(super) fn fill(&self, reading: i64, row: &mut Vec<f64>) {
        let waves = |row: &mut Vec<f64>, length: f64, order: usize, weight: f64| {
            // Angles of whole half-hours are reduced first, so that day and week repeat exactly.
            let angle = TAU * (reading as f64).rem_euclid(length) / length;
            for k in 1..=order {
                let (sine, cosine) = (k as f64 * angle).sin_cos();
                row.extend([weight * sine, weight * cosine]);
            }
        };
        waves(row, PERIODS_PER_DAY as f64, self.daily, 1.0);
        waves(row, PERIODS_PER_DAY as f64, self.weekend, f64::from(u8::from(is_weekend(reading))));
        waves(row, PERIODS_PER_WEEK as f64, self.weekly, 1.0);
        waves(row, PERIODS_PER_YEAR, self.yearly, 1.0);
    }
}

/// 1970-01-01 was a Thursday.
pub(super) fn is_weekend(reading: i64) -> bool {
    (reading.div_euclid(PERIODS_PER_DAY as i64) + 3).rem_euclid(7) >= 5
}

/// A column that is no function of the clock alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regressor {
    /// Clear-sky irradiance in the middle of Great Britain, which the calendar gives.
    ClearSky,
    /// Its square root: how the flanks of a day differ from its middle.
    ClearSkyRoot,
    /// Published wind forecast.
    Wind,
    /// Its square.
    WindSquared,
    /// Its mean over the hours around.
    WindNear,
    /// Its mean over the third of a day around.
    WindWide,
    /// Published embedded wind forecast.
    EmbeddedWind,
    /// Its square.
    EmbeddedWindSquared,
    /// Product of the two wind forecasts.
    WindProduct,
    /// Published embedded solar forecast per capacity.
    Solar,
    /// Its mean over the hours around.
    SolarNear,
    /// Its square.
    SolarSquared,
    /// Its product with clear-sky irradiance.
    SolarClearSky,
    /// Published embedded solar forecast in GW.
    SolarGigawatts,
    /// Published demand forecast.
    Demand,
    /// One over it.
    DemandInverse,
    /// Wind over demand.
    WindShare,
    /// Its square.
    WindShareSquared,
    /// Wind, embedded wind and solar over the demand they serve.
    GreenShare,
    /// Its square.
    GreenShareSquared,
}

impl Regressor {
    /// Whether it needs published forecasts.
    pub(super) fn is_published(self) -> bool {
        !matches!(self, Self::ClearSky | Self::ClearSkyRoot)
    }

    fn value(self, clear_sky: f64, published: Option<&Published>) -> Option<f64> {
        if let Self::ClearSky | Self::ClearSkyRoot = self {
            return Some(if self == Self::ClearSky { clear_sky } else { clear_sky.sqrt() });
        }
        let p = published?;
        let wind_share = p.wind / p.demand;
        let green = p.wind + p.embedded_wind + p.solar_gw;
        let green_share = green / (p.demand + p.embedded_wind + p.solar_gw);
        Some(match self {
            Self::ClearSky | Self::ClearSkyRoot => clear_sky,
            Self::Wind => p.wind,
            Self::WindSquared => p.wind * p.wind,
            Self::WindNear => p.wind_near,
            Self::WindWide => p.wind_wide,
            Self::EmbeddedWind => p.embedded_wind,
            Self::EmbeddedWindSquared => p.embedded_wind * p.embedded_wind,
            Self::WindProduct => p.wind * p.embedded_wind,
            Self::Solar => p.solar,
            Self::SolarNear => p.solar_near,
            Self::SolarSquared => p.solar * p.solar,
            Self::SolarClearSky => p.solar * clear_sky,
            Self::SolarGigawatts => p.solar_gw,
            Self::Demand => p.demand,
            Self::DemandInverse => 1.0 / p.demand,
            Self::WindShare => wind_share,
            Self::WindShareSquared => wind_share * wind_share,
            Self::GreenShare => green_share,
            Self::GreenShareSquared => green_share * green_share,
        })
    }
}

/// Appends the values of regressors in period `t`; false, and an undefined row, where one is missing.
pub(super) fn fill_regressors(
    regressors: impl Iterator<Item = Regressor> + Clone,
    inputs: &(impl Inputs + ?Sized),
    t: usize,
    row: &mut Vec<f64>,
) -> bool {
    let needs_published = regressors.clone().any(Regressor::is_published);
    let published = if needs_published { Published::at(inputs, t) } else { None };
    if needs_published && published.is_none() {
        return false;
    }
    let sun = regressors
        .clone()
        .any(|r| matches!(r, Regressor::ClearSky | Regressor::ClearSkyRoot | Regressor::SolarClearSky));
    let clear_sky = if sun { clear_sky(inputs.period(t)) } else { 0.0 };
    for regressor in regressors {
        match regressor.value(clear_sky, published.as_ref()) {
            Some(x) => row.push(x),
            None => return false,
        }
    }
    true
}

/// Clear-sky irradiance in the middle of Great Britain, kW/m2.
pub(super) fn clear_sky(period: Period) -> f64 {
    clear_sky_kw_per_m2(&SolarPlace::default(), period)
}

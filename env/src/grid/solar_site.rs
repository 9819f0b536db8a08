//! A site's own panels: the clear sky over the site, times how clear the nation was in the same half-hour.
//!
//! In: a place, a period, national solar output over capacity (outturn or forecast). Out: the site's, per MWp.
//! Always: `0 <= factor < 1`, zero while the sun is below the horizon, NaN only for a national hole.
//! Not here: how the two fitted numbers came about (`solar_fit.rs`), the panels' size (`site/`).
//!
//! # The model
//! 1. The sun's place in the sky at the middle of the half-hour (US Naval Observatory, "Computing Approximate Solar
//!    Coordinates": good to an arc minute, which is more than needed).
//! 2. Clear-sky irradiance on the panel: the direct beam by Meinel and Meinel (1976), `1.353 x 0.7^(AM^0.678)` kW/m2, air
//!    mass by Kasten and Young (1989); diffuse light a tenth of the beam, alike from all of the sky; a ground that returns a fifth.
//! 3. Times [`PERFORMANCE_RATIO`] gives the site's clear-sky output per MWp. The panel's temperature is left out.
//! 4. Clearness: national output over what the nation yields under a clear sky, which is the same irradiance at the middle
//!    of the nation times a fitted scale.
//! 5. A nation is never wholly clear nor wholly overcast, a site often is; so clearness is raised to a fitted power above 1,
//!    chosen such that panels at the middle of the nation yield over the train split what the nation's did.
//!
//! Weather is national: a site in Scotland has its own sun but the nation's clouds, and less spread from one half-hour to
//! the next than a real roof. Direct and diffuse light are dimmed alike, which flatters steep panels on dull days.
//! The level rests on the published capacities that national output is divided by, and with them it drifts: the scale
//! that nine in ten bright half-hours stay below is 0.68 in 2020, 0.62 in 2023 and 0.58 in the first half of 2024. So the
//! window above 80 % of capacity opens in 209 half-hours of 2020, 129 of 2023 and 21 of the first half of 2024.

use super::calendar::{PERIODS_PER_DAY, Period};
use super::regions::Region;
use super::trace::GridTrace;
use serde::{Deserialize, Serialize};

/// Output of a panel over irradiance x capacity, for inverter, wiring, dirt and mismatch; an assumption within the usual
/// 0.85 to 0.92 of plants kept in order, on the high side because the panel's temperature is left out.
pub const PERFORMANCE_RATIO: f64 = 0.90;
/// National output per capacity over the clear-sky irradiance on a south-facing panel at the nation's middle, kW/m2: the
/// value that nine in ten half-hours with at least 0.3 kW/m2 stay below; in the tenth the nation counts as clear.
///
/// Below a single plant's, because roofs face everywhere, part of the fleet is always under cloud, and it has aged.
/// Fitted to the train split (2020-01-08 to 2023-12-31) of the shared table on 2026-11-22; `real_solar.rs` repeats the fit.
pub const NATIONAL_CLEAR_SCALE: f64 = 0.657;
/// Power that turns the nation's clearness into a site's; from the same fit.
pub const CLEARNESS_CONTRAST: f64 = 1.989;

/// Below this clear-sky output per capacity the nation's clearness cannot be told from rounding.
const LEAST_NATIONAL_CLEAR: f64 = 0.02;
const DIFFUSE_SHARE: f64 = 0.1;
const GROUND_REFLECTION: f64 = 0.2;

/// Where panels stand and how they face: the same keys in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SolarPlace {
    /// Degrees north, -90 to 90.
    pub latitude_deg: f64,
    /// Degrees east, -180 to 180.
    pub longitude_deg: f64,
    /// Degrees from level; 0 lies flat, 90 stands upright.
    pub tilt_deg: f64,
    /// Where the panels face, degrees clockwise from north; 180 is south.
    pub azimuth_deg: f64,
}

impl Default for SolarPlace {
    /// The middle of Great Britain, facing south at 35 degrees.
    fn default() -> Self {
        Self::of_region(Region::GreatBritain)
    }
}

impl SolarPlace {
    /// The middle of a region, facing south at 35 degrees.
    pub fn of_region(region: Region) -> Self {
        let spec = region.spec();
        Self { latitude_deg: spec.latitude_deg, longitude_deg: spec.longitude_deg, tilt_deg: 35.0, azimuth_deg: 180.0 }
    }

    /// All faults together, as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let keys = [
            ("latitude_deg", self.latitude_deg, -90.0, 90.0),
            ("longitude_deg", self.longitude_deg, -180.0, 180.0),
            ("tilt_deg", self.tilt_deg, 0.0, 90.0),
            ("azimuth_deg", self.azimuth_deg, 0.0, 360.0),
        ];
        let wrong = keys.iter().filter(|(_, found, low, high)| !(low..=high).contains(&found));
        wrong
            .map(|(key, found, low, high)| (key.to_string(), format!("is {found}, expected {low} to {high}")))
            .collect()
    }
}

/// Clear-sky irradiance on a panel in the middle of a period, kW/m2; 0 while the sun is below the horizon.
pub fn clear_sky_kw_per_m2(place: &SolarPlace, period: Period) -> f64 {
    let sun = sun_at(place, period);
    if sun.up <= 0.0 {
        return 0.0;
    }
    let (tilt, azimuth) = (place.tilt_deg.to_radians(), place.azimuth_deg.to_radians());
    let facing = sun.up * tilt.cos() + tilt.sin() * (sun.east * azimuth.sin() + sun.north * azimuth.cos());
    let beam = 1.353 * 0.7_f64.powf(air_mass(sun.up).powf(0.678));
    let diffuse = DIFFUSE_SHARE * beam;
    let sky = diffuse * (1.0 + tilt.cos()) / 2.0;
    let ground = GROUND_REFLECTION * (beam * sun.up + diffuse) * (1.0 - tilt.cos()) / 2.0;
    beam * facing.max(0.0) + sky + ground
}

/// Output of a site's panels per capacity, `0..1`, where national output per capacity is `national_factor`.
///
/// Pure, and as good for a forecast as for an outturn. NaN (a hole) gives NaN, by night as well.
pub fn site_solar_factor(place: &SolarPlace, period: Period, national_factor: f64) -> f64 {
    let national = clear_sky_kw_per_m2(&SolarPlace::default(), period);
    blend(clear_sky_kw_per_m2(place, period), national, national_factor, NATIONAL_CLEAR_SCALE, CLEARNESS_CONTRAST)
}

/// The model behind [`site_solar_factor`] on irradiances in kW/m2 and with any scale and contrast.
pub(super) fn blend(site_clear: f64, national_clear: f64, national_factor: f64, scale: f64, contrast: f64) -> f64 {
    let clearness = (national_factor / (scale * national_clear).max(LEAST_NATIONAL_CLEAR)).clamp(0.0, 1.0);
    (PERFORMANCE_RATIO * site_clear).clamp(0.0, 1.0) * clearness.powf(contrast)
}

/// A site's output per capacity in every period of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct SolarTable {
    place: SolarPlace,
    factors: Vec<f64>,
}

impl SolarTable {
    /// [`site_solar_factor`] of every period of a trace; a hole in its national factor is a hole here.
    pub fn for_trace(trace: &GridTrace, place: SolarPlace) -> Self {
        let national = trace.solar_factor().iter().enumerate();
        let factors = national.map(|(t, factor)| site_solar_factor(&place, trace.period(t), *factor)).collect();
        Self { place, factors }
    }

    /// Where the panels stand.
    pub fn place(&self) -> SolarPlace {
        self.place
    }

    /// Output per capacity at index `t` of the trace; `None` in a hole and beyond the end.
    pub fn get(&self, t: usize) -> Option<f64> {
        self.factors.get(t).copied().filter(|x| !x.is_nan())
    }

    /// Output per capacity of every period; NaN is a hole.
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }
}

/// Direction towards the sun: a vector of length 1.
struct Sun {
    east: f64,
    north: f64,
    up: f64,
}

/// Where the sun stands in the middle of a period.
fn sun_at(place: &SolarPlace, period: Period) -> Sun {
    // Days since 2000-01-01T12:00Z, which lay 10,957.5 days after 1970-01-01T00:00Z.
    let days = (period.index() as f64 + 0.5) / PERIODS_PER_DAY as f64 - 10_957.5;
    let anomaly = (357.529 + 0.985_600_28 * days).to_radians();
    let mean_longitude = 280.459 + 0.985_647_36 * days;
    let longitude = (mean_longitude + 1.915 * anomaly.sin() + 0.020 * (2.0 * anomaly).sin()).to_radians();
    let obliquity = (23.439 - 0.000_000_36 * days).to_radians();
    let declination = (obliquity.sin() * longitude.sin()).asin();
    let right_ascension = (obliquity.cos() * longitude.sin()).atan2(longitude.cos());
    // At noon in Greenwich, where `days` is whole, the mean sun stands in the south; the true one is ahead or behind by
    // the difference of the two in right ascension.
    let turned = 360.0 * (days.rem_euclid(1.0));
    let hour_angle = (turned + mean_longitude + place.longitude_deg).to_radians() - right_ascension;
    let latitude = place.latitude_deg.to_radians();
    Sun {
        east: -declination.cos() * hour_angle.sin(),
        north: latitude.cos() * declination.sin() - latitude.sin() * declination.cos() * hour_angle.cos(),
        up: latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos(),
    }
}

/// Optical air mass where the sine of the sun's elevation is `up` (above 0): 1 overhead, 38 at the horizon.
fn air_mass(up: f64) -> f64 {
    let elevation_deg = up.min(1.0).asin().to_degrees();
    1.0 / (up + 0.505_72 * (elevation_deg + 6.079_95).powf(-1.6364))
}

#[cfg(test)]
#[path = "solar_site_tests.rs"]
mod tests;
